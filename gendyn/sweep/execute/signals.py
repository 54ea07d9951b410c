"""SIGINT and SIGTERM: what is there is committed, and the same command goes on from it."""

import pathlib
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """A signal ended a sweep, and everything computed before it is committed.

    Args:
        number: of the signal; a shell's exit status is 128 more.
        done: how much is there, such as ``"3 of 8 runs"``.
        folder: where.
    """

    def __init__(self, number: int, done: str, folder: pathlib.Path):
        name = signal.Signals(number).name
        super().__init__(f"stopped by {name}: {done} are committed in {folder}; the same command goes on")
        self.number = number


class Signals:
    """A context manager in which the first signal is only noted; the second ends the process as it always does.

    Signals reach the main thread alone: in another one nothing is changed.
    """

    def __init__(self) -> None:
        self.received = 0
        """Number of the signal; 0: none."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.received = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}
