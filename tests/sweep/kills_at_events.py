"""A sweep killed before each thing that it does to a file: before the folder is born, while it trains, in recovery.

    python -m tests.sweep.kills_at_events [stride]

prints a tally. Each attempt is a forked process that ends itself, without any cleaning up, just before its k-th event:
a file opened for writing, a rename, a removal, a folder made. Then what a reader sees must be committed records of the
undisturbed sweep or one clear error, and the same call again must end with its results, bit for bit. This process
imports everything and never starts JAX's backend, so that it may fork.
"""

import collections
import os
import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from gendyn import store
from gendyn.core import ConfigError, StoreError
from tests import compiling
from tests.sweep import folder_faults, small_sweep

KILLED, FAILED = 137, 1
_CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate")


class World(NamedTuple):
    """A sweep, what its runs must record, and how often it touches a file."""

    root: Path
    truth: Any
    born: int
    """Events until the plan lies in the folder: before it, the folder is no sweep."""
    events: int
    """Of the whole sweep."""


def _is_change(event: str, arguments: tuple[Any, ...], folder: str) -> bool:
    if event == "open":
        path, _, flags = arguments
        if not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return False
    elif event in _CHANGES:
        path = arguments[0]
    else:
        return False
    return isinstance(path, (str, os.PathLike, bytes)) and os.fsdecode(path).startswith(folder)


def _forked(body: Callable[[], Any], answer: Path | None = None) -> int:
    """Runs ``body`` in a child; its exit status. What it returns is pickled to ``answer``."""
    child = os.fork()
    if child == 0:
        status = FAILED
        try:
            found = body()
            if answer is not None:
                answer.write_bytes(pickle.dumps(found))
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _train(workdir: Path, kill_at: int = 0) -> tuple[Any, int, int]:
    """Labelled results, the event at which the plan came into place, all events; ends before event ``kill_at``."""
    compiling.start()
    seen = {"events": 0, "born": 0}
    folder = str(workdir)

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        if _is_change(event, arguments, folder):
            seen["events"] += 1
            if event == "os.rename" and os.fsdecode(arguments[1]) == f"{folder}/plan.json":
                seen["born"] = seen["events"]
            if seen["events"] == kill_at:
                os._exit(KILLED)

    sys.addaudithook(count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = small_sweep.config(sweep__buckets="exact", record__num_records=4, train__num_steps=6)
        ds = folder_faults.run(config, workdir)
        return folder_faults.labelled(ds), seen["born"], seen["events"]


def _look(workdir: Path) -> Any:
    """Committed records, or ``None`` where the reader is refused in one sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return folder_faults.labelled(store.open(workdir))
        except (StoreError, ConfigError):
            return None


def make_world(root: Path) -> World:
    """Trains the sweep once, to its end, with no kill."""
    answer = root / "answer"
    status = _forked(lambda: _train(root / "undisturbed"), answer)
    if status != 0:
        raise RuntimeError(f"the undisturbed sweep ended with status {status}.")
    return World(root, *pickle.loads(answer.read_bytes()))


def trial(world: World, *kills: int) -> str:
    """``recovered``, or what went wrong, after an attempt killed at each of ``kills``, and one that is not."""
    with tempfile.TemporaryDirectory(dir=world.root) as place:
        workdir, answer = Path(place) / "sweep", Path(place) / "answer"
        for kill in kills:
            status = _forked(lambda kill=kill: _train(workdir, kill), None)
            if status not in (0, KILLED):
                return f"traceback: an attempt to be killed at {kill} ended with status {status}"
            if _forked(lambda: _look(workdir), answer) != 0:
                return f"traceback: reading after a kill at {kill}"
            found = pickle.loads(answer.read_bytes())
            if found is not None and not folder_faults.agrees(found, world.truth, whole=False):
                return f"wrong: records after a kill at {kill}"
        if _forked(lambda: _train(workdir), answer) != 0:
            return "traceback: the same call again"
        found, _, _ = pickle.loads(answer.read_bytes())
        return "recovered" if folder_faults.agrees(found, world.truth, whole=True) else "wrong: the final results"


def cases(world: World, stride: int = 1) -> list[tuple[int, ...]]:
    """Every event before birth; every ``stride``-th after it; and kills in the recovery from a kill half-way."""
    half = (world.born + world.events) // 2
    alone = [*range(1, world.born + 1, max(1, stride // 4)), *range(world.born + 1, world.events + 1, stride)]
    return [(kill,) for kill in alone] + [(half, kill) for kill in range(1, half, stride)]


def main(stride: int = 4) -> int:
    """Prints a tally; the exit status says whether every trial recovered."""
    with tempfile.TemporaryDirectory() as root:
        world = make_world(Path(root))
        tally: collections.Counter[str] = collections.Counter()
        for kills in cases(world, stride):
            what = trial(world, *kills)
            tally[what.partition(":")[0]] += 1
            if what != "recovered":
                print(f"killed at {kills}: {what}", flush=True)
        print(f"{world.events} events, born at {world.born}; {tally.total()} trials: {dict(tally)}")
        return int(set(tally) != {"recovered"})


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:])))
