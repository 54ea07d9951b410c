"""A program that commits until it is killed; imports once and forks a child for each folder named on its input.

Every value is a known function of (variable, run, record), so that a test can tell a lost, doubled or torn record.
"""

import os
import sys
from pathlib import Path

import numpy as np

from gendyn.store import ChunkStore, Variable

ROWS, NUM_RECORDS, RECORDS_PER_BLOCK = 3, 400, 8
VARIABLES = (Variable("test_loss"), Variable("spectrum", (2,), "float64"))


def truth(variable: Variable, start: int, count: int) -> np.ndarray:
    """``[ROWS, count, *shape]``: 1000 * run + record, and + 0.5 along the last axis."""
    value = 1000.0 * np.arange(ROWS)[:, None] + np.arange(start, start + count)[None]
    for size in variable.shape:
        value = value[..., None] + 0.5 * np.arange(size)
    return value.astype(variable.dtype)


def state_at(records: int) -> dict[str, np.ndarray]:
    """The training state after so many records."""
    return {"params/w": np.full((ROWS, 50), records, np.float32), "step": np.asarray(records, np.int32)}


def create(folder: str | Path) -> ChunkStore:
    return ChunkStore.create(
        folder, rows=ROWS, num_records=NUM_RECORDS, variables=VARIABLES, records_per_block=RECORDS_PER_BLOCK
    )


def commit_all(folder: str | Path, last: int = NUM_RECORDS) -> None:
    """Resumes and commits 1, 2, 3, 1, ... records at a time."""
    store = create(folder)
    restored = store.restore()
    start = 0 if restored is None else restored.records
    while start < last:
        count = min(1 + start % 3, last - start)
        records = {v.name: truth(v, start, count) for v in VARIABLES}
        store.commit(records, start, state_at(start + count), {"records": start + count})
        start += count


def main() -> None:
    # Imported here, before any thread is started, so that a child needs no second for them.
    import zarr  # noqa: F401

    import gendyn.store.arrays
    import gendyn.store.checkpoint  # noqa: F401

    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            commit_all(line.strip())
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "ended", flush=True)


if __name__ == "__main__":
    main()
