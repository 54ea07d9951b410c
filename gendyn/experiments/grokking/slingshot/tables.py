"""The arms of the slingshot sweep, with the cycles of their runs, told apart by what they set."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gendyn.analysis import (
    DIVERGED,
    Slingshots,
    arm_leaves,
    arms_of,
    find_slingshots,
    history,
    leaf_of,
    record_steps,
    run_status,
)
from gendyn.core import ConfigError
from gendyn.types import Dataset

NORM = "last_layer_norm/norm"
LOSS_FLOOR = 2.0**-23


class Arm(NamedTuple):
    """One arm: what it sets, its runs that have ended, and what was found in them."""

    name: str
    optimizer: str
    epsilon: float
    loss: str
    runs: np.ndarray
    """int ``[S]``, in the order of their seeds."""
    seeds: np.ndarray
    diverged: np.ndarray
    """bool ``[S]``"""
    lowest: np.ndarray
    """``[S]``: the lowest training loss."""
    found: Slingshots

    @property
    def has(self) -> np.ndarray:
        """Bool ``[S]``: there is a cycle."""
        return np.asarray(self.found.num_cycles >= 1)

    @property
    def at_worst(self) -> np.ndarray:
        """Bool ``[S]``, where there should be none: there is one, or the run diverged."""
        return np.asarray(self.has | self.diverged)

    @property
    def cycles(self) -> str:
        """How many cycles its runs have, and how far apart."""
        periods = self.found.period[np.isfinite(self.found.period)]
        apart = f", {np.median(periods):,.0f} steps apart" if len(periods) else ""
        return f"median {np.median(self.found.num_cycles):g} cycles a run{apart}"


class Adaptive(NamedTuple):
    """The arms of one optimizer that has an epsilon, each list by epsilon, ascending."""

    small: Arm
    """The smallest epsilon, with the loss in float32."""
    larger: list[Arm]
    float64: list[Arm]
    float16: list[Arm]


class Roles(NamedTuple):
    """The arms of a sweep, told by what they set and not by their names."""

    every: list[Arm]
    """In the order of the config."""
    adam: Adaptive
    rmsprop: Adaptive | None
    others: list[Arm]
    """Expected to have no cycles: Adagrad and gradient descent."""


def roles(ds: Dataset) -> Roles:
    """The arms of a sweep and what each is for.

    Raises:
        ConfigError: the sweep has no axis ``arm``, or no two values of Adam's epsilon to compare.
    """
    arms, settings = arms_of(ds), arm_leaves(ds)
    every = [_arm(ds, name, settings.get(name, {}), arms.own_rows(name)) for name in arms.names]
    every = [arm for arm in every if len(arm.runs)]
    adam, rmsprop = (
        _adaptive([arm for arm in every if arm.optimizer in names]) for names in (("adam", "adamw"), ("rmsprop",))
    )
    if adam is None or not adam.larger:
        raise ConfigError(
            "no two arms with Adam, loss = 'cross_entropy' and different values of optim.eps have results; wait for "
            "them, or add such arms as configs/grokking/slingshot.py does: the claims compare them."
        )
    others = [
        arm for name in ("adagrad", "sgd") for arm in every if arm.optimizer == name and arm.loss == "cross_entropy"
    ]
    return Roles(every, adam, rmsprop, others)


def _arm(ds: Dataset, name: str, leaves: dict[str, Any], rows: np.ndarray) -> Arm:
    loss, norm, steps = history(ds, "train_loss")[rows], history(ds, NORM)[rows], record_steps(ds)[rows]
    lowest = np.min(np.where(np.isfinite(loss), loss, np.inf), axis=1, initial=np.inf)
    found = find_slingshots(steps, norm, np.maximum(loss, LOSS_FLOOR))
    optimizer, epsilon, kind = (leaf_of(ds, leaves, leaf) for leaf in ("optim.name", "optim.eps", "loss"))
    diverged = run_status(ds)[rows] == DIVERGED
    return Arm(name, optimizer, float(epsilon), kind, rows, ds["seed"].values[rows], diverged, lowest, found)


def _adaptive(of_one: Sequence[Arm]) -> Adaptive | None:
    plain, float64, float16 = (
        sorted((arm for arm in of_one if arm.loss == loss), key=lambda arm: arm.epsilon)
        for loss in ("cross_entropy", "cross_entropy_float64", "cross_entropy_float16")
    )
    if not plain:
        return None
    return Adaptive(plain[0], [arm for arm in plain if arm.epsilon > plain[0].epsilon], float64, float16)
