"""Slingshots in saved histories: cycles of last-layer norm growth, a spike of the training loss, and a plateau."""

from statistics import median
from typing import NamedTuple

import numpy as np

from gendyn.analysis.time_to_threshold import Crossing
from gendyn.core import ConfigError, check_positive_int, check_range


class Slingshots(NamedTuple):
    """What was found in each of ``R`` runs."""

    num_cycles: np.ndarray
    """int ``[R]``: full cycles."""
    period: np.ndarray
    """``[R]``: median number of steps between the spikes of successive cycles; NaN with fewer than two."""
    num_spikes: np.ndarray
    """int ``[R]``: spikes of the training loss, whether the norm did what a slingshot's does or not."""
    steps: tuple[np.ndarray, ...]
    """For each run, the step at which the spike of every cycle begins."""

    @property
    def present(self) -> np.ndarray:
        """Bool ``[R]``: there is a cycle."""
        return np.asarray(self.num_cycles >= 1)

    @property
    def summary(self) -> str:
        """How many cycles the runs have, and how far apart.

        >>> Slingshots(np.array([2, 0, 2]), np.array([400.0, np.nan, 500.0]), np.zeros(3, int), ()).summary
        'median 2 cycles a run, 450 steps apart'
        """
        periods = self.period[np.isfinite(self.period)]
        apart = f", {np.median(periods):,.0f} steps apart" if len(periods) else ""
        return f"median {np.median(self.num_cycles):g} cycles a run{apart}"


def find_slingshots(
    steps: np.ndarray,
    last_layer_norm: np.ndarray,
    train_loss: np.ndarray,
    *,
    spike: float = 5.0,
    growth: float = 0.01,
    plateau: float = 0.5,
    window: int = 10,
) -> Slingshots:
    """Counts cycles that are, in this order and around the same records,

    1. *growth*: over the ``window`` records before the spike (fewer if the last spike was more recent) the last-layer
       norm rises by at least the fraction ``growth``;
    2. *spike*: the training loss exceeds ``spike`` times its median over those records, and comes back below the
       geometric mean of that level and the median: while it is above, it is one spike;
    3. *plateau*: from some record of the spike on, over as many records, the norm grows by at most ``plateau`` times
       what it grew before.

    The paper shows such cycles and gives no numbers: the four here are this project's, so give them with any count. A
    loss that rises for good (divergence) or a spike that the history's end cuts off is no cycle, nor is
    one whose plateau it cuts off; nor one that the records step over, so record often.

    Args:
        steps: ``[T]`` or ``[R, T]``, ascending.
        last_layer_norm: ``[R, T]``, positive. Records with NaN, here or in the loss, are passed over.
        train_loss: ``[R, T]``; values below 1e-30 count as 1e-30.
        spike: factor, above 1.
        growth: fraction, positive.
        plateau: fraction, in [0, 1).
        window: records, at least 3.

    Raises:
        ConfigError: shapes that do not fit, or an argument out of range.

    >>> steps = np.arange(0.0, 100)
    >>> loss = np.where(np.isin(steps, [30, 31, 60, 61]), 1.0, 1e-3)[None]
    >>> norm = 10.0 + np.interp(steps, [0, 30, 50, 60, 99], [0, 5, 5, 10, 10])[None]
    >>> found = find_slingshots(steps, norm, loss)
    >>> found.num_cycles.tolist(), found.period.tolist(), found.steps[0].tolist()
    ([2], [30.0], [30.0, 60.0])

    Reference: Thilak et al. (2022), The slingshot mechanism, arXiv:2206.04817, section 3.
    """
    check_range("spike", spike, low=1, open_low=True)
    check_range("growth", growth, low=0, open_low=True)
    check_range("plateau", plateau, low=0, high=1, open_high=True)
    check_positive_int("window", window, low=3)
    norm, loss = np.asarray(last_layer_norm, float), np.asarray(train_loss, float)
    steps = np.asarray(steps, float)
    if loss.ndim != 2 or norm.shape != loss.shape or steps.shape not in (loss.shape, loss.shape[1:]):
        raise ConfigError(
            f"steps has shape {steps.shape}, last_layer_norm {norm.shape} and train_loss {loss.shape}; pass the two "
            "histories [R, T] with steps [T] or [R, T]."
        )
    cycles, num_spikes = [], []
    for at, size, row in zip(np.broadcast_to(steps, loss.shape), norm, loss, strict=True):
        known = np.isfinite(at) & np.isfinite(size) & np.isfinite(row)
        at, size, row = at[known], np.log(np.maximum(size[known], 1e-30)), np.log(np.maximum(row[known], 1e-30))
        spikes = _spikes(row, float(np.log(spike)), window)
        full = [begin for begin, end, start in spikes if _flung(size, start, begin, end, growth, plateau)]
        cycles.append(at[np.array(full, int)])
        num_spikes.append(len(spikes))
    periods = [float(np.median(np.diff(found))) if len(found) > 1 else np.nan for found in cycles]
    counts = np.array([len(found) for found in cycles], int)
    return Slingshots(counts, np.array(periods), np.array(num_spikes, int), tuple(cycles))


def first_slingshot(steps: np.ndarray, found: Slingshots, *, never: np.ndarray | None = None) -> Crossing:
    """When the spike of each run's first cycle begins, ``[R]``; runs without a cycle are censored at their last record.

    Of a run without records nothing is known: ``-inf``.

    Args:
        steps: ``[R, T]``, ascending; NaN past the end of a shorter run.
        found: of :func:`find_slingshots` with these steps.
        never: bool ``[R]``, runs known to have no cycle later either, such as those that diverged: their time is
            ``inf``.

    >>> found = Slingshots(np.array([1, 0]), np.full(2, np.nan), np.array([1, 0]), (np.array([20.0]), np.zeros(0)))
    >>> first_slingshot(np.tile([0.0, 10.0, 20.0, 30.0], (2, 1)), found)
    Crossing(time=array([20., 30.]), previous=array([10., 30.]), observed=array([ True, False]))
    """
    has, last = found.present, np.max(np.where(np.isnan(steps), -np.inf, steps), axis=1, initial=-np.inf)
    time = np.array([at[0] if len(at) else end for at, end in zip(found.steps, last, strict=True)])
    previous = np.max(np.where(steps < time[:, None], steps, 0.0), axis=1, initial=0.0)
    if never is not None:
        time = np.where(never & ~has, np.inf, time)
    return Crossing(time, np.where(has, previous, time), has)


def depth_of_slingshots(steps: np.ndarray, train_loss: np.ndarray, found: Slingshots) -> float:
    """How low the training loss has been when cycles begin: its minimum before the first spike, median over runs.

    Args:
        steps, train_loss: ``[R, T]``.
        found: of :func:`find_slingshots` with these steps.

    Returns:
        NaN if no run has a cycle.

    >>> found = Slingshots(np.array([1, 0]), np.full(2, np.nan), np.array([1, 0]), (np.array([20.0]), np.zeros(0)))
    >>> steps, loss = np.tile([0.0, 10.0, 20.0, 30.0], (2, 1)), np.tile([1.0, 0.2, 5.0, 0.1], (2, 1))
    >>> depth_of_slingshots(steps, loss, found)
    0.2
    """
    first = [
        (row, at < spikes[0]) for row, at, spikes in zip(train_loss, steps, found.steps, strict=True) if len(spikes)
    ]
    return float(np.median([np.min(row[before]) for row, before in first])) if first else float("nan")


def _spikes(log_loss: np.ndarray, height: float, window: int) -> list[tuple[int, int, int]]:
    """``(begin, end, start)`` of every spike: above in ``[begin, end)``, the level is that of ``[start, begin)``."""
    found = []
    values = log_loss.tolist()  # on a few numbers numpy's median takes thirty times as long
    start = i = 0
    while i < len(values):
        start = max(start, i - window)
        if i - start >= 3:
            level = median(values[start:i])
            if values[i] > level + height:
                # Half way down on a log scale, so that the ragged flank of one spike is not several.
                back = np.flatnonzero(log_loss[i:] < level + 0.5 * height)
                if len(back) == 0:
                    break
                end = i + int(back[0])
                found.append((i, end, start))
                start, i = end, end
                continue
        i += 1
    return found


def _flung(log_norm: np.ndarray, start: int, begin: int, end: int, growth: float, plateau: float) -> bool:
    """Whether the norm grew before the spike and no longer grows after it."""
    before = log_norm[begin] - log_norm[start]
    if before < np.log1p(growth):
        return False
    # Empty where the history ends before the plateau could be seen.
    starts = np.arange(begin, min(end, len(log_norm) - (begin - start)))
    after = log_norm[starts + begin - start] - log_norm[starts]
    return bool(np.any(after <= plateau * before))
