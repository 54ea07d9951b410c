"""Spectral bias: does a wide network learn each frequency at the rate its tangent kernel says?

Claim: Full-batch gradient descent on a wide two-layer ReLU network on the circle multiplies the residual at frequency
``k`` by ``1 - learning_rate * a_k`` a step, with the Fourier coefficients ``a_k`` of the infinite-width tangent kernel
in closed form. With bias the rates of odd frequencies fall as ``k^-2``. Without bias odd frequencies from 3 on are
never learned.

Refuted if: at some frequency the mean rate over seeds is more than 10 % off; the slope of log rate against log
frequency over odd ``k >= 3`` is not between -2.2 and -1.8; without bias the residual at an odd ``k >= 3`` changes by
more than 1 %. The network with bias is the control of the last: there the same frequencies must fall by more than half.
A run that diverges counts as one with an infinite rate and an infinite residual.

Setting: ``f(x) = m^(-1/2) sum_r a_r relu(w_r . x)`` or ``relu((w_r . x + b_r) / sqrt(2))``; ``w`` standard normal,
``b = 0``, ``a = +-1`` fixed; every unit has a mirror image of the other sign, so that the network starts at 0. Loss:
squared error, halved, mean over equally spaced points. Targets have one small amplitude and a random phase at every
frequency: small targets keep the weights near their start, the lazy regime (``weight_movement`` says how near). On the
grid of ``N`` points frequencies ``k + j N`` are one, so the prediction for ``k`` is the sum of their coefficients. It
has its own program: no sweep fixes the readout, mirrors the start or records a complex residual at each frequency.

Reference: Basri, Jacobs, Kasten & Kritchman (2019), The convergence rate of neural networks for learned functions of
different frequencies, arXiv:1906.00425, section 3 and figure 1.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.analysis import (
    bootstrap,
    config_of,
    descent_rates,
    finding,
    grid,
    history,
    largest_distance,
    largest_error,
    mean,
    power,
    record_steps,
    seeds_of,
    smallest,
    tabulate,
)
from gendyn.core import ConfigError, check_range
from gendyn.core.rules import distinct, each, integer, positive
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.regression import circle_network
from gendyn.sweep import Group, Leaf, Measured, Simulation
from gendyn.theory import circle_coefficients, circle_grid_coefficients
from gendyn.types import Array, Axes, Config, Dataset, Figure, Finding

AXES = ("use_bias", "seed")
FIT_DECAY = 2.0
"""Rates are fitted while the predicted residual is above ``exp(-2)``: later, other frequencies leak in."""
TOLERANCE = 0.1
"""Relative error of a rate that still counts as agreement."""
MAX_LINES = 6


def _converges(name: str, value: float) -> None:
    fastest = float(np.max(circle_coefficients(np.arange(2), use_bias=True)))
    check_range(name, value, low=0, high=1 / fastest, open_low=True, open_high=True)


def _two_odd(name: str, values: Sequence[int]) -> None:
    if sum(k % 2 == 1 and k >= 3 for k in values) < 2:
        raise ConfigError(f"{name} = {values} must hold two odd numbers of at least 3: a power is fitted through them.")


LEAVES = {
    "num_units": Leaf(4096, rule=integer(2), meaning="hidden units; half of them mirror the other half"),
    "num_points": Leaf(64, rule=integer(8), meaning="training points, equally spaced on the circle"),
    "frequencies": Leaf(
        tuple(range(13)), rule=each(integer(0), distinct, _two_odd), meaning="frequencies of the target"
    ),
    "amplitude": Leaf(0.002, rule=positive(), meaning="of the target at every frequency: the smaller, the lazier"),
    "learning_rate": Leaf(2.0, rule=_converges, meaning="of full-batch gradient descent"),
    "num_steps": Leaf(3000, rule=integer(1), meaning="training steps"),
    "num_records": Leaf(60, rule=integer(2), meaning="records, evenly spaced in the logarithm of the step"),
    "runs_at_once": Leaf(5, "execution", integer(1), meaning="runs of a chunk"),
    "use_bias": Leaf(False, "axis", meaning="whether hidden units have biases"),
    "seed": Leaf(0, "axis", integer(0), meaning="draws the initial weights and the phases of the target"),
}


def check(config: Config) -> None:
    """Units and points come in pairs, the grid tells the frequencies apart, both kernels are there."""
    if config.num_units % 2 or config.num_points % 2:
        raise ConfigError(
            f"config.num_units = {config.num_units} and config.num_points = {config.num_points} must be even: units "
            "come in mirrored pairs, and points with their opposites."
        )
    if max(config.frequencies) >= config.num_points // 2:
        raise ConfigError(
            f"config.frequencies = {config.frequencies} must be below num_points / 2 = {config.num_points // 2}, or "
            "two of them are the same on the grid."
        )
    if set(dict(config.axes)["use_bias"]) != {False, True}:
        raise ConfigError(
            f"config.axes = {config.axes} must hold use_bias = (False, True): the network without bias is compared "
            "with the one that has it."
        )


def program(config: Config) -> Simulation:
    """A group for each kernel. Recorded: the residual ``mean of (f - y) exp(-i k angle)``, real and imaginary part."""
    axes, frequencies = dict(config.axes), tuple(config.frequencies)
    geometric = np.geomspace(1, config.num_steps, config.num_records - 1).round().astype(int)
    steps = tuple(np.unique([0, *geometric, config.num_steps]).tolist())
    sizes = {"num_units": config.num_units, "num_points": config.num_points, "frequencies": frequencies}

    @jax.jit
    def train(use_bias: Array, seeds: Array, **numbers: Array) -> dict[str, Array]:
        def one(bias: Array, seed: Array) -> dict[str, Array]:
            found = circle_network(jax.random.key(seed), use_bias=bias, steps=steps, **sizes, **numbers)
            residual = jnp.stack([found.residual.real, found.residual.imag], axis=-1)
            losses = {name: getattr(found, name) for name in ("train_loss", "test_loss", "weight_movement")}
            return {**losses, "residual": residual, "diverged": ~jnp.isfinite(found.train_loss)}

        return jax.vmap(one)(use_bias, seeds)

    def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, Array]:
        use_bias = jnp.array([point["use_bias"] for point in points], jnp.float32)
        seeds = jnp.array([point["seed"] for point in points], jnp.uint32)
        numbers = {name: jnp.float32(config[name]) for name in ("learning_rate", "amplitude")}
        return train(use_bias, seeds, **numbers)

    groups = tuple(
        Group(
            tuple({"use_bias": bias, "seed": seed} for seed in axes["seed"]),
            compute,
            steps,
            {"num_parameters": config.num_units * (3 if bias else 2)},
        )
        for bias in axes["use_bias"]
    )
    measured = {
        "train_loss": Measured("training loss"),
        "test_loss": Measured("loss between the training points"),
        "weight_movement": Measured("distance of the weights from their start, relative to its norm"),
        "diverged": Measured("the training loss is not finite", dtype="bool"),
        "residual": Measured("residual", (len(frequencies), 2)),
    }
    return Simulation(groups, measured, runs_at_once=config.runs_at_once)


class Decay(NamedTuple):
    """Of one kernel, over the ``S`` seeds that are finished with both."""

    frequencies: np.ndarray
    """``[K]``."""
    steps: np.ndarray
    """``[T]``: recorded training steps."""
    residuals: np.ndarray
    """``[S, T, K]``: ``|residual| / |residual at step 0|``; infinite for a run that diverged."""
    rates: np.ndarray
    """``[S, K]``: of ``(1 - learning_rate * rate)^step``; infinite for a run that diverged."""
    predicted: np.ndarray
    """``[K]``: the closed form of the rates; 0 for odd ``k >= 3`` without bias."""
    sentence: str
    """On seeds left out and runs that diverged."""


def decay(ds: Dataset, *, use_bias: bool) -> Decay:
    """Residuals and rates of every seed: :func:`gendyn.analysis.descent_rates`.

    Raises:
        ConfigError: no seed is finished.
    """
    config, layout, steps = config_of(ds), grid(ds, AXES), record_steps(ds)[0].astype(float)
    frequencies = np.array(config["frequencies"])
    amplitude = np.linalg.norm(tabulate(layout, history(ds, "residual")), axis=-1)  # [bias, seeds, T, K]
    seeds = seeds_of(ds, layout)
    seeds = seeds.restricted((np.isfinite(amplitude).all(axis=(2, 3)) | seeds.diverged).all(axis=0))
    if not seeds.complete.any():
        raise ConfigError("no seed is finished, so there is nothing to judge; wait for the first chunks.")
    row = list(layout.axes["use_bias"]).index(use_bias)
    chosen, diverged = amplitude[row][seeds.complete], seeds.diverged[row][seeds.complete]
    residuals = np.where(diverged[:, None, None], np.inf, chosen / chosen[:, :1])
    predicted = circle_grid_coefficients(frequencies, config["num_points"], use_bias=use_bias)
    rates = descent_rates(steps, residuals, predicted, learning_rate=config["learning_rate"], fit_decay=FIT_DECAY)
    rates = np.where(diverged[:, None], np.inf, rates)
    return Decay(frequencies, steps, residuals, rates, predicted, seeds.sentence)


def verdict(ds: Dataset) -> list[Finding]:
    """Five findings, in the order of the docstring."""
    without, with_bias = (decay(ds, use_bias=use_bias) for use_bias in (False, True))
    odd, means = (without.frequencies % 2 == 1) & (without.frequencies >= 3), f"Means over seeds.{without.sentence}"
    falls = finding(
        "With bias the rate of odd frequencies from 3 on falls as the frequency to the power -2.",
        bootstrap(lambda rates: power(without.frequencies[odd], mean(rates)[:, odd]), with_bias.rates),
        low=-2.2,
        high=-1.8,
        unit="slope of log rate against log frequency",
        detail=f"Least squares on means over seeds.{without.sentence}",
    )
    frozen = finding(
        "Without bias odd frequencies from 3 on are never learned.",
        bootstrap(lambda rows: largest_distance(mean(rows)[..., odd], 1.0), without.residuals[:, -1]),
        high=0.01,
        unit="largest relative change of the residual by the last step",
        detail=means,
    )
    control = finding(
        "With bias the same frequencies are learned (control).",
        bootstrap(lambda rows: smallest(1.0 - mean(rows)[..., odd]), with_bias.residuals[:, -1]),
        low=0.5,
        unit="smallest relative fall of the residual by the last step",
        detail=means,
    )
    return [_agrees("without bias", without), _agrees("with bias", with_bias), falls, frozen, control]


def _agrees(name: str, found: Decay) -> Finding:
    learned = found.predicted > 0
    return finding(
        f"Every frequency is learned at the rate of the closed form, {name}.",
        bootstrap(lambda rates: largest_error(mean(rates)[:, learned], found.predicted[learned]), found.rates),
        high=TOLERANCE,
        unit="largest |measured / predicted rate - 1| over frequencies",
        detail=f"Means over seeds; the largest of several errors is biased upwards, against the claim.{found.sentence}",
    )


def figure(ds: Dataset) -> Figure:
    """A column without bias and one with: decay above, rates below.

    Above: medians over seeds with exact intervals for at most 6 frequencies, and the predicted power dashed. Below:
    mean rates with their intervals on open rings at the predicted ones; a rate at or near 0 is drawn on a linear strip
    below the logarithmic scale.
    """
    config = config_of(ds)
    both = [decay(ds, use_bias=use_bias) for use_bias in (False, True)]
    predicted = np.concatenate([found.predicted for found in both])
    highest = float(np.max(predicted))
    threshold = float(np.min(predicted[predicted > 0], initial=highest)) / 3.0

    def residuals(found: Decay) -> Panel:
        count, last = len(found.frequencies), found.steps.max()
        fine = np.unique(np.concatenate([found.steps, np.linspace(0, last, 400)]))
        curves = []
        for mode in np.unique(np.linspace(0, count - 1, min(MAX_LINES, count)).round().astype(int)):
            exact = np.abs(1.0 - config["learning_rate"] * found.predicted[mode]) ** fine
            label, table = style.number(float(found.frequencies[mode])), found.residuals[:, :, mode]
            curves.append(Curve(label, found.steps, table, fine, exact, statistic="median"))
        panel = Panel("", "training step", "", tuple(curves), "symlog", legend="", legend_title="frequency")
        return panel._replace(x_limits=(0, last), y_limits=(-0.03, 1.12))

    def strip(ax: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        ax.set_yscale("symlog", linthresh=threshold, linscale=0.6)
        ax.set_ylim(-threshold / 2, 2.0 * max(highest, threshold))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))

    def rates(found: Decay) -> Panel:
        k, finite = found.frequencies, np.where(np.isfinite(found.rates), found.rates, np.nan)
        curve = Curve("measured", k, finite, k, found.predicted, style.MEASURED, line="none")
        limits = k.min() - 0.7, k.max() + 0.7
        return Panel("", "frequency", "", (curve,), legend="", x_limits=limits, levels=((0.0, ""),), draw=strip)

    left, right = map(residuals, both)
    below, last = map(rates, both)
    shown = (
        left._replace(title="without bias", y_label="residual / start"),
        right._replace(title="with bias", legend="outside"),
        below._replace(y_label="decay rate"),
        last._replace(legend="outside"),
    )
    setting = f"{config['num_units']:,} units, {config['num_points']} points, learning rate {config['learning_rate']:g}"
    moved = f"weights moved by at most {np.nanmax(ds['weight_movement'].values):.1%}"
    seeds = f"{len(both[0].residuals)} seeds" if len(both[0].residuals) > 1 else "one seed, no interval"
    return draw_panels(shown, num_columns=2, note=f"{setting}   ·   {moved}\n{seeds}", over="seeds")
