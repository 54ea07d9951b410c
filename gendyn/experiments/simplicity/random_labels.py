"""Random labels: does a network fit them later than the true labels of the same inputs?

Claim: A network that can fit any labels needs more steps to fit random labels than to fit the true ones.

Refuted if: over the seeds the median ratio of the two numbers of steps is not above 1. A run fits when its training
accuracy reaches 99 %; one that never does, within its budget or because it diverged, is later than all others.

Reference: Zhang, Bengio, Hardt, Recht & Vinyals (2017), Understanding deep learning requires rethinking generalization,
arXiv:1611.03530, section 2.2 and figure 1a.
"""

import numpy as np

from gendyn import analysis
from gendyn.experiments.contract import require
from gendyn.plots import Curve, Panel, draw_panels
from gendyn.types import Config, Dataset, Figure, Finding

AXES = ("data.label_noise", "seed")
FITTED = 0.99


def check(config: Config) -> None:
    """Labels are drawn from all classes, so that at noise 1 they say nothing of the input."""
    require(config, {"data.label_noise_kind": "uniform_any"}, "other kinds leave information in the labels.")


def verdict(ds: Dataset) -> list[Finding]:
    """One finding: the ratio of steps at the largest to steps at the smallest label noise."""
    runs, fitted = analysis.laid_out(ds, AXES), analysis.accuracy_crossings(ds, train=FITTED).train
    times = runs.table(analysis.arrival_times(fitted))[:, runs.seeds.complete]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = times[-1] / times[0]
    claim = f"A network reaches {FITTED:.0%} training accuracy later on random labels than on true ones."
    detail = (
        f"Median over seeds. Median step on true labels: {analysis.upper_median(times[0]):,.0f}.{runs.seeds.sentence}"
    )
    later, unit = analysis.median_over_seeds(ratios), "steps, random / true"
    return analysis.family([analysis.finding(claim, later, low=1.0, unit=unit, detail=detail)])


def figure(ds: Dataset) -> Figure:
    """Training error against the step, a colour for each share of random labels, bands over seeds."""
    runs, steps = analysis.laid_out(ds, AXES), analysis.record_steps(ds)[0]
    curves = tuple(
        Curve(f"{share:.0%} random labels", steps, rows, statistic="median")
        for share, rows in zip(runs.axes["data.label_noise"], runs.history("train_error"), strict=True)
    )
    panel = Panel("", "training step", "training error (fraction wrong)", curves, "symlog", y_limits=(0, 1))
    return draw_panels([panel], width=8.0, height=4.2, note=f"{len(runs.seeds.values)} seeds", over="seeds")
