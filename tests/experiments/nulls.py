"""Results in which nothing happens, made from finished ones: what noise alone must not support."""

from collections.abc import Iterator

import numpy as np
import xarray

from gendyn.types import Finding

SEEDS = 10


def nulls(ds: xarray.Dataset, seeds: int = SEEDS) -> Iterator[tuple[str, xarray.Dataset]]:
    """Of a sweep: nothing is learnt, and every run diverges at once. Of redraws, which do not train: nothing is finite.

    Each has ``seeds`` seeds, so that intervals could decide. A claim that such results support is true of them only if
    it is an identity.
    """
    many = more_seeds(ds, seeds)
    if ds.sizes.get("record", 1) > 1:
        yield "nothing is learnt", untrained(many, np.random.default_rng(0))
    yield "every run diverges", diverged(many)


def more_seeds(ds: xarray.Dataset, seeds: int) -> xarray.Dataset:
    """The runs of the first seed, as many times over, each under a seed of its own."""
    first = ds.isel(run=np.flatnonzero(ds["seed"].values == ds["seed"].values.min()))
    parts = []
    for seed in range(seeds):
        other = {
            name: ("run", np.full(first.sizes["run"], seed))
            for name in first.coords
            if str(name).rpartition(".")[2].removeprefix("split_") == "seed"
        }
        parts.append(first.assign_coords(other))
    return xarray.concat(parts, "run", data_vars="minimal", coords="minimal", compat="override", join="override")


def untrained(ds: xarray.Dataset, random: np.random.Generator, scatter: float = 0.01) -> xarray.Dataset:
    """Every record is the first one, with a relative scatter."""
    still = ds.copy(deep=True)
    for variable in still.data_vars.values():
        if variable.dims[:2] == ("run", "record"):
            values = np.broadcast_to(variable.values[:, :1], variable.shape)
            noise = 1.0 + scatter * random.normal(size=variable.shape) if variable.dtype.kind == "f" else 1
            variable.values = (values * noise).astype(variable.dtype)
    return still


def diverged(ds: xarray.Dataset) -> xarray.Dataset:
    """Nothing is finite from the second record on; of results with one record, from the first."""
    lost, start = ds.copy(deep=True), min(1, ds.sizes.get("record", 1) - 1)
    for name, variable in lost.data_vars.items():
        if variable.dims[:2] == ("run", "record"):
            values = variable.values.copy()
            if name == "diverged":
                values[:, start:] = True
            elif variable.dtype.kind == "f":
                values[:, start:] = np.nan
            variable.values = values
    return lost


def claimed(findings: list[Finding]) -> list[str]:
    """The claims that are said to be supported; a check of the code claims nothing."""
    return [found.claim for found in findings if found.verdict == "supported" and found.role != "check"]
