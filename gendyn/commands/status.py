"""Says how far sweeps are: runs finished, diverged and left, a folder a line.

    gendyn status
    gendyn status runs/demo runs/grokking

A folder is that of a sweep, or one in which such folders lie; by default runs/. Nothing is changed, and the sweeps may
be running. Exit status: 0 all could be read, 1 one is damaged (its line says how), 2 bad input.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from absl import flags

from gendyn import store
from gendyn.analysis import record_steps, run_status
from gendyn.commands._columns import Row, as_text
from gendyn.core import ConfigError, StoreError, one_line

HEADER = ("folder", "experiment", "runs", "finished", "diverged", "left", "records")
DEEPEST = 4
"""Folders within folders that are looked into."""


def define(argv: Sequence[str]) -> list[str]:
    """Declares the options."""
    flags.DEFINE_multi_string("workdir", [], "Folder of a sweep, or one that holds such folders; repeatable.")
    return list(argv)


def main(argv: Sequence[str]) -> None:
    """Prints the table; a damaged folder does not hide the others."""
    folders = [found for given in [*argv[1:], *flags.FLAGS.workdir] or ["runs"] for found in results_folders(given)]
    rows: list[Row] = [HEADER]
    faults: list[str] = []
    for folder in folders:
        try:
            rows.append(status_of(folder))
        except (ConfigError, StoreError) as error:
            faults.append(f"error: {one_line(error)}")
    if len(rows) > 1:
        print(as_text(rows))
    if faults:
        print("\n".join(faults), file=sys.stderr)
        sys.exit(1)


def results_folders(given: str | Path) -> list[Path]:
    """The results folders that are meant: the folder itself, or those that lie in it.

    Raises:
        ConfigError: there are none.
    """
    place = Path(given).expanduser()
    found = list(_inside(place, DEEPEST)) if place.is_dir() else []
    if not found:
        what = "holds no sweep, nor does a folder in it" if place.is_dir() else "is no folder"
        raise ConfigError(f"{str(given)!r} {what}. Name the folder of a sweep: gendyn status runs/demo.")
    return found


def _inside(place: Path, depth: int) -> Iterator[Path]:
    if store.born(place):
        yield place
    elif depth:
        for entry in sorted(place.iterdir()):
            if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith("."):
                yield from _inside(entry, depth - 1)


def status_of(folder: Path) -> Row:
    """One row under :data:`HEADER`.

    Raises:
        StoreError: the folder is damaged.
    """
    ds = store.open(folder)
    status = run_status(ds)
    counts = [f"{np.sum(status == kind):,}" for kind in ("finished", "diverged", "unfinished")]
    planned = np.isfinite(record_steps(ds)).sum()
    experiment = json.loads(ds.attrs["config"]).get("experiment") or "-"
    share = f"{100 * ds['committed'].values.sum() / max(planned, 1):.0f} %"
    return (str(folder), str(experiment), f"{ds.sizes['run']:,}", *counts, share)
