"""Presence with Adam and RMSProp; absence at large epsilon, in float64, without either; logits; generalisation."""

import math

import numpy as np

from gendyn.analysis import (
    Crossing,
    difference_of_shares,
    final_values,
    finding,
    history,
    median_over_seeds,
    record_steps,
    share_interval,
    speed_up,
)
from gendyn.experiments.grokking.slingshot.tables import LOSS_FLOOR, Adaptive, Arm, roles
from gendyn.types import Dataset, Finding

SCALE = "logit_scale/scale"
SHARE = 0.5
"""Of runs: most have cycles above it, and a difference above it is one between most and few."""
ACCURACY_GAIN = 0.05


def verdict(ds: Dataset) -> list[Finding]:
    """Each optimizer is held against its own controls; Adagrad and gradient descent against Adam."""
    _, adam, rmsprop, others = roles(ds)
    present, begins = _present(adam.small), _begins(ds, adam.small)
    found = [present, *_absent(adam, present, begins)]
    for arm in others:
        claim = f"Slingshots do not appear under {arm.name}."
        found.append(_vanish(adam.small, arm, claim, present, begins))
    if rmsprop:
        also = _present(rmsprop.small)
        found += [also, *_absent(rmsprop, also, _begins(ds, rmsprop.small))]
    for arm in adam.float64[:1]:
        found += [_logits_grow(ds, arm), _generalisation(ds, adam.small, arm, present)]
    return found + [_sooner(ds, adam.small, arm, present) for arm in adam.float16]


def _present(arm: Arm) -> Finding:
    return finding(
        f"{arm.name}: most runs go through slingshots.",
        share_interval(arm.has),
        low=SHARE,
        unit="share of runs with at least one cycle",
        detail=(
            f"{int(arm.has.sum())} of {len(arm.runs)} runs have one, {int(np.sum(arm.found.num_cycles >= 2))} at "
            f"least two; {arm.cycles}. Exact binomial interval."
        ),
    )


def _absent(optimizer: Adaptive, present: Finding, begins: float) -> list[Finding]:
    """Without slingshots: each larger epsilon, and float64 in the loss at the smallest."""
    small = optimizer.small
    found = []
    for arm in optimizer.larger:
        claim = f"Slingshots vanish at epsilon {arm.epsilon:g} ({arm.name})."
        found.append(_vanish(small, arm, claim, present, begins))
    for arm in optimizer.float64[:1]:
        claim = f"Computing the loss alone in float64 eliminates slingshots ({arm.name})."
        rest = np.concatenate([other.has for other in optimizer.float64[1:]] or [np.zeros(0, bool)])
        more = f"With float64 at larger epsilons {int(rest.sum())} of {len(rest)} runs have one." if len(rest) else ""
        found.append(_vanish(small, arm, claim, present, begins, more))
    return found


def _vanish(small: Arm, arm: Arm, claim: str, present: Finding, begins: float, more: str = "") -> Finding:
    lost = int(arm.diverged.sum())
    detail = (
        f"{int(arm.has.sum())} of {len(arm.runs)} runs of {arm.name} have a cycle.",
        f"{lost} diverged and count as having one." if lost else "",
        _depth(float(np.median(arm.lowest)), begins),
        more,
        "Newcombe's interval.",
    )
    return finding(
        claim,
        difference_of_shares(small.has, arm.at_worst),
        low=SHARE,
        unit=f"share of runs with a cycle, {small.name} minus {arm.name}",
        detail=" ".join(filter(None, detail)),
        given=(present,),
    )


def _begins(ds: Dataset, arm: Arm) -> float:
    """Median over runs of the lowest training loss before the first cycle's spike; NaN if no run has one."""
    loss, steps = history(ds, "train_loss"), record_steps(ds)
    before = [
        np.min(loss[row][steps[row] < at[0]]) for row, at in zip(arm.runs, arm.found.steps, strict=True) if len(at)
    ]
    return float(np.median(before)) if before else math.nan


def _depth(lowest: float, begins: float) -> str:
    """Whether an arm has been where slingshots begin."""
    if math.isnan(begins):
        return f"Its median lowest loss is {lowest:.1e}."
    if lowest <= max(begins, LOSS_FLOOR):
        return f"Its median lowest loss is {lowest:.1e}, and the others' cycles begin at {begins:.1e}: it was as low."
    return (
        f"Its median lowest loss is {lowest:.1e}, while the others' cycles begin at {begins:.1e}: it never trained as "
        "low, so this does not say why it has none."
    )


def _logits_grow(ds: Dataset, arm: Arm) -> Finding:
    scale = history(ds, SCALE)[arm.runs]
    growth = scale[:, -1] / scale[:, scale.shape[1] // 2]
    return finding(
        "With the loss in float64 the logits still grow.",
        median_over_seeds(np.where(arm.diverged, 0.0, growth)),
        low=1.0,
        unit="logit scale at the end / half way",
        detail=f"Median over seeds; at the end {np.median(scale[:, -1]):.3g}.",
    )


def _generalisation(ds: Dataset, small: Arm, control: Arm, present: Finding) -> Finding:
    """Final test accuracy of the same seeds, with slingshots and without."""
    accuracy = 1.0 - final_values(ds, "test_error")
    seeds = np.intersect1d(small.seeds, control.seeds)
    paired, against = (accuracy[arm.runs[np.isin(arm.seeds, seeds)]] for arm in (small, control))
    return finding(
        "Runs with slingshots end with a higher test accuracy than those with the loss in float64.",
        median_over_seeds(paired - against),
        low=ACCURACY_GAIN,
        unit="difference in final test accuracy",
        detail=(
            f"Median over {len(seeds)} pairs of one seed; medians {np.median(accuracy[small.runs]):.3f} and "
            f"{np.median(accuracy[control.runs]):.3f}."
        ),
        given=(present,),
    )


def _sooner(ds: Dataset, small: Arm, half: Arm, present: Finding) -> Finding:
    """Steps to the first cycle, in float32 over in float16."""
    ratio = speed_up(_first(ds, small), _first(ds, half))
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


def _first(ds: Dataset, arm: Arm) -> Crossing:
    """The record at which each run's first cycle has its spike, and the one before."""
    steps = record_steps(ds)[arm.runs]
    last = np.nanmax(steps, axis=1)
    time = np.array([at[0] if len(at) else end for at, end in zip(arm.found.steps, last, strict=True)])
    previous = np.nanmax(np.where(steps < time[:, None], steps, 0.0), axis=1)
    time = np.where(arm.diverged & ~arm.has, np.inf, time)  # never
    return Crossing(time, np.where(arm.has, previous, time), arm.has)
