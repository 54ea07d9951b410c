"""Grokking without features: gradient descent on a linear student against the exact integrals of its learning curves.

Claim: A linear student learns its training set long before new inputs, and both curves are averages over the
Marchenko-Pastur law of ``ratio = dimension / examples``. The delay between 95 % training and 95 % test accuracy is the
one of the exact integrals: within 10 % at ratio 0.5, within 15 % at every ratio from 0.1 to 0.9. Above 1 the test loss
stops at ``1 - 1 / ratio`` and the student never generalises. The small-tolerance formula that is usually quoted
overstates the delay.

Refuted if: the median delay over seeds is off by more than these; the share of its initial test loss that a run above
ratio 1 ends with is on average more than 10 % from the floor; half of the runs there reach 95 %; the delay at ratio 0.5
is not below 0.9 of the small-tolerance formula.

Setting: ``x ~ N(0, I)`` in ``d`` dimensions, ``y = w* . x``, ``w*`` and the student's start ``N(0, I / 2 d)``, loss
``|X (w - w*)|^2 / n`` without a half, full batch. An output is right if its squared error is below ``tolerance``. Every
step is taken: ``w <- w - 2 learning_rate S (w - w*)`` with the ``[d, d]`` second moments ``S = X^T X / n`` computed
once, the same iteration as through ``X`` at a cost that does not grow with ``n``. Training and test accuracy are those
on the ``n`` training inputs and on fresh ones. A run is trained until the closed form has generalised, and
``extra_steps`` of that longer; above ratio 1 until it has fitted and its test loss is within ``floor_tolerance`` of the
floor.

Its own program and not :mod:`gendyn.sweep`: runs of different ratios differ a hundredfold in length, so each ratio is a
program over its seeds. Results lie in a folder of :mod:`gendyn.store`, one chunk for a ratio and a few seeds: the same
call again does only the chunks that are missing.

Cost: the default, 220 runs of 514 to 39,610 steps, took 226 s of CPU time and 652 s of wall time on two x86-64 cores
shared with six times their load.

Reference: Levi, Beck & Bar-Sinai (2023), Grokking in linear estimators, arXiv:2310.16441, section 3, figures 1 and 2.
"""

import functools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import theory
from gendyn.analysis import (
    UNFINISHED,
    Crossing,
    Interval,
    bootstrap,
    config_of,
    final_values,
    finding,
    generalisation_delay,
    grid,
    history,
    mean_interval,
    median_interval,
    record_steps,
    run_status,
    tabulate,
    time_to_threshold,
)
from gendyn.core import ConfigError, check_positive_int, check_range, stream
from gendyn.plots.linear_grokking import LinearRuns, linear_grokking
from gendyn.sweep import Group, Measured, simulate
from gendyn.types import Array, Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

ACCURACY = 0.95
"""The level of both thresholds."""
TOLERANCE_AT_HALF, TOLERANCE = 0.10, 0.15
"""Relative error of a delay that still counts as agreement: at ratio 0.5, and across ratios below 1."""
FLOOR_TOLERANCE = 0.10
LEVEL = 0.9
"""Of every interval."""
AXES = ("ratio", "seed")
_MEASURED = {
    "train_loss": Measured("mean squared error on the training inputs"),
    "train_error": Measured("fraction of training inputs with squared error above the tolerance"),
    "test_loss": Measured("mean squared error on a new input, exact"),
    "test_error": Measured("fraction of fresh inputs with squared error above the tolerance"),
    "diverged": Measured("the training loss is not finite", dtype="bool"),
}


class Setting(NamedTuple):
    """What one compiled program depends on."""

    dimension: int
    num_train: int
    num_test: int
    steps: tuple[int, ...]
    """The recorded steps, from 0."""


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Trains every run, or the chunks of them that ``workdir`` lacks.

    Returns:
        Dimensions ``run`` and ``record``; ``train_loss``, ``test_loss`` (``|w - w*|^2``), ``train_error`` and
        ``test_error`` (one minus accuracy).

    Raises:
        ConfigError: a leaf out of range, or a ``workdir`` that holds something else.
    """
    settings = _settings(config)
    seeds = [int(seed) for seed in dict(config.axes)["seed"]]

    def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, Array]:
        chosen = jnp.array([point["seed"] for point in points], jnp.uint32)
        setting, rate = settings[points[0]["ratio"]], jnp.float32(config.learning_rate)
        return _train(setting, chosen, rate, jnp.float32(config.tolerance))[1]

    groups = [
        Group(
            points=tuple({"ratio": ratio, "seed": seed} for seed in seeds),
            compute=compute,
            steps=setting.steps,
            values={"num_parameters": setting.dimension},
        )
        for ratio, setting in settings.items()
    ]
    return simulate(config.to_dict(), workdir, groups, _MEASURED, runs_at_once=config.runs_at_once)


@functools.partial(jax.jit, static_argnums=0)
def _train(setting: Setting, seeds: Array, learning_rate: Array, tolerance: Array) -> tuple[Array, dict[str, Array]]:
    """Weights ``[R, d]`` at the end, and records ``[R, T]``; the seeds of one ratio together."""
    dimension, num_train = setting.dimension, setting.num_train
    gaps = jnp.asarray(np.diff(setting.steps, append=setting.steps[-1]), jnp.int32)

    def one(seed: Array) -> tuple[Array, dict[str, Array]]:
        # Each ratio draws afresh: its training sets would else be nested in those of the next.
        key = stream(jax.random.key(seed), f"{num_train} examples")
        x = jax.random.normal(stream(key, "train"), (num_train, dimension))
        x_test = jax.random.normal(stream(key, "test"), (setting.num_test, dimension))
        start, teacher = jax.random.normal(stream(key, "weights"), (2, dimension)) / math.sqrt(2 * dimension)
        moments = jnp.matmul(x.T, x, precision="highest") / num_train

        def step(_: Array, weights: Array) -> Array:
            return weights - 2.0 * learning_rate * jnp.matmul(moments, weights - teacher, precision="highest")

        def segment(weights: Array, gap: Array) -> tuple[Array, dict[str, Array]]:
            errors, test_errors = (
                jnp.square(jnp.matmul(inputs, weights - teacher, precision="highest")) for inputs in (x, x_test)
            )
            loss = jnp.mean(errors)
            record = {
                "train_loss": loss,
                "train_error": jnp.mean(errors >= tolerance),
                "test_loss": jnp.sum(jnp.square(weights - teacher)),
                "test_error": jnp.mean(test_errors >= tolerance),
                "diverged": ~jnp.isfinite(loss),
            }
            return jax.lax.fori_loop(0, gap, step, weights), record

        return jax.lax.scan(segment, start, gaps)

    return jax.vmap(one)(seeds)


def crossings(ds: "xarray.Dataset") -> tuple[Crossing, Crossing]:
    """When each run reaches 95 % on its training and on the fresh inputs, interpolated between records."""
    steps = record_steps(ds)
    train, test = (
        time_to_threshold(steps, history(ds, name), 1.0 - ACCURACY, direction="below", interpolate=True)
        for name in ("train_error", "test_error")
    )
    return train, test


def delays(ds: "xarray.Dataset") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratios below 1 ``[L]``, measured delays ``[S, L]`` and those of the exact integrals ``[L]``.

    A run that has finished without generalising has a delay of ``inf``, one that has not finished of NaN.
    """
    train, test = crossings(ds)
    delay = generalisation_delay(train, test)
    layout = grid(ds, AXES)
    ratios = layout.axes["ratio"]
    measured = tabulate(
        layout, np.where(run_status(ds) == UNFINISHED, np.nan, np.where(delay.observed, delay.time, np.inf))
    ).T
    below = ratios < 1
    leaves = {name: config_of(ds)[name] for name in ("learning_rate", "tolerance")}
    exact = [theory.linear_grokking_delay(ratio, accuracy=ACCURACY, **leaves) for ratio in ratios[below].tolist()]
    return ratios[below], measured[:, below], np.array(exact)


def final_test_losses(ds: "xarray.Dataset") -> tuple[np.ndarray, np.ndarray]:
    """Ratios ``[L]`` and the share of the initial test loss that is left at the end ``[S, L]`` (NaN: not finished).

    The start's own ``|w_0 - w*|^2`` scatters by ``sqrt(2 / d)``, which is not what the floor is about.
    """
    layout = grid(ds, AXES)
    shares = final_values(ds, "test_loss") / history(ds, "test_loss")[:, 0]
    return layout.axes["ratio"], tabulate(layout, shares).T


def figure(ds: "xarray.Dataset") -> "Figure":
    """Accuracies against step at three ratios; delay and final test loss against ratio; exact on top of measured."""
    config = config_of(ds)
    layout = grid(ds, AXES)
    ratios = layout.axes["ratio"]
    steps = tabulate(layout, record_steps(ds))
    accuracy = {name: 1.0 - tabulate(layout, history(ds, f"{name}_error")) for name in ("train", "test")}
    finished = np.isfinite(accuracy["train"][:, :, 0]).all(axis=0)
    if not finished.any():
        raise ConfigError("no seed is finished at every ratio; wait for the first chunks.")
    below, above = ratios[ratios < 1], ratios[ratios > 1]
    shown = []
    for ratio in (below[np.argmin(np.abs(below - 0.5))], below[-1], above[0]):
        row = int(np.flatnonzero(ratios == ratio)[0])
        at = steps[row, np.flatnonzero(finished)[0]]
        known = np.isfinite(at)
        exact = theory.linear_losses(at[known], float(ratio), learning_rate=config["learning_rate"])
        shown.append(
            LinearRuns(
                float(ratio),
                at[known],
                *(accuracy[name][row, finished][:, known] for name in ("train", "test")),
                *(theory.linear_accuracy(loss, tolerance=config["tolerance"]) for loss in exact),
            )
        )
    delay_ratios, measured, exact_delays = delays(ds)
    rate = config["learning_rate"]
    limit = [theory.linear_grokking_delay_limit(ratio, learning_rate=rate) for ratio in delay_ratios.tolist()]
    _, losses = final_test_losses(ds)
    return linear_grokking(
        shown,
        delay_ratios,
        median_interval(measured[finished], level=LEVEL),
        exact_delays,
        np.array(limit),
        ratios,
        mean_interval(losses[finished], level=LEVEL),
        accuracy=ACCURACY,
        note=(
            f"d = {config['dimension']:,}, learning rate {config['learning_rate']:g}, "
            f"tolerance {config['tolerance']:g}, {int(finished.sum())} seeds"
        ),
    )


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Delay at one half and across, floor above 1, no generalisation there, and the small-tolerance formula."""
    ratios, measured, exact = delays(ds)
    if not len(measured) or not np.any(np.isclose(ratios, 0.5)):
        raise ConfigError("the dataset has no run at ratio 0.5; the claims ask for one.")
    half = int(np.argmin(np.abs(ratios - 0.5)))
    errors = measured / exact - 1.0

    found = [
        finding(
            "At ratio 0.5 the delay between training and test is the one of the exact integrals.",
            bootstrap(_median, errors[:, half], level=LEVEL),
            low=-TOLERANCE_AT_HALF,
            high=TOLERANCE_AT_HALF,
            unit="measured / exact delay - 1",
            detail=f"Median over seeds; exact: {exact[half]:.0f} steps, measured: {np.median(measured[:, half]):.0f}.",
        ),
        finding(
            f"So it is at every ratio from {ratios[0]:g} to {ratios[-1]:g}.",
            bootstrap(lambda rows: np.max(np.abs(_median(rows)), axis=-1), errors, level=LEVEL),
            high=TOLERANCE,
            unit="largest |measured / exact delay - 1| over ratios",
            detail="Medians over seeds; the largest of several errors is biased upwards, against the claim.",
        ),
    ]
    all_ratios, losses = final_test_losses(ds)
    above = all_ratios > 1
    found.append(
        finding(
            "Above ratio 1 the test loss stops at 1 - 1 / ratio of what it was.",
            bootstrap(_worst_mean, losses[:, above] * all_ratios[above] / (all_ratios[above] - 1.0) - 1.0, level=LEVEL),
            high=FLOOR_TOLERANCE,
            unit="largest |share left / floor - 1| over ratios",
            detail=f"Means over seeds, at ratios {', '.join(f'{r:g}' for r in all_ratios[above])}.",
        )
    )
    _, test = crossings(ds)
    reached = tabulate(grid(ds, AXES), test.observed)[above].T
    reached = np.where(np.isfinite(losses[:, above]), reached, np.nan)
    found.append(
        finding(
            "Above ratio 1 no run generalises.",
            _share_interval(reached),
            high=0.5,
            unit=f"share of runs that reach {ACCURACY:.0%} test accuracy",
            detail=f"Of {reached.size} runs; the interval is Clopper and Pearson's.",
        )
    )
    limit = theory.linear_grokking_delay_limit(0.5, learning_rate=config_of(ds)["learning_rate"])
    found.append(
        finding(
            "The small-tolerance formula overstates the delay at ratio 0.5.",
            bootstrap(_median, measured[:, half] / limit, level=LEVEL),
            high=0.9,
            unit="measured delay / formula",
            detail=f"Median over seeds; the formula gives {limit:.0f} steps.",
        )
    )
    return found


def _median(rows: np.ndarray) -> np.ndarray:
    """Over axis 1; the middle of two infinite delays is one too."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.median(rows, axis=1))


def _worst_mean(rows: np.ndarray) -> np.ndarray:
    return np.asarray(np.max(np.abs(rows.mean(axis=1)), axis=-1))


def _share_interval(table: np.ndarray) -> Interval:
    """Exact interval of a share; all of [0, 1] where a run is missing."""
    from scipy.stats import binomtest

    if np.isnan(table).any():
        return Interval(math.nan, -math.inf, math.inf, LEVEL, 0.0)
    low, high = binomtest(int(table.sum()), table.size).proportion_ci(LEVEL)
    return Interval(float(table.mean()), float(low), float(high), LEVEL, 1.0)


def _settings(config: "ml_collections.ConfigDict") -> dict[float, Setting]:
    """The program of each ratio."""
    for name, low in (("dimension", 2), ("num_test", 1), ("num_records", 8), ("runs_at_once", 1)):
        check_positive_int(f"config.{name}", config[name], low=low)
    for name in ("tolerance", "learning_rate", "floor_tolerance"):
        check_range(f"config.{name}", config[name], low=0, open_low=True)
    check_range("config.extra_steps", config.extra_steps, low=0)
    if tuple(name for name, _ in config.axes) != AXES:
        raise ConfigError(f"config.axes = {config.axes} must be ratio = (...) and seed = (...).")
    ratios = dict(config.axes)["ratio"]
    for ratio in ratios:
        check_range("config.axes: each ratio", ratio, low=0, open_low=True)
    if 0.5 not in ratios or not any(ratio > 1 for ratio in ratios) or len(set(ratios)) < len(ratios) or 1 in ratios:
        raise ConfigError(
            f"config.axes: ratio = {ratios} must be different, hold 0.5 and one above 1, and not 1: the claims ask."
        )
    settings = {}
    for ratio in ratios:
        num_train = max(1, round(config.dimension / ratio))
        last = _last_step(config, float(ratio))
        half = config.num_records // 2
        spread = [np.geomspace(1, last, half), np.linspace(0, last, config.num_records - half)]
        steps = tuple(int(step) for step in np.unique(np.concatenate(spread).round().astype(int)))
        settings[float(ratio)] = Setting(int(config.dimension), num_train, int(config.num_test), steps)
    return settings


def _last_step(config: "ml_collections.ConfigDict", ratio: float) -> int:
    rate = float(config.learning_rate)
    times = theory.linear_time_to_accuracy(
        ratio, learning_rate=rate, tolerance=float(config.tolerance), accuracy=ACCURACY
    )
    last = math.ceil((1.0 + config.extra_steps) * (times.test if ratio < 1 else times.train)) + 1
    floor = max(0.0, 1.0 - 1.0 / ratio)
    while ratio > 1 and (
        theory.linear_losses(np.array(last), ratio, learning_rate=rate).test > (1 + config.floor_tolerance) * floor
    ):
        last *= 2
    return last
