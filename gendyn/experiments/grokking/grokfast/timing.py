"""What a step of each arm costs, measured once the runs are finished."""

import json
from pathlib import Path

import ml_collections
import numpy as np

from gendyn import store
from gendyn.analysis import arm_leaves, config_of
from gendyn.sweep import time_steps
from gendyn.types import Dataset

SECONDS = "seconds_per_step"
"""The attribute of the results with ``{arm: [mean, standard error]}``, in JSON."""


def after(ds: Dataset, workdir: str | Path) -> None:
    """Stores the seconds per step of every arm: all timed together, and again only where there is a new one."""
    known = json.loads(ds.attrs.get(SECONDS, "{}"))
    listed = arm_leaves(ds)
    arms = [name for name in dict.fromkeys(ds["arm"].values.tolist()) if name in listed] if "arm" in ds.coords else []
    if set(arms) <= set(known):
        return
    seeds = tuple(np.unique(ds["seed"].values).tolist())
    config = ml_collections.ConfigDict(config_of(ds) | {"axes": (("seed", seeds),), "zip_axes": ()})
    store.set_attributes(workdir, {SECONDS: json.dumps(known | time_steps(config, arms))})
