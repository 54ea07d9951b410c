"""Runs or resumes an experiment, or a plain sweep: `gendyn sweep`, from a checkout. See gendyn/commands/sweep.py."""

import sys

from gendyn.commands import main

if __name__ == "__main__":
    main(["sweep", *sys.argv[1:]])
