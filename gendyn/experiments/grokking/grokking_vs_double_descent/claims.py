"""Double descent with label noise and none without; grokking and none; model-wise grokking; one axis for both."""

import numpy as np

from gendyn.analysis import bootstrap, finding, median, median_over_seeds, spearman, unknown
from gendyn.experiments.grokking.grokking_vs_double_descent.tables import FITTED, LEARNT, Speeds, speeds
from gendyn.types import Dataset, Finding

RISE = 0.01
"""Of test error: a smaller one counts as none, and a smaller fall as no second descent. Against 0 nothing that is
absent could ever be refuted."""
DELAY = 2.0
"""Factor between the two times from which on it is grokking."""


def verdict(ds: Dataset) -> list[Finding]:
    """Three findings on the fast regime at the largest width, two on delays, one on widths and one on all."""
    found = speeds(ds)
    slow, fast = found.arms
    noise, left_out = found.noises[-1], found.seeds.sentence
    where = f"Width {found.widths[-1]:g}, median over {found.rise.shape[-1]} seeds.{left_out}"
    rising = finding(
        f"{fast}, {noise:.0%} noise: the test error rises again after a first valley.",
        median_over_seeds(found.rise[1, -1, -1]),
        low=RISE,
        unit="test error at the peak minus at the valley before",
        detail=where,
    )
    falling = finding(
        f"{fast}, {noise:.0%} noise: from that peak it falls a second time (epoch-wise double descent).",
        median_over_seeds(found.fall[1, -1, -1]),
        low=RISE,
        unit="test error at the peak minus lowest after",
        detail=where,
        given=(rising,),
    )
    flat = finding(
        f"{fast}, no noise: the test error does not rise.",
        median_over_seeds(found.rise[1, 0, -1]),
        high=RISE,
        unit=rising.unit,
        detail=where,
    )
    # Ratios and not delays: a run that never generalises has the ratio 0, an interval of infinite delays says nothing.
    clean = found.ratio[:, 0]
    unit = f"steps to {FITTED:.0%} training / {LEARNT:.0%} test accuracy"
    late, soon = (median_over_seeds(ratios) for ratios in clean[:, -1])
    grokking = finding(f"{slow}, no noise: the network groks.", late, high=1 / DELAY, unit=unit, detail=where)
    immediate = finding(f"{fast}, no noise: the network does not grok.", soon, low=1 / DELAY, unit=unit, detail=where)
    return [rising, falling, flat, grokking, immediate, _by_width(found), _axis(found)]


def _by_width(found: Speeds) -> Finding:
    ratios = found.ratio[0, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        change = ratios[-1] / ratios[0]
        delays = 1.0 / median(ratios) if ratios.size else np.full(len(ratios), np.nan)
    return finding(
        f"{found.arms[0]}, no noise: the delay grows with the width (model-wise grokking).",
        median_over_seeds(change),
        high=1.0,
        unit=f"delay factor at width {found.widths[0]:g} / at width {found.widths[-1]:g}",
        detail=(
            f"Median over pairs of a seed. Delay factors {', '.join(f'{v:.2g}' for v in delays)} at widths "
            f"{', '.join(f'{w:g}' for w in found.widths)}.{found.seeds.sentence}"
        ),
    )


def _axis(found: Speeds) -> Finding:
    """Ratio of speeds and rise of the noisy runs: one point for each regime and width."""
    ratios, rise = (np.concatenate(table[:, -1]) for table in (found.ratio, found.rise))  # [arms x widths, S]
    known = ~np.isnan(ratios).any(axis=1)
    interval = unknown()
    if known.sum() > 2:
        interval = bootstrap(lambda a, b: spearman(median(a), median(b)), ratios[known].T, rise[known].T)
    return finding(
        "With label noise, the sooner the pattern is learnt relative to the training set, the more the test error "
        "rises.",
        interval,
        low=0.0,
        unit="rank correlation of rise and ratio of speeds",
        detail=(
            f"Spearman's, of medians over seeds, at {known.sum()} regimes and widths; {np.sum(~known)} are left out, "
            f"where a run has neither fitted nor generalised.{found.seeds.sentence}"
        ),
    )
