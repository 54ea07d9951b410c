"""Spectral bias: does a wide network learn each frequency at the rate its tangent kernel says?

Claim: Full-batch gradient descent on a wide two-layer ReLU network on the circle multiplies the residual at frequency
``k`` by ``1 - learning_rate * a_k`` a step, with the Fourier coefficients ``a_k`` of the infinite-width tangent kernel
in closed form. With bias the rates of odd frequencies fall as ``k^-2``. Without bias odd frequencies from 3 on are
never learned.

Refuted if: at some frequency the mean rate over seeds is more than 10 % off; the slope of log rate against log
frequency over odd ``k >= 3`` is not between -2.2 and -1.8; without bias the residual at an odd ``k >= 3`` changes by
more than 1 %. The network with bias is the control of the last, which presupposes it: there the same frequencies must
fall by more than half. A run that diverges counts as one with an infinite rate and an infinite residual.

All but the control, which is exploratory, are primary. One choice was made after looking: at the first default,
``amplitude`` 0.05 on 128 points, the agreement with bias was refuted, by the highest frequency, and ``amplitude`` was
lowered to 0.002, nearer to the limit that the closed form is about.

Setting: ``f(x) = m^(-1/2) sum_r a_r relu(w_r . x)`` or ``relu((w_r . x + b_r) / sqrt(2))``; ``w`` standard normal,
``b = 0``, ``a = +-1`` fixed; every unit has a mirror image of the other sign, so that the network starts at 0. Loss:
squared error, halved, mean over equally spaced points. Targets have one small amplitude and a random phase at every
frequency: small targets keep the weights near their start, the lazy regime (``weight_movement`` says how near). On the
grid of ``N`` points frequencies ``k + j N`` are one, so the prediction for ``k`` is the sum of their coefficients. It
has its own program: no sweep fixes the readout, mirrors the start or records a complex residual at each frequency.

Reference: Basri, Jacobs, Kasten & Kritchman (2019), The convergence rate of neural networks for learned functions of
different frequencies, arXiv:1906.00425, section 3 and figure 1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from gendyn import analysis, regression, theory, train
from gendyn.core import ConfigError, check_range
from gendyn.core.rules import distinct, each, even, every, integer, positive
from gendyn.plots import Curve, Panel, curve_family, draw_panels, style
from gendyn.sweep import Leaf, Measured, Simulation, redraw_simulation
from gendyn.types import Array, Axes, Config, Dataset, Figure, Finding

AXES = ("use_bias", "seed")
TOLERANCE = 0.1
"""Relative error of a rate that still counts as agreement."""


def _converges(name: str, value: float) -> None:
    fastest = float(np.max(theory.circle_coefficients(np.arange(2), use_bias=True)))
    check_range(name, value, low=0, high=1 / fastest, open_low=True, open_high=True)


def _two_odd(name: str, values: Sequence[int]) -> None:
    if sum(k % 2 == 1 and k >= 3 for k in values) < 2:
        raise ConfigError(f"{name} = {values} must hold two odd numbers of at least 3: a power is fitted through them.")


FREQUENCIES = each(integer(0), distinct, _two_odd)
LEAVES = {
    "num_units": Leaf(4096, rule=even(2, "units come in mirrored pairs"), meaning="hidden units"),
    "num_points": Leaf(64, rule=even(8, "points come with their opposites"), meaning="training points, equally spaced"),
    "frequencies": Leaf(tuple(range(13)), rule=FREQUENCIES, meaning="frequencies of the target"),
    "amplitude": Leaf(0.002, rule=positive(), meaning="of the target at every frequency: the smaller, the lazier"),
    "learning_rate": Leaf(2.0, rule=_converges, meaning="of full-batch gradient descent"),
    "num_steps": Leaf(3000, rule=integer(1), meaning="training steps"),
    "num_records": Leaf(60, rule=integer(2), meaning="records, evenly spaced in the logarithm of the step"),
    "runs_at_once": Leaf(5, "execution", integer(1), meaning="runs of a chunk"),
    "use_bias": Leaf(False, "axis", meaning="whether hidden units have biases", together=every((False, True))),
    "seed": Leaf(0, "axis", integer(0), meaning="draws the initial weights and the phases of the target"),
}


def check(config: Config) -> None:
    """The grid tells the frequencies apart."""
    if max(config.frequencies) >= config.num_points // 2:
        raise ConfigError(
            f"config.frequencies = {config.frequencies} must be below num_points / 2 = {config.num_points // 2}, or "
            "two of them are the same on the grid."
        )


def program(config: Config) -> Simulation:
    """A group for each kernel. Recorded: the residual ``mean of (f - y) exp(-i k angle)``, real and imaginary part."""
    steps = train.record_steps("log", num_steps=config.num_steps, num_records=config.num_records)
    chosen = {name: config[name] for name in ("num_units", "num_points", "frequencies", "amplitude", "learning_rate")}

    def redraw(seeds: Array, use_bias: bool) -> dict[str, Array]:
        found = regression.circle_networks(seeds, use_bias=use_bias, steps=steps, **chosen)
        losses = {name: getattr(found, name) for name in ("train_loss", "test_loss", "weight_movement")}
        residual = jnp.stack([found.residual.real, found.residual.imag], axis=-1)
        return losses | {"residual": residual, "diverged": ~jnp.isfinite(found.train_loss)}

    measured = {
        "train_loss": Measured("training loss"),
        "test_loss": Measured("loss between the training points"),
        "weight_movement": Measured("distance of the weights from their start, relative to its norm"),
        "diverged": Measured("the training loss is not finite", dtype="bool"),
        "residual": Measured("residual", (len(config.frequencies), 2)),
    }
    made = redraw_simulation(config, measured, redraw, float64=False)
    counts = (config.num_units * (2 + int(group.points[0]["use_bias"])) for group in made.groups)
    groups = zip(made.groups, counts, strict=True)
    return made._replace(groups=tuple(g._replace(steps=steps, values={"num_parameters": n}) for g, n in groups))


class Decay(NamedTuple):
    """Of one kernel, over the ``S`` seeds that are finished with both; infinite for a run that diverged."""

    residuals: np.ndarray
    """``[S, T, K]``: ``|residual| / |residual at step 0|``."""
    rates: np.ndarray
    """``[S, K]``: of ``(1 - learning_rate * rate)^step``."""
    predicted: np.ndarray
    """``[K]``: the closed form of the rates; 0 for odd ``k >= 3`` without bias."""
    sentence: str
    """On seeds left out and runs that diverged."""


def decay(ds: Dataset, *, use_bias: bool) -> Decay:
    """Residuals and rates of every seed, fitted while few frequencies leak in: :func:`gendyn.analysis.descent_rates`.

    Raises:
        ConfigError: no seed is finished.
    """
    config, runs, steps = analysis.config_of(ds), analysis.laid_out(ds, AXES), analysis.record_steps(ds)[0]
    amplitude = np.linalg.norm(runs.history("residual"), axis=-1)  # [bias, seeds, T, K]
    seeds = runs.seeds.measured(amplitude)
    if not seeds.complete.any():
        raise ConfigError("no seed is finished, so there is nothing to judge; wait for the first chunks.")
    row = list(runs.axes["use_bias"]).index(use_bias)
    chosen, diverged = amplitude[row, seeds.complete], seeds.diverged[row, seeds.complete]
    residuals = np.where(diverged[:, None, None], np.inf, chosen / chosen[:, :1])
    frequencies, rate = np.array(config["frequencies"]), config["learning_rate"]
    predicted = theory.circle_grid_coefficients(frequencies, config["num_points"], use_bias=use_bias)
    rates = analysis.descent_rates(steps, residuals, predicted, learning_rate=rate)
    return Decay(residuals, np.where(diverged[:, None], np.inf, rates), predicted, seeds.sentence)


def verdict(ds: Dataset) -> list[Finding]:
    """Five findings, in the order of the docstring."""
    without, with_bias = (decay(ds, use_bias=use_bias) for use_bias in (False, True))
    frequencies, seeds = np.array(analysis.config_of(ds)["frequencies"]), without.sentence
    odd = (frequencies % 2 == 1) & (frequencies >= 3)
    claim = "With bias the rate of odd frequencies from 3 on falls as the frequency to the power -2."
    slope = analysis.of_means(lambda rates: analysis.power(frequencies[odd], rates[:, odd]), with_bias.rates)
    unit, detail = "slope of log rate against log frequency", f"Least squares on means over seeds.{seeds}"
    falls = analysis.finding(claim, slope, low=-2.2, high=-1.8, unit=unit, detail=detail)
    never, detail = "Without bias odd frequencies from 3 on are never learned.", f"Means over seeds.{seeds}"
    change = analysis.worst_place(None, without.residuals[:, -1][:, odd], which="distance", centre=1.0)
    claim, unit = "With bias the same frequencies are learned (control).", "smallest relative fall of the residual"
    fall = analysis.worst_place(None, 1.0 - with_bias.residuals[:, -1][:, odd], which="smallest")
    unit = f"{unit} by the last step"
    control = analysis.finding(claim, fall, low=0.5, unit=unit, detail=detail, role="exploratory")
    unit = "largest relative change of the residual by the last step"
    frozen = analysis.finding(never, change, high=0.01, unit=unit, detail=detail, given=(control,))
    return analysis.family([_agrees("without bias", without), _agrees("with bias", with_bias), falls, frozen, control])


def _agrees(name: str, found: Decay) -> analysis.Hypothesis:
    learned, claim = found.predicted > 0, f"Every frequency is learned at the rate of the closed form, {name}."
    exact = found.predicted[learned]
    worst = analysis.worst_place(None, found.rates[:, learned] / exact, which="distance", centre=1.0)
    unit = "largest |measured / predicted rate - 1| over frequencies"
    detail = f"Means over seeds; the largest of several errors is biased upwards, against the claim.{found.sentence}"
    return analysis.finding(claim, worst, high=TOLERANCE, unit=unit, detail=detail)


def figure(ds: Dataset) -> Figure:
    """A column without bias and one with: decay above, rates below.

    Above: medians over seeds for at most 6 frequencies, and the predicted power dashed. Below: mean rates with their
    intervals on open rings at the predicted ones; a rate at or near 0 is on a linear strip below the logarithmic scale.
    """
    config, steps = analysis.config_of(ds), analysis.record_steps(ds)[0]
    k, both = np.array(config["frequencies"]), [decay(ds, use_bias=use_bias) for use_bias in (False, True)]
    predicted = np.concatenate([found.predicted for found in both])
    highest, last = float(np.max(predicted)), steps.max()
    threshold = float(np.min(predicted[predicted > 0], initial=highest)) / 3.0
    fine = np.unique(np.concatenate([steps, np.linspace(0, last, 400)]))
    drawn = np.unique(np.linspace(0, len(k) - 1, min(6, len(k))).round().astype(int))

    def strip(ax: Axes) -> None:
        ax.set_yscale("symlog", linthresh=threshold, linscale=0.6)
        ax.set_ylim(-threshold / 2, 2.0 * max(highest, threshold))
        ax.locator_params("x", integer=True, nbins=10)

    rows: tuple[list[Panel], list[Panel]] = ([], [])
    for found, title, place in zip(both, ("without bias", "with bias"), ("", "outside"), strict=True):
        powers = np.abs(1.0 - config["learning_rate"] * found.predicted[drawn, None]) ** fine
        names, table = [style.number(float(mode)) for mode in k[drawn]], found.residuals[..., drawn].transpose(0, 2, 1)
        curves = curve_family(names, steps, table, fine, powers, statistic="median")
        panel = Panel(title, "training step", "" if rows[0] else "residual / start", curves, "symlog", legend=place)
        rows[0].append(panel._replace(legend_title="frequency", x_limits=(0, last), y_limits=(-0.03, 1.12)))
        finite = np.where(np.isfinite(found.rates), found.rates, np.nan)
        curve = Curve("measured", k, finite, k, found.predicted, style.MEASURED, line="none")
        panel = Panel("", "frequency", "" if rows[1] else "decay rate", (curve,), legend=place, levels=((0.0, ""),))
        rows[1].append(panel._replace(x_limits=(k.min() - 0.7, k.max() + 0.7), draw=strip))
    setting = f"{config['num_units']:,} units, {config['num_points']} points, learning rate {config['learning_rate']:g}"
    moved = f"weights moved by at most {np.nanmax(ds['weight_movement'].values):.1%}"
    seeds = f"{len(both[0].residuals)} seeds" if len(both[0].residuals) > 1 else "one seed, no interval"
    return draw_panels(rows[0] + rows[1], num_columns=2, note=f"{setting}   ·   {moved}\n{seeds}", over="seeds")
