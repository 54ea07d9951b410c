"""The history of a chunk's layouts on disk. Bits depend on it, and a row that it lacks would never be trained."""

import pathlib
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from absl import logging

from gendyn import store
from gendyn.core import StoreError, digest
from gendyn.sweep.execute.layout import Layout, layout_from_json


def write_layouts(path: pathlib.Path, layouts: Sequence[Layout]) -> None:
    """The whole history, and its digest.

    Raises:
        StoreError: the disk refuses, or there is a folder of that name.
    """
    stored = [layout.to_json() for layout in layouts]
    try:
        store.write_json(path, {"layouts": stored, "digest": digest(stored)})
    except OSError as fault:
        raise StoreError(f"{store.disk_fault(fault, path)}; what is committed is safe.") from fault


def read_layouts(path: pathlib.Path, committed: Sequence[dict[str, Any]], rows: int) -> tuple[Layout, ...]:
    """The history that a restart goes on from.

    Args:
        path: of the file; it may be missing before the first segment.
        committed: the history as the last commit has it; empty before the first commit, and in folders of version
            0.4.0. Where the file is lost or damaged this one counts.
        rows: of the chunk.

    Raises:
        StoreError: the file is damaged and no commit has the history, or the two contradict each other.
    """
    known = _parsed(path, list(committed), rows)
    try:
        written = _parsed(path, _stored(path), rows)
    except StoreError as fault:
        if not known:
            raise
        message = f"{fault} The last commit has a copy, which is used."
        logging.warning("%s", message)
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        return known
    if not written or written[: len(known)] == known:
        return written or known
    raise StoreError(
        f"{path} is not the one that belongs to this chunk: it contradicts the last commit. Delete {path.name} and run "
        "the same command; the commit has a copy of what it must say."
    )


def _stored(path: pathlib.Path) -> Any:
    try:
        found = store.read_json(path)
    except FileNotFoundError:
        return []
    except ValueError as fault:
        raise _damaged(path, str(fault)) from fault
    if isinstance(found, list):  # version 0.4.0
        return found
    if not isinstance(found, dict) or digest(found.get("layouts")) != found.get("digest"):
        raise _damaged(path, "its digest does not agree with what it says")
    return found["layouts"]


def _parsed(path: pathlib.Path, stored: Any, rows: int) -> tuple[Layout, ...]:
    try:
        layouts = tuple(layout_from_json(entry) for entry in stored)
        starts = [layout.from_record for layout in layouts]
        whole = not layouts or layouts[0].rows == tuple(range(rows))
        fit = all(set(after.rows) <= set(before.rows) and after.rows for before, after in pairwise(layouts))
        counts = all(min(layout.batch, layout.parts, layout.devices) >= 1 for layout in layouts)
        known = all(layout.strategy in ("vmap", "map") for layout in layouts)
    except (TypeError, KeyError, ValueError, AttributeError) as fault:
        raise _damaged(path, str(fault)) from fault
    if not (whole and fit and counts and known and starts == sorted(starts)):
        raise _damaged(path, f"it is no history of {rows} rows")
    return layouts


def _damaged(path: pathlib.Path, reason: str) -> StoreError:
    return StoreError(
        f"{path} is damaged ({reason}). Restore it from a copy, or delete {path.parent} and run the same command to "
        "train this chunk again."
    )
