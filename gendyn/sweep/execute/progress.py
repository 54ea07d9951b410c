"""What a user sees while a sweep runs: one live line on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TextIO, cast

from gendyn.core.lines import Lossy, print_line


class Progress:
    """Counts run-steps over the whole sweep; prints runs, steps per second and the time left.

    On a terminal a rich progress bar; otherwise at most a line every ``interval`` seconds.
    ``seconds`` is the time it took itself.
    """

    def __init__(
        self,
        total: int,
        runs: int,
        *,
        quiet: bool = False,
        interval: float = 10.0,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """``labels``: what to call each chunk, see :func:`gendyn.sweep.plan.labels.labels`."""
        self.total, self.runs, self.interval = total, runs, interval
        self._labels = labels or {}
        self.done = 0
        self.resumed = 0
        self.seconds = 0.0
        self.quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._start = self._last = time.monotonic()

    def __enter__(self) -> Self:
        if not self.quiet and sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
            console = Console(file=cast(TextIO, Lossy(sys.stderr)))
            self._bar = Progress(*columns, TimeRemainingColumn(), console=console, refresh_per_second=4)
            self._bar.start()
            self._task = self._bar.add_task(f"{self.runs} runs", total=max(self.total, 1))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def label(self, chunk: str) -> str:
        """What to call a chunk."""
        return self._labels.get(chunk) or f"chunk {chunk}"

    def leave(self, run_steps: int) -> None:
        """Steps that will not be taken, for their runs have failed."""
        self.total -= run_steps
        if self._bar is not None:
            self._bar.update(self._task, total=max(self.total, 1))

    def resume(self, run_steps: int) -> None:
        """Steps that an earlier start had committed; they do not count towards the rate."""
        self.resumed += run_steps
        self.advance(run_steps)

    def advance(self, run_steps: int, note: str = "") -> None:
        """Adds gradient steps times runs."""
        began = time.monotonic()
        self.done += run_steps
        if self._bar is not None:
            self._bar.update(self._task, advance=run_steps, description=f"{self.runs} runs  {self._rate()}  {note}")
        elif began - self._last >= self.interval:
            self._last = began
            self.say(f"{self.done / max(self.total, 1):6.1%}  {self._rate()}  {self._left()}  {note}")
        self.seconds += time.monotonic() - began

    def say(self, text: str) -> None:
        """A line of its own, above the bar where there is one."""
        if self.quiet:
            return
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print_line(text, sys.stderr)

    def _rate(self) -> str:
        elapsed = max(time.monotonic() - self._start, 1e-9)
        return f"{(self.done - self.resumed) / elapsed:,.0f} run-steps/s"

    def _left(self) -> str:
        fresh = self.done - self.resumed
        if not fresh:
            return "time left unknown"
        seconds = (time.monotonic() - self._start) * (self.total - self.done) / fresh
        return f"{int(seconds // 60)}:{int(seconds % 60):02d} left"
