"""A dataset as one long table for tools that know nothing of xarray."""

import contextlib
import itertools
import json
import math
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gendyn.core import ConfigError, StoreError
from gendyn.store import files
from gendyn.store.workdir import folder_of

if TYPE_CHECKING:
    import pandas
    import xarray

_SUFFIXES = (".parquet", ".csv", ".jsonl")


def export(ds: "xarray.Dataset", path: str | Path) -> Path:
    """Writes a long table: one row for each run and committed record.

    Columns are ``run``, ``record``, ``step``, the coordinates along ``run`` (the axes, under their own names) and the
    metrics; a metric with a shape takes one column an entry, ``name[0]``, ``name[1]``, ...

    Args:
        ds: what :func:`gendyn.store.open` or :func:`gendyn.store.merge` returns.
        path: a file ending in ``.parquet``, ``.csv`` or ``.jsonl`` (an object a line, in which a number that is not
            finite is ``null``: JSON has none); an existing one is replaced.

    Returns:
        The path.

    Raises:
        ConfigError: another suffix, or a folder that is not there.
        StoreError: the disk refuses.

    >>> import tempfile, xarray
    >>> ds = xarray.Dataset(
    ...     {"loss": (("run", "record"), [[3.0, 1.0]])}, {"run": [0], "record": [0, 1], "step": ("record", [0, 10])}
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(export(ds, folder + "/losses.csv").read_text(), end="")
    run,record,step,loss
    0,0,0,3.0
    0,1,10,1.0
    """
    target = check_table_path(path)
    table = long_table(ds)
    temporary = target.parent / f".{target.stem}.{uuid.uuid4().hex}{target.suffix}"
    try:
        if target.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        elif target.suffix == ".jsonl":
            temporary.write_text("".join(_json_lines(table)), encoding="utf-8")
        else:
            table.to_csv(temporary, index=False)
        os.replace(temporary, target)
    except OSError as fault:
        raise StoreError(f"{files.disk_fault(fault, target)}; an older {target.name} is intact.") from fault
    finally:
        with contextlib.suppress(OSError):  # on a read-only file system even of what is not there
            temporary.unlink(missing_ok=True)
    return target


def check_table_path(path: str | Path) -> Path:
    """The path, if a table can be written there.

    Raises:
        ConfigError: another suffix than ``.parquet``, ``.csv`` or ``.jsonl``, or a folder that is not there or takes no
            file.
    """
    target = folder_of(path)
    if target.suffix not in _SUFFIXES:
        raise ConfigError(f"path = {str(path)!r} must end in {' or '.join(_SUFFIXES)}.")
    if not target.parent.is_dir() or target.is_dir():
        reason = "is a folder" if target.is_dir() else f"lies in {target.parent}, which is no folder"
        raise ConfigError(f"path = {str(path)!r} {reason}: give a file in an existing folder.")
    try:
        tempfile.TemporaryFile(dir=target.parent).close()
    except OSError as fault:
        raise ConfigError(
            f"path = {str(path)!r} cannot be written: {fault.strerror}. Give a file in a folder that you may write to."
        ) from fault
    return target


def _json_lines(table: "pandas.DataFrame") -> Iterator[str]:
    """Every digit of every number: what is read is what was recorded."""
    columns = [table[name].tolist() for name in table]
    for row in zip(*columns, strict=True):
        plain = (None if isinstance(value, float) and not math.isfinite(value) else value for value in row)
        yield json.dumps(dict(zip(table, plain, strict=True))) + "\n"


def long_table(ds: "xarray.Dataset") -> "pandas.DataFrame":
    """What :func:`export` writes, as a table in memory."""
    import pandas

    for dimension in ("run", "record"):
        if dimension not in ds.dims:  # one of them was chosen, as by isel(record=-1)
            ds = ds.expand_dims(dimension)
    ds = ds.transpose("run", "record", ...)
    shape = (ds.sizes["run"], ds.sizes["record"])
    there = np.ones(shape, bool)
    if "committed" in ds.coords:
        # By the number of a record, not by its place: these may be some of the records.
        committed = np.broadcast_to(ds["committed"].values, shape[:1])
        there = ds["record"].values < committed[:, None]

    def spread(values: np.ndarray, dims: tuple[object, ...]) -> np.ndarray:
        along = values[:, None] if dims == ("run",) else values
        return np.broadcast_to(along, shape)[there]

    columns = {name: spread(ds[name].values, ds[name].dims) for name in ("run", "record", "step")}
    for name, coordinate in ds.coords.items():
        if coordinate.dims in (("run",), ()) and name not in ("run", "committed"):
            # A coordinate of the one run that was chosen has no dimension left.
            values = np.broadcast_to(coordinate.values, shape[:1])
            columns[str(name)] = spread(values, ("run",))
    for name, metric in ds.data_vars.items():
        shape_of_one = metric.shape[2:]
        flat = metric.values[there].reshape(int(there.sum()), math.prod(shape_of_one))
        for place, entry in enumerate(itertools.product(*(range(n) for n in shape_of_one))):
            label = f"{name}[{','.join(map(str, entry))}]" if entry else str(name)
            columns[label] = flat[:, place]
    return pandas.DataFrame(columns)
