"""Names of the arms, when their runs reach 95 % accuracy, and which tuned arm is the best."""

import math
from typing import NamedTuple

import numpy as np

from gendyn.analysis import Crossing, accuracy_crossings, arms_of, arrival_times, select_runs, upper_median
from gendyn.core import ConfigError
from gendyn.types import Dataset

BASELINE = "Adam, no decay"
FILTERS = ("EMA", "MA")
SAME_DECAY = {name: f"no {name}, same decay" for name in FILTERS}
SCALED_DECAY = "no filter, decay / (1 + lamb)"
LARGER_RATE = {name: f"no {name}, rate x (1 + lamb)" for name in FILTERS}
MOMENTUM = "no EMA, b1 = alpha"
NO_DECAY = "MA, no decay"
DECAY_ONE = "AdamW, decay 1"
TUNED = "tuned AdamW"
"""Begins the names of the tuned arms. Weight decay 1 is a candidate too."""
ON_TUNED = "EMA on "
"""Before the name of a candidate: the same optimizer behind the filter."""
ACCURACY = 0.95
TUNING_SHARE = 1.0 / 3.0


class Times(NamedTuple):
    """Crossings ``[S]`` of every arm, of the seeds that all arms have, in one order."""

    train: dict[str, Crossing]
    test: dict[str, Crossing]
    tuned: str
    """The tuned arm that was fastest on the tuning seeds; empty where there is none."""
    filtered: str
    """Likewise of the same candidates behind the filter."""
    judged: np.ndarray
    """bool ``[S]``: seeds that the tuning did not see."""

    def held_out(self, name: str) -> Crossing:
        """The test crossings of an arm on the judged seeds."""
        return select_runs(self.test[name], self.judged)


def times(ds: Dataset) -> Times:
    """When the runs of each arm arrive. One under way, or at the end of its budget, is censored.

    Raises:
        ConfigError: the dataset has no arms, or no seed that all arms have.
    """
    arms = arms_of(ds)
    if not arms.present.any():
        raise ConfigError("no seed has a run in every arm; give all arms the same seeds.")
    rows = arms.rows(arms.present)
    train, test = ({name: select_runs(c, rows[name]) for name in sorted(rows)} for c in accuracy_crossings(ds))
    count = int(arms.present.sum())
    tuning = np.arange(count) < math.ceil(TUNING_SHARE * count)

    def speed(name: str) -> tuple[float, float]:
        # The median, and where it is the same the mean of what was seen.
        seen = select_runs(test[name], tuning)
        return upper_median(arrival_times(seen)), float(np.mean(seen.time))

    def best(*prefixes: str) -> str:
        return min((name for name in test if name.startswith(prefixes)), key=speed, default="")

    return Times(train, test, best(TUNED, DECAY_ONE), best(ON_TUNED), ~tuning)
