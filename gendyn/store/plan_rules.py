"""What ``plan.json`` must be before anything in it is believed: the names become paths, and the sizes memory."""

import itertools
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from gendyn.core import StoreError, digest

CHUNK_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


def holds(chunk: Mapping[str, Any]) -> str:
    """Digest of the runs of a chunk of a plan: its id, its steps, and the index and identity (or place) of each run.

    It travels with the chunk's own folder, so that records never stand under the labels of other runs.
    """
    runs = [[run["index"], run["identity"] if "identity" in run else run["coords"]] for run in chunk["runs"]]
    return digest([chunk["id"], list(chunk["steps"]), runs])


def check_name(name: Any) -> str | None:
    """What is wrong with the name of an array, which is also the path of its folder; ``None``: nothing."""
    parts = PurePosixPath(name).parts if isinstance(name, str) else ()
    proper = bool(parts) and "/".join(parts) == name and not {"..", ".", "/"} & set(parts) and "\0" not in name
    return None if proper and "zarr.json" not in parts else f"{name!r} is no name of a recorded quantity"


def check_plan(plan: Any, file: Any) -> None:
    """Raises :class:`StoreError` unless a plan has the fields that :func:`gendyn.store.open` reads, each as it must be.

    Args:
        plan: parsed, of a known format.
        file: where it lies, for the message.
    """
    fault = _fault(plan)
    if fault:
        raise StoreError(f"{file} is damaged: {fault}. Restore it from a copy.")


def _fault(plan: Mapping[str, Any]) -> str | None:
    kinds: dict[str, type] = {"axes": list, "metrics": dict, "chunks": list, "config": dict, "provenance": dict}
    for name, kind in kinds.items():
        if not isinstance(plan.get(name), kind):
            return f"{name!r} must be a {kind.__name__}"
    attributes = plan.get("attributes", {})
    if not isinstance(attributes, dict) or not all(isinstance(v, (str, int, float)) for v in attributes.values()):
        return "'attributes' must be numbers and texts by name"
    if not all(isinstance(axis, str) for axis in plan["axes"]):
        return "'axes' must be names"
    for name, about in plan["metrics"].items():
        fault = check_name(name) or _array_fault(name, about)
        if fault:
            return fault
    indices: set[int] = set()
    ids: set[str] = set()
    for place, chunk in enumerate(plan["chunks"]):
        fault = _chunk_fault(chunk, plan["axes"], indices)
        if not fault and chunk["id"] in ids:
            fault = f"its id {chunk['id']!r} is that of another chunk"
        if fault:
            return f"chunk {place}: {fault}"
        ids.add(chunk["id"])
    return None


def _array_fault(name: str, about: Any) -> str | None:
    if not isinstance(about, dict) or not isinstance(about.get("shape"), list):
        return f"metric {name!r} has no shape"
    if not all(_is_count(size, 1) for size in about["shape"]):
        return f"the shape {about['shape']} of metric {name!r} must be positive integers"
    try:
        kind = np.dtype(about.get("dtype")).kind if isinstance(about.get("dtype"), str) else "?"
    except TypeError:
        kind = "?"
    return None if kind in "biufcV" else f"metric {name!r} has no numeric dtype, but {about.get('dtype')!r}"


def _chunk_fault(chunk: Any, axes: list[str], indices: set[int]) -> str | None:
    """What is wrong with a chunk; the indices of its runs are added to those seen."""
    if not isinstance(chunk, dict) or not isinstance(chunk.get("id"), str) or not CHUNK_ID.fullmatch(chunk["id"]):
        return "its id must be letters, digits, - and _, for it is the name of a folder"
    steps, runs = chunk.get("steps"), chunk.get("runs")
    if not isinstance(steps, list) or not steps or not all(_is_count(step, 0) for step in steps):
        return "its steps must be integers of at least 0"
    if any(b <= a for a, b in itertools.pairwise(steps)):
        return "its steps must ascend"
    if not isinstance(runs, list) or not runs:
        return "it must have runs"
    for run in runs:
        if not isinstance(run, dict) or not _is_count(run.get("index"), 0):
            return "each run must have an index of at least 0"
        if run["index"] in indices:
            return f"run index {run['index']} is given twice"
        indices.add(run["index"])
        coords, values = run.get("coords"), run.get("values", {})
        if not isinstance(coords, dict) or not set(axes) <= set(coords):
            return f"run {run['index']} must have a value on each axis"
        if not isinstance(values, dict) or not all(isinstance(value, (int, float)) for value in values.values()):
            return f"the values of run {run['index']} must be numbers"
        if not isinstance(run.get("identity", ""), str):
            return f"the identity of run {run['index']} must be a text"
    return None


def _is_count(value: Any, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value < 2**53
