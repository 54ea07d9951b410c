"""A sweep's runs on its axes: what each recorded as a table over them, and which seeds count."""

from typing import NamedTuple

import numpy as np

from gendyn.analysis.runs import counted_history, final_values, history, record_steps
from gendyn.analysis.seeds import Seeds, seeds_of
from gendyn.analysis.tables import Grid, grid, tabulate
from gendyn.types import Dataset


class LaidOut(NamedTuple):
    """The runs of a sweep on its axes, the last of them the seed. Tables are ``[*axes, ...]``, NaN without a run."""

    ds: Dataset
    layout: Grid
    seeds: Seeds
    """What became of the runs of each seed."""

    @property
    def axes(self) -> dict[str, np.ndarray]:
        """Name -> values, ascending, in the order of the tables' dimensions."""
        return self.layout.axes

    @property
    def steps(self) -> np.ndarray:
        """Training step of every record, ``[*axes, T]``."""
        return self.table(record_steps(self.ds))

    def table(self, values: np.ndarray) -> np.ndarray:
        """Values of every run, ``[R, ...]``, as a table."""
        return tabulate(self.layout, values)

    def history(self, name: str) -> np.ndarray:
        """A recorded variable, ``[*axes, T, ...]``: :func:`gendyn.analysis.history`."""
        return self.table(history(self.ds, name))

    def counted(self, name: str) -> np.ndarray:
        """The same with the worst value from a divergence on: :func:`gendyn.analysis.counted_history`."""
        return self.table(counted_history(self.ds, name))

    def final(self, name: str) -> np.ndarray:
        """Its last record, ``[*axes]``, the worst value for a diverged run: :func:`gendyn.analysis.final_values`."""
        return self.table(final_values(self.ds, name))


def laid_out(ds: Dataset, axes: tuple[str, ...], *, required: bool = False) -> LaidOut:
    """Lays the runs of a sweep out on its axes.

    Args:
        ds: the results.
        axes: all axes, the last of them the seed.
        required: refuse a dataset without a complete seed.

    Raises:
        ConfigError: two runs share a point, or no seed is complete, if one is required.

    >>> import xarray
    >>> losses = ("run", "record"), np.array([[4.0, 2.0], [3.0, 1.0]])
    >>> ds = xarray.Dataset({"train_loss": losses, "diverged": (losses[0], np.zeros((2, 2), bool))})
    >>> runs = laid_out(ds.assign_coords(seed=("run", [1, 0]), step=("record", [0, 9])), ("seed",))
    >>> runs.history("train_loss").tolist(), runs.final("train_loss").tolist(), runs.seeds.complete.tolist()
    ([[3.0, 1.0], [4.0, 2.0]], [1.0, 2.0], [True, True])
    """
    layout = grid(ds, axes)
    return LaidOut(ds, layout, seeds_of(ds, layout, required=required))
