"""Model order and the marginal likelihood: does the evidence choose an order, or does the prior make the choice idle?

Claim: The log marginal likelihood of a Bayesian polynomial has its maximum at an intermediate order if all
coefficients have the same prior variance (isotropic), and rises and then saturates if the variance falls with the order
as ``2^-j``: with a prior that prefers simple functions, more parameters cost nothing.

Refuted if, at some noise level: the mean evidence of the isotropic prior is not more than 3 nats (of all points
together) above its value at the largest order and at order 0; or that of the order-dependent prior falls by more than
1 nat from its maximum to the largest order, or does not rise by 3 nats before. 3 nats are strong evidence and 1 nat is
not worth more than a bare mention on Kass and Raftery's scale. A weaker sense of "saturates", that the evidence levels
off (changes by less than 1 nat over the last third of the orders), is judged beside it; it was added after the first
results had shown that the stronger sense depends on the basis. Two checks: the evidence is the sum of the sequential
predictive densities to 1e-8 of itself, and its mean over redraws is the exact expectation over label noise.

Setting: ``num_points`` inputs uniform on [-1, 1], a polynomial of order ``teacher_order`` with standard normal monomial
coefficients, drawn anew each time, and Gaussian label noise that the model knows. The models are polynomials of order 0
to ``max_order`` in the monomials or the Chebyshev polynomials of the same inputs. The closed form, given the design and
``f``, the teacher there, is ``-(n log 2 pi + log det C + f^T C^-1 f + noise^2 tr C^-1) / 2`` with
``C = X diag(v) X^T + noise^2 I``, by a Cholesky factor where the learner goes through singular values. All float64.

Cost: the default, 4,800 redraws of 26 orders, took 22 s of CPU time on one core of a busy x86-64 machine; smoke 7 s,
most of it compilation.

Reference: Wilson & Izmailov (2020), Bayesian deep learning and a probabilistic perspective of generalization,
arXiv:2002.08791; Wilson (2025), arXiv:2503.02113; Kass & Raftery (1995), Bayes factors, section 3.2 (the scale).
"""

import functools
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.analysis import bootstrap, config_of, finding
from gendyn.core import ConfigError, check_choice, check_positive_int, check_range, cholesky, solve_triangular, stream
from gendyn.experiments._redraws import axes_of, redraw_groups, redraws_of
from gendyn.experiments.priors._polynomial_laws import POLYNOMIALS, draw_inputs, law_average
from gendyn.plots.theory_panels import Curve, Panel, theory_panels
from gendyn.regression import bayesian_linear, order_penalty, polynomial_features, sequential_log_densities
from gendyn.sweep import Measured, simulate
from gendyn.types import Array, Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

STRONG, MENTION = 3.0, 1.0
"""Nats: strong evidence, and the most that is not worth mentioning (Kass & Raftery: 6 and 2 on their doubled scale)."""
SEQUENTIAL_TOLERANCE = 1e-8
EXPECTATION_TOLERANCE = 0.02
"""Nats per point; the evidence per point scatters by ``1 / sqrt(2 n)`` from one draw of the noise to the next."""
LEVEL = 0.9
AXES = ("basis", "prior", "noise", "seed")
PRIORS = {"isotropic": "isotropic prior", "order_dependent": "prior variance 2^-order"}
"""Names in the figure."""
_NUM_NODES = 64


class Setting(NamedTuple):
    """What one compiled program depends on, beside the basis and the prior."""

    num_points: int
    max_order: int
    teacher_order: int


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Computes every redraw that ``workdir`` lacks.

    Returns:
        Dimensions ``run`` and ``record`` (one); over orders 0 to ``max_order``: ``log_evidence`` and
        ``expected_log_evidence`` in nats of all points together, ``sequential_error`` (relative), ``test_rmse`` of the
        posterior mean against the noiseless target.

    Raises:
        ConfigError: a leaf out of range, or a ``workdir`` that holds something else.
    """
    setting, axes = _setting(config)

    def redraw(seeds: Array, *, basis: str, prior: str, noise: float) -> dict[str, Array]:
        return _redraw(setting, basis, prior, seeds, jnp.asarray(noise, jnp.float64))

    shape = (setting.max_order + 1,)
    measured = {
        "log_evidence": Measured("log marginal likelihood, nats", shape, "float64"),
        "expected_log_evidence": Measured("its expectation over label noise, nats", shape, "float64"),
        "sequential_error": Measured("relative distance of the sum of sequential log densities", shape, "float64"),
        "test_rmse": Measured("root mean squared error against the noiseless target", shape, "float64"),
    }
    return simulate(config.to_dict(), workdir, redraw_groups(axes, redraw), measured, runs_at_once=config.runs_at_once)


def _redraw(setting: Setting, basis: str, prior: str, seeds: Array, noise: Array) -> dict[str, Array]:
    """``{name: [R, orders]}``. The program of the models is one for all bases and priors: they are arguments."""
    points, weights = law_average("uniform", _NUM_NODES)
    data, truth = _data(setting, basis, seeds, noise, jnp.asarray(points))
    at_points = polynomial_features(points, setting.max_order, basis=basis)
    size = setting.max_order + 1
    variance = 1.0 / order_penalty(setting.max_order) if prior == "order_dependent" else np.ones(size)
    # A model of lower order is one whose higher coefficients have a prior variance of 0.
    variances = jnp.asarray(np.tril(np.broadcast_to(variance, (size, size))))
    return _models(data, truth, at_points, jnp.asarray(weights), variances, noise)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _data(
    setting: Setting, basis: str, seeds: Array, noise: Array, points: Array
) -> tuple[tuple[Array, Array, Array], Array]:
    """Designs ``[R, n, p]``, clean and noisy targets ``[R, n]``; the target at the nodes ``[R, Q]``."""

    def one(seed: Array) -> tuple[tuple[Array, Array, Array], Array]:
        key = jax.random.key(seed)
        x = draw_inputs(stream(key, "inputs"), "uniform", (setting.num_points,))
        teacher = jax.random.normal(stream(key, "teacher"), (setting.teacher_order + 1,), jnp.float64)
        clean, truth = (polynomial_features(at, setting.teacher_order) @ teacher for at in (x, points))
        y = clean + noise * jax.random.normal(stream(key, "noise"), x.shape, jnp.float64)
        return (polynomial_features(x, setting.max_order, basis=basis), clean, y), truth

    return jax.vmap(one)(seeds)


@jax.jit
def _models(
    data: tuple[Array, Array, Array], truth: Array, at_points: Array, weights: Array, variances: Array, noise: Array
) -> dict[str, Array]:
    def one(data: tuple[Array, Array, Array], truth: Array) -> dict[str, Array]:
        design, clean, y = data

        def model(variance: Array) -> dict[str, Array]:
            found = bayesian_linear(design, y, prior_variance=variance, noise_variance=noise**2)
            densities = sequential_log_densities(design, y, prior_variance=variance, noise_variance=noise**2)
            errors = at_points @ found.mean - truth
            return {
                "log_evidence": found.log_evidence,
                "expected_log_evidence": expected_log_evidence(design, clean, variance, noise**2),
                "sequential_error": jnp.abs(jnp.sum(densities) / found.log_evidence - 1.0),
                "test_rmse": jnp.sqrt(weights @ errors**2),
            }

        return jax.lax.map(model, variances)

    return jax.vmap(one)(data, truth)


def expected_log_evidence(design: Array, clean: Array, prior_variance: Array, noise_variance: Array) -> Array:
    """Mean over label noise of the log evidence of ``clean + noise``, given the design ``[n, p]``; nats, scalar."""
    n = len(clean)
    covariance = (design * prior_variance) @ design.T + noise_variance * jnp.eye(n)
    factor = cholesky(covariance)
    whitened = solve_triangular(factor, jnp.column_stack([clean, jnp.sqrt(noise_variance) * jnp.eye(n)]), lower=True)
    return -0.5 * (n * jnp.log(2 * jnp.pi) + 2 * jnp.sum(jnp.log(jnp.diagonal(factor))) + jnp.sum(whitened**2))


def figure(ds: "xarray.Dataset") -> "Figure":
    """A row for each basis: evidence per point against order for both priors, and the error of both."""
    config = config_of(ds)
    axes, evidence = redraws_of(ds, AXES, "log_evidence")
    expected, errors = (redraws_of(ds, AXES, name)[1] for name in ("expected_log_evidence", "test_rmse"))
    orders, n = np.arange(config["max_order"] + 1), config["num_points"]
    priors, noises = list(axes["prior"]), axes["noise"]
    teacher = ((config["teacher_order"], "order of the target"),)
    middle = len(noises) // 2
    panels: list[Panel] = []
    for b, basis in enumerate(axes["basis"]):
        # Both priors on one scale, cut below what a model that cannot represent the target gets.
        seen = expected[b].mean(axis=2)[..., config["teacher_order"] :] / n
        limits = (float(seen.min() - 1.1 * np.ptp(seen)), float(seen.max() + 0.1 * np.ptp(seen)))
        for prior, words in PRIORS.items():
            p = priors.index(prior)
            curves = tuple(
                Curve(f"noise {noise:g}", orders, evidence[b, p, s] / n, orders, expected[b, p, s].mean(axis=0) / n)
                for s, noise in enumerate(noises)
            )
            panels.append(
                Panel(
                    f"{basis}: {words}",
                    "order of the model",
                    "log evidence per point (nats)",
                    curves,
                    marks=teacher,
                    y_limits=limits,
                    legend="" if panels else "lower right",
                )
            )
        curves = tuple(
            Curve(PRIORS[prior], orders, errors[b, priors.index(prior), middle], statistic="median") for prior in PRIORS
        )
        title = f"{basis}: error at noise {noises[middle]:g}"
        panels.append(
            Panel(title, "order of the model", "test RMSE", curves, y_scale="log", marks=teacher, legend="upper right")
        )
    note = (
        f"n = {n} points, uniform on [-1, 1]   ·   target: order {config['teacher_order']}   ·   "
        f"{evidence.shape[3]} redraws, float64\nclosed form: expectation over label noise   ·   evidence axes cut below"
    )
    return theory_panels(panels, level=LEVEL, note=note)


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """For each basis: interior maximum, rise, no fall, levelling off; then the two checks."""
    config = config_of(ds)
    axes, evidence = redraws_of(ds, AXES, "log_evidence")
    _, expected = redraws_of(ds, AXES, "expected_log_evidence")
    _, sequential = redraws_of(ds, AXES, "sequential_error")
    priors, teacher = list(axes["prior"]), config["teacher_order"]
    two_thirds = 2 * config["max_order"] // 3
    found = []
    for b, basis in enumerate(axes["basis"]):
        # [S, noises, orders]: a redraw is resampled with all its noise levels.
        isotropic, dependent = (
            np.moveaxis(evidence[b, priors.index(prior)], 1, 0) for prior in ("isotropic", "order_dependent")
        )
        best = ", ".join(
            f"{order} at {noise:g}"
            for order, noise in zip(isotropic.mean(axis=0).argmax(axis=-1), axes["noise"], strict=True)
        )
        found.append(
            finding(
                f"Isotropic prior on {basis} coefficients: the evidence has its maximum at an intermediate order.",
                bootstrap(_prominence, isotropic, level=LEVEL),
                low=STRONG,
                unit="nats of the maximum above the higher of both ends",
                detail=f"The smallest over noise levels, of mean evidences. Best order: {best}.",
            )
        )
        rise = finding(
            f"Order-dependent prior on {basis} coefficients: the evidence rises with the order.",
            bootstrap(lambda rows: (_highest(rows) - rows.mean(axis=1)[..., 0]).min(axis=-1), dependent, level=LEVEL),
            low=STRONG,
            unit="nats from order 0 to the maximum",
            detail="The smallest over noise levels, of mean evidences.",
        )
        costless = finding(
            f"Order-dependent prior on {basis} coefficients: beyond its maximum the evidence does not fall.",
            bootstrap(lambda rows: (_highest(rows) - rows.mean(axis=1)[..., -1]).max(axis=-1), dependent, level=LEVEL),
            high=MENTION,
            unit="nats from the maximum to the largest order",
            detail="The largest over noise levels, of mean evidences.",
            given=(rise,),
        )
        control = float(_late_change(isotropic[None], two_thirds)[0])
        level = finding(
            f"Order-dependent prior on {basis} coefficients: the evidence levels off.",
            bootstrap(lambda rows: _late_change(rows, two_thirds), dependent, level=LEVEL),
            high=MENTION,
            unit=f"nats between orders {two_thirds} and {config['max_order']}",
            detail=f"The largest over noise levels, of mean evidences; isotropic: {control:.2f}.",
            given=(rise,),
        )
        found += [rise, costless, level]
    errors = np.moveaxis(sequential, 3, 0).reshape(sequential.shape[3], -1)
    found.append(
        finding(
            "The evidence is the sum of the sequential predictive densities.",
            bootstrap(lambda rows: rows.max(axis=(1, 2)), errors, level=LEVEL),
            high=SEQUENTIAL_TOLERANCE,
            unit="largest relative difference",
            detail=f"Over {errors.size:,} models, float64.",
        )
    )
    gaps = np.moveaxis((evidence - expected)[..., teacher:], 3, 0) / config["num_points"]
    gaps = gaps.reshape(len(gaps), -1)
    found.append(
        finding(
            "The mean evidence is the exact expectation over label noise, from the order of the target on.",
            bootstrap(lambda rows: np.abs(rows.mean(axis=1)).max(axis=-1), gaps, level=LEVEL),
            high=EXPECTATION_TOLERANCE,
            unit="largest |mean difference|, nats per point",
            detail="Over all orders that can represent the target, noise levels, priors and bases; below that order "
            "the misfit and its scatter are larger by the inverse of the noise. The largest of several errors is "
            "biased upwards, against the claim.",
        )
    )
    return found


def _highest(rows: np.ndarray) -> np.ndarray:
    """The maximum over orders of the mean over redraws: ``[B, S, noises, orders] -> [B, noises]``."""
    return np.asarray(rows.mean(axis=1).max(axis=-1))


def _prominence(rows: np.ndarray) -> np.ndarray:
    ends = rows.mean(axis=1)[..., [0, -1]].max(axis=-1)
    return np.asarray((_highest(rows) - ends).min(axis=-1))


def _late_change(rows: np.ndarray, start: int) -> np.ndarray:
    means = rows.mean(axis=1)
    return np.asarray(np.abs(means[..., -1] - means[..., start]).max(axis=-1))


def _setting(config: "ml_collections.ConfigDict") -> tuple[Setting, dict[str, tuple]]:
    for name, low in (("num_points", 2), ("max_order", 1), ("teacher_order", 0), ("runs_at_once", 1)):
        check_positive_int(f"config.{name}", config[name], low=low)
    if config.teacher_order >= config.max_order:
        raise ConfigError(
            f"config.teacher_order = {config.teacher_order} must be below max_order = {config.max_order}: the claims "
            "are about models that are larger than the target."
        )
    axes = axes_of(config, AXES)
    for basis in axes["basis"]:
        check_choice("config.axes: basis", basis, POLYNOMIALS)
    for noise in axes["noise"]:
        check_range("config.axes: each noise", noise, low=0, open_low=True)
    if set(axes["prior"]) != set(PRIORS):
        raise ConfigError(f"config.axes: prior = {axes['prior']} must be {', '.join(PRIORS)}: the claims compare them.")
    return Setting(int(config.num_points), int(config.max_order), int(config.teacher_order)), axes
