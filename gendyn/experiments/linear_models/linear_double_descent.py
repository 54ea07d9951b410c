"""Double descent of least squares: where the peak is, what makes it, which penalty removes it, when more data hurt.

Claim: The minimum-norm fit of ``n`` Gaussian examples on ``p`` of ``D`` features has the finite-sample risk and norm
of Belkin, Hsu and Xu. Both peak at ``p = n``, where the smallest singular value is smallest. With the optimal ridge
there is no peak: more features never hurt. At a fixed dimension the minimum-norm risk rises as the number of examples
approaches it from below; with the optimal ridge more examples never hurt.

Refuted if: a mean risk or norm at ``|p - n| >= n / 5`` is off by more than 5 %, or by more than both 2 % and 3 of its
standard errors; a peak of risk or norm, or the dip of the smallest singular value, is 5 % or more from ``n``; the mean
risk with the optimal ridge rises between two swept sizes, or differs from its limit by more than 2 %; the mean
minimum-norm risk four examples before ``n = d`` is not above the one at the best smaller number.

Setting: ``x ~ N(0, I_D)``, ``y = x . b + e``, ``e ~ N(0, noise_variance)``, ``b = (1, .., 1) / sqrt(D)``, so that every
``p`` features hold exactly the share ``p / D`` of the signal ``|b|^2 = 1`` and the others act as noise: labels without
noise peak as well. Since the inputs are isotropic no direction of ``b`` is special. The risk is the exact mean squared
error against the noiseless target, without a test set. For the last two claims all ``d`` features are in use and ``n``
is swept, on nested training sets of their own. Penalties are of ``|y - X w|^2 + penalty |w|^2``; the optimal one,
``p v / s`` with the signal ``s = p / D`` in use and the noise ``v`` of labels and features left out, is ``D
(noise_variance + 1) - p``. Redraws of one seed share inputs and noise directions over noise levels. float64, stored
in float32. No mean exists at ``|p - n| <= 1`` and no variance at ``|p - n| <= 3``, so that places of peaks are those of
geometric means.

Its own program and not :mod:`gendyn.sweep`: a redraw is solved, not trained. One decomposition a redraw serves all
sizes and noise levels of the minimum norm, one a size all its penalties.

Cost: the default, 6,000 redraws at 3 noise levels, took 72 s of CPU time (216 s of wall time on two very busy x86-64
cores), its findings and figure 19 s; ``smoke`` 8 s.

Reference: Belkin, Hsu & Xu (2020), Two models of double descent for weak features, arXiv:1903.07571, theorem 1;
Hastie, Montanari, Rosset & Tibshirani (2022), arXiv:1903.08560; Nakkiran, Venkat, Kakade & Ma (2020), Optimal
regularization can mitigate double descent, arXiv:2003.01897; Nakkiran (2019), More data can hurt for linear regression,
arXiv:1912.07242.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import theory
from gendyn.analysis import Interval, agreement, attainable_level, bootstrap, config_of, finding
from gendyn.core import ConfigError, check_positive_int, check_range
from gendyn.experiments._linear_redraws import (
    check_sizes,
    farthest,
    finished_table,
    largest_rise,
    outer_values,
    peak_places,
)
from gendyn.experiments._redraws import axes_of
from gendyn.experiments.linear_models._least_squares_figure import draw
from gendyn.experiments.linear_models._least_squares_redraws import AXES, BINS, Setting, laws, redraws, ridge_law
from gendyn.sweep import Group, Measured, simulate
from gendyn.types import Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

LAW_TOLERANCE = 0.05
"""Relative error of a mean that still counts as the law. Set before the first run, whose 2,000 redraws left it open:
the interval reached 5.5 % for the risk, 6.1 % for the norm. Of 4,000, two neighbouring sizes (50 and 52) were 3.6
standard errors low, which 14,000 redraws of the fits alone, most of them of further seeds, did not share. Hence
6,000."""
NUM_ERRORS, CLOSE = 3.0, 0.02
"""A mean is consistent with the law if it is no farther than so many standard errors, or than this share of it. Both
were asked for from the start, but the result was only a remark; it became a finding after a review of finished ones."""
RIDGE_TOLERANCE = 0.02
"""The closed form with ridge is a limit; with the optimal penalty it leaves out up to 1 % at ``n = 40``."""
PLACE_TOLERANCE = 0.05
OFF_PEAK = 0.2
"""Distance from the peak, relative to it, from which means settle within a few thousand redraws."""
LEVEL = 0.9
"""Of every interval."""


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Draws and solves every redraw, or the chunks of them that ``workdir`` lacks.

    Returns:
        One record a run, with ``P`` numbers of features, ``Q`` of them with ridge, ``N`` numbers of examples: ``risk
        [P]``, ``squared_norm [P]``, ``ridge_risk [penalty, Q]``, ``optimal_ridge_risk [Q]``, ``smallest_singular_value
        [Q]`` and ``condition_number [Q]`` of ``X / sqrt(n)``, ``spectrum [K, bin]`` (density of the singular values
        that are not 0), ``examples_risk [N]`` and ``examples_optimal_risk [N]``.

    Raises:
        ConfigError: a leaf out of range, or a ``workdir`` that holds something else.
    """
    setting, axes = _setting(config)

    def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, np.ndarray]:
        seeds, seed_of = np.unique([point["seed"] for point in points], return_inverse=True)
        noise, noise_of = np.unique([point["noise_variance"] for point in points], return_inverse=True)
        with jax.enable_x64(True):
            records = redraws(setting, jnp.asarray(seeds, jnp.uint32), jnp.asarray(noise, float))
            return {name: np.asarray(values)[seed_of, noise_of] for name, values in records.items()}

    # Seeds outside: the noise levels of one seed come in one chunk, and its decompositions serve them all.
    points = tuple({"noise_variance": float(v), "seed": int(seed)} for seed in axes["seed"] for v in axes[AXES[0]])
    many, some = (len(setting.num_features),), (len(setting.ridge_features),)
    measured = {
        "risk": Measured("risk, minimum norm", many),
        "squared_norm": Measured("squared norm of the coefficients, minimum norm", many),
        "ridge_risk": Measured("risk, ridge", (len(setting.penalties), *some)),
        "optimal_ridge_risk": Measured("risk, optimal ridge", some),
        "smallest_singular_value": Measured("smallest singular value of X / sqrt(n)", some),
        "condition_number": Measured("condition number of X", some),
        "spectrum": Measured("density of singular values of X / sqrt(n)", (len(setting.spectrum_features), BINS)),
        "examples_risk": Measured("risk at fixed dimension, minimum norm", (len(setting.examples),)),
        "examples_optimal_risk": Measured("risk at fixed dimension, optimal ridge", (len(setting.examples),)),
    }
    group = Group(points=points, compute=compute)
    return simulate(config.to_dict(), workdir, [group], measured, runs_at_once=config.runs_at_once)


def figure(ds: "xarray.Dataset") -> "Figure":
    """Risk, norm, conditioning, spectra, penalties and the sweep over examples, on top of their closed forms."""
    return draw(ds, level=LEVEL)


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Laws of risk and norm, places of the peaks, the optimal ridge over features and over examples, more data hurt."""
    config = config_of(ds)
    n, d, dimension = config["num_examples"], config["fixed_dimension"], config["dimension"]
    noise = outer_values(ds, "noise_variance")
    sizes, risk_law, norm_law = laws(ds)
    risk, norm = (finished_table(ds, name, AXES) for name in ("risk", "squared_norm"))
    off = np.abs(sizes - n) >= OFF_PEAK * n
    found = []
    for name, rows, exact in (("risk", risk, risk_law), ("squared norm", norm, norm_law)):
        table, truth = rows[:, :, off].reshape(len(rows), -1), exact[:, off].ravel()
        claim = f"The mean {name} of the minimum-norm fit is the finite-sample law wherever |p - n| >= {OFF_PEAK:g} n."
        found.append(agreement(claim, table, truth, tolerance=LAW_TOLERANCE, level=LEVEL))
        found.append(
            finding(
                f"There the mean {name} is within {NUM_ERRORS:g} standard errors or {CLOSE:.0%} of the law.",
                _consistency(table, truth),
                high=1.0,
                unit=f"largest |mean - law| / max({NUM_ERRORS:g} standard errors, {CLOSE:.0%})",
                detail=f"{len(table):,} redraws at {len(truth)} places. Sampling is in the limit and not in the "
                "interval, which is a point: resampling would count it twice.",
            )
        )
    at_n = finding(
        "The risk peaks where features and examples are equal.",
        bootstrap(lambda logs: farthest(peak_places(sizes, logs), n), np.log(risk), level=LEVEL),
        high=PLACE_TOLERANCE,
        unit="largest |p at the peak / n - 1| over noise levels",
        detail="Peaks of geometric means over redraws.",
    )
    together = finding(
        "Risk and norm peak at the same number of features.",
        bootstrap(
            lambda a, b: farthest(peak_places(sizes, b), peak_places(sizes, a)),
            np.log(risk),
            np.log(norm),
            level=LEVEL,
        ),
        high=PLACE_TOLERANCE,
        unit="largest |p at the peak of the norm / p at the peak of the risk - 1|",
        given=(at_n,),
    )
    some = np.array(config["ridge_features"])
    inverse = -np.log(finished_table(ds, "smallest_singular_value", AXES)[:, 0])
    dip = finding(
        "The smallest singular value is smallest there.",
        bootstrap(lambda logs: farthest(peak_places(some, logs), n), inverse, level=LEVEL),
        high=PLACE_TOLERANCE,
        unit="|p at the dip / n - 1|",
        detail="Dip of the geometric mean over redraws.",
    )
    optimal = finished_table(ds, "optimal_ridge_risk", AXES)
    limit = np.stack([ridge_law(config, some, dimension * (v + 1.0) - some, v) for v in noise])
    near = agreement(
        "The mean risk with the optimal ridge is its closed form at every p, the peak included.",
        optimal.reshape(len(optimal), -1),
        limit.ravel(),
        tolerance=RIDGE_TOLERANCE,
        level=LEVEL,
        detail=_fixed_penalties(ds, config, some, noise),
    )
    removed = finding(
        "The optimal ridge removes the peak: more features never hurt.",
        bootstrap(largest_rise, optimal, level=LEVEL),
        high=0.0,
        unit="largest relative rise of the mean risk between neighbouring p",
        detail=f"At {', '.join(map(str, some))} features, over noise levels.",
    )
    found += [at_n, together, dip, near, removed]
    return found + _over_examples_findings(ds, d, np.array(config["examples"]), noise)


def _over_examples_findings(ds: "xarray.Dataset", d: int, counts: np.ndarray, noise: np.ndarray) -> list[Finding]:
    noisy = noise > 0
    shortest, best = (finished_table(ds, name, AXES)[:, noisy] for name in ("examples_risk", "examples_optimal_risk"))
    # Places are taken from the closed form and not from the data: nothing is selected.
    last = int(np.flatnonzero(counts <= d - 4)[-1])
    law = theory.min_norm_risk(counts[:last], d, dimension=d, noise_variance=noise[noisy][:, None])
    first = np.argmin(law, axis=1)
    pair = np.stack([shortest[:, np.arange(len(first)), first], shortest[:, :, last]], axis=-1)

    def growth(rows: np.ndarray) -> np.ndarray:
        means = rows.mean(axis=1)
        return np.asarray(np.min(means[..., 1] / means[..., 0], axis=1))

    hurts = finding(
        f"More data hurt: the mean minimum-norm risk at n = {counts[last]} is above that at fewer examples, d = {d}.",
        bootstrap(growth, pair, level=LEVEL),
        low=1.0,
        unit="smallest ratio of mean risks over noise levels",
        detail=f"Against n = {', '.join(map(str, counts[first]))} for noise "
        f"{', '.join(f'{v:g}' for v in noise[noisy])}, where the closed form is least.",
    )
    never = finding(
        "With the optimal ridge more examples never hurt.",
        bootstrap(largest_rise, best, level=LEVEL),
        high=0.0,
        unit="largest relative rise of the mean risk between neighbouring n",
        detail=f"At {', '.join(map(str, counts))} examples, over noise levels above 0.",
    )
    return [hurts, never]


def _fixed_penalties(ds: "xarray.Dataset", config: Mapping[str, Any], some: np.ndarray, noise: np.ndarray) -> str:
    """How near the limit is at this ``n`` with penalties that are not the best: the smaller, the less."""
    means = finished_table(ds, "ridge_risk", AXES).mean(axis=0)
    errors = [
        max(np.max(np.abs(means[i, j] / ridge_law(config, some, penalty, v) - 1.0)) for i, v in enumerate(noise))
        for j, penalty in enumerate(config["penalties"])
    ]
    parts = (f"{error:.1%} at {value:g}" for error, value in zip(errors, config["penalties"], strict=True))
    return f"Of fixed penalties the largest error is {', '.join(parts)}."


def _consistency(rows: np.ndarray, exact: np.ndarray) -> Interval:
    """Largest distance of a mean from its closed form in units of what is allowed, as a point; ``[S, P]`` and ``[P]``.

    With too few redraws for an interval of this level, standard errors are no better: it says nothing.
    """
    errors = rows.std(axis=0, ddof=min(1, len(rows) - 1)) / math.sqrt(len(rows))
    largest = float(np.max(np.abs(rows.mean(axis=0) - exact) / np.maximum(NUM_ERRORS * errors, CLOSE * exact)))
    known = attainable_level(len(rows)) >= LEVEL
    return Interval(largest, largest if known else -math.inf, largest if known else math.inf, LEVEL, 1.0)


def _setting(config: "ml_collections.ConfigDict") -> tuple[Setting, dict[str, tuple[Any, ...]]]:
    for name, low in (("num_examples", 5), ("dimension", 1), ("fixed_dimension", 6), ("runs_at_once", 1)):
        check_positive_int(f"config.{name}", config[name], low=low)
    axes = axes_of(config, AXES)
    for noise in axes["noise_variance"]:
        check_range("config.axes: each noise_variance", noise, low=0)
    if max(axes["noise_variance"]) <= 0:
        raise ConfigError(
            f"config.axes: noise_variance = {axes['noise_variance']} must hold one above 0: without label noise the "
            "claim that more data hurt has nothing to judge. Add one, such as 0.25."
        )
    for penalty in config.penalties:
        check_range("config.penalties: each", penalty, low=0, open_low=True)
    sizes = {
        name: check_sizes(f"config.{name}", config[name], high=config.dimension)
        for name in ("num_features", "ridge_features", "spectrum_features")
    }
    examples = check_sizes("config.examples", config.examples)
    for name in ("num_features", "ridge_features"):
        if config.num_examples not in sizes[name][1:-1]:
            raise ConfigError(
                f"config.{name} = {sizes[name]} must hold num_examples = {config.num_examples}, a smaller and a larger "
                "size: the peak is there."
            )
    if not set(sizes["ridge_features"]) <= set(sizes["num_features"]):
        raise ConfigError(
            f"config.ridge_features = {sizes['ridge_features']} must be among num_features = {sizes['num_features']}, "
            "so that penalties are compared with none."
        )
    if sum(n <= config.fixed_dimension - 4 for n in examples) < 2:
        raise ConfigError(
            f"config.examples = {examples} must hold two sizes of at most fixed_dimension - 4 = "
            f"{config.fixed_dimension - 4}: the claim that more data hurt compares them."
        )
    setting = Setting(
        num_examples=int(config.num_examples),
        dimension=int(config.dimension),
        penalties=tuple(float(value) for value in config.penalties),
        fixed_dimension=int(config.fixed_dimension),
        examples=examples,
        **sizes,
    )
    return setting, axes
