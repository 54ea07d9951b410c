import io
import sys

import pytest

from gendyn.sweep.execute import progress as module
from gendyn.sweep.execute.progress import Progress


class Clock:
    now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_plain_lines_at_most_one_an_interval(clock, capsys):
    with Progress(total=1000, runs=4, interval=10.0) as progress:
        for _ in range(5):
            clock.now += 4.0
            progress.advance(100, "chunk a")
    lines = capsys.readouterr().err.splitlines()
    # At 12 seconds 300 run-steps are done: 25 a second, 28 seconds for the other 700. The next line is due at 22.
    assert lines == [" 30.0%  25 run-steps/s  0:28 left  chunk a"]


def test_resumed_steps_count_as_done_and_not_as_speed(clock, capsys):
    with Progress(total=1000, runs=4, interval=0.0) as progress:
        progress.resume(600)
        clock.now += 10.0
        progress.advance(100)
    lines = capsys.readouterr().err.splitlines()
    assert "60.0%" in lines[0]
    assert "time left unknown" in lines[0]
    assert lines[1].split() == ["70.0%", "10", "run-steps/s", "0:30", "left"]


def test_quiet_says_nothing(capsys):
    with Progress(total=10, runs=1, quiet=True, interval=0.0) as progress:
        progress.advance(5)
        progress.say("a line")
    assert capsys.readouterr() == ("", "")


def test_steps_that_failed_are_not_waited_for(clock, capsys):
    with Progress(total=1000, runs=4, interval=0.0, labels={"5f1": "width 4"}) as progress:
        progress.leave(500)
        clock.now += 10.0
        progress.advance(250, progress.label("5f1"))
    assert capsys.readouterr().err.split() == ["50.0%", "25", "run-steps/s", "0:10", "left", "width", "4"]
    assert progress.label("a07") == "chunk a07"


def test_a_live_line_on_a_terminal(monkeypatch):
    """Steps, rate and time left; a line said meanwhile goes above it."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress(total=10, runs=3) as progress:
        progress.advance(5, "chunk a")
        progress.say("[half] of it")
        progress.advance(5, "chunk a")
    shown = terminal.getvalue()
    assert "3 runs" in shown
    assert "100%" in shown
    assert "[half] of it" in shown
    progress.say("the end")
    assert terminal.getvalue().endswith("the end\n")  # below the bar, which stays
