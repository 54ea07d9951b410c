"""Grokfast against every control: how much of the speed-up is the filter's?

Claim: Adding the slow part of the gradient (its moving average, exponential or over a window) to the gradient makes
networks generalise sooner. The published comparison gives the filtered runs a weight decay that the baseline lacks, so
the filter is judged here also against the same optimizer and weight decay without it, against plainer things in its
place (a learning rate ``1 + lamb`` times as large, Adam's ``b1 = alpha``), and against AdamW tuned without a filter.

Refuted if: the interval of the speed-up (median steps to 95 % test accuracy of the control over those of the filtered
runs) lies below 1; separately for each control, in steps and, where they were timed, in seconds.

Weight decay is coupled here: it is added to the gradient that the filter has amplified up to ``1 + lamb`` times, so
that Adam sees that much less of it than without the filter. Hence a second control of the same decay, divided by ``1 +
lamb``; it is one for both filters, since 0.005 / 3 = 0.01 / 6 (published) as 0.0005 / 3 = 0.001 / 6 (here). "Most of
the speed-up is the filter's" is about logarithms: that of the speed-up over the faster of these two is more than half
of that over the baseline.

Seeds are paired: the same number is the same split and the same initial weights in every arm. Tuned AdamW is the tuned
arm with the smallest median on the first third of the seeds, and is compared on the others alone.

Cost: the default, 336 runs of 12,000 steps with 161 records, and the timing of their steps, took 214 s of CPU time and
325 s of wall time on two shared x86-64 cores. Found there, in times as fast [90 %]: over the baseline EMA 2.09 [1.86,
3.18] and MA 2.65 [2.29, 4.02]; over the same decay without the filter EMA 0.84 [0.74, 0.94] and MA 5.6 [2.3, 8.1], but
over that decay divided by ``1 + lamb`` 1.30 [1.19, 1.51] and 1.65 [1.43, 1.91]; over tuned AdamW 0.12 [0.10, 0.13] and
0.14 [0.12, 0.17]. So a decay without a filter is worth all of EMA's and half of MA's speed-up over the baseline, and
AdamW with a tuned learning rate and decay is seven to nine times as fast as either. EMA before AdamW, tuned alike, does
not help it either: 0.79 [0.66, 0.94]. These arms were added when all others had been seen.

Reference: Lee, Kang, Kim & Lee (2024), Grokfast, arXiv:2405.20233; Lee et al.'s single runs at full size took 39,890
steps without, 910 with the exponential and 790 with the windowed average.
"""

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gendyn import store, sweep
from gendyn.analysis import (
    DIVERGED,
    Crossing,
    Interval,
    bootstrap,
    finding,
    grid,
    history,
    median_time,
    record_steps,
    run_status,
    speed_up,
    time_to_threshold,
)
from gendyn.core import ConfigError
from gendyn.plots import Arm, survival_curves
from gendyn.sweep import time_steps
from gendyn.types import Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

AXES = ("arm", "seed")
BASELINE = "Adam, no decay"
FILTERS = ("EMA", "MA")
SAME_DECAY = {name: f"no {name}, same decay" for name in FILTERS}
SCALED_DECAY = "no filter, decay / (1 + lamb)"
LARGER_RATE = {name: f"no {name}, rate x (1 + lamb)" for name in FILTERS}
MOMENTUM = "no EMA, b1 = alpha"
NO_DECAY = "MA, no decay"
DECAY_ONE = "AdamW, decay 1"
TUNED = "tuned AdamW"
"""Names of arms; those of the tuned ones begin with the last. Weight decay 1 is a candidate too."""
ON_TUNED = "EMA on "
"""Before the name of a candidate: the same optimizer behind the filter."""
ACCURACY = 0.95
LEVEL = 0.9
TUNING_SHARE = 1.0 / 3.0
SECONDS = "seconds_per_step"
"""The attribute of the results with ``{arm: [mean, standard error]}``, in JSON."""


class Arms(NamedTuple):
    """The runs of every arm, seeds in one order."""

    test: dict[str, Crossing]
    train: dict[str, Crossing]
    seeds: np.ndarray
    """``[S]``: those that every arm has."""
    tuned: str
    """The tuned arm that was fastest on the tuning seeds; empty where there is none."""
    filtered: str
    """Likewise of the same candidates behind the filter."""
    judged: np.ndarray
    """bool ``[S]``: seeds that the tuning did not see."""


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Runs or resumes the sweep that the config describes, and times a step of every arm once."""
    sweep.run(config, workdir=workdir)
    after_sweep(config, workdir)
    return store.open(workdir)


def after_sweep(config: "ml_collections.ConfigDict", workdir: str) -> None:
    """Stores the seconds per step of every arm as an attribute of the results in ``workdir``.

    All are timed together, and once: a sweep that goes on with the same arms keeps them.
    """
    folder = store.open_workdir(workdir)
    known = json.loads(store.read_plan(folder).get("attributes", {}).get(SECONDS, "{}"))
    wanted = dict(config.axes).get("arm", ())
    if set(wanted) <= set(known):
        return
    arms = tuple(dict.fromkeys([*(arm for arm in known if arm in dict(config.arms)), *wanted]))
    seconds = json.dumps(known | time_steps(config, arms))
    with store.lock(folder):
        plan = store.read_plan(folder)
        plan["attributes"] = plan.get("attributes", {}) | {SECONDS: seconds}
        store.write_plan(folder, plan)


def collect(ds: "xarray.Dataset") -> Arms:
    """When the runs of each arm reach 95 %, and which tuned arm is the best.

    A diverged run never arrives; one under way, or at the end of its budget, is censored.

    Raises:
        ConfigError: the dataset has no arms, or no seed that all arms have.
    """
    layout = grid(ds, AXES)
    names = [str(name) for name in layout.axes["arm"]]
    missing = layout.runs < 0
    whole = ~missing.any(axis=0)
    if not whole.any():
        raise ConfigError("no seed has a run in every arm; give all arms the same seeds.")
    crossings = [
        time_to_threshold(record_steps(ds), 1.0 - history(ds, name), ACCURACY, never=run_status(ds) == DIVERGED)
        for name in ("train_error", "test_error")
    ]
    train, test = (
        {name: _rows(crossing, row[whole]) for name, row in zip(names, layout.runs, strict=True)}
        for crossing in crossings
    )
    seeds = layout.axes["seed"][whole]
    tuning = np.arange(len(seeds)) < math.ceil(TUNING_SHARE * len(seeds))

    def best(*prefixes: str) -> str:
        candidates = [name for name in names if name.startswith(prefixes)]
        return min(candidates, key=lambda name: _speed(_rows(test[name], np.flatnonzero(tuning))), default="")

    return Arms(test, train, seeds, best(TUNED, DECAY_ONE), best(ON_TUNED), ~tuning)


def figure(ds: "xarray.Dataset") -> "Figure":
    """Survival curves of the time to 95 % test accuracy; of the tuned arms the best, on seeds it was not tuned on."""
    found = collect(ds)
    shown = [name for name in _order(found) if name in found.test]
    arms = [Arm(name, found.test[name].time, found.test[name].observed) for name in shown]
    for name in filter(None, (found.tuned, found.filtered)):
        best = _rows(found.test[name], np.flatnonzero(found.judged))
        arms.append(Arm(f"{name}, held-out seeds", best.time, best.observed))
    # A record at step 0, or none at all, has no place on a logarithmic axis.
    arms = [
        Arm(a.label, np.maximum(a.times[known], 1.0), a.observed[known]) for a in arms if any(known := a.times >= 0)
    ]
    return survival_curves(
        arms,
        level=LEVEL,
        event=f"at {ACCURACY:.0%} test accuracy",
        note=f"{len(found.seeds)} seeds, the same in all arms",
    )


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """The baseline, then each filter against each control in steps; where timed, the main ones in seconds too.

    A comparison with an arm that the results lack is left out.
    """
    found = collect(ds)
    seconds = json.loads(ds.attrs.get(SECONDS, "{}"))
    result = []
    if BASELINE in found.test:
        result.append(_baseline(found))
    for name in (name for name in FILTERS if name in found.test):
        result.append(_success(found, name))
        controls = {
            "the published baseline (Adam, no weight decay)": BASELINE,
            "the same weight decay without the filter": SAME_DECAY[name],
            "the same weight decay relative to the amplified gradient without the filter": SCALED_DECAY,
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


def _compare(found: Arms, arm: str, control: str, claim: str, seconds: dict[str, Any]) -> list[Finding]:
    rows = np.flatnonzero(found.judged if control == found.tuned else np.ones(len(found.seeds), bool))
    pair = _rows(found.test[control], rows), _rows(found.test[arm], rows)
    ratio = speed_up(*pair, paired=True, level=LEVEL)
    detail = f"Medians: {_steps(ratio.baseline_median)} and {_steps(ratio.arm_median)} steps, {len(rows)} paired seeds."
    if control == found.tuned:
        chosen = f"{arm!r} and {control!r} were" if arm == found.filtered else f"{control!r} was"
        detail += f" {chosen} chosen on the other {len(found.seeds) - len(rows)} seeds."
    elif math.isinf(ratio.baseline_median):
        detail += f" The control is cut off by its budget: at least {ratio.at_least:.3g}."
    claims = [finding(f"{claim}, in steps.", ratio.interval, low=1.0, unit="times as fast", detail=detail)]
    if arm in seconds and control in seconds:
        costs = tuple(seconds[control]), tuple(seconds[arm])
        timed = speed_up(
            *pair, paired=True, level=LEVEL, baseline_seconds_per_step=costs[0], arm_seconds_per_step=costs[1]
        )
        detail = f"A step takes {costs[1][0] / costs[0][0]:.3g} times as long as the control's."
        claims.append(finding(f"{claim}, in seconds.", timed.interval, low=1.0, unit="times as fast", detail=detail))
    return claims


def _baseline(found: Arms) -> Finding:
    train, test = found.train[BASELINE], found.test[BASELINE]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(train.observed, np.maximum(test.previous, 0.0) / train.time, np.nan)
    return finding(
        "The baseline groks: test accuracy comes more than twice as late as training accuracy.",
        bootstrap(lambda rows: np.median(rows, axis=1), ratios, level=LEVEL),
        low=2.0,
        unit="test / training crossing",
        detail=f"Median over seeds, the least that records allow; {int(test.observed.sum())} of {len(ratios)} arrive.",
    )


def _success(found: Arms, name: str) -> Finding:
    from scipy.stats import binomtest

    test = found.test[name]
    count, total = int(test.observed.sum()), len(test.time)
    low, high = binomtest(count, total).proportion_ci(LEVEL)
    middle = median_time(test.time, test.observed, level=LEVEL)
    return finding(
        f"{name} generalises in most seeds.",
        Interval(count / total, float(low), float(high), LEVEL, 1.0),
        low=0.5,
        unit=f"share of seeds that reach {ACCURACY:.0%} test accuracy",
        detail=f"Median step {_steps(middle.estimate)} [{_steps(middle.low)}, {_steps(middle.high)}].",
    )


def _share(found: Arms, name: str) -> Finding:
    """How much of the logarithm of the speed-up over the baseline is left against a weight decay without the filter."""
    controls = [control for control in (SAME_DECAY[name], SCALED_DECAY) if control in found.test]
    published = found.test[BASELINE]
    crossings = [found.test[arm] for arm in (name, *controls)]
    # A baseline that is cut off counts as arriving then: the true share is nearer to 0.
    times = [published.time, *(np.where(crossing.observed, crossing.time, np.inf) for crossing in crossings)]

    def share(*rows: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            baseline, arm, *others = (np.log(np.median(row, axis=1)) for row in rows)
            control = np.min(others, axis=0)
            parts = (control - arm) / (baseline - arm)
        # Beyond a budget, or where there is no speed-up to divide, the share is unknown.
        known = np.isfinite(baseline) & np.isfinite(control) & (baseline > arm)
        return np.where(known, parts, np.nan)

    interval = bootstrap(share, *times, level=LEVEL)
    cut = ""
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


def _order(found: Arms) -> list[str]:
    controls = [*SAME_DECAY.values(), SCALED_DECAY, *LARGER_RATE.values(), MOMENTUM]
    return [BASELINE, *FILTERS, *controls, NO_DECAY, DECAY_ONE]


def _rows(crossing: Crossing, rows: np.ndarray) -> Crossing:
    return Crossing(*(field[rows] for field in crossing))


def _speed(crossing: Crossing) -> tuple[float, float]:
    """What tuning minimises: the median, and where it is the same the mean of what was seen."""
    times = np.where(crossing.observed, crossing.time, np.inf)
    return float(np.sort(times)[len(times) // 2]), float(np.mean(crossing.time))


def _steps(value: float) -> str:
    return f"{value:,.0f}"
