"""The arms of the slingshot sweep, with the cycles of their runs, told apart by what they set."""

import math
from typing import Any, NamedTuple

import numpy as np

from gendyn import analysis
from gendyn.core import ConfigError
from gendyn.types import Dataset

NORM = "last_layer_norm/norm"
SCALE = "logit_scale/scale"
LOSS_FLOOR = 2.0**-23
ADAM, RMSPROP = ("adam", "adamw"), ("rmsprop",)


class Arm(NamedTuple):
    """What one arm sets, its ``S`` runs that have ended in the order of their seeds, and what was found in them."""

    name: str
    optimizer: str
    epsilon: float
    loss: str
    runs: np.ndarray
    seeds: np.ndarray
    diverged: np.ndarray
    lowest: np.ndarray
    """``[S]``: the lowest training loss."""
    begins: float
    """Median over runs of the lowest training loss before the first cycle's spike; NaN if no run has one."""
    found: analysis.Slingshots
    first: analysis.Crossing
    """Of the first cycle."""

    @property
    def has(self) -> np.ndarray:
        """Bool ``[S]``: there is a cycle."""
        return np.asarray(self.found.num_cycles >= 1)

    @property
    def cycles(self) -> str:
        """How many cycles its runs have, and how far apart."""
        periods = self.found.period[np.isfinite(self.found.period)]
        apart = f", {np.median(periods):,.0f} steps apart" if len(periods) else ""
        return f"median {np.median(self.found.num_cycles):g} cycles a run{apart}"


def arms(ds: Dataset) -> list[Arm]:
    """The arms that have results, in the order of the config.

    Raises:
        ConfigError: the sweep has no axis ``arm``, or no two values of Adam's epsilon to compare.
    """
    swept, settings = analysis.arms_of(ds), analysis.arm_leaves(ds)
    rows = {name: swept.own_rows(name) for name in swept.names}
    every = [_arm(ds, name, settings.get(name, {}), runs) for name, runs in rows.items() if len(runs)]
    if len({arm.epsilon for arm in chosen(every, ADAM)}) < 2:
        raise ConfigError(
            "no two arms with Adam, loss = 'cross_entropy' and different values of optim.eps have results; wait for "
            "them, or add such arms as configs/grokking/slingshot.py does: the claims compare them."
        )
    return every


def chosen(every: list[Arm], optimizers: tuple[str, ...], loss: str = "cross_entropy") -> list[Arm]:
    """The arms with one of these optimizers and this loss, told by what they set and not by their names; by epsilon."""
    found = (arm for arm in every if arm.optimizer in optimizers and arm.loss == loss)
    return sorted(found, key=lambda arm: arm.epsilon)


def others(every: list[Arm]) -> list[Arm]:
    """Expected to have no cycles: Adagrad and gradient descent."""
    return chosen(every, ("adagrad",)) + chosen(every, ("sgd",))


def _arm(ds: Dataset, name: str, leaves: dict[str, Any], runs: np.ndarray) -> Arm:
    loss, norm, steps = (
        analysis.history(ds, "train_loss")[runs],
        analysis.history(ds, NORM)[runs],
        analysis.record_steps(ds)[runs],
    )
    optimizer, epsilon, kind = (analysis.leaf_of(ds, leaves, leaf) for leaf in ("optim.name", "optim.eps", "loss"))
    diverged = analysis.run_status(ds)[runs] == analysis.DIVERGED
    lowest = np.min(np.where(np.isfinite(loss), loss, np.inf), axis=1, initial=np.inf)
    found = analysis.find_slingshots(steps, norm, np.maximum(loss, LOSS_FLOOR))
    before = [np.min(loss[i][steps[i] < at[0]]) for i, at in enumerate(found.steps) if len(at)]
    begins = float(np.median(before)) if before else math.nan
    first, seeds = analysis.first_slingshot(steps, found, never=diverged), ds["seed"].values[runs]
    return Arm(name, optimizer, float(epsilon), kind, runs, seeds, diverged, lowest, begins, found, first)
