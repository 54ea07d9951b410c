"""Grokking and epoch-wise double descent on one axis: which is learnt first, the pattern or the training set?

Claim: A network learns patterns at different speeds. Where the one that generalises is slower than memorising, test
accuracy rises long after the training set is fitted: grokking. Where it is faster, and labels are noisy, the test error
falls, rises while the wrong labels are memorised, and falls again: epoch-wise double descent. The order of the two
decides which, in one task and one program; and width, which speeds up memorising, brings grokking about (model-wise).

Refuted if, at the largest width and of medians over seeds: in the fast regime with noise, the test error does not rise
by more than 0.01 after its first valley, or does not fall by as much from that peak; it rises by 0.01 or more without
noise; in the slow regime without noise the test threshold takes at most twice the steps of the training threshold, or
more than that in the fast regime too; the narrowest network's delay factor there is no smaller than the widest one's;
the rises of noisy runs are not positively rank-correlated, over regimes and widths, with the ratio of speeds.

The axis is ``ratio = steps to 95 % training accuracy (labels as told) / steps to 70 % test accuracy (clean labels)``:
above 1 the pattern comes first, below 1 memorising; 1 / ratio is the delay factor of grokking. The lower level on the
test side is one that noisy runs reach too; it makes delays shorter, against the claim. Rises are read where the *other*
seeds place valley and peak, so that the largest of many noisy values is not taken for a rise.

The two regimes are arms: the config lists first the one in which generalising is slow, then the one in which it is
fast. They differ in initial scale and weight decay, the two knobs on the speed of what generalises.

Found by the default (digits, width 128, 8 seeds, 90 % intervals): with 20 % noise in the fast regime the test error
rises by 0.096 [0.085, 0.114] while wrong labels are memorised and falls by 0.037 [0.015, 0.053] after, in every seed
but not back to its valley (a margin of 0.02 would leave the second descent undecided); without noise it does not rise.
In the slow regime without noise generalising takes 4.5 times the steps of fitting; the factor is 0.79, 1.8 and 4.5 at
widths 32, 64 and 128. Test accuracy climbs slowly before it, so this is delayed generalisation rather than a jump from
chance. With noise the slow regime has no rise at width 128: what is memorised comes first.

Cost: the default, 96 runs of 12,000 steps, took 205 s of CPU time and 418 s of wall time on two x86-64 cores shared
with several times their load.

Reference: Davies, Langosco & Krueger (2023), Unifying grokking and double descent, arXiv:2303.06173; Liu, Michaud &
Tegmark (2022), Omnigrok, arXiv:2210.01117 (initial scale).
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn import sweep
from gendyn.analysis import (
    UNFINISHED,
    Interval,
    bootstrap,
    config_of,
    finding,
    grid,
    history,
    record_steps,
    run_status,
    tabulate,
    time_to_threshold,
)
from gendyn.core import ConfigError
from gendyn.plots.learning_speeds import LearningRegime, learning_speeds
from gendyn.types import Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

AXES = ("arm", "data.label_noise", "model.width", "seed")
FITTED, LEARNT = 0.95, 0.70
"""Training and test accuracy that count as arrived."""
RISE = 0.01
"""Of test error: a smaller one counts as none, and a smaller fall as no second descent. Against 0 nothing that is
absent could ever be refuted."""
DELAY = 2.0
"""Factor between the two times from which on it is grokking."""
LEVEL = 0.9
ERROR_FLOOR = 1e-3
"""Valleys are found by ratios, which an error of 0 would not have."""


class Measured(NamedTuple):
    """Tables ``[arm, noise, width, S]`` of the seeds that every cell has; arms in the config's order."""

    arms: tuple[str, ...]
    noises: np.ndarray
    widths: np.ndarray
    steps: np.ndarray
    """``[T]``."""
    train_error: np.ndarray
    test_error: np.ndarray
    """``[arm, noise, width, S, T]``."""
    ratio: np.ndarray
    """Steps to fit / steps to generalise; ``inf`` where only the latter was seen, 0 where only the former, NaN where
    neither was."""
    rise: np.ndarray
    """Test error at the peak over the first valley, by held-out places; NaN with fewer than two seeds."""
    fall: np.ndarray
    """Test error at the peak over the lowest after it."""
    left_out: int


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Runs or resumes the sweep that the config describes."""
    return sweep.run(config, workdir=workdir)


def measure(ds: "xarray.Dataset") -> Measured:
    """Times and rises of every run. A run that diverged keeps its last finite records; seeds not finished are left out.

    Raises:
        ConfigError: other than two arms or fewer than two noise rates, the lowest of them not 0.
    """
    layout = grid(ds, AXES)
    names, noises, widths, _ = layout.axes.values()
    listed = tuple(name for name, _ in config_of(ds).get("arms", ()) if name in names)
    if len(listed) != 2 or len(names) != 2:
        raise ConfigError(
            f"the dataset has the arms {', '.join(map(str, names))}; the claims compare two, which config.arms lists: "
            "first the one in which generalising is slow."
        )
    if len(noises) < 2 or noises[0] != 0:
        raise ConfigError(f"data.label_noise has the values {noises}; the claims need 0 and at least one other.")
    order = [int(np.flatnonzero(names == name)[0]) for name in listed]
    # A missing run is NaN in both tables, hence not 0.
    finished = tabulate(layout, (run_status(ds) != UNFINISHED).astype(float)) == 1.0
    complete = finished.all(axis=(0, 1, 2))

    def table(values: np.ndarray) -> np.ndarray:
        return tabulate(layout, values)[order][:, :, :, complete]

    steps = record_steps(ds)
    train, test = (
        time_to_threshold(steps, 1.0 - history(ds, f"{name}_error"), level)
        for name, level in (("train", FITTED), ("test", LEARNT))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(train.observed, train.time, np.inf) / np.where(test.observed, test.time, np.inf)
    test_error = table(history(ds, "test_error"))
    rise, fall = np.full((2, *test_error.shape[:-1]), np.nan)
    for cell in np.ndindex(*test_error.shape[:3]):
        rise[cell], fall[cell] = rises(test_error[cell])
    return Measured(
        listed,
        noises,
        widths,
        steps[0],
        table(history(ds, "train_error")),
        test_error,
        table(ratio),
        rise,
        fall,
        int(np.sum(~complete)),
    )


def rises(errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each seed's error rises to, and falls from, the peak that the median of the other seeds has.

    Args:
        errors: ``[S, T]`` in [0, 1].

    Returns:
        ``(rise [S], fall [S])``: peak minus the valley before it, peak minus the lowest after it. The peak is where the
        ratio to the lowest before is largest. NaN with fewer than two seeds.

    >>> curve = np.array([0.9, 0.1, 0.3, 0.2])
    >>> rise, fall = rises(np.stack([curve, curve + 0.05]))
    >>> rise.round(3).tolist(), fall.round(3).tolist()
    ([0.2, 0.2], [0.1, 0.1])
    """
    count = len(errors)
    if count < 2:
        return np.full(count, np.nan), np.full(count, np.nan)
    others = np.stack([np.median(np.delete(errors, i, axis=0), axis=0) for i in range(count)])
    known = np.isfinite(others)
    others = np.where(known, np.maximum(others, ERROR_FLOOR), np.inf)
    before = np.minimum.accumulate(others, axis=1)
    # By ratio, so that a lucky guess of the first records is not the valley; an absent record is never the peak.
    peak = np.argmax(np.where(known, others, 0.0) / before, axis=1)
    position = np.arange(errors.shape[1])
    valley = np.argmin(np.where(position <= peak[:, None], others, np.inf), axis=1)
    lowest = np.argmin(np.where(position >= peak[:, None], others, np.inf), axis=1)
    top, left, right = (errors[np.arange(count), index] for index in (peak, valley, lowest))
    return top - left, top - right


def figure(ds: "xarray.Dataset") -> "Figure":
    """Errors against step in the four regimes at the largest width; rise and delay factor against the ratio, width."""
    found = measure(ds)
    regimes = [
        LearningRegime(
            arm,
            float(noise),
            found.steps,
            1.0 - found.train_error[i, j],
            1.0 - found.test_error[i, j],
            found.ratio[i, j],
            found.rise[i, j],
        )
        for i, arm in enumerate(found.arms)
        for j, noise in enumerate(found.noises)
    ]
    return learning_speeds(regimes, found.widths, delay=DELAY, fitted=FITTED, learnt=LEARNT, level=LEVEL)


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Double descent with noise and none without; grokking and none; model-wise grokking; the axis."""
    found = measure(ds)
    slow, fast = found.arms
    widest, narrowest, noise = found.widths[-1], found.widths[0], found.noises[-1]
    left_out = f" {found.left_out} seeds are left out." if found.left_out else ""
    where = f"Width {widest:g}, median over {found.rise.shape[-1]} seeds.{left_out}"
    noisy = f"{fast}, {noise:.0%} noise"
    rising = finding(
        f"{noisy}: the test error rises again after a first valley.",
        _median(found.rise[1, -1, -1]),
        low=RISE,
        unit="test error at the peak minus at the valley before",
        detail=where,
    )
    falling = finding(
        f"{noisy}: from that peak it falls a second time (epoch-wise double descent).",
        _median(found.fall[1, -1, -1]),
        low=RISE,
        unit="test error at the peak minus lowest after",
        detail=where,
        given=(rising,),
    )
    flat = finding(
        f"{fast}, no noise: the test error does not rise.",
        _median(found.rise[1, 0, -1]),
        high=RISE,
        unit=rising.unit,
        detail=where,
    )
    # Ratios and not delays: a run that never generalises has the ratio 0, an interval of infinite delays says nothing.
    clean = found.ratio[:, 0]
    unit = f"steps to {FITTED:.0%} training / {LEARNT:.0%} test accuracy"
    grokking = finding(
        f"{slow}, no noise: the network groks.", _median(clean[0, -1]), high=1 / DELAY, unit=unit, detail=where
    )
    immediate = finding(
        f"{fast}, no noise: the network does not grok.", _median(clean[1, -1]), low=1 / DELAY, unit=unit, detail=where
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        change = clean[0, -1] / clean[0, 0]
        delays = 1.0 / np.median(clean[0], axis=-1)
    by_width = finding(
        f"{slow}, no noise: the delay grows with the width (model-wise grokking).",
        _median(change),
        high=1.0,
        unit=f"delay factor at width {narrowest:g} / at width {widest:g}",
        detail=(
            f"Median over pairs of a seed. Delay factors {', '.join(f'{v:.2g}' for v in delays)} at widths "
            f"{', '.join(f'{w:g}' for w in found.widths)}.{left_out}"
        ),
    )
    return [rising, falling, flat, grokking, immediate, by_width, _axis(found, left_out)]


def _axis(found: Measured, left_out: str) -> Finding:
    """Ratio of speeds and rise of the noisy runs: one point for each regime and width."""
    ratios, rise = (table[:, -1].reshape(-1, table.shape[-1]) for table in (found.ratio, found.rise))
    known = ~np.isnan(ratios).any(axis=1)
    interval = _nothing()
    if rise.shape[-1] and known.sum() > 2:
        interval = bootstrap(_rank_correlation, ratios[known].T, rise[known].T, level=LEVEL)
    return finding(
        "Of runs with noise, those in which the pattern comes first have the larger rise of the test error.",
        interval,
        low=0.0,
        unit="rank correlation of rise and ratio of speeds",
        detail=(
            f"Spearman's, of medians over seeds, at {known.sum()} regimes and widths; {np.sum(~known)} are left out, "
            f"where a run has neither fitted nor generalised.{left_out}"
        ),
    )


def _median(values: np.ndarray) -> Interval:
    if not len(values):
        return _nothing()
    with np.errstate(invalid="ignore"):
        return bootstrap(lambda rows: np.median(rows, axis=1), values, level=LEVEL)


def _nothing() -> Interval:
    return Interval(np.nan, -np.inf, np.inf, LEVEL, 0.0)


def _rank_correlation(ratios: np.ndarray, rise: np.ndarray) -> np.ndarray:
    """Of the medians over seeds; ``[B, S, points]`` to ``[B]``, NaN where a median is or all are equal."""
    from scipy.stats import rankdata

    ranks = []
    with np.errstate(invalid="ignore"):
        for values in (ratios, rise):
            ranked = rankdata(np.median(values, axis=1), axis=1, nan_policy="propagate")
            ranks.append(ranked - ranked.mean(axis=1, keepdims=True))
        norms = np.sqrt(np.sum(ranks[0] ** 2, axis=1) * np.sum(ranks[1] ** 2, axis=1))
        return np.asarray(np.where(norms > 0, np.sum(ranks[0] * ranks[1], axis=1) / norms, np.nan))
