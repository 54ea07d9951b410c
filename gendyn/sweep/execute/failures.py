"""Runs that raise: the others go on, and what was raised is said at the end, all of it in one error."""

import sysconfig
import traceback
from pathlib import Path
from typing import NamedTuple

from gendyn.core import RunError, one_line

_LIBRARIES = (Path(sysconfig.get_paths()["purelib"]), Path(sysconfig.get_paths()["stdlib"]))
_OURS = Path(__file__).resolve().parents[2]


class _Failure(NamedTuple):
    label: str
    runs: int
    error: Exception


class Failures:
    """What the chunks of a sweep have raised.

    A fault of the disk or a signal is none of this: it concerns all chunks, and ends the sweep where it is.
    """

    def __init__(self) -> None:
        self._found: list[_Failure] = []

    def add(self, label: str, runs: int, error: Exception) -> str:
        """Keeps an error, and lets go of the arrays that its frames hold; returns a line about it."""
        traceback.clear_frames(error.__traceback__)
        failure = _Failure(label, runs, error)
        self._found.append(failure)
        return f"failed: {_said(failure)}; the others go on"

    def check(self, total: int, folder: Path) -> None:
        """Raises :class:`RunError` if anything was kept: what failed and why, what is there, and what to do.

        Args:
            total: runs of the sweep.
            folder: where the others are.
        """
        if not self._found:
            return
        failed = sum(failure.runs for failure in self._found)
        others = f", the other {total - failed:,} are committed in {folder}" if failed < total else ""
        raise RunError(
            f"{failed:,} of {total:,} runs failed{others}. {'; '.join(map(_said, self._found))}. Leave these values "
            "out, or mend what raises: the same command then trains what is missing."
        ) from self._found[0].error


def _said(failure: _Failure) -> str:
    text = one_line(failure.error)
    # The last words are the user's, where the device passes on what a callback has raised.
    text = text if len(text) <= 300 else f"{text[:100]} … {text[-200:]}"
    kind, place = type(failure.error).__name__, _place(failure.error)
    return f"{failure.label} ({failure.runs:,} runs): {kind}: {text.rstrip('.')}{place}"


def _place(error: Exception) -> str:
    """Where in the user's own code an error was raised, if it passed through any."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        own = path.is_file() and not any(folder in path.resolve().parents for folder in (_OURS, *_LIBRARIES))
        if own:
            return f" ({path.name}, line {frame.lineno})"
    return ""
