"""``gendyn <command> [options]``: which commands there are, by file, and the call of one.

Nothing heavy is imported before a command is known: ``gendyn --help`` answers at once.
"""

import ast
import difflib
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import gendyn

_FOLDER = Path(__file__).parent


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Runs a command and ends the process with its exit status.

    Modules in the current folder can be named as ``module:object``, as ``python -m`` has it.

    Args:
        words: the command and its options; by default those of the command line.
    """
    words = list(sys.argv[1:] if words is None else words)
    name = words[0] if words else "--help"
    if name in ("--help", "-h", "help"):
        print(overview())
        sys.exit(0)
    if name == "--version":
        print(gendyn.__version__)
        sys.exit(0)
    known = names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        print(f"error: gendyn has no command {name!a}.{hint} Commands: {', '.join(known)}.", file=sys.stderr)
        sys.exit(2)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    from gendyn.commands._running import run

    run(importlib.import_module(f"gendyn.commands.{name}"), words[1:])


def names() -> list[str]:
    """The commands, sorted."""
    return [info.name for info in pkgutil.iter_modules([str(_FOLDER)]) if not info.name.startswith("_")]


def overview() -> str:
    """What ``gendyn --help`` prints: each command with the first line of its docstring."""
    lines = [f"  {name:<10} {_first_line(name)}" for name in names()]
    end = "`gendyn <command> --help` lists its options, `gendyn list` what a config may name."
    return "\n".join([f"gendyn {gendyn.__version__}", "", "gendyn <command> [options]", "", *lines, "", end])


def _first_line(name: str) -> str:
    """Read, not imported: a command may need all of gendyn."""
    tree = ast.parse((_FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]
