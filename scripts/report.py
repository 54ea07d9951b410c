"""Figures and one HTML page from a sweep: `gendyn report`, from a checkout. See gendyn/commands/report.py."""

import sys

from gendyn.commands import main

if __name__ == "__main__":
    main(["report", *sys.argv[1:]])
