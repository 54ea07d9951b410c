"""Several results folders as one dataset."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gendyn.core import ConfigError, check_choice
from gendyn.store import dataset
from gendyn.types import Dataset


def merge(workdirs: str | Path | Sequence[str | Path], *, on_duplicate: str = "error") -> Dataset:
    """Several results folders as one dataset along ``run``.

    A leaf that is an axis in one folder is a coordinate of all (taken from the config where it was not swept), and so
    is every leaf in which the configs differ: what tells two runs apart is always visible.

    Args:
        workdirs: results folders, or one. Of what only some of them record, the runs of the others have NaN, or 0.
        on_duplicate: ``"error"``, or ``"first"`` to keep the first of runs whose coordinates are all equal.

    Returns:
        As :func:`gendyn.store.open`, with runs numbered anew and two more coordinates: ``source``, the folder, and
        ``source_run``, the index there. Facts of runs, such as ``num_parameters``, and attributes in which all folders
        agree are kept. ``attrs["config"]`` and ``attrs["provenance"]`` are those of the first folder, so that an
        experiment judges the whole; ``attrs["sources"]`` holds every folder's, as JSON.

    Raises:
        ConfigError: nothing to merge, a metric of two shapes, an axis of one folder that another's config lacks, or
            duplicate runs.
    """
    import xarray

    check_choice("on_duplicate", on_duplicate, ("error", "first"))
    sources = [str(path) for path in ([workdirs] if isinstance(workdirs, (str, Path)) else workdirs)]
    if not sources:
        raise ConfigError("workdirs is empty: give at least one results folder.")
    parts = [dataset.open(source) for source in sources]
    for source, part in zip(sources, parts, strict=True):
        _check_shapes(sources[0], parts[0], source, part)

    columns = _axis_columns(sources, parts)
    source_column = [source for source, part in zip(sources, parts, strict=True) for _ in range(part.sizes["run"])]
    keep = _distinct(columns, source_column, on_duplicate)
    num_records = max(part.sizes["record"] for part in parts)
    metrics = {}
    for name in dict.fromkeys(name for part in parts for name in part.data_vars):
        first = next(part[name] for part in parts if name in part)
        blank = np.full((1, 1, *first.shape[2:]), np.nan if first.dtype.kind == "f" else 0, first.dtype)
        tables = (part[name].values if name in part else np.repeat(blank, part.sizes["run"], axis=0) for part in parts)
        metrics[name] = (first.dims, np.concatenate([_padded(t, num_records) for t in tables])[keep], first.attrs)
    facts = {
        name: ("run", np.concatenate([part[name].values for part in parts])[keep])
        for name, values in parts[0].coords.items()
        if values.dims == ("run",) and name not in (*_OWN, *columns) and all(name in part.coords for part in parts)
    }
    agreed = {
        name: value
        for name, value in parts[0].attrs.items()
        if name not in ("axes", "config", "provenance") and all(part.attrs.get(name) == value for part in parts)
    }
    steps = [steps for part in parts for steps in _step_lists(part)]
    return xarray.Dataset(
        metrics,
        coords={
            "run": np.arange(len(keep)),
            "record": np.arange(num_records),
            "step": dataset.steps_along([steps[i] for i in keep]),
            "committed": ("run", np.concatenate([part["committed"].values for part in parts])[keep]),
            "source": ("run", dataset.column(source_column)[keep]),
            "source_run": ("run", np.concatenate([part["run"].values for part in parts])[keep]),
            **facts,
            **{axis: ("run", column[keep]) for axis, column in columns.items()},
        },
        attrs=agreed
        | {key: parts[0].attrs[key] for key in ("config", "provenance")}
        | {
            "axes": json.dumps(list(columns)),
            "sources": json.dumps(
                {
                    source: {key: json.loads(part.attrs[key]) for key in ("config", "provenance")}
                    for source, part in zip(sources, parts, strict=True)
                }
            ),
        },
    )


_OWN = ("run", "committed", "step")


def _check_shapes(first_source: str, first: Dataset, source: str, part: Dataset) -> None:
    here, there = ({str(name): (v.shape[2:], v.dtype.name) for name, v in ds.data_vars.items()} for ds in (part, first))
    different = [name for name in here if name in there and here[name] != there[name]]
    if different:
        raise ConfigError(
            f"{source} and {first_source} record {different[0]} in other shapes or dtypes, {here[different[0]]} and "
            f"{there[different[0]]}: merge folders whose metrics of one name are of one shape."
        )


def _axis_columns(sources: Sequence[str], parts: Sequence[Dataset]) -> dict[str, np.ndarray]:
    """``{leaf: [run]}`` over all folders, for every axis of any of them and every leaf in which configs differ."""
    configs = [_leaves(json.loads(part.attrs["config"])) for part in parts]
    swept = [set(json.loads(part.attrs["axes"])) for part in parts]
    names = list(dict.fromkeys(axis for part in parts for axis in json.loads(part.attrs["axes"])))
    common = [leaf for leaf in configs[0] if all(leaf in config for config in configs)]
    names += [leaf for leaf in common if leaf not in names and any(c[leaf] != configs[0][leaf] for c in configs)]
    columns = {}
    for name in names:
        values: list[Any] = []
        for source, part, config, axes in zip(sources, parts, configs, swept, strict=True):
            if name in axes:
                values += part[name].values.tolist()
            elif name in config:
                values += [config[name]] * part.sizes["run"]
            else:
                raise ConfigError(f"{source} has neither an axis nor a config leaf {name!r}, which another folder has.")
        columns[name] = dataset.column(values)
    return columns


def _leaves(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested config as ``{"model.width": 8}``."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        found |= _leaves(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def _distinct(columns: Mapping[str, np.ndarray], sources: Sequence[str], on_duplicate: str) -> list[int]:
    """Places of the runs to keep, in order."""
    seen: dict[tuple[Any, ...], int] = {}
    for place in range(len(sources)):
        key = tuple(column[place] for column in columns.values())
        first = seen.setdefault(key, place)
        if first != place and on_duplicate == "error":
            coords = ", ".join(f"{name}={value}" for name, value in zip(columns, key, strict=True))
            raise ConfigError(
                f"{sources[first]} and {sources[place]} both have the run {coords}. Leave one of them out, or pass "
                "on_duplicate='first'."
            )
    return list(seen.values())


def _padded(values: np.ndarray, num_records: int) -> np.ndarray:
    fill = np.nan if values.dtype.kind == "f" else 0
    out = np.full((len(values), num_records, *values.shape[2:]), fill, values.dtype)
    out[:, : values.shape[1]] = values
    return out


def _step_lists(part: Dataset) -> list[list[int]]:
    step = part["step"].values
    if step.ndim == 1:
        return [step.tolist()] * part.sizes["run"]
    return [row[np.isfinite(row)].astype(np.int64).tolist() for row in step]
