"""Measures the networks that a sweep has saved: `gendyn analyse`, from a checkout. See gendyn/commands/analyse.py."""

import sys

from gendyn.commands import main

if __name__ == "__main__":
    main(["analyse", *sys.argv[1:]])
