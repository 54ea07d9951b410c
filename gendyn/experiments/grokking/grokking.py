"""Grokking: at which train fraction and weight decay does a network never generalise, generalise late, or at once?

Claim: A network that knows all its training equations of modular arithmetic learns the others much later (grokking),
but only between two regimes: with little weight decay or few equations it never does within the budget, with much of
both at once. The time to generalise falls with the train fraction and with the weight decay.

Refuted if: at the middle train fraction and weight decay the median ratio of the test to the training crossing of 95 %
is below 2, or fewer than half of the seeds generalise; Kendall's rank correlation between the time to generalise and
the train fraction, or the weight decay, is not below 0; half of the seeds generalise without weight decay. Runs that
diverge, or that the budget cuts off, are later than all others and tie with each other.

Setting: each seed draws its own initial weights and its own split of the equations.

Reference: Power, Burda, Edwards, Babuschkin & Misra (2022), Grokking, arXiv:2201.02177, figures 1 and 2; Liu et al.
(2022), Towards understanding grokking, arXiv:2205.10343 (phases); Gromov (2023), arXiv:2301.02679 (quadratic network).
"""

from typing import NamedTuple

import numpy as np

from gendyn import analysis
from gendyn.core import ConfigError
from gendyn.plots import accuracy_panel, draw_panels, phase_panels
from gendyn.types import Dataset, Figure, Finding

AXES = ("data.train_fraction", "optim.weight_decay", "seed")
ACCURACY = 0.95
DELAYED = 2.0
"""From this ratio of test to training crossing on, generalisation is late; a convention."""


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


def verdict(ds: Dataset) -> list[Finding]:
    """Two findings on the middle cell, one on each axis, and one on networks without weight decay."""
    found = crossings(ds)
    runs, fractions, decays, keep = found.runs, found.fractions, found.decays, found.runs.seeds.complete
    positive = np.flatnonzero(decays > 0)
    column, row = len(fractions) // 2, int(positive[len(positive) // 2])
    times = runs.table(analysis.arrival_times(found.test))[:, :, keep]
    ratios = runs.table(analysis.least_delay_ratio(found.train, found.test))[column, row, keep]
    cell, budget = times[column, row], f"{np.nanmax(analysis.record_steps(ds)):,.0f} steps"
    where = f"at train fraction {fractions[column]:g} and weight decay {decays[row]:g}, the middle of the grid"
    unit, exact = f"share of seeds that reach {ACCURACY:.0%} test accuracy", "the interval is Clopper and Pearson's."
    share, detail = analysis.share_interval(np.isfinite(cell)), f"Within {budget}; {exact}{runs.seeds.sentence}"
    generalises = analysis.finding(f"Networks generalise {where}.", share, low=0.5, unit=unit, detail=detail)
    late = analysis.finding(
        f"Networks generalise late (grokking) {where}.",
        analysis.median_over_seeds(ratios),
        low=DELAYED,
        unit="test / training crossing",
        detail=(
            "Median over seeds of the record before the test crossing over that of the training crossing: the least "
            f"that the records allow. Median test crossing: step {np.median(cell) if len(cell) else np.nan:,.0f}."
        ),
        given=(generalises,),
    )
    result = [generalises, late]
    for name, values, axis in (("train fraction", fractions, 0), ("weight decay", decays[positive], 1)):
        tau = analysis.mean_over_seeds(analysis.kendall_over_lines(values, np.moveaxis(times[:, positive], axis, 0)))
        detail = (
            f"Between time and {name}, from {values[0]:g} to {values[-1]:g}, along each line of the grid on "
            "which any run generalises; mean over lines, then over seeds. Runs that do not generalise tie last."
        )
        claim = f"The time to generalise falls with the {name}."
        result.append(analysis.finding(claim, tau, high=0.0, unit="Kendall's tau", detail=detail))
    if positive[0] > 0:
        result.append(
            analysis.finding(
                f"Without weight decay networks do not generalise within {budget}.",
                analysis.share_interval(np.isfinite(times[:, 0]).any(axis=0)),
                high=0.5,
                unit=f"{unit} at any train fraction",
                detail=f"Train fractions up to {fractions[-1]:g}; {exact}",
            )
        )
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
