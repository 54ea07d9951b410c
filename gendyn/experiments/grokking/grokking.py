"""Grokking: at which train fraction and weight decay does a network never generalise, generalise late, or at once?

Claim: A network that knows all its training equations of modular arithmetic learns the others much later (grokking),
but only between two regimes: with little weight decay or few equations it never does within the budget, with much of
both at once. The time to generalise falls with the train fraction and with the weight decay. Few equations make it
late: they are fitted sooner, and the others learnt later.

Refuted if: in the stated cell the median ratio of the test to the training crossing of 95 % is below 2, or fewer than
half of the seeds generalise; Kendall's rank correlation between the time to generalise and the train fraction, or the
weight decay, is not below 0; half of the seeds generalise without weight decay, or at the smallest fraction; at the
largest fraction and decay the ratio is above 2; that ratio does not fall, or the training crossing does not come later,
with the train fraction. Runs that diverge, or that the budget cuts off, are later than all others and tie with each
other. That networks do not generalise says something only where others do: it presupposes the stated cell.

Primary claims: late in the stated cell, and earlier with the train fraction and with the weight decay.

Setting: each seed draws its own initial weights and its own split of the equations. The stated cell is what the config
says of ``data.train_fraction`` and ``optim.weight_decay``; on a grid without it, the cell nearest to it (fractions by
difference, decays by ratio).

Chosen after looking: the default's cell. It was once the middle of a grid of even sides, rounded up; rounded down, no
network generalised there. So grokking is a finding about this cell, and the phase diagram shows how far it reaches. It
was confirmed on seeds 100 to 111. The claims on the smallest fraction, on the corner of most of both, on the delay's
ratio and on the fit came later too, and have not been tried on other seeds.

Reference: Power, Burda, Edwards, Babuschkin & Misra (2022), Grokking, arXiv:2201.02177, figures 1 and 2; Liu et al.
(2022), Towards understanding grokking, arXiv:2205.10343 (phases); Gromov (2023), arXiv:2301.02679 (quadratic network).
"""

from typing import Any, NamedTuple

import numpy as np

from gendyn import analysis
from gendyn.analysis import finding
from gendyn.core import ConfigError
from gendyn.plots import accuracy_panel, draw_panels, phase_panels
from gendyn.types import Dataset, Figure, Finding

AXES = ("data.train_fraction", "optim.weight_decay", "seed")
ACCURACY = 0.95
DELAYED = 2.0
"""From this ratio of test to training crossing on, generalisation is late; a convention."""
RATIO, SIDE = "test / training crossing", "exploratory"


class Crossings(NamedTuple):
    """When the runs know their training equations, and the others; ``F`` train fractions and ``W`` weight decays."""

    runs: analysis.LaidOut
    fractions: np.ndarray
    decays: np.ndarray
    train: analysis.Crossing
    test: analysis.Crossing


def crossings(ds: Dataset) -> Crossings:
    """Crossings of 95 % accuracy; a diverged run never arrives.

    Raises:
        ConfigError: fewer than two train fractions or positive weight decays, or an axis beyond :data:`AXES`.
    """
    runs = analysis.laid_out(ds, AXES)
    fractions, decays, _ = runs.axes.values()
    if len(fractions) < 2 or np.sum(decays > 0) < 2:
        raise ConfigError(
            f"the dataset has {len(fractions)} train fractions and {np.sum(decays > 0)} positive weight decays; the "
            "claims are about at least two of each."
        )
    train, test = analysis.accuracy_crossings(ds, train=ACCURACY, test=ACCURACY)
    return Crossings(runs, fractions, decays, train, test)


def stated_cell(ds: Dataset, found: Crossings) -> tuple[int, int]:
    """Place on the grid of the train fraction and the positive weight decay that the config states, or next to it."""
    fraction, decay = (float(analysis.leaf_of(ds, "", name)) for name in AXES[:2])
    positive = np.flatnonzero(found.decays > 0)
    apart = np.abs(np.log(found.decays[positive] / decay)) if decay > 0 else found.decays[positive]
    return int(np.argmin(np.abs(found.fractions - fraction))), int(positive[np.argmin(apart)])


def verdict(ds: Dataset) -> list[Finding]:
    """Two findings on the stated cell, one on each axis; three on where there is no grokking, two on what delays it."""
    found = crossings(ds)
    runs, fractions, decays, keep = found.runs, found.fractions, found.decays, found.runs.seeds.complete
    positive, (column, row) = np.flatnonzero(decays > 0), stated_cell(ds, found)
    times, fits = (runs.table(analysis.arrival_times(one))[:, :, keep] for one in (found.test, found.train))
    least, ratios = (
        runs.table(of(found.train, found.test))[:, :, keep] for of in (analysis.least_delay_ratio, analysis.delay_ratio)
    )
    cell, budget = times[column, row], f"{np.nanmax(analysis.record_steps(ds)):,.0f} steps"
    where = f"at train fraction {fractions[column]:g} and weight decay {decays[row]:g}, the stated cell"
    unit, exact = f"share of seeds that reach {ACCURACY:.0%} test accuracy", "the interval is Clopper and Pearson's."
    share, detail = analysis.share_interval(np.isfinite(cell)), f"Within {budget}; {exact}{runs.seeds.sentence}"
    generalises = finding(f"Networks generalise {where}.", share, low=0.5, unit=unit, detail=detail, role=SIDE)
    late = finding(
        f"Networks generalise late (grokking) {where}.",
        analysis.median_over_seeds(least[column, row]),
        low=DELAYED,
        unit=RATIO,
        detail=(
            "Median over seeds of the record before the test crossing over that of the training crossing: the least "
            f"that the records allow. Median test crossing: step {np.median(cell) if len(cell) else np.nan:,.0f}."
        ),
        given=(generalises,),
    )

    def follows(claim: str, name: str, of: np.ndarray, axis: int, **rest: Any) -> analysis.Hypothesis:
        values = (fractions, decays[positive])[axis]
        tau = analysis.mean_over_seeds(analysis.kendall_over_lines(values, np.moveaxis(of[:, positive], axis, 0)))
        detail = (
            f"With the {name}, from {values[0]:g} to {values[-1]:g}, along each line of the grid on which any run "
            "arrives; mean over lines, then over seeds. Runs that do not arrive tie last."
        )
        return finding(claim, tau, unit="Kendall's tau", detail=detail, **rest)

    fraction, decay = "train fraction", "weight decay"
    result = [
        *(generalises, late),
        follows(f"The time to generalise falls with the {fraction}.", fraction, times, 0, high=0.0),
        follows(f"The time to generalise falls with the {decay}.", decay, times, 1, high=0.0),
    ]

    def never(claim: str, part: Any, at: str) -> analysis.Hypothesis:
        # A seed with a run that has not even fitted is unknown: it is not one that memorises.
        any_does = np.where(np.isfinite(fits[part]).all(axis=0), np.isfinite(times[part]).any(axis=0), np.nan)
        detail = f"{at}; runs that have fitted; {exact}"
        return finding(
            claim,
            analysis.share_interval(any_does),
            high=0.5,
            unit=unit,
            detail=detail,
            given=(generalises,),
            role=SIDE,
        )

    if positive[0] > 0:
        claim = f"Without weight decay networks do not generalise within {budget}."
        result.append(never(claim, np.s_[:, 0], f"At any train fraction up to {fractions[-1]:g}"))
    claim = f"At train fraction {fractions[0]:g} networks do not generalise within {budget}."
    result.append(never(claim, np.s_[0], f"At any weight decay up to {decays[-1]:g}"))
    claim = (
        f"At train fraction {fractions[-1]:g} and weight decay {decays[-1]:g}, most of both, they generalise at once."
    )
    detail, corner = "Median over seeds of the ratio of the two records.", analysis.median_over_seeds(ratios[-1, -1])
    result.append(finding(claim, corner, high=DELAYED, unit=RATIO, detail=detail, given=(late,), role=SIDE))
    claim = "The fewer equations, the later networks generalise relative to fitting."
    result.append(follows(claim, fraction, ratios, 0, high=0.0, given=(generalises,), role=SIDE))
    claim = "Control: fewer equations are not fitted later but sooner."
    result.append(follows(claim, fraction, fits, 0, low=0.0, given=(generalises,), role=SIDE))
    return analysis.family(result)


def figure(ds: Dataset) -> Figure:
    """Shares of phases and median delays over the grid; below, accuracies of one cell for each phase."""
    found = crossings(ds)
    runs, steps = found.runs, analysis.record_steps(ds)[0]
    kinds = np.where(
        analysis.run_status(ds) == analysis.UNFINISHED,
        "",
        analysis.grokking_phase(found.train, found.test, immediate=DELAYED),
    )
    phases = np.where(runs.layout.runs < 0, "", kinds[runs.layout.runs])
    delays = runs.table(analysis.arrival_times(analysis.generalisation_delay(found.train, found.test)))
    delays = np.apply_along_axis(analysis.upper_median, 2, np.where(phases == "", np.nan, delays))
    x_label, y_label = "fraction of examples trained on", "weight decay"
    shown = [*phase_panels(found.fractions, found.decays, phases, delays, x_label=x_label, y_label=y_label)]
    accuracies = [runs.table(1.0 - analysis.history(ds, name)) for name in ("train_error", "test_error")]
    for phase in (analysis.NO_GENERALISATION, analysis.GROKKING, analysis.IMMEDIATE):
        if (cell := analysis.typical_cell(phases, phase)) is not None:
            title = f"{phase}\nfraction {found.fractions[cell[0]]:g}, decay {found.decays[cell[1]]:g}"
            train, test = (table[cell][phases[cell] != ""] for table in accuracies)
            panel = accuracy_panel(title, steps, train, test, legend="center left" if len(shown) == 2 else "")
            shown.append(panel._replace(levels=((ACCURACY, ""),)))
    most = np.sum(phases != "", axis=2).max()
    note = (
        f"crossings of {ACCURACY:.0%}; immediate: test by {DELAYED:g} x the training step; no generalisation: not "
        f"within {np.nanmax(steps):,.0f} steps\n"
        f"up to {most} seeds a cell; the width of a colour is its share\nthin: each seed's test accuracy"
    )
    width = 2 * max(5.4, 0.85 * len(found.fractions) + 1.6)
    rows, heights = [2, len(shown) - 2], [max(3.6, 0.6 * len(found.decays) + 1.6), 2.9]
    if len(shown) == 2:
        del rows[1], heights[1]
    return draw_panels(shown, rows=rows, width=width / max(rows), heights=heights, note=note, over="seeds")
