"""Runs by arm and seed: arms are named settings that a config lists, and seeds are paired over them."""

from typing import Any, NamedTuple

import numpy as np

from gendyn.analysis.seeds import Seeds, seeds_of
from gendyn.analysis.tables import config_of, grid
from gendyn.analysis.time_to_threshold import Crossing
from gendyn.core import ConfigError
from gendyn.types import Dataset

AXES = ("arm", "seed")


class Arms(NamedTuple):
    """The runs of ``A`` arms and ``S`` seeds."""

    names: tuple[str, ...]
    """In the order of the config; those it does not list come last, in alphabetical order."""
    runs: np.ndarray
    """int ``[A, S]``, -1 where there is none."""
    seeds: Seeds
    """Its outer axis is the arm, in the order of ``names``."""

    @property
    def present(self) -> np.ndarray:
        """Bool ``[S]``: the seed has a run in every arm, finished or not; for times with censoring."""
        return np.asarray((self.runs >= 0).all(axis=0))

    def rows(self, keep: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Arm -> run numbers ``[S']`` of the seeds that stay, paired; complete seeds if ``keep`` is ``None``.

        Raises:
            ConfigError: a seed is kept that has no run in some arm.
        """
        chosen = self.seeds.complete if keep is None else keep
        if not self.present[chosen].all():
            raise ConfigError("keep holds seeds without a run in every arm; take those in arms.present.")
        return {name: runs[chosen] for name, runs in zip(self.names, self.runs, strict=True)}

    @property
    def own_rows(self) -> dict[str, np.ndarray]:
        """Arm -> run numbers that have ended, in the order of their seeds, whatever other arms have; not paired.

        Arms without any are left out.
        """
        rows = {name: self.runs[i][self.seeds.ended[i]] for i, name in enumerate(self.names)}
        return {name: ended for name, ended in rows.items() if len(ended)}

    def pair(self, first: str, second: str) -> tuple[np.ndarray, np.ndarray]:
        """Run numbers of two arms, each ``[S']``, of the seeds whose runs have ended in both; paired."""
        rows = [self.names.index(name) for name in (first, second)]
        one, other = self.runs[rows][:, self.seeds.ended[rows].all(axis=0)]
        return one, other


def arms_of(ds: Dataset, *, required: tuple[str, ...] = ()) -> Arms:
    """The arms of a sweep over ``arm`` and ``seed``.

    Raises:
        ConfigError: the sweep has no axis ``arm``, has others, or lacks one of the ``required`` arms.
    """
    if "arm" not in ds.coords:
        raise ConfigError("the dataset has no axis 'arm'; sweep over arms, as configs with leaves 'arms' do.")
    layout = grid(ds, AXES)
    found = [str(name) for name in layout.axes["arm"]]
    listed = [str(name) for name, _ in config_of(ds).get("arms", ())]
    names = [*(name for name in listed if name in found), *(name for name in found if name not in listed)]
    missing = [name for name in required if name not in found]
    if missing:
        raise ConfigError(f"the dataset has the arms {', '.join(names)}; the claims also need {', '.join(missing)}.")
    order = [found.index(name) for name in names]
    seeds = seeds_of(ds, layout)
    seeds = seeds._replace(ended=seeds.ended[order], diverged=seeds.diverged[order])
    return Arms(tuple(names), layout.runs[order], seeds)


def arm_leaves(ds: Dataset) -> dict[str, dict[str, Any]]:
    """Arm -> what it sets (dotted leaf -> value), in the order of the config; empty where the config lists none."""
    return {str(name): dict(leaves) for name, leaves in config_of(ds).get("arms", ())}


def leaf_of(ds: Dataset, arm: str, name: str) -> Any:
    """The value of a config leaf in an arm: what the arm sets, else the config's own.

    Args:
        ds: the results.
        arm: its name; one that the config does not list sets nothing.
        name: dotted, such as ``"optim.eps"``.

    Raises:
        ConfigError: neither has it.
    """
    leaves = arm_leaves(ds).get(arm, {})
    if name in leaves:
        return leaves[name]
    value: Any = config_of(ds)
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            raise ConfigError(f"neither the arm nor the config has a leaf {name!r}.")
        value = value[part]
    return value


def select_runs(crossing: Crossing, rows: np.ndarray) -> Crossing:
    """The crossings of some runs, in that order.

    Args:
        crossing: fields ``[R]``.
        rows: run numbers, or bool ``[R]``.

    >>> both = Crossing(np.array([5.0, 9.0]), np.array([4.0, 9.0]), np.array([True, False]))
    >>> select_runs(both, np.array([1])).time
    array([9.])
    """
    return Crossing(*(field[rows] for field in crossing))
