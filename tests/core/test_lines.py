"""A reader that goes away ends nothing; a full disk is said where it matters."""

import io
import os
import subprocess
import sys

import pytest

from gendyn.core import Lossy, StoreError, complain, fill_closed_descriptors, forget, print_line, show


def test_a_reader_that_goes_away_and_a_full_disk(monkeypatch, capfd):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        show("a plan\n" * 100)  # no error: the reader has seen enough
        monkeypatch.undo()  # and none when the stream is closed with what it still holds
    if not os.path.exists("/dev/full"):
        return
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(StoreError, match="standard output cannot be written: No space left"):
            show("a plan")
        monkeypatch.setattr(sys, "stderr", full)
        complain("error: nobody reads this")
    assert print_line("closed", None) is None
    closed = io.StringIO()
    closed.close()
    assert print_line("closed", closed) is None


def test_a_lossy_stream_drops_what_cannot_be_written_and_is_the_stream_otherwise():
    class Broken(io.StringIO):
        name = "broken"

        def write(self, text):
            raise OSError(5, "Input/output error")

    stream = Lossy(Broken())
    assert stream.write("text") == 4 and stream.name == "broken"
    whole = io.StringIO()
    assert Lossy(whole).write("text") == 4 and whole.getvalue() == "text"
    forget(io.StringIO())  # no descriptor: nothing to point elsewhere


def test_standard_descriptors_that_are_open_stay_what_they_are():
    before = [os.fstat(number).st_ino for number in range(3)]
    fill_closed_descriptors()
    assert [os.fstat(number).st_ino for number in range(3)] == before


def test_a_closed_descriptor_is_not_given_to_a_file():
    """Else what libraries print as errors would be written into a file of results."""
    code = "from gendyn.core import fill_closed_descriptors as f; f(); print(open('/dev/null').fileno())"
    done = subprocess.run(["sh", "-c", '"$0" -c "$1" 2>&-', sys.executable, code], capture_output=True, text=True)
    assert int(done.stdout) > 2
