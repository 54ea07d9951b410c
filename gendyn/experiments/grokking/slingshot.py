"""Slingshots: cycles of last-layer growth and loss spikes; which optimizer, epsilon and precision of the loss has them?

Claim: Trained on without weight decay, networks under Adam or RMSProp with a small epsilon pass through cycles: the
last layer grows, the training loss spikes, the norm stays. They need the small epsilon, do not appear under Adagrad or
gradient descent with momentum, and vanish if the loss alone is computed in float64, although the logits go on growing:
they begin where the gradient of float32's softmax is lost to rounding. Test accuracy rises with them.

Refuted if: half of Adam's or of RMSProp's runs or fewer have a cycle; the share with one is not larger by more than one
half than at a larger epsilon, with the loss in float64, under Adagrad or under gradient descent; the logits do not grow
by a hundredth in the last half of Adam's float64 runs (medians of three records, so that one record's scatter is no
growth); its runs with float64 end as accurate on the test set (to 0.05); with the loss in float16 the first cycle comes
no sooner. That cycles vanish, or that logits grow without them, presupposes that they are there.

Primary claims: Adam's cycles at its smallest epsilon, that they vanish at the next larger one and with the loss in
float64, and the test accuracy.

What counts as a cycle is :func:`gendyn.analysis.find_slingshots`, with losses below float32's resolution at 1
(``2^-23``) counted as that: a spike from 1e-14 to 1e-11 is none. An arm that never trains down to the loss at which the
others' cycles begin shows that it has none, not why; the detail of each finding says so, and so does the lowest panel.
A run that diverged counts against every claim: where cycles should be, only those before it count; where none should
be, it counts as having one; its logits count as not growing.

Halving or doubling any number of the detector leaves the shares of float32 and of all arms without cycles as they are,
but not how many cycles follow the first. The learning rates and the second-moment decay were chosen by trials (see the
config), so that cycles appear within the budget: their share is about these settings.

Reference: Thilak et al. (2022), The slingshot mechanism, arXiv:2206.04817, section 3 and appendix (optimizers and
epsilon); arXiv:2605.06152 (2026; the loss in float64).
"""

from typing import Any, NamedTuple

import numpy as np

from gendyn import analysis
from gendyn.core import ConfigError
from gendyn.plots import Curve, Panel, Rows, draw_panels, median_rows, style
from gendyn.types import Axes, Dataset, Figure, Finding

NORM, SCALE = "last_layer_norm/norm", "logit_scale/scale"
LOSS_FLOOR = 2.0**-23
ADAM, RMSPROP, OTHERS = ("adam", "adamw"), ("rmsprop",), ("adagrad", "sgd")
"""Optimizers; the others are expected to have no cycles."""
SHARE = 0.5
"""Of runs: most have cycles above it, and a difference above it is one between most and few."""
ACCURACY_GAIN = 0.05
GROWTH = 1.01
"""Of the logits from half way to the end; a smaller one counts as none."""
SIDE = "exploratory"


class Arm(NamedTuple):
    """What one arm sets, its ``S`` runs that have ended in the order of their seeds, and what was found in them."""

    name: str
    optimizer: str
    epsilon: float
    loss: str
    runs: np.ndarray
    diverged: np.ndarray
    lowest: np.ndarray
    """``[S]``: the lowest training loss."""
    begins: float
    """:func:`gendyn.analysis.depth_of_slingshots`; NaN if no run has one."""
    found: analysis.Slingshots


def arms(ds: Dataset) -> list[Arm]:
    """The arms that have results, in the order of the config.

    Raises:
        ConfigError: the sweep has no axis ``arm``, or no two values of Adam's epsilon to compare.
    """
    swept, status, every = analysis.arms_of(ds), analysis.run_status(ds), []
    losses, norms, steps = analysis.history(ds, "train_loss"), analysis.history(ds, NORM), analysis.record_steps(ds)
    for name, runs in swept.own_rows.items():
        optimizer, epsilon, kind = (analysis.leaf_of(ds, name, leaf) for leaf in ("optim.name", "optim.eps", "loss"))
        loss, at, diverged = losses[runs], steps[runs], status[runs] == analysis.DIVERGED
        lowest = np.min(loss, axis=1, where=np.isfinite(loss), initial=np.inf)
        found = analysis.find_slingshots(at, norms[runs], np.maximum(loss, LOSS_FLOOR))
        begins = analysis.depth_of_slingshots(at, loss, found)
        every.append(Arm(name, optimizer, float(epsilon), kind, runs, diverged, lowest, begins, found))
    if len({arm.epsilon for arm in chosen(every, ADAM)}) < 2:
        raise ConfigError(
            "no two arms with Adam, loss = 'cross_entropy' and different values of optim.eps have results; wait for "
            "them, or add such arms as configs/grokking/slingshot.py does: the claims compare them."
        )
    return every


def chosen(every: list[Arm], optimizers: tuple[str, ...], loss: str = "cross_entropy") -> list[Arm]:
    """The arms with one of these optimizers and this loss, told by what they set and not by their names; by epsilon."""
    found = (arm for arm in every if arm.optimizer in optimizers and arm.loss == loss)
    return sorted(found, key=lambda arm: arm.epsilon)


def verdict(ds: Dataset) -> list[Finding]:
    """Each optimizer is held against its own controls; Adagrad and gradient descent against Adam."""
    every, steps = arms(ds), analysis.record_steps(ds)
    small, found = chosen(every, ADAM)[0], _own_claims(every, ADAM, "primary")
    present = found[0]
    for arm in chosen(every, OTHERS):
        found.append(_vanish(small, arm, f"Slingshots do not appear under {arm.name}.", present, role=SIDE))
    found += _own_claims(every, RMSPROP, SIDE)
    for arm in chosen(every, ADAM, "cross_entropy_float64")[:1]:
        (gone,) = (claim for claim in found if claim.claim == _eliminates(arm))
        found += _float64_claims(ds, small, arm, present, gone)
    for half in chosen(every, ADAM, "cross_entropy_float16"):
        first = (analysis.first_slingshot(steps[arm.runs], arm.found, never=arm.diverged) for arm in (small, half))
        ratio, claim = analysis.speed_up(*first), "With the loss in float16 the first slingshot comes sooner."
        unit = f"steps to the first cycle, {small.name} / {half.name}"
        medians = f"Kaplan-Meier medians {ratio.baseline_median:,.0f} and {ratio.arm_median:,.0f}"
        detail = f"{medians}; runs without a cycle are censored."
        given: dict[str, Any] = {"given": (present,), "role": SIDE}
        found.append(analysis.finding(claim, ratio.interval, low=1.0, unit=unit, detail=detail, **given))
    return analysis.family(found)


def _own_claims(every: list[Arm], optimizer: tuple[str, ...], role: str) -> list[analysis.Hypothesis]:
    """Cycles at the smallest epsilon, and none at each larger one, nor at the smallest with float64 in the loss.

    ``role``: of the presence, of the next larger epsilon and of float64; epsilons beyond that are exploratory.
    """
    plain, float64 = chosen(every, optimizer), chosen(every, optimizer, "cross_entropy_float64")
    if not plain:
        return []
    small, cycles, unit = plain[0], plain[0].found.num_cycles, "share of runs with at least one cycle"
    counts = f"{np.sum(cycles >= 1)} of {len(cycles)} runs have one, {np.sum(cycles >= 2)} at least two"
    detail = f"{counts}; {small.found.summary}. Exact binomial interval."
    claim, share = f"{small.name}: most runs go through slingshots.", analysis.share_interval(cycles >= 1)
    present = analysis.finding(claim, share, low=SHARE, unit=unit, detail=detail, role=role)
    found = [present]
    for place, arm in enumerate(arm for arm in plain if arm.epsilon > small.epsilon):
        claim = f"Slingshots vanish at epsilon {arm.epsilon:g} ({arm.name})."
        found.append(_vanish(small, arm, claim, present, role=SIDE if place else role))
    if float64:
        rest = [has for other in float64[1:] for has in other.found.present]
        more = f"With float64 at larger epsilons {sum(rest)} of {len(rest)} runs have one." if rest else ""
        found.append(_vanish(small, float64[0], _eliminates(float64[0]), present, more, role=role))
    return found


def _eliminates(arm: Arm) -> str:
    return f"Computing the loss alone in float64 eliminates slingshots ({arm.name})."


def _vanish(
    small: Arm, arm: Arm, claim: str, present: analysis.Hypothesis, more: str = "", *, role: str
) -> analysis.Hypothesis:
    """Fewer runs with a cycle than in ``small``, and whether the arm has been where slingshots begin."""
    lost, lowest, has = int(arm.diverged.sum()), float(np.median(arm.lowest)), arm.found.present
    depth, as_low = f"Its median lowest loss is {lowest:.1e}", lowest <= max(small.begins, LOSS_FLOOR)
    if small.found.present.any():
        told = "it was as low" if as_low else "it never trained as low, so this does not say why it has none"
        depth += f", {'and' if as_low else 'while'} the others' cycles begin at {small.begins:.1e}: {told}"
    counts = f"{has.sum()} of {len(has)} runs of {arm.name} have a cycle."
    diverged = f"{lost} diverged and count as having one." if lost else ""
    detail = " ".join(filter(None, (counts, diverged, f"{depth}.", more, "Newcombe's interval.")))
    unit = f"share of runs with a cycle, {small.name} minus {arm.name}"
    share = analysis.difference_of_shares(small.found.present, has | arm.diverged)
    return analysis.finding(claim, share, low=SHARE, unit=unit, detail=detail, given=(present,), role=role)


def _float64_claims(
    ds: Dataset, small: Arm, arm: Arm, present: analysis.Hypothesis, gone: analysis.Hypothesis
) -> list[analysis.Hypothesis]:
    """The logits of its runs, and the final test accuracy of the same seeds with slingshots and without."""
    scale, accuracy = analysis.history(ds, SCALE)[arm.runs], 1.0 - analysis.final_values(ds, "test_error")
    at, middle = analysis.record_steps(ds)[arm.runs], np.nanmax(analysis.record_steps(ds)) / 2.0
    half_way, end = analysis.settled_at(at, scale, middle), analysis.settled(scale)
    growth = analysis.median_over_seeds(np.where(arm.diverged, 0.0, end / half_way))
    claim, unit = "With the loss in float64 the logits still grow.", "logit scale at the end / half way"
    detail = f"Median over seeds; at the end {np.median(end):.3g}."
    grow = analysis.finding(claim, growth, low=GROWTH, unit=unit, detail=detail, given=(gone,), role=SIDE)
    paired, against = (accuracy[rows] for rows in analysis.arms_of(ds).pair(small.name, arm.name))
    medians = " and ".join(f"{np.median(accuracy[one.runs]):.3f}" for one in (small, arm))
    claim = "Runs with slingshots end with a higher test accuracy than those with the loss in float64."
    gain, unit = analysis.median_over_seeds(paired - against), "difference in final test accuracy"
    detail = f"Median over {len(paired)} pairs of one seed; medians {medians}."
    return [grow, analysis.finding(claim, gain, low=ACCURACY_GAIN, unit=unit, detail=detail, given=(present,))]


def figure(ds: Dataset) -> Figure:
    """Training loss and last-layer norm of one seed of four arms; below, all runs of every arm, a row each."""
    every = arms(ds)
    adam, rmsprop, float64 = chosen(every, ADAM), chosen(every, RMSPROP), chosen(every, ADAM, "cross_entropy_float64")
    # Adam's largest epsilon stands in where one is missing.
    shown = [adam[0], *float64[:1], *rmsprop[:1], *chosen(every, OTHERS)[::-1], adam[-1]][:4]
    steps, losses = analysis.record_steps(ds), np.maximum(analysis.history(ds, "train_loss"), LOSS_FLOOR)
    drawn = list(zip(shown, style.KINDS, strict=False))

    def single(x_label: str, y_label: str, table: np.ndarray, **look: Any) -> Panel:
        curves = [Curve(arm.name, steps[arm.runs[0]], table[arm.runs[:1]], colour=colour) for arm, colour in drawn]
        return Panel("", x_label, y_label, tuple(curves), **look)

    def triangles(ax: Axes) -> None:
        for arm, colour in drawn:
            marked = np.isin(steps[arm.runs[0]], arm.found.steps[0])
            ax.plot(*(table[arm.runs[0], marked] for table in (steps, losses)), "v", color=colour, markersize=8)

    def repeated(ax: Axes) -> None:
        twice = [np.mean(arm.found.num_cycles >= 2) for arm in every]
        ax.plot(twice, range(len(every)), "|", color=style.THEORY, markersize=14, markeredgewidth=2.5)

    names, accuracy = tuple(arm.name for arm in every), 1.0 - analysis.final_values(ds, "test_error")
    shares = {"": [analysis.share_interval(arm.found.present) for arm in every]}
    panels = (
        single("", "training loss", losses, y_scale="log", legend="outside", draw=triangles),
        single("training step", "last-layer norm", analysis.history(ds, NORM), y_limits=(0.0, None), legend=""),
        Rows("", "share with a slingshot", names, shares, colours=(style.TRAIN,), draw=repeated),
        median_rows("lowest training loss", [np.maximum(arm.lowest, LOSS_FLOOR) for arm in every], x_scale="log"),
        median_rows("test accuracy", [accuracy[arm.runs] for arm in every]),
    )
    told = "; ".join(f"{arm.name}: {arm.found.summary}" for arm in (adam[0], *rmsprop[:1]))
    note = (
        f"{told}\n"
        f"above: one seed each, triangles: a slingshot begins; losses below {LOSS_FLOOR:.1e} are drawn as that\n"
        f"below: {len(every[0].runs)} seeds an arm, exact 90% intervals of shares, dark bars: share with at least two\n"
        "small dots: seeds, large ones: their medians with 90% intervals"
    )
    return draw_panels(panels, rows=(1, 1, 3), width=3.6, heights=(2.6, 2.6, 0.9 + 0.3 * len(every)), note=note)
