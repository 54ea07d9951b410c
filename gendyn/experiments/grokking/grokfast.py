"""Grokfast against every control: how much of the speed-up is the filter's?

Claim: Adding the slow part of the gradient (its moving average, exponential or over a window) to the gradient makes
networks generalise sooner. The published comparison gives the filtered runs a weight decay that the baseline lacks, so
the filter is judged here also against the same optimizer and weight decay without it, against plainer things in its
place (a learning rate ``1 + lamb`` times as large, Adam's ``b1 = alpha``), and against AdamW tuned without a filter.
The slow part of the gradient alone is what makes networks generalise, and the fast part alone does not; regularisers
other than weight decay (weights held at their initial norm, the noise of smaller batches) make them generalise sooner
too.

Refuted if: the interval of the speed-up (median steps to 95 % test accuracy of the control over those of the filtered
runs) lies below 1; separately for each control, in steps and, where they were timed, in seconds. Likewise for each part
of the gradient against the whole and against the other part, and for each regulariser against the baseline.

Primary claims: each filter against the published baseline, the same weight decay and tuned AdamW, in steps.

Setting: weight decay is coupled: it is added to the gradient that the filter has amplified up to ``1 + lamb`` times, so
that Adam sees that much less of it than without the filter. Hence a second control of the same decay, divided by ``1 +
lamb``. It is one for both filters, since 0.005 / 3 = 0.01 / 6 (published) as 0.0005 / 3 = 0.001 / 6 (here). "Most of
the speed-up is the filter's" is about logarithms: that of the speed-up over the faster of these two is more than half
of that over the baseline. The parts of the gradient are EMA's average and what is left of the gradient without it, each
with EMA's weight decay. Seeds are paired: the same number is the same split (in the default) and the same initial
weights in every arm; the full variants have one split, so that their intervals are over initial weights. A run that
diverges never arrives. Tuned AdamW is the tuned arm with the smallest median on the first third of the seeds, and is
compared on the others alone; so is the filter on AdamW.

Chosen after looking: the arms of the filter on AdamW, of the parts of the gradient and of other regularisers, which
were added when all others had been seen, and the tenth of the published weight decays, by trials (see the config).

Reference: Lee, Kang, Kim & Lee (2024), Grokfast, arXiv:2405.20233; Lee et al.'s single runs at full size took 39,890
steps without, 910 with the exponential and 790 with the windowed average.
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gendyn import analysis
from gendyn.core import ConfigError
from gendyn.plots import survival_curves
from gendyn.sweep import seconds_per_step, time_arms
from gendyn.types import Dataset, Figure, Finding

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
PARTS = {"slow": "slow part alone", "fast": "fast part alone"}
"""Of the gradient, with EMA's weight decay."""
HELD, NOISY = "norm held, no decay", "quarter batches, no decay"
OTHERS = {HELD: "A norm that is held", NOISY: "The noise of batches a quarter as large"}
"""Regularisers in the place of weight decay, and what their claims call them."""
ORDER = (BASELINE, *FILTERS, *SAME_DECAY.values(), SCALED_DECAY, *LARGER_RATE.values(), MOMENTUM, NO_DECAY, DECAY_ONE)
ORDER += (*PARTS.values(), *OTHERS)
SIDE = "exploratory"
ACCURACY = 0.95
TUNING_SHARE = 1.0 / 3.0


class Times(NamedTuple):
    """Crossings ``[S]`` of every arm, of the seeds that all arms have, in one order."""

    train: dict[str, analysis.Crossing]
    test: dict[str, analysis.Crossing]
    tuned: str
    """The tuned arm that was fastest on the tuning seeds; empty where there is none."""
    filtered: str
    """Likewise of the same candidates behind the filter."""
    judged: np.ndarray
    """bool ``[S]``: seeds that the tuning did not see."""

    def held_out(self, name: str) -> analysis.Crossing:
        """The test crossings of an arm on the judged seeds."""
        return analysis.select_runs(self.test[name], self.judged)


def times(ds: Dataset) -> Times:
    """When the runs of each arm arrive. One under way, or at the end of its budget, is censored.

    Raises:
        ConfigError: the dataset has no arms, or no seed that all arms have.
    """
    arms = analysis.arms_of(ds)
    if not arms.present.any():
        raise ConfigError("no seed has a run in every arm; give all arms the same seeds.")
    rows = arms.rows(arms.present)
    train, test = (
        {name: analysis.select_runs(c, rows[name]) for name in sorted(rows)} for c in analysis.accuracy_crossings(ds)
    )
    count = int(arms.present.sum())
    tuning = np.arange(count) < math.ceil(TUNING_SHARE * count)

    def speed(name: str) -> tuple[float, float]:
        # The median, and where it is the same the mean of what was seen.
        seen = analysis.select_runs(test[name], tuning)
        return analysis.upper_median(analysis.arrival_times(seen)), float(np.mean(seen.time))

    def best(*prefixes: str) -> str:
        return min((name for name in test if name.startswith(prefixes)), key=speed, default="")

    return Times(train, test, best(TUNED, DECAY_ONE), best(ON_TUNED), ~tuning)


def after(ds: Dataset, workdir: str | Path) -> None:
    """Stores the seconds per step of every arm, once."""
    time_arms(ds, workdir)


def verdict(ds: Dataset) -> list[Finding]:
    """Findings on the baseline and on each filter; a comparison with an arm that the results lack is left out."""
    found, seconds = times(ds), seconds_per_step(ds)
    test, result = found.test, []
    if BASELINE in test:
        late = analysis.median_over_seeds(analysis.least_delay_ratio(found.train[BASELINE], test[BASELINE]))
        claim = "The baseline groks: test accuracy comes more than twice as late as training accuracy."
        seen = f"{int(test[BASELINE].observed.sum())} of {len(found.judged)} arrive."
        detail = f"Median over seeds of the least ratio that the records allow; {seen}"
        unit = "test / training crossing"
        result.append(analysis.finding(claim, late, low=2.0, unit=unit, detail=detail, role=SIDE))
    for name in (name for name in FILTERS if name in test):
        share, unit = (
            analysis.share_interval(test[name].observed),
            f"share of seeds that reach {ACCURACY:.0%} test accuracy",
        )
        middle = analysis.median_time(test[name].time, test[name].observed)
        detail = f"Median step {middle.estimate:,.0f} [{middle.low:,.0f}, {middle.high:,.0f}]."
        claim = f"{name} generalises in most seeds."
        result.append(analysis.finding(claim, share, low=0.5, unit=unit, detail=detail, role=SIDE))
        controls = {
            "the published baseline (Adam, no weight decay)": BASELINE,
            "the same weight decay without the filter": SAME_DECAY[name],
            "that weight decay divided by 1 + lamb without the filter": SCALED_DECAY,
            "a learning rate 1 + lamb times as large in its place": LARGER_RATE[name],
            "AdamW with weight decay 1": DECAY_ONE,
            "AdamW with tuned learning rate and weight decay": found.tuned,
        }
        if name == "EMA":
            controls["Adam with b1 = alpha in its place"] = MOMENTUM
        for words, control in controls.items():
            if control in test:
                main = control in (BASELINE, SAME_DECAY[name], found.tuned)
                claim, timed = f"{name} is faster than {words}", seconds if main else {}
                result += _compare(found, name, control, claim, timed, "primary" if main else SIDE)
        if {BASELINE, SAME_DECAY[name]} <= set(test):
            result.append(_share(found, name))
    if {BASELINE, NO_DECAY} <= set(test):
        result += _compare(found, NO_DECAY, BASELINE, "MA without weight decay is faster than the baseline", {})
    if found.tuned and found.filtered:
        claim = "EMA before AdamW, both tuned, is faster than tuned AdamW alone"
        result += _compare(found, found.filtered, found.tuned, claim, seconds)
    for part, name in PARTS.items():
        against = {SAME_DECAY["EMA"]: "the whole gradient"}
        if part == "slow":
            against[PARTS["fast"]] = "the fast part alone"
        for control, words in against.items():
            if {name, control} <= set(test):
                claim = f"The {part} part of the gradient alone is faster than {words}"
                result += _compare(found, name, control, claim, {})
    for name, words in OTHERS.items():
        if {name, BASELINE} <= set(test):
            result += _compare(
                found, name, BASELINE, f"{words} in place of weight decay is faster than the baseline", {}
            )
    return analysis.family(result)


def _compare(
    found: Times, arm: str, control: str, claim: str, seconds: dict[str, tuple[float, float]], role: str = SIDE
) -> list[analysis.Hypothesis]:
    tuned = control == found.tuned
    slow, fast = (found.held_out(name) if tuned else found.test[name] for name in (control, arm))
    ratio, count, unit = analysis.speed_up(slow, fast, paired=True), len(slow.time), "times as fast"
    detail = f"Medians: {ratio.baseline_median:,.0f} and {ratio.arm_median:,.0f} steps, {count} paired seeds."
    if tuned:
        chosen = f"{arm!r} and {control!r} were" if arm == found.filtered else f"{control!r} was"
        detail += f" {chosen} chosen on the other {len(found.judged) - count} seeds."
    elif math.isinf(ratio.baseline_median):
        detail += f" The control is cut off by its budget: at least {ratio.at_least:.3g}."
    claims = [analysis.finding(f"{claim}, in steps.", ratio.interval, low=1.0, unit=unit, detail=detail, role=role)]
    if {arm, control} <= set(seconds):
        before, after = seconds[control], seconds[arm]
        ratio = analysis.speed_up(slow, fast, paired=True, baseline_seconds_per_step=before, arm_seconds_per_step=after)
        detail = f"A step takes {after[0] / before[0]:.3g} times as long as the control's."
        claim = f"{claim}, in seconds."
        claims.append(analysis.finding(claim, ratio.interval, low=1.0, unit=unit, detail=detail, role=SIDE))
    return claims


def _share(found: Times, name: str) -> analysis.Hypothesis:
    controls = [control for control in (SAME_DECAY[name], SCALED_DECAY) if control in found.test]
    baseline, arm, *others = (found.test[each] for each in (BASELINE, name, *controls))
    detail = f"Of medians over paired seeds, in steps; decay alone: the faster of {' and '.join(controls)}."
    if not baseline.observed.all():
        detail += " The baseline is cut off by its budget: a later one only brings the share nearer to 0."
    return analysis.finding(
        f"Most of the speed-up of {name} over the baseline is the filter's, not the weight decay's.",
        analysis.share_of_speed_up(baseline, arm, others),
        low=0.5,
        unit="log speed-up over the decay alone / log speed-up over the baseline",
        detail=detail,
        role=SIDE,
    )


def figure(ds: Dataset) -> Figure:
    """Survival curves of the time to 95 % test accuracy; of the tuned arms the best, on seeds it was not tuned on.

    The arm with smaller batches is left out, since no more than 16 can be told apart.

    Raises:
        ConfigError: no run has a finite time.
    """
    found = times(ds)
    shown = {name: found.test[name] for name in ORDER if name in found.test and name != NOISY}
    shown |= {f"{name}, held-out seeds": found.held_out(name) for name in (found.tuned, found.filtered) if name}
    # A record at step 0, or none at all, has no place on a logarithmic axis.
    known = {name: analysis.select_runs(test, test.time >= 0) for name, test in shown.items() if np.any(test.time >= 0)}
    arms = {name: test._replace(time=np.maximum(test.time, 1.0)) for name, test in known.items()}
    event, note = f"at {ACCURACY:.0%} test accuracy", f"{len(found.judged)} seeds, the same in all arms"
    return survival_curves(arms, event=event, note=note)
