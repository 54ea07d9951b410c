"""Random labels: what does a network do that can fit them as well as the true labels of the same inputs?

Claim: A network that can fit any labels needs more steps to fit random labels than to fit the true ones. And that it
can fit random ones does not keep it from generalising: trained on the true labels, the same network with the same steps
is right on new inputs. So what a network can fit does not say how well it generalises.

Refuted if: over the seeds the median ratio of the two numbers of steps is not above 1; or the mean test accuracy of
networks trained on true labels is less than half of the way from chance to 1. Both presuppose that the networks fit
both kinds of labels to 99 %; the second also that after random labels the test accuracy is within 5 % of that way of
chance, so that what is learned is the labels' structure and nothing else. A run fits when its training accuracy reaches
99 %; one that never does, within its budget or because it diverged, is later than all others.

Both are primary, what they presuppose is exploratory. A seed draws the split of the images, the random labels and the
initial weights. The second claim, its controls and their bounds were chosen before a test accuracy of these runs was
looked at.

Reference: Zhang, Bengio, Hardt, Recht & Vinyals (2017), Understanding deep learning requires rethinking generalization,
arXiv:1611.03530, section 2.2 and figure 1.
"""

from typing import Any

import numpy as np

from gendyn import analysis
from gendyn.experiments.contract import require
from gendyn.plots import Curve, Panel, draw_panels
from gendyn.types import Config, Dataset, Figure, Finding

AXES = ("data.label_noise", "seed")
FITTED = 0.99
GENERALISES, AT_CHANCE = 0.5, 0.05
"""Shares of the way from chance to accuracy 1: more than the first generalises, less than the second is chance."""


def check(config: Config) -> None:
    """Labels are drawn from all classes, so that at noise 1 they say nothing of the input."""
    require(config, {"data.label_noise_kind": "uniform_any"}, "other kinds leave information in the labels.")


def verdict(ds: Dataset) -> list[Finding]:
    """The two claims, then what they presuppose; the largest label noise against the smallest."""
    runs, fitted = analysis.laid_out(ds, AXES), analysis.accuracy_crossings(ds, train=FITTED).train
    complete, after = runs.seeds.complete, runs.seeds.sentence
    times = runs.table(analysis.arrival_times(fitted))[:, complete]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = times[-1] / times[0]
    unfitted = runs.final("train_error")[:, complete][[0, -1]].max(axis=0)
    true, random = _above_chance(ds, runs.final("test_error"))[:, complete][[0, -1]]
    claim = f"The networks fit true and random labels to {FITTED:.0%} (control)."
    unit, detail = "training error", f"The larger of both at the last record; median over seeds.{after}"
    worst = analysis.median_over_seeds(unfitted)
    fits = analysis.finding(claim, worst, high=1.0 - FITTED, unit=unit, detail=detail, role="exploratory")
    claim = "Networks trained on random labels stay at chance on new inputs (control)."
    unit, detail = "(test accuracy - chance) / (1 - chance)", f"Mean over seeds, on true labels of the inputs.{after}"
    guessed, about = analysis.mean_over_seeds(random), dict[str, Any](unit=unit, detail=detail)
    blind = analysis.finding(claim, guessed, low=-AT_CHANCE, high=AT_CHANCE, given=(fits,), role="exploratory", **about)
    claim = f"A network reaches {FITTED:.0%} training accuracy later on random labels than on true ones."
    step = f"Median over seeds. Median step on true labels: {analysis.upper_median(times[0]):,.0f}.{after}"
    ratio = analysis.median_over_seeds(ratios)
    later = analysis.finding(claim, ratio, low=1.0, unit="steps, random / true", detail=step, given=(fits,))
    claim = "Networks that fit random labels generalise when they are trained on the true ones."
    right = analysis.mean_over_seeds(true)
    learns = analysis.finding(claim, right, low=GENERALISES, given=(fits, blind), **about)
    return analysis.family([later, learns, fits, blind])


def _above_chance(ds: Dataset, error: np.ndarray) -> np.ndarray:
    """Accuracy as a share of the way from chance, with as many classes as there are outputs, to 1."""
    chance = 1.0 / float(ds.attrs["num_outputs"])
    return (1.0 - error - chance) / (1.0 - chance)


def figure(ds: Dataset) -> Figure:
    """Training error on the labels as told, and test error on true ones; a colour for each share of random labels.

    Medians over seeds with exact intervals.
    """
    runs, steps = analysis.laid_out(ds, AXES), analysis.record_steps(ds)[0]
    chance = 1.0 - 1.0 / float(ds.attrs["num_outputs"])

    def panel(title: str, name: str, legend: str) -> Panel:
        curves = tuple(
            Curve(f"{share:.0%}", steps, rows, statistic="median")
            for share, rows in zip(runs.axes["data.label_noise"], runs.history(name), strict=True)
        )
        shown = Panel(title, "training step", "fraction wrong" * (not legend), curves, "symlog", y_limits=(0, 1))
        return shown._replace(
            levels=((chance, "" if legend else "chance"),), legend=legend, legend_title="random labels"
        )

    shown = panel("training labels", "train_error", ""), panel("new inputs, true labels", "test_error", "outside")
    return draw_panels(shown, num_columns=2, height=4.0, note=f"{len(runs.seeds.values)} seeds", over="seeds")
