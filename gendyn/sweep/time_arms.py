"""What a step of each arm costs, measured once the runs are finished, and kept with the results."""

import json
from pathlib import Path

import ml_collections
import numpy as np

from gendyn import store
from gendyn.analysis import arm_leaves, config_of
from gendyn.sweep.time_steps import time_steps
from gendyn.types import Dataset

SECONDS = "seconds_per_step"
"""The attribute of the results with ``{arm: [mean, standard error]}``, in JSON."""


def time_arms(ds: Dataset, workdir: str | Path) -> None:
    """Stores the seconds per step of every arm: all timed together, and again only where there is a new one.

    For an experiment's ``after``. Without arms it does nothing; an arm that the config no longer lists keeps the
    seconds it has.

    Args:
        ds: the results of a sweep over ``arm`` and ``seed``.
        workdir: where they lie.
    """
    known = seconds_per_step(ds)
    listed = arm_leaves(ds)
    arms = [name for name in dict.fromkeys(ds["arm"].values.tolist()) if name in listed] if "arm" in ds.coords else []
    if set(arms) <= set(known):
        return
    seeds = tuple(np.unique(ds["seed"].values).tolist())
    config = ml_collections.ConfigDict(config_of(ds) | {"axes": (("seed", seeds),), "zip_axes": ()})
    store.set_attributes(workdir, {SECONDS: json.dumps(known | time_steps(config, arms))})


def seconds_per_step(ds: Dataset) -> dict[str, tuple[float, float]]:
    """Arm -> seconds that a step of one run takes, mean and standard error; empty before :func:`time_arms`."""
    return {arm: (mean, error) for arm, (mean, error) in json.loads(ds.attrs.get(SECONDS, "{}")).items()}
