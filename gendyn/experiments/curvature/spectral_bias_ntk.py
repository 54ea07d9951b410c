"""Spectral bias: does a wide network learn each frequency at the rate its tangent kernel says?

Claim: Full-batch gradient descent on a wide two-layer ReLU network on the circle multiplies the residual at frequency
``k`` by ``1 - learning_rate * a_k`` a step, with the Fourier coefficients ``a_k`` of the infinite-width tangent kernel
in closed form. With bias the rates of odd frequencies fall as ``k^-2``. Without bias odd frequencies from 3 on are
never learned.

Refuted if: at some frequency the mean rate over seeds is more than 10 % off; the slope of log rate against log
frequency over odd ``k >= 3`` is not between -2.2 and -1.8; without bias the residual at an odd ``k >= 3`` changes by
more than 1 %. The network with bias is the control of the last: there the same frequencies must fall by more than half.

Setting: ``f(x) = m^(-1/2) sum_r a_r relu(w_r . x)`` or ``relu((w_r . x + b_r) / sqrt(2))``; ``w`` standard normal,
``b = 0``, ``a = +-1`` fixed; every unit has a mirror image of the other sign, so that the network starts at 0. Loss:
squared error, halved, mean over equally spaced points. Targets have one small amplitude and a random phase at every
frequency: small targets keep the weights near their start, the lazy regime (``weight_movement`` says how near). On the
grid of ``N`` points frequencies ``k + j N`` are one, so the prediction for ``k`` is the sum of their coefficients.

Its own program and not :mod:`gendyn.sweep`: the readout is fixed, the start is mirrored and what is recorded is complex
and per frequency, none of which a sweep's leaves have. Results lie in a folder of :mod:`gendyn.store` all the same, one
chunk for a few runs: the same call again does only the chunks that are missing.

Cost: the default, 20 runs of 3,000 steps, took 64 s of CPU time and 179 s of wall time on two very busy x86-64 cores.

Reference: Basri, Jacobs, Kasten & Kritchman (2019), The convergence rate of neural networks for learned functions of
different frequencies, arXiv:1906.00425, section 3 and figure 1.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.analysis import bootstrap, config_of, finding, grid, mean_interval, record_steps, tabulate
from gendyn.core import ConfigError, check_positive_int, check_range, stream
from gendyn.plots.mode_decay import Column, mode_decay
from gendyn.sweep import Group, Measured, simulate
from gendyn.theory import circle_coefficients
from gendyn.types import Array, Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

TOLERANCE = 0.1
"""Relative error of a rate that still counts as agreement."""
LEVEL = 0.9
"""Of every interval."""
FIT_DECAY = 2.0
"""Rates are fitted while the predicted residual is above ``exp(-2)``: later, other frequencies leak in."""
AXES = ("use_bias", "seed")
_MEASURED = {
    "train_loss": Measured("training loss"),
    "test_loss": Measured("loss between the training points"),
    "weight_movement": Measured("distance of the weights from their start, relative to its norm"),
    "diverged": Measured("the training loss is not finite", dtype="bool"),
}


class Setting(NamedTuple):
    """What one compiled program depends on."""

    num_units: int
    num_points: int
    frequencies: tuple[int, ...]
    steps: tuple[int, ...]
    """The recorded steps, from 0."""


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Trains every run, or the chunks of them that ``workdir`` lacks.

    Returns:
        Dimensions ``run`` and ``record``; ``residual [run, record, frequency, 2]`` (real and imaginary part of
        ``mean of (f - y) exp(-i k angle)``), ``train_loss``, ``test_loss`` and ``weight_movement``
        (``||W - W_0|| / ||W_0||``).

    Raises:
        ConfigError: a leaf out of range, or a ``workdir`` that holds something else.
    """
    setting = _setting(config)
    axes = dict(config.axes)

    def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, Array]:
        use_bias = jnp.array([point["use_bias"] for point in points], jnp.float32)
        seeds = jnp.array([point["seed"] for point in points], jnp.uint32)
        rate, amplitude = jnp.float32(config.learning_rate), jnp.float32(config.amplitude)
        return _train(setting, use_bias, seeds, rate, amplitude)[1]

    groups = [
        Group(
            points=tuple({"use_bias": bool(bias), "seed": int(seed)} for seed in axes["seed"]),
            compute=compute,
            steps=setting.steps,
            values={"num_parameters": setting.num_units * (3 if bias else 2)},
        )
        for bias in axes["use_bias"]
    ]
    measured = _MEASURED | {"residual": Measured("residual", (len(setting.frequencies), 2))}
    return simulate(config.to_dict(), workdir, groups, measured, runs_at_once=config.runs_at_once)


@functools.partial(jax.jit, static_argnums=0)
def _train(
    setting: Setting, use_bias: Array, seeds: Array, learning_rate: Array, amplitude: Array
) -> tuple[Array, dict[str, Array]]:
    """Weights ``[R, m, 3]`` at the end, and records ``[R, T, ...]``; all runs of a chunk together."""
    points = 2.0 * np.pi * np.arange(setting.num_points) / setting.num_points
    frequencies = np.array(setting.frequencies)
    waves = jnp.asarray(np.exp(-1j * np.outer(points, frequencies)) / setting.num_points, jnp.complex64)
    gaps = jnp.asarray(np.diff(setting.steps, append=setting.steps[-1]), jnp.int32)

    def one(bias: Array, seed: Array) -> tuple[Array, dict[str, Array]]:
        key = jax.random.key(seed)
        half = jax.random.normal(stream(key, "weights"), (setting.num_units // 2, 2))
        # Mirrored: the two halves cancel exactly, and the third column is the bias, which starts at 0.
        start = jnp.pad(jnp.concatenate([half, half]), ((0, 0), (0, 1)))
        signs = jnp.repeat(jnp.array([1.0, -1.0]), setting.num_units // 2) / math.sqrt(setting.num_units)
        phases = 2.0 * np.pi * jax.random.uniform(stream(key, "phases"), frequencies.shape)
        phases = jnp.where(frequencies == 0, 0.0, phases)

        def problem(angles: np.ndarray) -> tuple[Array, Array]:
            x = jnp.stack([jnp.cos(angles), jnp.sin(angles), jnp.full(len(angles), bias)], axis=1)
            y = amplitude * jnp.sum(jnp.cos(np.outer(angles, frequencies) + phases), axis=1)
            return x / jnp.sqrt(1.0 + bias), y

        x, y = problem(points)
        x_test, y_test = problem(points + np.pi / setting.num_points)

        def outputs(weights: Array, x: Array) -> Array:
            return jax.nn.relu(x @ weights.T) @ signs

        def step(_: Array, weights: Array) -> Array:
            gradient = jax.grad(lambda w: 0.5 * jnp.mean(jnp.square(outputs(w, x) - y)))(weights)
            return weights - learning_rate * gradient

        def segment(weights: Array, gap: Array) -> tuple[Array, dict[str, Array]]:
            residual = outputs(weights, x) - y
            modes = residual @ waves
            loss = 0.5 * jnp.mean(jnp.square(residual))
            record = {
                "residual": jnp.stack([modes.real, modes.imag], axis=-1),
                "train_loss": loss,
                "diverged": ~jnp.isfinite(loss),
                "test_loss": 0.5 * jnp.mean(jnp.square(outputs(weights, x_test) - y_test)),
                "weight_movement": jnp.linalg.norm(weights - start) / jnp.linalg.norm(start),
            }
            return jax.lax.fori_loop(0, gap, step, weights), record

        return jax.lax.scan(segment, start, gaps)

    return jax.vmap(one)(use_bias, seeds)


def predicted_rates(ds: "xarray.Dataset", *, use_bias: bool) -> np.ndarray:
    """``[K]``: the closed form on the grid, ``sum over j of a_(k + j N)``; 0 for odd ``k >= 3`` without bias."""
    config = config_of(ds)
    aliases = config["num_points"] * np.arange(-1000, 1001)
    return circle_coefficients(np.add.outer(config["frequencies"], aliases), use_bias=use_bias).sum(axis=1)


def relative_residuals(ds: "xarray.Dataset", *, use_bias: bool) -> np.ndarray:
    """``[S, T, K]``: ``|residual| / |residual at step 0|`` of the seeds that are finished."""
    layout = grid(ds, AXES)
    amplitude = np.linalg.norm(tabulate(layout, ds["residual"].values), axis=-1)
    chosen = amplitude[list(layout.axes["use_bias"]).index(use_bias)]
    finished = np.isfinite(chosen).all(axis=(1, 2))
    return chosen[finished] / chosen[finished, :1]


def measured_rates(ds: "xarray.Dataset", *, use_bias: bool) -> np.ndarray:
    """``[S, K]``: ``(1 - exp(slope)) / learning_rate``, the slope of log residual on step fitted through its start.

    Gradient descent decays as ``(1 - learning_rate * rate)^step``, not as an exponential of the rate. Steps are used
    while the predicted residual is above ``exp(-FIT_DECAY)``; NaN where none is recorded.
    """
    learning_rate = config_of(ds)["learning_rate"]
    residuals = relative_residuals(ds, use_bias=use_bias)
    steps = record_steps(ds)[0].astype(float)
    predicted = predicted_rates(ds, use_bias=use_bias)
    # log1p(-...) is the predicted slope; where it is 0 all steps are used.
    used = -np.log1p(-learning_rate * predicted) * steps[:, None] <= FIT_DECAY
    weights = np.where(used, steps[:, None], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.einsum("tk,stk->sk", weights, np.where(used, np.log(residuals), 0.0)) / np.sum(weights**2, axis=0)
    return -np.expm1(slopes) / learning_rate


def figure(ds: "xarray.Dataset") -> "Figure":
    """Residual against step, and rate against frequency, without and with bias: measured on top of predicted."""
    config = config_of(ds)
    columns = []
    for use_bias, title in ((False, "without bias"), (True, "with bias")):
        predicted = predicted_rates(ds, use_bias=use_bias)
        rates = measured_rates(ds, use_bias=use_bias)
        if len(rates) == 0:
            raise ConfigError("no run is finished; wait for the first chunk.")
        columns.append(
            Column(
                title,
                np.array(config["frequencies"]),
                record_steps(ds)[0],
                relative_residuals(ds, use_bias=use_bias),
                1.0 - config["learning_rate"] * predicted,
                mean_interval(rates, level=LEVEL),
                predicted,
            )
        )
    movement = float(np.nanmax(ds["weight_movement"].values))
    note = f"{config['num_units']:,} units, {config['num_points']} points, learning rate {config['learning_rate']:g}"
    return mode_decay(columns, level=LEVEL, note=f"{note}   ·   weights moved by at most {movement:.1%}")


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Agreement of the rates without and with bias, the power law, the frozen frequencies and their control."""
    frequencies = np.array(config_of(ds)["frequencies"])
    odd = (frequencies % 2 == 1) & (frequencies >= 3)
    found = []
    for use_bias, name in ((False, "without bias"), (True, "with bias")):
        predicted = predicted_rates(ds, use_bias=use_bias)
        learned = predicted > 0

        def worst(rates: np.ndarray, predicted: np.ndarray = predicted, learned: np.ndarray = learned) -> np.ndarray:
            return np.max(np.abs(rates.mean(axis=1)[:, learned] / predicted[learned] - 1.0), axis=1)

        found.append(
            _finding(
                f"Every frequency is learned at the rate of the closed form, {name}.",
                worst,
                measured_rates(ds, use_bias=use_bias),
                high=TOLERANCE,
                unit="largest |measured / predicted rate - 1| over frequencies",
                detail="Means over seeds; the largest of several errors is biased upwards, against the claim.",
            )
        )

    def slope(rates: np.ndarray) -> np.ndarray:
        means = rates.mean(axis=1)[:, odd]
        x = np.log(frequencies[odd]) - np.log(frequencies[odd]).mean()
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.log(np.where(means > 0, means, np.nan)) @ x / (x @ x))

    def change(residuals: np.ndarray) -> np.ndarray:
        return np.max(np.abs(1.0 - residuals[..., odd].mean(axis=1)), axis=1)

    def fall(residuals: np.ndarray) -> np.ndarray:
        return np.min(1.0 - residuals[..., odd].mean(axis=1), axis=1)

    last = {use_bias: relative_residuals(ds, use_bias=use_bias)[:, -1] for use_bias in (False, True)}
    found.append(
        _finding(
            "With bias the rate of odd frequencies from 3 on falls as the frequency to the power -2.",
            slope,
            measured_rates(ds, use_bias=True),
            low=-2.2,
            high=-1.8,
            unit="slope of log rate against log frequency",
            detail="Least squares on means over seeds.",
        )
    )
    found.append(
        _finding(
            "Without bias odd frequencies from 3 on are never learned.",
            change,
            last[False],
            high=0.01,
            unit="largest relative change of the residual by the last step",
            detail="Means over seeds.",
        )
    )
    found.append(
        _finding(
            "With bias the same frequencies are learned (control).",
            fall,
            last[True],
            low=0.5,
            unit="smallest relative fall of the residual by the last step",
            detail="Means over seeds.",
        )
    )
    return found


def _finding(claim: str, statistic: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, **rule: Any) -> Finding:
    if len(rows) == 0:
        raise ConfigError("no run is finished, so there is nothing to judge; wait for the first chunk.")
    return finding(claim, bootstrap(statistic, rows, level=LEVEL), **rule)


def _setting(config: "ml_collections.ConfigDict") -> Setting:
    for name, low in (("num_units", 2), ("num_points", 8), ("num_steps", 1), ("num_records", 2), ("runs_at_once", 1)):
        check_positive_int(f"config.{name}", config[name], low=low)
    frequencies = tuple(config.frequencies)
    if config.num_units % 2 or config.num_points % 2:
        raise ConfigError(
            f"config.num_units = {config.num_units} and config.num_points = {config.num_points} must be even: units "
            "come in mirrored pairs, and points with their opposites."
        )
    for k in frequencies:
        check_positive_int("config.frequencies: each", k, low=0)
    if len(set(frequencies)) < len(frequencies) or max(frequencies, default=0) >= config.num_points // 2:
        raise ConfigError(
            f"config.frequencies = {frequencies} must be different and below num_points / 2 = "
            f"{config.num_points // 2}, or two of them are the same on the grid."
        )
    if sum(k % 2 == 1 and k >= 3 for k in frequencies) < 2:
        raise ConfigError(
            f"config.frequencies = {frequencies} must hold two odd numbers of at least 3: the claims ask."
        )
    fastest = float(np.max(circle_coefficients(np.arange(2), use_bias=True)))
    check_range("config.learning_rate", config.learning_rate, low=0, high=1 / fastest, open_low=True, open_high=True)
    check_range("config.amplitude", config.amplitude, low=0, open_low=True)
    if tuple(name for name, _ in config.axes) != AXES or set(dict(config.axes)["use_bias"]) != {False, True}:
        raise ConfigError(f"config.axes = {config.axes} must be use_bias = (False, True) and seed = (...).")
    geometric = np.geomspace(1, config.num_steps, config.num_records - 1).round().astype(int)
    steps = tuple(int(step) for step in np.unique([0, *geometric.tolist(), config.num_steps]))
    return Setting(int(config.num_units), int(config.num_points), frequencies, steps)
