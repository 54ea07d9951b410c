"""Model order and the marginal likelihood: does the evidence choose an order, or does the prior make the choice idle?

Claim: If all coefficients of a Bayesian polynomial have the same prior variance (isotropic), its log marginal
likelihood has its maximum at an intermediate order. If the variance falls with the order as ``2^-j``, the evidence
rises and then saturates: with a prior that prefers simple functions, more parameters cost nothing.

Refuted if: at some noise level the mean evidence of the isotropic prior is not more than 3 nats (of all points
together) above its value at the largest order and at order 0; or that of the order-dependent prior does not rise by 3
nats to its maximum, or falls by more than 1 nat from there to the largest order. On Kass and Raftery's scale 3 nats are
strong evidence and 1 nat is not worth more than a bare mention. A weaker sense of "saturates" is judged too: the
evidence changes by less than 1 nat over the last third of the orders. It was added after the first results, in which
the stronger sense depended on the basis. Two checks: the evidence is the sum of the sequential predictive densities to
1e-8 of itself, and its mean over redraws is the exact expectation over label noise.

Setting: inputs uniform on [-1, 1]; a target with standard normal monomial coefficients, drawn anew each time; Gaussian
label noise that the model knows. The models are polynomials of order 0 to ``max_order``. The closed form, given the
design ``X`` and the target ``f`` at its points, is ``-(n log 2 pi + log det C + f^T C^-1 f + noise^2 tr C^-1) / 2``
with ``C = X diag(v) X^T + noise^2 I``, by a Cholesky factor; the learner goes through singular values. All float64.

Reference: Wilson & Izmailov (2020), Bayesian deep learning and a probabilistic perspective of generalization,
arXiv:2002.08791; Wilson (2025), arXiv:2503.02113; Kass & Raftery (1995), Bayes factors, section 3.2 (the scale).
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import analysis, regression
from gendyn.core import ConfigError, stream
from gendyn.core.rules import choice, every, integer, positive
from gendyn.plots import Panel, curve_family, draw_panels
from gendyn.sweep import Leaf, Measured, Simulation, redraw_simulation
from gendyn.types import Array, ArrayLike, Config, Dataset, Figure, Finding

STRONG, MENTION = 3.0, 1.0
"""Nats: strong evidence, and the most that is not worth mentioning (Kass & Raftery: 6 and 2 on their doubled scale)."""
SEQUENTIAL_TOLERANCE = 1e-8
EXPECTATION_TOLERANCE = 0.02
"""Nats per point; the evidence per point scatters by ``1 / sqrt(2 n)`` from one draw of the noise to the next."""
PRIORS = {"isotropic": "isotropic prior", "order_dependent": "prior variance 2^-order"}
"""Sorted, as in tables; names in the figure."""
LEAVES = {
    "num_points": Leaf(50, rule=integer(2), meaning="inputs of a data set"),
    "max_order": Leaf(25, rule=integer(), meaning="order of the largest model"),
    "teacher_order": Leaf(3, rule=integer(0), meaning="order of the target, below max_order"),
    "runs_at_once": Leaf(400, "execution", integer(), "redraws of a chunk"),
    "basis": Leaf("monomial", "axis", choice(regression.POLYNOMIALS), "functions of the models"),
    "prior": Leaf("isotropic", "axis", choice(PRIORS), "law of a coefficient's variance", every(PRIORS)),
    "noise": Leaf(0.1, "axis", positive(), "standard deviation of the label noise"),
    "seed": Leaf(0, "axis", integer(0), "a redraw of inputs, target and noise"),
}
AXES = ("basis", "prior", "noise", "seed")


def check(config: Config) -> None:
    """The target is smaller than the largest model."""
    if config.teacher_order >= config.max_order:
        raise ConfigError(
            f"config.teacher_order = {config.teacher_order} must be below max_order = {config.max_order}: the claims "
            "are about models that are larger than the target."
        )


def program(config: Config) -> Simulation:
    """Over orders 0 to ``max_order``: evidences of all points together, and the error of the posterior mean."""
    texts = {
        "log_evidence": "log marginal likelihood, nats",
        "expected_log_evidence": "its expectation over label noise, nats",
        "sequential_error": "relative distance of the sum of sequential log densities",
        "test_rmse": "root mean squared error against the noiseless target",
    }
    measured = {name: Measured(text, (config.max_order + 1,), "float64") for name, text in texts.items()}
    sizes = (config.num_points, config.max_order, config.teacher_order)
    return redraw_simulation(config, measured, functools.partial(_redraw, sizes))


def _redraw(sizes: tuple[int, int, int], seeds: Array, *, basis: str, prior: str, noise: ArrayLike) -> dict[str, Array]:
    """``{name: [R, orders]}``. The program of the models is one for all bases and priors: they are arguments."""
    points, weights = regression.law_average("uniform", 64)
    noise, num_orders = jnp.asarray(noise, jnp.float64), sizes[1] + 1
    data = _data(sizes, basis, seeds, noise, jnp.asarray(points))
    nodes = regression.polynomial_features(points, sizes[1], basis=basis)
    variance = 1.0 / regression.order_penalty(sizes[1]) if prior == "order_dependent" else np.ones(num_orders)
    # A model of lower order is one whose higher coefficients have a prior variance of 0.
    variances = jnp.asarray(np.tril(np.broadcast_to(variance, (num_orders, num_orders))))
    return _models(data, nodes, jnp.asarray(weights), variances, noise)


@functools.partial(jax.jit, static_argnums=(0, 1))
@functools.partial(jax.vmap, in_axes=(None, None, 0, None, None))
def _data(sizes: tuple[int, int, int], basis: str, seed: Array, noise: Array, points: Array) -> tuple[Array, ...]:
    """Designs ``[R, n, p]``, clean and noisy targets ``[R, n]``, the target at the nodes ``[R, Q]``."""
    num_points, max_order, teacher_order = sizes
    key = jax.random.key(seed)
    x = regression.draw_inputs(stream(key, "inputs"), "uniform", (num_points,))
    teacher = jax.random.normal(stream(key, "teacher"), (teacher_order + 1,), jnp.float64)
    clean, truth = (regression.polynomial_features(at, teacher_order) @ teacher for at in (x, points))
    y = clean + noise * jax.random.normal(stream(key, "noise"), x.shape, jnp.float64)
    return regression.polynomial_features(x, max_order, basis=basis), clean, y, truth


@jax.jit
@functools.partial(jax.vmap, in_axes=(0, None, None, None, None))
def _models(data: tuple[Array, ...], nodes: Array, weights: Array, variances: Array, noise: Array) -> dict[str, Array]:
    design, clean, y, truth = data

    def model(variance: Array) -> dict[str, Array]:
        found = regression.bayesian_linear(design, y, prior_variance=variance, noise_variance=noise**2)
        densities = regression.sequential_log_densities(design, y, prior_variance=variance, noise_variance=noise**2)
        expected = regression.expected_log_evidence(design, clean, prior_variance=variance, noise_variance=noise**2)
        errors = nodes @ found.mean - truth
        return {
            "log_evidence": found.log_evidence,
            "expected_log_evidence": expected,
            "sequential_error": jnp.abs(jnp.sum(densities) / found.log_evidence - 1.0),
            "test_rmse": jnp.sqrt(weights @ errors**2),
        }

    return jax.lax.map(model, variances)


def figure(ds: Dataset) -> Figure:
    """A row for each basis: evidence per point against order for both priors, and the error of both."""
    config, noises = analysis.config_of(ds), np.unique(ds["noise"])
    evidence, expected, rmse = analysis.finished_tables(ds, AXES, "log_evidence", "expected_log_evidence", "test_rmse")
    n, low, middle = config["num_points"], config["teacher_order"], len(noises) // 2
    orders, exact = np.arange(config["max_order"] + 1), analysis.mean(expected[None])[0] / n
    levels = [f"noise {noise:g}" for noise in noises]
    panel = functools.partial(Panel, x_label="order of the model", marks=((low, "order of the target"),))
    panels: list[Panel] = []
    for b, basis in enumerate(np.unique(ds["basis"])):
        # Both priors on one scale, cut below what a model that cannot represent the target gets.
        seen = exact[b, ..., low:]
        limits = (float(seen.min() - 1.1 * np.ptp(seen)), float(seen.max() + 0.1 * np.ptp(seen)))
        for p, prior in enumerate(PRIORS.values()):
            curves = curve_family(levels, orders, evidence[:, b, p] / n, orders, exact[b, p])
            made = panel(f"{basis}: {prior}", y_label="log evidence per point (nats)", curves=curves, y_limits=limits)
            panels.append(made._replace(legend="" if panels else "lower right"))
        curves = curve_family(list(PRIORS.values()), orders, rmse[:, b, :, middle], statistic="median")
        made = panel(f"{basis}: error at noise {noises[middle]:g}", y_label="test RMSE", curves=curves, y_scale="log")
        panels.append(made._replace(legend="upper right"))
    points = f"n = {n} points, uniform on [-1, 1]   ·   target: order {low}   ·   {len(evidence)} redraws, float64"
    note = f"{points}\nclosed form: expectation over label noise   ·   evidence axes cut below"
    return draw_panels(panels, note=note)


def verdict(ds: Dataset) -> list[Finding]:
    """For each basis: interior maximum, rise, no fall, levelling off; then the two checks."""
    config, noises = analysis.config_of(ds), np.unique(ds["noise"])
    names = ("log_evidence", "expected_log_evidence", "sequential_error")
    evidence, expected, sequential = analysis.finished_tables(ds, AXES, *names)
    late, nats, smallest_of = 2 * config["max_order"] // 3, "nats of mean evidence", "the smallest over noise levels"
    found = []

    for b, basis in enumerate(np.unique(ds["basis"])):
        # [S, noises, orders]: a redraw is resampled with all its noise levels.
        isotropic, dependent = evidence[:, b, 0], evidence[:, b, 1]
        best = zip(isotropic.mean(axis=0).argmax(axis=-1), noises, strict=True)
        detail = f"Best order: {', '.join(f'{order} at {noise:g}' for order, noise in best)}."
        claim = f"Isotropic prior on {basis} coefficients: the evidence has its maximum at an intermediate order."
        peak = analysis.worst_place(lambda means: _below_peak(means, [0, -1]), isotropic, which="smallest")
        unit = f"{nats} by which the maximum exceeds both ends, {smallest_of}"
        found.append(analysis.finding(claim, peak, low=STRONG, unit=unit, detail=detail))
        claim = f"Order-dependent prior on {basis} coefficients: "
        rise = analysis.worst_place(lambda means: _below_peak(means, [0]), dependent, which="smallest")
        fall = analysis.worst_place(None, dependent - dependent[..., -1:])
        change = analysis.worst_place(None, dependent[..., -1] - dependent[..., late], which="distance")
        unit = f"{nats} from order 0 to the maximum, {smallest_of}"
        rises = analysis.finding(f"{claim}the evidence rises with the order.", rise, low=STRONG, unit=unit)
        unit = f"{nats} from the maximum to the largest order, the largest over noise levels"
        at_most_mention = functools.partial(analysis.finding, high=MENTION, given=(rises,))
        falls = at_most_mention(f"{claim}beyond its maximum the evidence does not fall.", fall, unit=unit)
        unit = f"{nats} over orders {late} to {config['max_order']}, largest over noise levels"
        late_isotropic = np.abs((isotropic[..., -1] - isotropic[..., late]).mean(axis=0)).max()
        detail = f"With the isotropic prior {late_isotropic:.2f}."
        level = at_most_mention(f"{claim}the evidence levels off.", change, unit=unit, detail=detail)
        found += [rises, falls, level]
    sums = "The evidence is the sum of the sequential predictive densities."
    unit, detail = "largest relative difference", f"Over {sequential.size:,} models, float64."
    largest = analysis.largest_seen(sequential)
    found.append(analysis.finding(sums, largest, high=SEQUENTIAL_TOLERANCE, unit=unit, detail=detail))
    exact = "The mean evidence is the exact expectation over label noise, from the order of the target on."
    detail = (
        "Over all orders that can represent the target, noise levels, priors and bases. A smaller model misses by far "
        "more, and so does its scatter. The largest of several errors is biased upwards, against the claim."
    )
    unit, gaps = "largest |mean difference|, nats per point", (evidence - expected)[..., config["teacher_order"] :]
    distance = analysis.worst_place(None, gaps / config["num_points"], which="distance")
    return analysis.family(
        [*found, analysis.finding(exact, distance, high=EXPECTATION_TOLERANCE, unit=unit, detail=detail)]
    )


def _below_peak(means: np.ndarray, places: list[int]) -> np.ndarray:
    """The maximum over orders less the highest value at ``places``: ``[B, noises, orders] -> [B, noises]``."""
    return np.asarray(means.max(axis=-1) - means[..., places].max(axis=-1))
