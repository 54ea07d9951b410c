"""Grokking and epoch-wise double descent on one axis: which is learnt first, the pattern or the training set?

Claim: A network learns patterns at different speeds. Where the one that generalises is slower than memorising, test
accuracy rises long after the training set is fitted: grokking. Where it is faster, and labels are noisy, the test error
falls, rises while the wrong labels are memorised, and falls again: epoch-wise double descent. The order of the two
decides which, in one task and one program; and width, which speeds up memorising, brings grokking about (model-wise).

Refuted if: at the largest width and of medians over seeds, in the fast regime with noise, the test error does not rise
by more than 0.01 after its first valley, or does not fall by as much from that peak; it rises by 0.01 or more without
noise; in the slow regime without noise the test threshold takes at most twice the steps of the training threshold, or
more than that in the fast regime too; the narrowest network's delay factor there is no smaller than the widest one's;
the rises of noisy runs are not positively rank-correlated, over regimes and widths, with the ratio of speeds. A run
that diverges has a test error of 1 from then on, and reaches no threshold any more.

Primary claims: with noise in the fast regime the error rises and falls again; the slow regime groks, and the more the
wider the network. That the error does not rise without noise, and that the fast regime does not grok, are absences:
they presuppose that it rises with noise, and that the slow regime groks. A rise presupposes that the error has fallen
before by more than 0.1, grokking that most networks do generalise.

Chosen after looking: the margin of 0.01 for rise and fall (it was 0.02, at which seeds 0 to 7 left the second descent
undecided), the loss, and the initial scales and decays of both regimes, by single trials.
They have not been tried on other seeds.

Setting: one split of the images serves all seeds, so intervals are over initial weights and over which labels are
wrong, for these images. The axis is ``ratio = steps to 95 % training accuracy (labels as told) / steps to 70 % test
accuracy (clean labels)``: above 1 the pattern comes first, below 1 memorising; 1 / ratio is the delay factor of
grokking. The lower level on the test side is one that noisy runs reach too; it makes delays shorter, against the claim.
Rises are read where the *other* seeds place valley and peak, so that the largest of many noisy values is not taken for
a rise. The two regimes are arms: the config lists first the one in which generalising is slow, then the one in which it
is fast. They differ in initial scale and weight decay, the two knobs on the speed of what generalises.

Reference: Davies, Langosco & Krueger (2023), Unifying grokking and double descent, arXiv:2303.06173; Liu, Michaud &
Tegmark (2022), Omnigrok, arXiv:2210.01117 (initial scale).
"""

from typing import Any, NamedTuple

import numpy as np

from gendyn import analysis
from gendyn.core import ConfigError
from gendyn.plots import Curve, Panel, accuracy_panel, draw_panels, style
from gendyn.types import Axes, Dataset, Figure, Finding

AXES = ("arm", "data.label_noise", "model.width", "seed")
FITTED, LEARNT = 0.95, 0.70
"""Training and test accuracy that count as arrived."""
RISE = 0.01
"""Of test error: a smaller one counts as none, and a smaller fall as no second descent. Against 0 nothing that is
absent could ever be refuted."""
FIRST_FALL = 0.1
"""Of test error, from the start to the first valley: what a rise "again" presupposes."""
SIDE = "exploratory"
DELAY = 2.0
"""Factor between the two times from which on it is grokking."""


class Speeds(NamedTuple):
    """Tables ``[arm, noise, width, S]`` of the seeds that every cell has; arms in the config's order."""

    arms: tuple[str, ...]
    noises: np.ndarray
    widths: np.ndarray
    seeds: analysis.Seeds
    steps: np.ndarray
    """``[T]``."""
    train_error: np.ndarray
    test_error: np.ndarray
    """``[arm, noise, width, S, T]``."""
    ratio: np.ndarray
    """Steps to fit / steps to generalise; ``inf`` where only the latter was seen, 0 where only the former, NaN where
    neither was."""
    first_fall: np.ndarray
    """Test error at the start over the first valley, by held-out places; NaN with fewer than two seeds."""
    rise: np.ndarray
    """Test error at the peak over the first valley, by held-out places; NaN with fewer than two seeds."""
    fall: np.ndarray
    """Test error at the peak over the lowest after it."""


def speeds(ds: Dataset) -> Speeds:
    """Ratios of speeds and rises of every run.

    Raises:
        ConfigError: other than two arms or fewer than two noise rates, the lowest of them not 0.
    """
    runs = analysis.laid_out(ds, AXES)
    names, noises, widths, _ = runs.axes.values()
    listed = tuple(name for name in analysis.arm_leaves(ds) if name in names)
    if len(listed) != 2 or len(names) != 2:
        raise ConfigError(
            f"the dataset has the arms {', '.join(map(str, names))}; the claims compare two, which config.arms lists: "
            "first the one in which generalising is slow."
        )
    if len(noises) < 2 or noises[0] != 0:
        raise ConfigError(f"data.label_noise has the values {noises}; the claims need 0 and at least one other.")
    order = [int(np.flatnonzero(names == name)[0]) for name in listed]
    ratios = runs.table(analysis.speed_ratio(*analysis.accuracy_crossings(ds, train=FITTED, test=LEARNT)))
    tables = (runs.counted("train_error"), runs.counted("test_error"), ratios)
    train_error, test_error, ratio = (table[order][:, :, :, runs.seeds.complete] for table in tables)
    first_fall, steps = analysis.held_out_first_falls(test_error), analysis.record_steps(ds)[0]
    rises = (first_fall, *analysis.held_out_rises(test_error))
    return Speeds(listed, noises, widths, runs.seeds, steps, train_error, test_error, ratio, *rises)


def verdict(ds: Dataset) -> list[Finding]:
    """Four findings on the fast regime at the largest width, three on delays, one on widths and one on all."""
    found = speeds(ds)
    slow, fast = found.arms
    noisy, left_out = f"{fast}, {found.noises[-1]:.0%} noise", found.seeds.sentence

    def at_largest(
        claim: str, table: np.ndarray, unit: str, *given: analysis.Hypothesis, **region: Any
    ) -> analysis.Hypothesis:
        where = f"Width {found.widths[-1]:g}, one split, median over {table.shape[-1]} seeds.{left_out}"
        interval = analysis.median_over_seeds(table[-1])
        return analysis.finding(claim, interval, unit=unit, detail=where, given=given, **region)

    falls = "test error at the start minus at the first valley"
    claim = f"{noisy}: the test error falls first."
    first = at_largest(claim, found.first_fall[1, -1], falls, low=FIRST_FALL, role=SIDE)
    up, down = "test error at the peak minus at the valley before", "test error at the peak minus lowest after"
    rising = at_largest(
        f"{noisy}: the test error rises again after a first valley.", found.rise[1, -1], up, first, low=RISE
    )
    claim = f"{noisy}: from that peak it falls a second time (epoch-wise double descent)."
    falling = at_largest(claim, found.fall[1, -1], down, rising, low=RISE)
    flat = at_largest(
        f"{fast}, no noise: the test error does not rise.", found.rise[1, 0], up, rising, high=RISE, role=SIDE
    )
    # Ratios and not delays: a run that never generalises has the ratio 0, an interval of infinite delays says nothing.
    late, soon = found.ratio[:, 0]
    unit = f"steps to {FITTED:.0%} training / {LEARNT:.0%} test accuracy"
    grows = analysis.finding(
        f"{slow}, no noise: the network generalises.",
        analysis.share_interval(np.where(np.isnan(late[-1]), 0.0, late[-1] > 0)),
        low=0.5,
        unit=f"share of seeds that reach {LEARNT:.0%} test accuracy",
        detail=f"Width {found.widths[-1]:g}; the interval is Clopper and Pearson's.",
        role=SIDE,
    )
    grokking = at_largest(f"{slow}, no noise: the network groks.", late, unit, grows, high=1 / DELAY)
    claim = f"{fast}, no noise: the network does not grok."
    immediate = at_largest(claim, soon, unit, grokking, low=1 / DELAY, role=SIDE)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = analysis.median_over_seeds(late[-1] / late[0])
        delays = 1.0 / analysis.median(late) if late.size else np.full(len(late), np.nan)
    factors, widths = ", ".join(f"{v:.2g}" for v in delays), ", ".join(f"{w:g}" for w in found.widths)
    claim = f"{slow}, no noise: the delay grows with the width (model-wise grokking)."
    unit = f"delay factor at width {found.widths[0]:g} / at width {found.widths[-1]:g}"
    detail = f"Median over pairs of a seed. Delay factors {factors} at widths {widths}.{left_out}"
    by_width = analysis.finding(claim, change, high=1.0, unit=unit, detail=detail)
    # Ratio of speeds and rise of the noisy runs: one point for each regime and width, [arms x widths, S].
    ratios, rise = (np.concatenate(table[:, -1]) for table in (found.ratio, found.rise))
    known, correlation = ~np.isnan(ratios).any(axis=1), analysis.unknown()
    if known.sum() > 2:
        both = ratios[known].T, rise[known].T
        correlation = analysis.of_medians(analysis.spearman, *both)
    sooner = "the sooner the pattern is learnt relative to the training set"
    claim = f"With label noise, {sooner}, the more the test error rises."
    unit = "rank correlation of rise and ratio of speeds"
    unknown = f"{np.sum(~known)} are left out, where a run has neither fitted nor generalised"
    detail = f"Spearman's, of medians over seeds, at {known.sum()} regimes and widths; {unknown}.{left_out}"
    axis = analysis.finding(claim, correlation, low=0.0, unit=unit, detail=detail, role=SIDE)
    return analysis.family([first, rising, falling, flat, grows, grokking, immediate, by_width, axis])


def figure(ds: Dataset) -> Figure:
    """A panel of accuracies for each regime at the largest width; rise against ratio, and delay against width.

    In the last row, left: every regime and width is a point, the median over seeds with its interval both ways; larger
    points are wider networks; the vertical line is where fitting and generalising take equally long. Points whose
    median ratio is 0, infinite or unknown have no place and are counted in the caption. Right: ``1 / ratio`` of the
    regimes without noise; the line is where a delay counts as grokking.

    Raises:
        ConfigError: no seed that is finished everywhere.
    """
    found = speeds(ds)
    if not found.seeds.complete.any():
        raise ConfigError("no seed has finished in every regime and width; wait for the sweep.")
    colours, widths = (style.TEST, style.TRAIN), found.widths
    ratio, rise = (analysis.median_interval(np.moveaxis(table, -1, 0)) for table in (found.ratio, found.rise))
    placed = (ratio.centre > 0) & (ratio.centre < np.inf) & np.isfinite(rise.centre)
    names = {
        (i, j): f"{arm}, {noise:.0%} noise" if noise else f"{arm}, no noise"
        for i, arm in enumerate(found.arms)
        for j, noise in enumerate(found.noises)
    }
    shown: list[Panel] = []
    for cell, name in names.items():
        train, test = (1.0 - table[cell][-1] for table in (found.train_error, found.test_error))
        panel = accuracy_panel(name, found.steps, train, test, legend="" if shown else "upper left")
        shown.append(panel._replace(x_limits=(1, np.nanmax(found.steps))))

    def rises(ax: Axes) -> None:
        for cell, name in names.items():
            at = np.flatnonzero(placed[cell])
            x, y = ([side[cell][at] for side in band[:3]] for band in (ratio, rise))
            across = np.abs(np.clip(x[1:], x[0] / 1e3, x[0] * 1e3) - x[0])
            look: dict[str, Any] = {"color": colours[cell[0]], "alpha": 0.8}
            ax.errorbar(x[0], y[0], xerr=across, yerr=np.abs(y[1:] - y[0]), fmt="none", linewidth=1.2, **look)
            marker = "s" if found.noises[cell[1]] else "o"
            ax.scatter(x[0], y[0], (6 + 4 * at) ** 2, marker=marker, label=name if len(at) else None, **look)

    with np.errstate(divide="ignore"):
        delay = analysis.median_interval(np.moveaxis(1.0 / found.ratio[:, 0], -1, 0))
    # A delay that is not known to end is drawn up to ten times the largest that is.
    top = 10 * np.max(delay.centre, where=np.isfinite(delay.centre), initial=DELAY)
    delays = [
        Curve(arm, widths, band=analysis.Band(delay.centre[i], delay.low[i], high, 0.9), colour=colours[i], marker="o")
        for i, (arm, high) in enumerate(zip(found.arms, np.minimum(delay.high, top), strict=True))
    ]
    x_label, y_label = "steps to fit / steps to generalise", "rise of test error"
    shown.append(Panel("", x_label, y_label, (), "log", marks=((1.0, ""),), legend="upper left", draw=rises))
    ticks = {width: style.number(width) for width in widths.tolist()}
    right = Panel("", "width", "delay factor, no noise", tuple(delays), "log", "log", legend="upper left")
    shown.append(right._replace(x_ticks=ticks, levels=((DELAY, f"grokking: {DELAY:g}"),)))
    note = (
        f"above: width {widths[-1]:g}, thin: each seed's test accuracy; ratio: steps to {FITTED:.0%} training /\n"
        f"to {LEARNT:.0%} test accuracy; larger points are wider networks; points without a finite ratio: "
        f"{np.sum(~placed)}\n{found.rise.shape[-1]} seeds on one split of the images"
    )
    return draw_panels(shown, num_columns=2, width=5.2, height=3.1, note=note, over="seeds")
