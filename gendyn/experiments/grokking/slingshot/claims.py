"""Presence with Adam and RMSProp; absence at large epsilon, in float64, without either; logits; generalisation."""

import numpy as np

from gendyn import analysis
from gendyn.experiments.grokking.slingshot.tables import ADAM, LOSS_FLOOR, RMSPROP, SCALE, Arm, arms, chosen, others
from gendyn.types import Dataset, Finding

SHARE = 0.5
"""Of runs: most have cycles above it, and a difference above it is one between most and few."""
ACCURACY_GAIN = 0.05


def verdict(ds: Dataset) -> list[Finding]:
    """Each optimizer is held against its own controls; Adagrad and gradient descent against Adam."""
    every = arms(ds)
    small = chosen(every, ADAM)[0]
    found = _own_claims(every, ADAM)
    present = found[0]
    found += [_vanish(small, arm, f"Slingshots do not appear under {arm.name}.", present) for arm in others(every)]
    found += _own_claims(every, RMSPROP)
    for arm in chosen(every, ADAM, "cross_entropy_float64")[:1]:
        found += _float64_claims(ds, small, arm, present)
    return found + [_sooner(small, arm, present) for arm in chosen(every, ADAM, "cross_entropy_float16")]


def _own_claims(every: list[Arm], optimizer: tuple[str, ...]) -> list[Finding]:
    """Cycles at the smallest epsilon, and none at each larger one, nor at the smallest with float64 in the loss."""
    plain, float64 = chosen(every, optimizer), chosen(every, optimizer, "cross_entropy_float64")
    if not plain:
        return []
    small, unit = plain[0], "share of runs with at least one cycle"
    detail = (
        f"{small.has.sum()} of {len(small.runs)} runs have one, {np.sum(small.found.num_cycles >= 2)} at least two; "
        f"{small.cycles}. Exact binomial interval."
    )
    claim = f"{small.name}: most runs go through slingshots."
    present = analysis.finding(claim, analysis.share_interval(small.has), low=SHARE, unit=unit, detail=detail)
    found = [present]
    for arm in (arm for arm in plain if arm.epsilon > small.epsilon):
        found.append(_vanish(small, arm, f"Slingshots vanish at epsilon {arm.epsilon:g} ({arm.name}).", present))
    if float64:
        claim = f"Computing the loss alone in float64 eliminates slingshots ({float64[0].name})."
        rest = [has for other in float64[1:] for has in other.has]
        more = f"With float64 at larger epsilons {sum(rest)} of {len(rest)} runs have one." if rest else ""
        found.append(_vanish(small, float64[0], claim, present, more))
    return found


def _vanish(small: Arm, arm: Arm, claim: str, present: Finding, more: str = "") -> Finding:
    """Fewer runs with a cycle than in ``small``, and whether the arm has been where slingshots begin."""
    lost, lowest, begins = int(arm.diverged.sum()), float(np.median(arm.lowest)), f"begin at {small.begins:.1e}"
    depth = f"Its median lowest loss is {lowest:.1e}"
    if small.has.any() and lowest <= max(small.begins, LOSS_FLOOR):
        depth += f", and the others' cycles {begins}: it was as low"
    elif small.has.any():
        depth += f", while the others' cycles {begins}: it never trained as low, so this does not say why it has none"
    counts = f"{arm.has.sum()} of {len(arm.runs)} runs of {arm.name} have a cycle."
    diverged = f"{lost} diverged and count as having one." if lost else ""
    detail = " ".join(filter(None, (counts, diverged, f"{depth}.", more, "Newcombe's interval.")))
    unit = f"share of runs with a cycle, {small.name} minus {arm.name}"
    share = analysis.difference_of_shares(small.has, arm.has | arm.diverged)
    return analysis.finding(claim, share, low=SHARE, unit=unit, detail=detail, given=(present,))


def _float64_claims(ds: Dataset, small: Arm, arm: Arm, present: Finding) -> list[Finding]:
    """The logits of its runs, and the final test accuracy of the same seeds with slingshots and without."""
    scale, accuracy = analysis.history(ds, SCALE)[arm.runs], 1.0 - analysis.final_values(ds, "test_error")
    growth = analysis.median_over_seeds(np.where(arm.diverged, 0.0, scale[:, -1] / scale[:, scale.shape[1] // 2]))
    claim, unit = "With the loss in float64 the logits still grow.", "logit scale at the end / half way"
    detail = f"Median over seeds; at the end {np.median(scale[:, -1]):.3g}."
    grow = analysis.finding(claim, growth, low=1.0, unit=unit, detail=detail)
    seeds = np.intersect1d(small.seeds, arm.seeds)
    paired, against = (accuracy[one.runs[np.isin(one.seeds, seeds)]] for one in (small, arm))
    medians = " and ".join(f"{np.median(accuracy[one.runs]):.3f}" for one in (small, arm))
    claim = "Runs with slingshots end with a higher test accuracy than those with the loss in float64."
    gain, unit = analysis.median_over_seeds(paired - against), "difference in final test accuracy"
    detail = f"Median over {len(seeds)} pairs of one seed; medians {medians}."
    return [grow, analysis.finding(claim, gain, low=ACCURACY_GAIN, unit=unit, detail=detail, given=(present,))]


def _sooner(small: Arm, half: Arm, present: Finding) -> Finding:
    """Steps to the first cycle, in float32 over in float16."""
    ratio, claim = (
        analysis.speed_up(small.first, half.first),
        "With the loss in float16 the first slingshot comes sooner.",
    )
    unit = f"steps to the first cycle, {small.name} / {half.name}"
    medians = f"Kaplan-Meier medians {ratio.baseline_median:,.0f} and {ratio.arm_median:,.0f}"
    detail = f"{medians}; runs without a cycle are censored."
    return analysis.finding(claim, ratio.interval, low=1.0, unit=unit, detail=detail, given=(present,))
