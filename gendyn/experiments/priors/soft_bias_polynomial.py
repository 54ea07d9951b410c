"""A soft preference for low orders: is one regularised polynomial of order 15 as good as the right hard restriction?

Claim: A polynomial of order 15 with the penalty ``sum_j 0.01^2 j^2 w_j^2`` generalises at least as well as plain
polynomials of order 2 and of order 15, at every number of examples and for targets of either order and a cosine.

Refuted if: for a law of the inputs and a basis, at some number of examples and some target, the median test error of
the regularised polynomial is more than 10 % above that of the better plain one. A weaker sense is judged beside it: its
largest ratio to the better of the other two, over examples and targets, is smaller than theirs, so that it is the one
to choose if nothing is known of the target.

Setting: ``n`` inputs and ``num_test`` test inputs of one law, ``normal`` (as published) or ``uniform`` on [-1, 1]. The
paper gives neither basis, coefficients, noise nor scale of the loss. Here: targets of order 2 and 15 with standard
normal monomial coefficients drawn anew each time, and ``cos(1.5 pi x)``, each divided by its root mean square under the
law; Gaussian label noise of ``noise`` times that; squared error summed over examples, halved nowhere. Plain fits are of
minimum norm where they are not determined. The bases are monomials of the input itself, Legendre and Chebyshev
polynomials on [-1, 1] or on ``normal_domain``. Medians, since plain fits of order 15 have no mean error near 16
examples. The closed form is the expected squared error at the test inputs given all inputs, bias^2 + variance. Float64.

Reference: Wilson (2025), Deep learning is not so mysterious or different, arXiv:2503.02113, figure 5 and appendix D.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import analysis
from gendyn.core import stream
from gendyn.core.rules import ascending, choice, each, every, integer, positive
from gendyn.plots import Cell, Panel, Table, curve_family, draw_panels, style
from gendyn.regression import POLYNOMIALS, draw_inputs, law_average, order_penalty, polynomial_features, ridge
from gendyn.sweep import Leaf, Measured, Simulation, redraw_simulation
from gendyn.types import Array, Config, Dataset, Figure, Finding

MARGIN = 1.1
"""Ratio of medians up to which one is at least as good as another."""
TOLERANCE = 0.1
"""Relative error of the mean squared error over redraws that still counts as its expectation."""
NUM_RESAMPLES = 500
"""Each takes a median of every model, target and size."""
LAWS = ("normal", "uniform")
"""Sorted, as in tables."""
TARGET_NAMES = ("order 2", "order 15", "cosine")
MODELS = ("order 2", "order 15", "regularised 15")
LOW, HIGH = 2, 15
LEAVES = {
    "sizes": Leaf(tuple(range(10, 101, 10)), rule=each(integer(), ascending("samples nest")), meaning="examples"),
    "num_test": Leaf(100, rule=integer(), meaning="test inputs of a redraw"),
    "noise": Leaf(0.1, rule=positive(), meaning="of the labels, relative to the target's root mean square"),
    "normal_domain": Leaf(3.0, rule=positive(), meaning="normal inputs are divided by it in bases on [-1, 1]"),
    "runs_at_once": Leaf(200, "execution", integer(), "redraws of a chunk"),
    "law": Leaf("uniform", "axis", choice(LAWS), "of the inputs", every(LAWS)),
    "basis": Leaf("monomial", "axis", choice(POLYNOMIALS), "functions of the models"),
    "seed": Leaf(0, "axis", integer(0), "a redraw of inputs, targets and noise"),
}
AXES = ("law", "basis", "seed")
Setting = tuple[tuple[int, ...], int, float]
"""What one compiled program depends on: sizes, number of test inputs, domain of normal inputs."""


def program(config: Config) -> Simulation:
    """Test errors against the noiseless target, relative to its root mean square: ``[models, targets, sizes]``."""
    shape = (len(MODELS), len(TARGET_NAMES), len(config.sizes))
    measured = {
        "test_rmse": Measured("test RMSE relative to the target's RMS", shape, "float64"),
        "expected_rmse": Measured("root of the expected squared test error", shape, "float64"),
    }
    setting = (config.sizes, config.num_test, config.normal_domain)
    return redraw_simulation(config, measured, functools.partial(_redraw, setting, config.noise))


def _redraw(setting: Setting, noise: float, seeds: Array, *, law: str, basis: str) -> dict[str, Array]:
    """``{name: [R, models, targets, sizes]}``. The program of the fits is one for all laws and bases."""
    masks = jnp.arange(setting[0][-1]) < jnp.asarray(setting[0])[:, None]
    return _fits(_data(setting, law, basis, seeds), masks.astype(jnp.float64), jnp.asarray(noise, jnp.float64))


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
@functools.partial(jax.vmap, in_axes=(None, None, None, 0))
def _data(setting: Setting, law: str, basis: str, seed: Array) -> tuple[Array, ...]:
    """Of seeds ``[R]``: designs ``[R, n, 16]`` and, at test inputs, ``[R, m, 16]``; noiseless targets ``[R, n, 3]`` and
    ``[R, m, 3]``; standard normal errors ``[R, n, 3]``."""
    sizes, num_test, normal_domain = setting
    points, weights = (jnp.asarray(each) for each in law_average(law, 64))
    reach = 1.0 if law == "uniform" or basis == "monomial" else normal_domain
    key = jax.random.key(seed)
    x = draw_inputs(stream(key, "inputs"), law, (sizes[-1],))
    x_test = draw_inputs(stream(key, "test inputs"), law, (num_test,))
    low = jax.random.normal(stream(key, "order 2"), (LOW + 1,), jnp.float64)
    high = jax.random.normal(stream(key, "order 15"), (HIGH + 1,), jnp.float64)

    def targets(at: Array) -> Array:
        powers = polynomial_features(at, HIGH)
        return jnp.stack([powers[:, : LOW + 1] @ low, powers @ high, jnp.cos(1.5 * jnp.pi * at)], axis=1)

    size = jnp.sqrt(weights @ targets(points) ** 2)
    errors = jax.random.normal(stream(key, "noise"), (len(x), len(TARGET_NAMES)), jnp.float64)
    design, test_design = (polynomial_features(at, HIGH, basis=basis, domain=(-reach, reach)) for at in (x, x_test))
    return design, test_design, targets(x) / size, targets(x_test) / size, errors


@jax.jit
@functools.partial(jax.vmap, in_axes=(0, None, None))
def _fits(drawn: tuple[Array, ...], masks: Array, noise: Array) -> dict[str, Array]:
    """``masks [sizes, n]``: examples that are not used are rows of zeros, which change no fit."""
    all_rows, test_design, noiseless, truth, errors = drawn
    penalty = order_penalty(HIGH, rule="quadratic")

    def at_size(mask: Array) -> dict[str, Array]:
        clean, y = (mask[:, None] * each for each in (noiseless, noiseless + noise * errors))
        outputs = jnp.concatenate([y, jnp.diag(mask)], axis=1)
        design = mask[:, None] * all_rows
        low = ridge(design[:, : LOW + 1], outputs, 0.0).coefficients
        coefficients = (
            jnp.pad(low, ((0, HIGH - LOW), (0, 0))),
            ridge(design, outputs, 0.0).coefficients,
            ridge(design, outputs, 1.0, weights=penalty).coefficients,
        )
        predicted = test_design @ jnp.stack(coefficients)  # [models, m, targets + n]
        measured, smoother = predicted[..., : y.shape[1]], predicted[..., y.shape[1] :]
        bias = smoother @ clean - truth
        variance = noise**2 * jnp.mean(jnp.sum(smoother**2, axis=-1), axis=-1)
        return {
            "test_rmse": jnp.sqrt(jnp.mean((measured - truth) ** 2, axis=1)),
            "expected_rmse": jnp.sqrt(jnp.mean(bias**2, axis=1) + variance[:, None]),
        }

    return {name: jnp.moveaxis(value, 0, -1) for name, value in jax.lax.map(at_size, masks).items()}


def worst_ratio(table: np.ndarray) -> analysis.Interval:
    """The regularised polynomial's largest ratio to the better plain one, over targets and sizes.

    Args:
        table: ``[S, models, targets, sizes]``.
    """

    def ratios(medians: np.ndarray) -> np.ndarray:
        return analysis.ratio_to_best_other(medians, axis=1)[:, 2]

    return analysis.worst_place(ratios, table, of="medians", num_resamples=NUM_RESAMPLES)


def regret(table: np.ndarray) -> np.ndarray:
    """The regularised polynomial's largest ratio / the smaller of those of the plain ones: to ``[B]``."""
    worst = analysis.ratio_to_best_other(analysis.median(table), axis=1).max(axis=(2, 3))
    return np.asarray(worst[:, 2] / worst[:, :2].min(axis=1))


def figure(ds: Dataset) -> Figure:
    """Error against examples: monomials under both laws; and the largest ratio for every law, basis and target."""
    config, bases = analysis.config_of(ds), list(np.unique(ds["basis"]))
    errors, expected = analysis.finished_tables(ds, AXES, "test_rmse", "expected_rmse")
    sizes, basis = np.array(config["sizes"]), bases.index("monomial") if "monomial" in bases else 0
    exact, colours = np.median(expected, axis=0), (style.TEST, style.TRAIN, style.MEASURED)
    panels: list[Panel | Table] = []
    for law, target in ((1, 0), (1, 1), (1, 2), (0, 0), (0, 2)):
        rows, forms = errors[:, law, basis, :, target], exact[law, basis, :, target]
        family = curve_family(MODELS, sizes, rows, sizes, forms, statistic="median")
        curves = tuple(curve._replace(colour=colour) for curve, colour in zip(family, colours, strict=True))
        title, legend = f"target: {TARGET_NAMES[target]}, {LAWS[law]} inputs", "" if panels else "best"
        panels.append(Panel(title, "examples", "test RMSE / target RMS", curves, y_scale="log", legend=legend))

    def cell(table: np.ndarray) -> Cell:
        [judged] = analysis.family([analysis.finding("", worst_ratio(table), high=MARGIN)])
        return Cell(style.short(judged.effect), judged.verdict)

    places = list(np.ndindex(len(LAWS), len(bases)))
    names = tuple(f"{LAWS[law]}, {bases[b]}" for law, b in places)
    cells = tuple(tuple(cell(errors[:, law, b][:, :, [target]]) for target in range(3)) for law, b in places)
    panels.append(Table("regularised / better plain fit", names, TARGET_NAMES, cells))
    note = (
        f"{bases[basis]} basis in the curves   ·   noise {config['noise']:g} of the target's RMS   ·   "
        f"{len(errors)} redraws, float64   ·   closed form: root of the expected square given the inputs (median)\n"
        f"table: ratio of medians at the worst n   ·   green: its interval is below {MARGIN:g}, red: above"
    )
    return draw_panels(panels, note=note)


def verdict(ds: Dataset) -> list[Finding]:
    """For each law and basis the claim and its weaker sense; then the closed form."""
    config, bases = analysis.config_of(ds), np.unique(ds["basis"])
    errors, expected = analysis.finished_tables(ds, AXES, "test_rmse", "expected_rmse")
    found = []
    for row, b in np.ndindex(len(LAWS), len(bases)):
        table = errors[:, row, b]
        measured = analysis.ratio_to_best_other(analysis.median(table[None])[0], axis=0)
        target, size = np.unravel_index(measured[2].argmax(), measured[2].shape)
        place = f"{TARGET_NAMES[target]} at n = {config['sizes'][size]}"
        held = f"below {MARGIN:g} at {np.sum(measured[2] < MARGIN)} of {measured[2].size} places"
        worst = ", ".join(f"{m}: {r:.3g}" for m, r in zip(MODELS, measured.max(axis=(1, 2)), strict=True))
        regularised = f"{LAWS[row]} inputs, {bases[b]} basis: the regularised polynomial"
        claim = "is at least as good as both plain ones"
        unit = "largest ratio of medians to the better plain one, over targets and sizes"
        detail = f"Largest for the target {place}; {held}. The largest of several is biased upwards, against the claim."
        interval = worst_ratio(table)
        found.append(analysis.finding(f"{regularised} {claim}.", interval, high=MARGIN, unit=unit, detail=detail))
        claim = "has the best worst case of all three"
        unit = "its largest ratio to the better of the others / the smaller one of the plain polynomials"
        interval, detail = analysis.bootstrap(regret, table, num_resamples=NUM_RESAMPLES), f"Largest ratios: {worst}."
        found.append(analysis.finding(f"{regularised} {claim}.", interval, high=1.0, unit=unit, detail=detail))
    squares = ((errors / expected) ** 2).mean(axis=(4, 5))
    exact = "The mean squared error is bias^2 + variance given the inputs."
    detail = "Ratios to the expectation, averaged over targets and sizes; a place is a law, basis and model."
    return analysis.family([*found, analysis.agreement(exact, squares, 1.0, tolerance=TOLERANCE, detail=detail)])
