"""Which seeds a claim is about, and the one sentence that says what is left out or has diverged.

The rule for every experiment. A seed with a run that is missing or under way is left out of all arms alike, since seeds
are paired, and counted. A run that diverged is not missing at random: it counts as the worst outcome
(:func:`gendyn.analysis.final_values`, :func:`gendyn.analysis.counted_history`, ``never=`` of
:func:`gendyn.analysis.time_to_threshold`), unless the claim is about runs that converge; then the claim says so and
the number of diverged runs is shown.
"""

from typing import Any, NamedTuple

import numpy as np

from gendyn.analysis.runs import DIVERGED, UNFINISHED, run_status
from gendyn.analysis.tables import Grid, tabulate
from gendyn.core import ConfigError
from gendyn.types import Dataset


class Seeds(NamedTuple):
    """What became of the runs of ``S`` seeds at the places of the outer axes."""

    values: np.ndarray
    """``[S]``."""
    ended: np.ndarray
    """bool ``[*outer, S]``: the run is there and has finished or diverged."""
    diverged: np.ndarray
    """bool ``[*outer, S]``."""
    complete: np.ndarray
    """bool ``[S]``: seeds to judge by, with every run ended."""

    @property
    def left_out(self) -> int:
        """Number of seeds that are not complete."""
        return int(np.sum(~self.complete))

    @property
    def num_diverged(self) -> int:
        """Number of diverged runs of complete seeds."""
        return int(np.sum(self.diverged & self.complete))

    @property
    def sentence(self) -> str:
        """Of a claim in which diverged runs count as worst; begins with a space, empty where there is nothing to say.

        >>> runs = np.array([[True, True, False], [True, True, True]])
        >>> Seeds(np.arange(3), runs, np.zeros((2, 3), bool), runs.all(axis=0)).sentence
        ' 1 of 3 seeds are left out.'
        """
        runs = self.diverged[..., self.complete]
        worst = f" {self.num_diverged} of {runs.size} runs diverged and count as the worst outcome."
        return self._left_out_sentence() + worst * bool(self.num_diverged)

    @property
    def converged(self) -> "Seeds":
        """For a claim about runs that converge: seeds with a diverged run are not complete either."""
        outer = tuple(range(self.diverged.ndim - 1))
        return self.restricted(np.asarray(~self.diverged.any(axis=outer)))

    @property
    def converged_sentence(self) -> str:
        """Of such a claim, and to be called on :attr:`converged`: what is left out, and how many runs diverged."""
        known = self.ended.all(axis=tuple(range(self.ended.ndim - 1)))
        lost = int(np.sum(self.diverged[..., known]))
        about = f" {lost} of {self.diverged[..., known].size} runs diverged; this is about seeds that converge."
        return self._left_out_sentence() + about * bool(lost)

    def restricted(self, known: np.ndarray) -> "Seeds":
        """With fewer complete seeds: those that are also ``known``, bool ``[S]``, such as where a probe has a value."""
        return self._replace(complete=self.complete & known)

    def measured(self, values: np.ndarray) -> "Seeds":
        """Those whose values ``[*outer, S, ...]`` are all finite; in a run that diverged they need not be."""
        known = np.isfinite(values).reshape(*self.diverged.shape, -1).all(axis=-1) | self.diverged
        return self.restricted(known.all(axis=tuple(range(known.ndim - 1))))

    def at(self, index: Any) -> "Seeds":
        """The seeds that are complete at a part of the outer axes, such as one level of noise: ``at(0)``."""
        ended, diverged = self.ended[index], self.diverged[index]
        return Seeds(self.values, ended, diverged, ended.all(axis=tuple(range(ended.ndim - 1))))

    def _left_out_sentence(self) -> str:
        return f" {self.left_out} of {len(self.values)} seeds are left out." * bool(self.left_out)


def seeds_of(ds: Dataset, layout: Grid, *, required: bool = False) -> Seeds:
    """What became of the runs of every seed.

    Args:
        ds: the results.
        layout: of :func:`gendyn.analysis.grid`, its last axis the seed.
        required: refuse a dataset without a complete seed.

    Raises:
        ConfigError: no seed is complete, if one is required.
    """
    status = run_status(ds)
    # A place without a run is NaN in a table, and so not 1.
    ended = tabulate(layout, status != UNFINISHED) == 1.0
    diverged = tabulate(layout, status == DIVERGED) == 1.0
    complete = ended.all(axis=tuple(range(ended.ndim - 1)))
    if required and not complete.any():
        *outer, _ = layout.axes
        raise ConfigError(f"no seed is finished at every {' and '.join(outer)}; wait for the first ones.")
    return Seeds(np.asarray(list(layout.axes.values())[-1]), ended, diverged, complete)
