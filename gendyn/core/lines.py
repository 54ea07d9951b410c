"""Lines for whoever reads them: a reader that goes away ends nothing."""

import contextlib
import os
import sys
from typing import Any, TextIO

from gendyn.core.errors import StoreError


def print_line(text: str, stream: TextIO | None) -> OSError | None:
    """Prints a line at once; where nobody reads it any more, this line and what follows go nowhere.

    A closed pipe, a closed descriptor (``2>&-``: the stream is ``None``), a full disk behind a redirection.

    Returns:
        What the system said, if it was anything.

    >>> import io
    >>> stream = io.StringIO()
    >>> print_line("8 runs", stream)
    >>> stream.getvalue()
    '8 runs\\n'
    """
    if stream is None:
        return None
    try:
        print(text, file=stream, flush=True)
    except OSError as fault:
        forget(stream)
        return fault
    except ValueError:  # closed by Python
        return None
    return None


def show(text: str) -> None:
    """Prints to standard output. A reader that has seen enough (``| head``) is no fault.

    Raises:
        StoreError: it cannot be written, such as on a full disk.
    """
    fault = print_line(text, sys.stdout)
    if fault is not None and not isinstance(fault, BrokenPipeError):
        raise StoreError(f"standard output cannot be written: {fault.strerror}.")


def complain(text: str) -> None:
    """Prints to standard error, for whoever reads it."""
    print_line(text, sys.stderr)


def fill_closed_descriptors() -> None:
    """Opens nothing on each standard descriptor that is closed: the next file would get its number, and error output.

    For a program's first line.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def forget(stream: TextIO) -> None:
    """Points a stream's descriptor at nothing: what it still holds would fail again when the process ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # a stream without a descriptor
        number = stream.fileno()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, number)
        os.close(nothing)


class Lossy:
    """A stream that drops what cannot be written, for those that write from a thread of their own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            forget(self._stream)
        except ValueError:  # closed by Python
            pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
