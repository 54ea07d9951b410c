"""Slingshots: cycles of last-layer growth and loss spikes; which optimizer, epsilon and precision of the loss has them?

Claim: Trained on without weight decay, networks under Adam or RMSProp with a small epsilon pass through cycles: the
last layer grows, the training loss spikes, the norm stays. They need the small epsilon, do not appear under Adagrad or
gradient descent with momentum, and vanish if the loss alone is computed in float64, although the logits go on growing:
they begin where the gradient of float32's softmax is lost to rounding. Test accuracy rises with them.

Refuted if: half of Adam's or of RMSProp's runs or fewer have a cycle; the share with one is not larger by more than one
half than at a larger epsilon, with the loss in float64, under Adagrad or under gradient descent; the logits do not grow
in the last half of Adam's float64 runs; its runs with float64 end as accurate on the test set (to 0.05); with the loss
in float16 the first cycle comes no sooner.

What counts as a cycle is :func:`gendyn.analysis.find_slingshots`, with losses below float32's resolution at 1
(``2^-23``) counted as that: a spike from 1e-14 to 1e-11 is none. An arm that never trains down to the loss at which the
others' cycles begin shows that it has none, not why; the detail of each finding says so, and so does the lowest panel.

Found by the default (modulus 23, one hidden layer of 64, 8 seeds an arm, each with its own split): at epsilon 1e-8 Adam
and RMSProp have cycles in 8 of 8 runs, about 6 in 10,000 steps, 1,300 and 1,131 steps apart (medians), with spikes of
the loss to about 1. Adam's last layer grows from 45 to about 160 before the first and little after, RMSProp's from 41
to 65 over all of them. None of 8 runs has one at any epsilon of 1e-6 or above, at any epsilon with the loss in float64,
with StableMax, under Adagrad or under gradient descent. Only the arms at 1e-8 and 1e-6 train as low as where cycles
begin; at larger epsilons, with StableMax, Adagrad and gradient descent the loss stays 6 to 1,000 times higher, so these
do not tell the cause. With float16 in the loss cycles begin 2.0 times sooner, with bfloat16 they come too. In float64
the logits grow on, by 3 % in the last half. Generalisation does not follow here: the same 79 % median test accuracy
with and without (78 % are pairs whose mirror image was trained on); StableMax, without slingshots, has 85 %. With two
hidden layers instead of one (a trial of two seeds) cycles appear at 1e-6 as well, so where along epsilon they vanish
depends on the network. The shares of float32 and of all arms without cycles are the same if any number of the detector
is halved or doubled; how many cycles follow the first is not: they add about 2 % to the norm, and with growth = 0.05
Adam's first alone counts.

Cost: the default, 168 runs of 10,000 steps with 401 records, took 401 s of CPU time and 470 s of wall time on two
x86-64 cores shared with more than their own load.

Reference: Thilak et al. (2022), The slingshot mechanism, arXiv:2206.04817, section 3 and appendix (optimizers and
epsilon); arXiv:2605.06152 (2026; the loss in float64).
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gendyn import sweep
from gendyn.analysis import (
    UNFINISHED,
    Crossing,
    Interval,
    Slingshots,
    bootstrap,
    config_of,
    final_values,
    find_slingshots,
    finding,
    history,
    record_steps,
    run_status,
    speed_up,
)
from gendyn.core import ConfigError
from gendyn.plots.slingshot_cycles import MAX_SHOWN, ArmShares, ShownRun, slingshot_cycles
from gendyn.types import Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

NORM = "last_layer_norm/norm"
SCALE = "logit_scale/scale"
LOSS_FLOOR = 2.0**-23
LEVEL = 0.9
SHARE = 0.5
"""Of runs: most have cycles above it, and a difference above it is one between most and few."""
ACCURACY_GAIN = 0.05


class Arm(NamedTuple):
    """One arm: what it sets, its runs that finished (or diverged), and what was found in them."""

    name: str
    leaves: Mapping[str, Any]
    runs: np.ndarray
    """int ``[S]``, in the order of their seeds."""
    seeds: np.ndarray
    found: Slingshots


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Runs or resumes the sweep that the config describes."""
    return sweep.run(config, workdir=workdir)


def arms(ds: "xarray.Dataset") -> list[Arm]:
    """The arms in the order of the config, with their slingshots.

    Raises:
        ConfigError: the sweep has no axis ``arm``, or its config does not say what the arms set.
    """
    config = config_of(ds)
    listed = {name: dict(leaves) for name, leaves in config.get("arms", ())}
    if "arm" not in ds.coords or not listed:
        raise ConfigError("the dataset has no axis 'arm'; sweep over arms, as configs/grokking/slingshot.py does.")
    loss = np.maximum(history(ds, "train_loss"), LOSS_FLOOR)
    norm, steps, status = history(ds, NORM), record_steps(ds), run_status(ds)
    result = []
    for name, leaves in listed.items():
        rows = np.flatnonzero((ds["arm"].values == name) & (status != UNFINISHED))
        if len(rows):
            rows = rows[np.argsort(ds["seed"].values[rows], kind="stable")]
            found = find_slingshots(steps[rows], norm[rows], loss[rows])
            result.append(Arm(name, _Leaves(config, leaves), rows, ds["seed"].values[rows], found))
    return result


class _Leaves(dict[str, Any]):
    """What an arm sets, and the config's own value for any other leaf."""

    def __init__(self, config: Mapping[str, Any], leaves: Mapping[str, Any]) -> None:
        super().__init__(leaves)
        self._config = config

    def __missing__(self, name: str) -> Any:
        value: Any = self._config
        for part in name.split("."):
            value = value[part]
        return value


def figure(ds: "xarray.Dataset") -> "Figure":
    """One seed of Adam, of Adam with float64 in the loss, of RMSProp and of gradient descent; shares of all arms."""
    every = arms(ds)
    adam, rmsprop, others = _roles(every)
    steps, loss, norm = record_steps(ds), history(ds, "train_loss"), history(ds, NORM)
    compared = [adam.small, *adam.float64[:1], *([rmsprop.small] if rmsprop else []), *others[::-1], adam.larger[-1]]
    shown = []
    for arm in compared[:MAX_SHOWN]:
        row = arm.runs[0]
        known = np.isfinite(steps[row])
        shown.append(
            ShownRun(arm.name, steps[row][known], loss[row][known], norm[row][known], np.asarray(arm.found.steps[0]))
        )
    accuracy = 1.0 - final_values(ds, "test_error")
    shares = [
        ArmShares(
            arm.name, _share(_has(arm)), float(np.mean(arm.found.num_cycles >= 2)), accuracy[arm.runs], _lowest(ds, arm)
        )
        for arm in every
    ]
    note = "; ".join(f"{arm.name}: {_cycles(arm)}" for arm in [adam.small, *([rmsprop.small] if rmsprop else [])])
    return slingshot_cycles(shown, shares, floor=LOSS_FLOOR, note=note)


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Presence with Adam and RMSProp; absence at large epsilon, in float64, without either; logits; generalisation."""
    adam, rmsprop, others = _roles(arms(ds))
    present = _present(adam.small)
    found = [present, *_absent(ds, adam, present)]
    found += [_vanish(ds, adam.small, arm, f"Slingshots do not appear under {arm.name}.", present) for arm in others]
    if rmsprop:
        also = _present(rmsprop.small)
        found += [also, *_absent(ds, rmsprop, also)]
    for arm in adam.float64[:1]:
        found.append(_logits_grow(ds, arm))
        found.append(_generalisation(ds, adam.small, arm, present))
    found += [_sooner(ds, adam.small, arm, present) for arm in adam.float16]
    return found


class _Adaptive(NamedTuple):
    """The arms of one optimizer that has an epsilon, each list by epsilon, ascending."""

    small: Arm
    """The smallest epsilon, with the loss in float32."""
    larger: list[Arm]
    float64: list[Arm]
    float16: list[Arm]


def _roles(every: list[Arm]) -> tuple[_Adaptive, _Adaptive | None, list[Arm]]:
    """Adam's arms, RMSProp's where there are any, and those expected to have no cycles, told by what they set."""
    adam, rmsprop = (
        _adaptive([arm for arm in every if arm.leaves["optim.name"] in names])
        for names in (("adam", "adamw"), ("rmsprop",))
    )
    if adam is None or not adam.larger:
        raise ConfigError(
            "no two arms with Adam, loss = 'cross_entropy' and different values of optim.eps have results; the claims "
            "compare them."
        )
    others = [
        arm
        for name in ("adagrad", "sgd")
        for arm in every
        if arm.leaves["optim.name"] == name and arm.leaves["loss"] == "cross_entropy"
    ]
    return adam, rmsprop, others


def _adaptive(of_one: list[Arm]) -> _Adaptive | None:
    plain, float64, float16 = (
        sorted((arm for arm in of_one if arm.leaves["loss"] == loss), key=lambda arm: float(arm.leaves["optim.eps"]))
        for loss in ("cross_entropy", "cross_entropy_float64", "cross_entropy_float16")
    )
    if not plain:
        return None
    smallest = plain[0].leaves["optim.eps"]
    return _Adaptive(plain[0], [arm for arm in plain if arm.leaves["optim.eps"] > smallest], float64, float16)


def _cycles(arm: Arm) -> str:
    """How many cycles its runs have, and how far apart."""
    periods = arm.found.period[np.isfinite(arm.found.period)]
    apart = f", {np.median(periods):,.0f} steps apart" if len(periods) else ""
    return f"median {np.median(arm.found.num_cycles):g} cycles a run{apart}"


def _present(arm: Arm) -> Finding:
    return finding(
        f"{arm.name}: most runs go through slingshots.",
        _share(_has(arm)),
        low=SHARE,
        unit="share of runs with at least one cycle",
        detail=(
            f"{int(_has(arm).sum())} of {len(arm.runs)} runs have one, {int(np.sum(arm.found.num_cycles >= 2))} at "
            f"least two; {_cycles(arm)}. Exact binomial interval."
        ),
    )


def _absent(ds: "xarray.Dataset", optimizer: _Adaptive, present: Finding) -> list[Finding]:
    """Without slingshots: each larger epsilon, and float64 in the loss at the smallest."""
    small = optimizer.small
    found = [
        _vanish(ds, small, arm, f"Slingshots vanish at epsilon {arm.leaves['optim.eps']:g} ({arm.name}).", present)
        for arm in optimizer.larger
    ]
    for arm in optimizer.float64[:1]:
        claim = f"Computing the loss alone in float64 eliminates slingshots ({arm.name})."
        rest = np.concatenate([_has(other) for other in optimizer.float64[1:]] or [np.zeros(0, bool)])
        more = f"With float64 at larger epsilons {int(rest.sum())} of {len(rest)} runs have one." if len(rest) else ""
        found.append(_vanish(ds, small, arm, claim, present, more))
    return found


def _vanish(ds: "xarray.Dataset", small: Arm, arm: Arm, claim: str, present: Finding, more: str = "") -> Finding:
    detail = (
        f"{int(_has(arm).sum())} of {len(arm.runs)} runs of {arm.name} have a cycle.",
        _depth(ds, arm, _begins(ds, small)),
        more,
        "Newcombe's interval.",
    )
    return finding(
        claim,
        _difference(_has(small), _has(arm)),
        low=SHARE,
        unit=f"share of runs with a cycle, {small.name} minus {arm.name}",
        detail=" ".join(filter(None, detail)),
        given=(present,),
    )


def _has(arm: Arm) -> np.ndarray:
    return np.asarray(arm.found.num_cycles >= 1)


def _lowest(ds: "xarray.Dataset", arm: Arm) -> np.ndarray:
    loss = history(ds, "train_loss")[arm.runs]
    return np.asarray(np.min(np.where(np.isfinite(loss), loss, np.inf), axis=1))


def _begins(ds: "xarray.Dataset", arm: Arm) -> float:
    """Median over runs of the lowest training loss before the first cycle's spike; NaN if no run has one."""
    loss, steps = history(ds, "train_loss"), record_steps(ds)
    before = [
        np.min(loss[row][steps[row] < at[0]]) for row, at in zip(arm.runs, arm.found.steps, strict=True) if len(at)
    ]
    return float(np.median(before)) if before else math.nan


def _depth(ds: "xarray.Dataset", arm: Arm, begins: float) -> str:
    """Whether an arm has been where slingshots begin."""
    lowest = float(np.median(_lowest(ds, arm)))
    if math.isnan(begins):
        return f"Its median lowest loss is {lowest:.1e}."
    if lowest <= max(begins, LOSS_FLOOR):
        return f"Its median lowest loss is {lowest:.1e}, and the others' cycles begin at {begins:.1e}: it was as low."
    return (
        f"Its median lowest loss is {lowest:.1e}, while the others' cycles begin at {begins:.1e}: it never trained as "
        "low, so this does not say why it has none."
    )


def _logits_grow(ds: "xarray.Dataset", arm: Arm) -> Finding:
    scale = history(ds, SCALE)[arm.runs]
    growth = scale[:, -1] / scale[:, scale.shape[1] // 2]
    return finding(
        "With the loss in float64 the logits still grow.",
        bootstrap(lambda rows: np.median(rows, axis=1), growth[np.isfinite(growth)], level=LEVEL)
        if np.isfinite(growth).any()
        else _nothing(),
        low=1.0,
        unit="logit scale at the end / half way",
        detail=f"Median over seeds; at the end {np.median(scale[:, -1]):.3g}.",
    )


def _generalisation(ds: "xarray.Dataset", small: Arm, control: Arm, present: Finding) -> Finding:
    """Final test accuracy of the same seeds, with slingshots and without."""
    accuracy = 1.0 - final_values(ds, "test_error")
    seeds = np.intersect1d(small.seeds, control.seeds)
    rows = [arm.runs[np.isin(arm.seeds, seeds)] for arm in (small, control)]
    gain = accuracy[rows[0]] - accuracy[rows[1]]
    return finding(
        "Runs with slingshots end with a higher test accuracy than those with the loss in float64.",
        bootstrap(lambda values: np.median(values, axis=1), gain, level=LEVEL) if len(gain) else _nothing(),
        low=ACCURACY_GAIN,
        unit="difference in final test accuracy",
        detail=(
            f"Median over {len(seeds)} pairs of one seed; medians {np.median(accuracy[small.runs]):.3f} and "
            f"{np.median(accuracy[control.runs]):.3f}."
        ),
        given=(present,),
    )


def _sooner(ds: "xarray.Dataset", small: Arm, half: Arm, present: Finding) -> Finding:
    """Steps to the first cycle, in float32 over in float16."""
    ratio = speed_up(_first(ds, small), _first(ds, half), level=LEVEL)
    return finding(
        "With the loss in float16 the first slingshot comes sooner.",
        ratio.interval,
        low=1.0,
        unit=f"steps to the first cycle, {small.name} / {half.name}",
        detail=(
            f"Kaplan-Meier medians {ratio.baseline_median:,.0f} and {ratio.arm_median:,.0f}; runs without a cycle are "
            "censored."
        ),
        given=(present,),
    )


def _first(ds: "xarray.Dataset", arm: Arm) -> Crossing:
    """The record at which each run's first cycle has its spike, and the one before."""
    steps = record_steps(ds)[arm.runs]
    last = np.nanmax(steps, axis=1)
    time = np.array([at[0] if len(at) else end for at, end in zip(arm.found.steps, last, strict=True)])
    previous = np.nanmax(np.where(steps < time[:, None], steps, 0.0), axis=1)
    return Crossing(time, np.where(_has(arm), previous, time), _has(arm))


def _share(has: np.ndarray) -> Interval:
    """Clopper and Pearson's exact interval."""
    from scipy.stats import binomtest

    low, high = binomtest(int(has.sum()), len(has)).proportion_ci(LEVEL)
    return Interval(float(has.mean()), float(low), float(high), LEVEL, 1.0)


def _difference(first: np.ndarray, second: np.ndarray, level: float = LEVEL) -> Interval:
    """Newcombe's interval of a difference of shares: the two Wilson intervals, their distances added in squares.

    Reference: Newcombe (1998), Interval estimation for the difference between independent proportions, method 10.
    """
    from scipy.stats import binomtest

    shares = [float(has.mean()) for has in (first, second)]
    (low, high), (other_low, other_high) = (
        binomtest(int(has.sum()), len(has)).proportion_ci(level, method="wilson") for has in (first, second)
    )
    difference = shares[0] - shares[1]
    below = math.hypot(shares[0] - low, other_high - shares[1])
    above = math.hypot(high - shares[0], shares[1] - other_low)
    return Interval(difference, difference - below, difference + above, level, 1.0)


def _nothing() -> Interval:
    return Interval(math.nan, -math.inf, math.inf, LEVEL, 0.0)
