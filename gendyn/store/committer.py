"""Commits in the background: training waits for the disk only when two commits are under way."""

import queue
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np
from absl import logging

from gendyn.core import StoreError
from gendyn.store.chunk import ChunkStore


class Committer:
    """A thread around :meth:`ChunkStore.commit`; a context manager that drains on exit, also after an exception.

    After a failed commit nothing more is written: what was queued behind it would leave a hole.

    Args:
        store: the chunk; while the committer lives, only it writes to the store.

    >>> import tempfile
    >>> from gendyn.store.chunk import Variable
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = ChunkStore.create(folder, rows=1, num_records=2, variables=[Variable("a")], records_per_block=8)
    ...     with Committer(store) as committer:
    ...         for start in range(2):
    ...             committer.submit({"a": np.full((1, 1), start, np.float32)}, start, {"w": np.zeros(1)}, {})
    ...     print(store.committed(), committer.seconds > 0)
    2 True
    """

    def __init__(self, store: ChunkStore):
        self.store = store
        self.seconds = 0.0
        """Time the thread has spent in commits."""
        self._queue: queue.Queue[tuple[Any, ...] | None] = queue.Queue(maxsize=1)
        self._fault: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=f"commit {store.folder.name}", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            if self._fault is None:
                began = time.perf_counter()
                try:
                    self.store.commit(*job)
                except BaseException as fault:  # re-raised in the caller's thread
                    self._fault = fault
                self.seconds += time.perf_counter() - began
            self._queue.task_done()

    def submit(
        self, records: Mapping[str, np.ndarray], start: int, state: Mapping[str, np.ndarray], info: Mapping[str, Any]
    ) -> None:
        """Queues one :meth:`ChunkStore.commit`; waits while one is written and another pends.

        The arrays are not copied: do not write into them afterwards.

        Raises:
            StoreError: an earlier commit failed, or the committer is closed.
        """
        self._raise()
        if self._closed:
            raise StoreError(f"{self.store.folder}: this committer is closed; open another one.")
        self._queue.put((records, start, state, info))

    def drain(self) -> None:
        """Waits until everything submitted is committed.

        Raises:
            StoreError: a commit failed.
        """
        self._queue.join()
        self._raise()

    def close(self) -> None:
        """Writes what was submitted and ends the thread.

        Raises:
            StoreError: a commit failed.
        """
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._raise()

    def _raise(self) -> None:
        if isinstance(self._fault, StoreError):
            raise StoreError(str(self._fault)) from self._fault
        if self._fault is not None:
            raise StoreError(
                f"{self.store.folder}: a commit failed ({type(self._fault).__name__}: {self._fault}); "
                f"{self.store.committed()} records of chunk {self.store.folder.name} are safe."
            ) from self._fault

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except StoreError as failed:
            if fault is None:
                raise
            if fault is not failed and str(failed) != str(fault):
                # The exception of the body is the one to see first; this one must not be lost.
                logging.error("%s", failed)
                fault.add_note(f"Besides, the last commit failed: {failed}")
