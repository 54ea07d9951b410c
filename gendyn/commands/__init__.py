"""The command ``gendyn``: a file is a subcommand, found by its name; files with an underscore are what they share."""

from gendyn.commands._main import main as main
