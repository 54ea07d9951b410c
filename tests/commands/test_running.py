"""A command as a process: options by absl, faults in one line, an exit status for each kind of end."""

import subprocess
import sys
import types

import pytest
from absl import app, flags

from gendyn.commands._running import run
from gendyn.core import ConfigError, StoreError


@pytest.fixture
def command(monkeypatch):
    """A small command, with flags of its own that no other test sees. tests/scripts runs whole processes."""
    values = flags.FlagValues()
    monkeypatch.setattr(flags, "FLAGS", values)
    monkeypatch.setattr(app, "run", lambda main, argv, flags_parser: sys.exit(main(flags_parser(argv))))
    made = types.ModuleType("small")
    made.__doc__ = "Does a little."

    def define(argv):
        flags.DEFINE_integer("size", 1, "How much.", flag_values=values, module_name="small")
        return list(argv)

    made.define, made.main = define, lambda argv: print(values.size, argv[1:])
    return made


def end_of(command, *words):
    with pytest.raises(SystemExit) as end:
        run(command, words)
    return end.value.code or 0  # None is 0 too


def test_options_may_stand_behind_other_words(command, capsys):
    assert end_of(command, "a", "--size=3", "b") == 0
    assert capsys.readouterr().out == "3 ['a', 'b']\n"


def test_help_is_the_docstring_and_the_options(command, capsys):
    command.describe = lambda argv: "And more."
    assert end_of(command, "--help") == 0
    assert capsys.readouterr().out == "Does a little.\n\nOptions:\n  --size  How much.\n\nAnd more.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sise=2"], "error: Unknown command line flag 'sise'. Did you mean: size ? See --help."),
        (["--size=big"], "error: flag --size=big: "),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(command, words, said, capsys):
    assert end_of(command, *words) == 2
    seen = capsys.readouterr()
    assert seen.out == "" and seen.err.startswith(said) and seen.err.count("\n") == 1


def test_output_that_nobody_reads_any_more_is_no_traceback(root):
    program = """
import sys, types
from gendyn.commands._running import run
sys.stdin.read()  # until the reader has gone
run(types.SimpleNamespace(define=list, main=lambda argv: print("a line"), __doc__=""), ["x"])
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], cwd=root, text=True, **pipes) as process:
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


class Stopped(KeyboardInterrupt):
    number = 15


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (ConfigError("a = 1\nis bad"), 2, "error: a = 1 is bad\n"),
        (StoreError("full\x1b"), 1, "error: full\\x1b\n"),
        (Stopped("committed 3 of 5"), 143, "committed 3 of 5\n"),
        (KeyboardInterrupt(), 130, "stopped; what was committed is safe, and the same command goes on\n"),
    ],
)
def test_an_end_has_its_status_and_its_line(command, fault, status, said, capsys):
    def main(argv):
        raise fault

    command.main = main
    assert end_of(command) == status
    assert capsys.readouterr().err == said
