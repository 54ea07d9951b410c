"""The command ``gendyn`` itself: which commands there are, what is wrong with a wrong one, and what it imports."""

import ast
import os
import subprocess
import sys

import pytest

import gendyn
from gendyn.commands import _main, main

HEAVY = ("jax", "numpy", "absl", "gendyn.core", "gendyn.sweep")


@pytest.mark.parametrize("words", [[], ["--help"], ["help"]])
def test_every_command_is_listed_with_what_it_does(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    said = capsys.readouterr()
    assert (end.value.code, said.err) == (0, "")
    for name in ("analyse", "completion", "export", "forget", "list", "report", "status", "sweep"):
        assert name in _main.names() and f"\n  {name} " in said.out
    assert "Runs or resumes an experiment, or a plain sweep." in said.out


@pytest.mark.parametrize(
    ("word", "hint"), [("swep", "Did you mean 'sweep'?"), ("_main", "Commands: analyse"), ("", "")]
)
def test_a_wrong_command_is_one_line_and_status_2(word, hint, capsys):
    with pytest.raises(SystemExit) as end:
        main([word])
    said = capsys.readouterr()
    assert (end.value.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert f"error: gendyn has no command {word!r}" in said.err and hint in said.err


def test_the_rooms_are_there_when_they_are_asked_for():
    assert gendyn.sweep.base_config is not None and {"sweep", "store", "models"} <= set(dir(gendyn))
    with pytest.raises(AttributeError, match=r"no attribute 'sweeps'; its rooms are .*sweep"):
        _ = gendyn.sweeps


def test_importing_gendyn_imports_nothing_and_asking_for_help_neither(root):
    """And ``python -m gendyn`` is the command."""
    check = f"print([name for name in {HEAVY} if name in __import__('sys').modules])"
    programs = (
        ["-c", f"import gendyn; print(gendyn.__version__); {check}"],
        [
            "-c",
            f"import atexit, gendyn.commands; atexit.register(lambda: {check}); gendyn.commands.main(['--version'])",
        ],
    )
    for program in programs:
        done = subprocess.run([sys.executable, *program], cwd=root, capture_output=True, text=True, check=True)
        version, imported = done.stdout.splitlines()
        assert version == gendyn.__version__ and ast.literal_eval(imported) == []
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-m", "gendyn", "--version"], env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == gendyn.__version__
