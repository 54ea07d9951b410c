"""Grokking without features: gradient descent on a linear student against the exact integrals of its learning curves.

Claim: A linear student learns its training set long before new inputs, and both curves are averages over the
Marchenko-Pastur law of ``ratio = dimension / examples``. The delay between 95 % training and 95 % test accuracy is the
one of the exact integrals: within 10 % at ratio 0.5, within 15 % at every ratio from 0.1 to 0.9. Above 1 the test loss
stops at ``1 - 1 / ratio`` and the student never generalises. The small-tolerance formula that is usually quoted
overstates the delay.

Refuted if: the median delay over seeds is off by more than these; the share of its initial test loss that a run above
ratio 1 ends with is on average more than 10 % from the floor; half of the runs there reach 95 %; the delay at ratio 0.5
is not below 0.9 of the small-tolerance formula. A run that diverges has an infinite delay and final loss.

Setting: ``x ~ N(0, I)`` in ``d`` dimensions, ``y = w* . x``, ``w*`` and the student's start ``N(0, I / 2 d)``, loss
``|X (w - w*)|^2 / n`` without a half, full batch. An output is right if its squared error is below ``tolerance``. Every
step is taken: ``w <- w - 2 learning_rate S (w - w*)`` with the ``[d, d]`` second moments ``S = X^T X / n`` computed
once, the same iteration as through ``X`` at a cost that does not grow with ``n``. Training and test accuracy are those
on the ``n`` training inputs and on fresh ones. A run is trained until the closed form has generalised, and
``extra_steps`` of that longer; above ratio 1 until it has fitted and its test loss is within ``floor_tolerance`` of the
floor. Runs of different ratios differ a hundredfold in length, so each ratio is a program over its seeds.

Reference: Levi, Beck & Bar-Sinai (2023), Grokking in linear estimators, arXiv:2310.16441, section 3, figures 1 and 2.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import analysis, theory
from gendyn.core import ConfigError, stream
from gendyn.core.rules import integer, number, positive
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.regression import linear_student
from gendyn.sweep import Group, Leaf, Measured, Simulation
from gendyn.train import record_steps
from gendyn.types import Array, Config, Dataset, Figure, Finding

ERRORS = ("train_error", "test_error")
ACCURACY = 0.95
"""The level of both thresholds."""
TOLERANCE_AT_HALF, TOLERANCE = 0.10, 0.15
"""Relative error of a delay that still counts as agreement: at ratio 0.5, and across ratios below 1."""
FLOOR_TOLERANCE = 0.10


def _compared(name: str, ratios: Sequence[float]) -> None:
    if 0.5 not in ratios or max(ratios) <= 1 or len(set(ratios)) < len(ratios) or 1 in ratios:
        raise ConfigError(
            f"{name} = {ratios} must hold 0.5 and one above 1, each once, and not 1: the claims are about the delay at "
            "0.5 and the floor above 1, and at 1 the closed forms never end."
        )


LEAVES = {
    "dimension": Leaf(1000, rule=integer(2), meaning="d, of the inputs"),
    "learning_rate": Leaf(0.01, rule=positive(), meaning="of gradient descent"),
    "tolerance": Leaf(1e-3, rule=positive(), meaning="squared error below which an output is right"),
    "num_test": Leaf(2000, rule=integer(1), meaning="fresh inputs that the test accuracy is of"),
    "num_records": Leaf(120, rule=integer(8), meaning="records, half of them evenly and half geometrically spaced"),
    "extra_steps": Leaf(0.75, rule=number(0), meaning="how much longer than to the exact crossing a run is trained"),
    "floor_tolerance": Leaf(0.005, rule=positive(), meaning="relative distance from the floor at the end, above 1"),
    "runs_at_once": Leaf(5, "execution", integer(1), "runs of a chunk"),
    "ratio": Leaf(0.5, "axis", positive(), "dimension / examples", _compared),
    "seed": Leaf(0, "axis", integer(0), "a redraw of inputs, teacher and start"),
}
MEASURED = {
    "train_loss": Measured("mean squared error on the training inputs"),
    "train_error": Measured("fraction of training inputs with squared error above the tolerance"),
    "test_loss": Measured("mean squared error on a new input, exact"),
    "test_error": Measured("fraction of fresh inputs with squared error above the tolerance"),
    "diverged": Measured("the training loss is not finite", dtype="bool"),
}


def program(config: Config) -> Simulation:
    """A group for each ratio: its seeds together."""
    groups = tuple(_group(config, ratio) for ratio in dict(config.axes)["ratio"])
    return Simulation(groups, MEASURED, config.runs_at_once)


def _group(config: Config, ratio: float) -> Group:
    last, half = _last_step(config, ratio), config.num_records // 2
    even = record_steps("linear", num_steps=last, num_records=config.num_records - half)
    steps = tuple(sorted({*even, *record_steps("log", num_steps=last, num_records=half + 1)}))
    num_train = max(1, round(config.dimension / ratio))

    @jax.jit
    def train(seeds: Array, learning_rate: Array, tolerance: Array) -> dict[str, Array]:
        def one(seed: Array) -> dict[str, Array]:
            # Each ratio draws afresh: its training sets would else be nested in those of the next.
            key = stream(jax.random.key(seed), f"{num_train} examples")
            sizes = {"dimension": config.dimension, "num_train": num_train, "num_test": config.num_test}
            found = linear_student(key, **sizes, steps=steps, learning_rate=learning_rate, tolerance=tolerance)
            return {**found._asdict(), "diverged": ~jnp.isfinite(found.train_loss)}

        return jax.vmap(one)(seeds)

    def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, Array]:
        chosen = jnp.array([point["seed"] for point in points], jnp.uint32)
        return train(chosen, jnp.float32(config.learning_rate), jnp.float32(config.tolerance))

    points = tuple({"ratio": ratio, "seed": seed} for seed in dict(config.axes)["seed"])
    return Group(points, compute, steps, {"num_parameters": config.dimension})


def _last_step(config: Config, ratio: float) -> int:
    """A while after the closed form has generalised; above ratio 1, once it has fitted and is near the floor."""
    rate = config.learning_rate
    times = theory.linear_time_to_accuracy(ratio, learning_rate=rate, tolerance=config.tolerance, accuracy=ACCURACY)
    last = math.ceil((1.0 + config.extra_steps) * (times.test if ratio < 1 else times.train)) + 1
    nearly = (1 + config.floor_tolerance) * max(0.0, 1.0 - 1.0 / ratio)
    while ratio > 1 and theory.linear_losses(np.array(last), ratio, learning_rate=rate).test > nearly:
        last *= 2
    return last


class Tables(NamedTuple):
    """Of the ``S`` seeds that are finished at every one of ``L`` ratios, ``K`` of them below 1."""

    runs: analysis.LaidOut
    ratios: np.ndarray
    """``[L]``."""
    delays: np.ndarray
    """``[S, K]``: steps from the training to the test threshold; ``inf`` for a run that has not generalised."""
    exact: np.ndarray
    """``[K]``: delays of the integrals."""
    formula: np.ndarray
    """``[K]``: delays of the small-tolerance formula."""
    losses: np.ndarray
    """``[S, L]``: share of the initial test loss that is left at the end. The start's own ``|w_0 - w*|^2`` scatters by
    ``sqrt(2 / d)``, which is not what the floor is about."""
    reached: np.ndarray
    """``[S, L]``: 1 where the test threshold was reached, else 0; NaN for a diverged run."""


def tables(ds: Dataset) -> Tables:
    """What the claims are about.

    Raises:
        ConfigError: no run at ratio 0.5.
    """
    runs, config = analysis.laid_out(ds, ("ratio", "seed")), analysis.config_of(ds)
    ratios = runs.axes["ratio"]
    if not np.any(np.isclose(ratios, 0.5)):
        raise ConfigError("the dataset has no run at ratio 0.5, which the claims are about.")
    below, rate, tolerance = ratios[ratios < 1].tolist(), config["learning_rate"], config["tolerance"]
    options = {"learning_rate": rate, "tolerance": tolerance, "accuracy": ACCURACY}
    exact = [theory.linear_grokking_delay(ratio, **options) for ratio in below]
    formula = [theory.linear_grokking_delay_limit(ratio, learning_rate=rate) for ratio in below]
    steps, never = analysis.record_steps(ds), analysis.run_status(ds) == analysis.DIVERGED
    train, test = (
        analysis.time_to_threshold(
            steps, analysis.history(ds, name), 1 - ACCURACY, direction="below", interpolate=True, never=never
        )
        for name in ERRORS
    )
    delays, losses, reached = (
        analysis.seeds_first(runs.table(values), runs.seeds.complete)
        for values in (
            analysis.arrival_times(analysis.generalisation_delay(train, test)),
            analysis.final_values(ds, "test_loss") / analysis.history(ds, "test_loss")[:, 0],
            test.observed,
        )
    )
    reached = np.where(np.isfinite(losses), reached, np.nan)
    return Tables(runs, ratios, delays[:, ratios < 1], np.array(exact), np.array(formula), losses, reached)


def verdict(ds: Dataset) -> list[Finding]:
    """Five findings; seeds with a run that is missing or under way are left out of all."""
    found = tables(ds)
    below, above = found.ratios[found.ratios < 1], found.ratios > 1
    half, larger = int(np.argmin(np.abs(below - 0.5))), found.ratios[above]
    errors, reached = found.delays / found.exact - 1.0, found.reached[:, above]
    left = found.losses[:, above] * larger / (larger - 1.0) - 1.0
    measured = float(np.median(found.delays[:, half])) if len(errors) else math.nan
    claim = "At ratio 0.5 the delay between training and test is the one of the exact integrals."
    error, unit = analysis.median_over_seeds(errors[:, half]), "measured / exact delay - 1"
    steps = f"exact: {found.exact[half]:.0f} steps, measured: {measured:.0f}"
    medians, (low, high) = (
        f"Median over seeds; {steps}.{found.runs.seeds.sentence}",
        (-TOLERANCE_AT_HALF, TOLERANCE_AT_HALF),
    )
    at_half = analysis.finding(claim, error, low=low, high=high, unit=unit, detail=medians)
    claim = f"At every ratio from {below[0]:g} to {below[-1]:g} the delay is the one of the exact integrals."
    worst = analysis.worst_place(None, errors, of="medians", which="distance")
    biased = "Medians over seeds; the largest of several errors is biased upwards, against the claim."
    unit = "largest |measured / exact delay - 1| over ratios"
    across = analysis.finding(claim, worst, high=TOLERANCE, unit=unit, detail=biased)
    claim = "Above ratio 1 the test loss stops at 1 - 1 / ratio of what it was."
    worst = analysis.worst_place(None, left, which="distance")
    unit = "largest |share left / floor - 1| over ratios"
    listed = f"Means over seeds, at ratios {', '.join(f'{ratio:g}' for ratio in larger)}."
    floor = analysis.finding(claim, worst, high=FLOOR_TOLERANCE, unit=unit, detail=listed)
    share, unit = analysis.share_interval(reached), f"share of runs that reach {ACCURACY:.0%} test accuracy"
    exact = f"Of {reached.size} runs; the interval is Clopper and Pearson's."
    never = analysis.finding("Above ratio 1 no run generalises.", share, high=0.5, unit=unit, detail=exact)
    claim = "The small-tolerance formula overstates the delay at ratio 0.5."
    ratio, unit = analysis.median_over_seeds(found.delays[:, half] / found.formula[half]), "measured delay / formula"
    gives = f"Median over seeds; the formula gives {found.formula[half]:.0f} steps."
    return analysis.family(
        [at_half, across, floor, never, analysis.finding(claim, ratio, high=0.9, unit=unit, detail=gives)]
    )


def figure(ds: Dataset) -> Figure:
    """Accuracies against step at three ratios; delay and final test loss against ratio; exact on top of measured.

    Accuracies and delays are medians over seeds, losses means. Open rings and dashes are the integrals.
    """
    found, config = tables(ds), analysis.config_of(ds)
    runs, ratios, finished = found.runs, found.ratios, found.runs.seeds.complete
    if not finished.any():
        raise ConfigError("no seed is finished at every ratio; wait for the first chunks.")
    steps, *errors = (table[:, finished] for table in (runs.steps, *map(runs.history, ERRORS)))

    def learning(ratio: float) -> Panel:
        row, curves = list(ratios).index(ratio), []
        known = np.isfinite(steps[row, 0])
        at = steps[row, 0, known]
        losses = theory.linear_losses(at, float(ratio), learning_rate=config["learning_rate"])
        for kind, colour, loss, error in zip(("train", "test"), style.KINDS, losses, errors, strict=False):
            exact = theory.linear_accuracy(loss, tolerance=config["tolerance"])
            curves.append(Curve(kind, at, 1.0 - error[row][:, known], at, exact, colour=colour, statistic="median"))
        title, limits = f"ratio {style.number(float(ratio))}", (max(1.0, at[-1] / 1000.0), at[-1])
        panel = Panel(title, "training step", "", tuple(curves), x_scale="log", x_limits=limits, legend="")
        return panel._replace(y_limits=(-0.02, 1.04), levels=((ACCURACY, ""),))

    below = ratios[ratios < 1]
    first, *others = map(learning, (below[np.argmin(np.abs(below - 0.5))], below[-1], ratios[ratios > 1][0]))
    look: dict[str, Any] = {"line": "none", "colour": style.MEASURED}
    delays = Curve("measured", below, found.delays, below, found.exact, statistic="median", **look)
    formula = Curve("small-tolerance formula", exact_x=below, exact=found.formula, colour=style.GREY)
    fine = np.linspace(min(0.0, ratios[0]), ratios[-1] * 1.05, 300)
    floor = np.maximum(0.0, 1.0 - 1.0 / np.maximum(fine, 1e-9))
    losses = Curve("measured", ratios, found.losses, fine, floor, exact_label="floor, 1 − 1 / ratio", **look)
    x_label = "dimension / training examples"
    shown = (
        first._replace(y_label="accuracy", legend="upper left"),
        *others,
        Panel("", x_label, f"delay to {ACCURACY:.0%}, steps", (delays, formula), y_scale="log", legend="upper left"),
        Panel("", x_label, "test loss, end / start", (losses,), legend="upper left"),
    )
    setting = f"d = {config['dimension']:,}, learning rate {config['learning_rate']:g}"
    note = f"{setting}, tolerance {config['tolerance']:g}, {finished.sum()} seeds"
    return draw_panels(shown, rows=(3, 2), width=5.2, note=note, over="seeds")
