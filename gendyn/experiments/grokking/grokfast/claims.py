"""The baseline; each filter against each control, in steps and, where they were timed, in seconds."""

import json
import math
from typing import Any

import numpy as np

from gendyn.analysis import (
    arrival_times,
    bootstrap,
    finding,
    least_delay_ratio,
    median,
    median_over_seeds,
    median_time,
    share_interval,
    speed_up,
)
from gendyn.experiments.grokking.grokfast.tables import (
    ACCURACY,
    BASELINE,
    DECAY_ONE,
    FILTERS,
    LARGER_RATE,
    MOMENTUM,
    NO_DECAY,
    SAME_DECAY,
    SCALED_DECAY,
    Times,
    times,
)
from gendyn.experiments.grokking.grokfast.timing import SECONDS
from gendyn.types import Dataset, Finding


def verdict(ds: Dataset) -> list[Finding]:
    """Findings on the baseline and on each filter; a comparison with an arm that the results lack is left out."""
    found = times(ds)
    seconds = json.loads(ds.attrs.get(SECONDS, "{}"))
    result = [_baseline(found)] if BASELINE in found.test else []
    for name in (name for name in FILTERS if name in found.test):
        result.append(_success(found, name))
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
            if control in found.test:
                timed = seconds if control in (BASELINE, SAME_DECAY[name], found.tuned) else {}
                result += _compare(found, name, control, f"{name} is faster than {words}", timed)
        if {BASELINE, SAME_DECAY[name]} <= set(found.test):
            result.append(_share(found, name))
    if {BASELINE, NO_DECAY} <= set(found.test):
        result += _compare(found, NO_DECAY, BASELINE, "MA without weight decay is faster than the baseline", {})
    if found.tuned and found.filtered:
        claim = "EMA before AdamW, both tuned, is faster than tuned AdamW alone"
        result += _compare(found, found.filtered, found.tuned, claim, seconds)
    return result


def _compare(found: Times, arm: str, control: str, claim: str, seconds: dict[str, Any]) -> list[Finding]:
    tuned = control == found.tuned
    pair = [found.held_out(name) if tuned else found.test[name] for name in (control, arm)]
    count = len(pair[0].time)
    ratio = speed_up(*pair, paired=True)
    detail = f"Medians: {_steps(ratio.baseline_median)} and {_steps(ratio.arm_median)} steps, {count} paired seeds."
    if tuned:
        chosen = f"{arm!r} and {control!r} were" if arm == found.filtered else f"{control!r} was"
        detail += f" {chosen} chosen on the other {len(found.judged) - count} seeds."
    elif math.isinf(ratio.baseline_median):
        detail += f" The control is cut off by its budget: at least {ratio.at_least:.3g}."
    claims = [finding(f"{claim}, in steps.", ratio.interval, low=1.0, unit="times as fast", detail=detail)]
    if arm in seconds and control in seconds:
        costs = tuple(seconds[control]), tuple(seconds[arm])
        timed = speed_up(*pair, paired=True, baseline_seconds_per_step=costs[0], arm_seconds_per_step=costs[1])
        detail = f"A step takes {costs[1][0] / costs[0][0]:.3g} times as long as the control's."
        claims.append(finding(f"{claim}, in seconds.", timed.interval, low=1.0, unit="times as fast", detail=detail))
    return claims


def _baseline(found: Times) -> Finding:
    train, test = found.train[BASELINE], found.test[BASELINE]
    return finding(
        "The baseline groks: test accuracy comes more than twice as late as training accuracy.",
        median_over_seeds(least_delay_ratio(train, test)),
        low=2.0,
        unit="test / training crossing",
        detail=(
            f"Median over seeds of the least ratio that the records allow; {int(test.observed.sum())} of "
            f"{len(test.time)} arrive."
        ),
    )


def _success(found: Times, name: str) -> Finding:
    test = found.test[name]
    middle = median_time(test.time, test.observed)
    return finding(
        f"{name} generalises in most seeds.",
        share_interval(test.observed),
        low=0.5,
        unit=f"share of seeds that reach {ACCURACY:.0%} test accuracy",
        detail=f"Median step {_steps(middle.estimate)} [{_steps(middle.low)}, {_steps(middle.high)}].",
    )


def _share(found: Times, name: str) -> Finding:
    """How much of the logarithm of the speed-up over the baseline is left against a weight decay without the filter."""
    controls = [control for control in (SAME_DECAY[name], SCALED_DECAY) if control in found.test]
    published = found.test[BASELINE]
    # A baseline that is cut off counts as arriving then: the true share is nearer to 0.
    arrivals = [published.time, *(arrival_times(found.test[arm]) for arm in (name, *controls))]

    def share(*rows: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            baseline, arm, *others = (np.log(median(row)) for row in rows)
            control = np.min(others, axis=0)
            parts = (control - arm) / (baseline - arm)
        # Beyond a budget, or where there is no speed-up to divide, the share is unknown.
        known = np.isfinite(baseline) & np.isfinite(control) & (baseline > arm)
        return np.where(known, parts, np.nan)

    interval, cut = bootstrap(share, *arrivals), ""
    if not published.observed.all():
        interval = interval._replace(low=min(interval.low, 0.0), high=max(interval.high, 0.0))
        cut = " The baseline is cut off by its budget: a later one only brings the share nearer to 0."
    return finding(
        f"Most of the speed-up of {name} over the baseline is the filter's, not the weight decay's.",
        interval,
        low=0.5,
        unit="log speed-up over the decay alone / log speed-up over the baseline",
        detail=f"Of medians over paired seeds, in steps; decay alone: the faster of {' and '.join(controls)}.{cut}",
    )


def _steps(value: float) -> str:
    return f"{value:,.0f}"
