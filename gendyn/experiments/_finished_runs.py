"""The finished runs at one place of the axes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gendyn.analysis import FINISHED, axis_values, run_status
from gendyn.core import ConfigError

if TYPE_CHECKING:
    import xarray


def finished_runs(ds: "xarray.Dataset", place: Mapping[str, Any]) -> np.ndarray:
    """Numbers of the finished runs at ``place`` (axis -> value), in the order of their seeds: ``[S]``.

    Raises:
        ConfigError: there is none.
    """
    there = np.all([axis_values(ds, axis) == value for axis, value in place.items()], axis=0)
    runs = np.flatnonzero(there & (run_status(ds) == FINISHED))
    if not len(runs):
        raise ConfigError(f"no run at {dict(place)} is finished; wait for its first chunk.")
    return runs[np.argsort(axis_values(ds, "seed")[runs], kind="stable")]
