"""A results folder as one labelled dataset, at any instant of its sweep."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gendyn.core import StoreError, free_bytes
from gendyn.core.memory import readable_bytes
from gendyn.store import workdir as workdirs
from gendyn.store.chunk import ChunkStore
from gendyn.store.plan_rules import holds
from gendyn.types import Dataset


def open(workdir: str | Path) -> Dataset:
    """What a sweep has recorded so far, labelled by its axes; works while it runs, and before its first commit.

    Dimensions are ``run`` (in the order of run indices) and ``record``. Every axis is a coordinate along ``run`` under
    its own dotted name, ``committed`` says how many records of each run are there, and ``step`` is the training step of
    each record: along ``record``, or along ``(run, record)`` when chunks differ. Records that are not committed are NaN
    (0 for metrics of a dtype without NaN). ``attrs`` holds ``config``, ``provenance`` and ``axes`` as JSON.

    Args:
        workdir: the folder given to the sweep. Of its ``plan.json`` the fields ``axes``, ``metrics``, ``chunks``,
            ``config`` and ``provenance`` are read.

    Returns:
        An in-memory dataset: a snapshot that later commits do not change.

    Raises:
        ConfigError: no sweep was planned in ``workdir``.
        StoreError: the plan or committed records are damaged.

    >>> import tempfile
    >>> runs = [{"index": i, "coords": {"model.width": width}} for i, width in enumerate((8, 16))]
    >>> plan = {
    ...     "format": 1,
    ...     "axes": ["model.width"],
    ...     "metrics": {"test_loss": {"shape": [], "dtype": "float32", "long_name": "test loss", "units": "nat"}},
    ...     "chunks": [{"id": "a", "steps": [0, 10], "runs": runs}],
    ...     "config": {"model": {"width": 8}},
    ...     "provenance": {},
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     workdirs.write_plan(folder, plan)
    ...     ds = open(folder)
    >>> dict(ds.sizes), ds["model.width"].values.tolist(), ds["committed"].values.tolist()
    ({'run': 2, 'record': 2}, [8, 16], [0, 0])
    """
    import xarray

    plan = workdirs.read_plan(workdir)
    chunks = plan["chunks"]
    runs = [(run, chunk, row) for chunk in chunks for row, run in enumerate(chunk["runs"])]
    runs.sort(key=lambda entry: entry[0]["index"])
    indices = [run["index"] for run, _, _ in runs]
    position = {index: place for place, index in enumerate(indices)}
    num_records = max((len(chunk["steps"]) for chunk in chunks), default=0)

    _check_memory(workdir, plan["metrics"], len(runs), num_records)
    values = {
        name: np.full((len(runs), num_records, *about["shape"]), *_fill(about["dtype"]))
        for name, about in plan["metrics"].items()
    }
    committed = np.zeros(len(runs), np.int64)
    for chunk in chunks:
        places = [position[run["index"]] for run in chunk["runs"]]
        count, stored = _snapshot(workdir, chunk, plan["metrics"])
        committed[places] = count
        for name, array in stored.items():
            values[name][places, : array.shape[1]] = array[: len(places)]

    metrics = {
        name: (
            ("run", "record", *(f"{name}_dim_{i}" for i in range(len(about["shape"])))),
            values[name],
            {key: about[key] for key in ("long_name", "units") if key in about},
        )
        for name, about in plan["metrics"].items()
    }
    coordinates = {axis: ("run", column([run["coords"][axis] for run, _, _ in runs])) for axis in plan["axes"]}
    facts = sorted({name for run, _, _ in runs for name in run.get("values", {})})
    coordinates |= {name: ("run", column([run["values"][name] for run, _, _ in runs])) for name in facts}
    if clash := sorted(set(coordinates) & (set(metrics) | {"run", "record", "step", "committed"})):
        raise StoreError(f"{workdir}: plan.json names {clash} twice, as axis and as metric or coordinate.")
    return xarray.Dataset(
        metrics,
        coords={
            "run": indices,
            "record": np.arange(num_records),
            "step": steps_along([chunk["steps"] for _, chunk, _ in runs]),
            "committed": ("run", committed, {"long_name": "committed records"}),
            **coordinates,
        },
        attrs={key: json.dumps(plan[key]) for key in ("config", "provenance", "axes")} | plan.get("attributes", {}),
    )


def _check_memory(workdir: str | Path, metrics: Mapping[str, Any], runs: int, records: int) -> None:
    """Raises :class:`StoreError` if the dataset would not fit; a sweep itself never holds all of its results."""
    sizes = (math.prod(about["shape"]) * np.dtype(about["dtype"]).itemsize for about in metrics.values())
    needed, free = sum(sizes) * runs * records, free_bytes()
    if needed > free:
        raise StoreError(
            f"{workdir}: the results of {runs:,} runs take {readable_bytes(needed)}, and {readable_bytes(free)} are "
            "free: open them on a machine with more memory. If that is more than was ever recorded, restore plan.json."
        )


def _fill(dtype: str) -> tuple[Any, np.dtype]:
    kind = np.dtype(dtype)
    return (np.nan if kind.kind == "f" else 0), kind


def _snapshot(workdir: str | Path, chunk: Mapping[str, Any], metrics: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    folder = workdirs.chunk_folder(workdir, chunk["id"])
    # The plan is written last at birth and first when chunks are appended, so a chunk may have no folder yet.
    if not ChunkStore.exists(folder):
        return 0, {}
    store = ChunkStore(folder, holds(chunk))
    for variable in store.variables:
        about = metrics.get(variable.name)
        if about is not None and (variable.shape, np.dtype(variable.dtype)) != (tuple(about["shape"]), about["dtype"]):
            raise StoreError(
                f"{folder} holds {variable.name} as {variable.dtype} {list(variable.shape)}; plan.json says "
                f"{about['dtype']} {about['shape']}. Restore them from one copy."
            )
    if store.rows < len(chunk["runs"]) or store.num_records != len(chunk["steps"]):
        raise StoreError(
            f"{folder} has {store.rows} rows of {store.num_records} records; plan.json says {len(chunk['runs'])} runs "
            f"of {len(chunk['steps'])}."
        )
    return store.snapshot(variable.name for variable in store.variables if variable.name in metrics)


def steps_along(steps: Sequence[Sequence[int]]) -> Any:
    """``step`` along ``record`` when all runs share it; else along ``(run, record)``, NaN past a shorter run's end."""
    if all(entry == steps[0] for entry in steps):
        return ("record", np.asarray(steps[0] if steps else [], np.int64))
    num_records = max(len(entry) for entry in steps)
    if all(len(entry) == num_records for entry in steps):
        return (("run", "record"), np.asarray(steps, np.int64))
    table = np.full((len(steps), num_records), np.nan)
    for row, entry in zip(table, steps, strict=True):
        row[: len(entry)] = entry
    return (("run", "record"), table)


def column(values: Sequence[Any]) -> np.ndarray:
    """Axis values as one array: numbers and booleans as they are, texts, and JSON for anything else or mixed kinds."""
    kinds = {type(value) for value in values}
    if kinds <= {int} or kinds <= {bool} or kinds <= {int, float}:
        return np.asarray(values)
    # Objects: a fixed-width text array would silently cut a longer value assigned later.
    texts = np.empty(len(values), object)
    texts[:] = [value if isinstance(value, str) else json.dumps(value) for value in values]
    return texts


def final_state(
    workdir: str | Path, *, unfinished: bool = False
) -> Iterator[tuple[int, dict[str, Any], dict[str, np.ndarray]]]:
    """The trained state of every run, chunk by chunk; nothing is deleted, and the sweep may be running.

    The arrays are as they are saved: those of a run that shared a program with wider ones are padded with zeros to the
    widest. A network in its own shapes, with its model, is what ``gendyn.sweep.load_run`` gives.

    Args:
        workdir: a results folder.
        unfinished: give the newest state of chunks that are still training (and pass over those without any) instead
            of raising.

    Yields:
        ``(run index, {axis: value}, {name: array})``; arrays that have the chunk's rows in front lose that axis,
        shared ones come whole.

    Raises:
        ConfigError: no sweep was planned in ``workdir``.
        StoreError: a chunk is not finished (and ``unfinished`` is false), or none of its checkpoints restores.

    Checkpoints are read by threads, which stay. A process that is forked afterwards has their locks and not the
    threads, and may wait for ever: make pools of processes by ``multiprocessing.get_context("spawn")``, or before.
    """
    for chunk in workdirs.read_plan(workdir)["chunks"]:
        folder = workdirs.chunk_folder(workdir, chunk["id"])
        store = ChunkStore(folder, holds(chunk)) if ChunkStore.exists(folder) else None
        restored = store.restore_state() if store is not None else None
        done = 0 if restored is None else restored.records
        if done < len(chunk["steps"]) and not unfinished:
            raise StoreError(
                f"{folder} has {done} of {len(chunk['steps'])} records with a state that restores: run the same "
                "command again to train the rest, or pass unfinished=True for the newest states."
            )
        if store is None or restored is None:
            continue
        for row, run in enumerate(chunk["runs"]):
            yield (
                run["index"],
                dict(run["coords"]),
                {name: a[row] if a.ndim and len(a) == store.rows else a for name, a in restored.state.items()},
            )
