"""A soft preference for low orders: is one regularised polynomial of order 15 as good as the right hard restriction?

Claim: A polynomial of order 15 with the penalty ``sum_j 0.01^2 j^2 w_j^2`` generalises at least as well as plain
polynomials of order 2 and of order 15, at every number of examples and for targets of either order and a cosine.

Refuted, for a law of the inputs and a basis, if at some number of examples and some target the median test error of the
regularised polynomial is more than 10 % above that of the better plain one. A weaker sense is judged beside it: its
largest ratio to the better of the other two, over examples and targets, is smaller than theirs, so that it is the one
to choose if nothing is known of the target.

Setting: ``n`` inputs and ``num_test`` test inputs of one law, ``normal`` (as published) or ``uniform`` on [-1, 1]. The
published recipe gives neither basis, coefficients, noise nor scale of the loss. Here: targets ``order_2`` and
``order_15`` with standard normal monomial coefficients drawn anew each time, and ``cos(1.5 pi x)``, each divided by its
root mean square under the law; Gaussian label noise of ``noise`` times that; squared error summed over examples, halved
nowhere. Plain fits are of minimum norm where they are not determined. The bases are monomials of the input itself,
Legendre and Chebyshev polynomials on [-1, 1], for normal inputs on ``normal_domain`` (outside they grow, as all
polynomials). Medians, since plain fits of order 15 have no mean error near 16 examples. The closed form is the expected
squared error at the test inputs given all inputs, bias^2 + variance, exact. All float64.

Cost: the default, 1,200 redraws of 10 sizes, took 25 s of CPU time on one core of a busy x86-64 machine; smoke 7 s,
most of it compilation.

Reference: Wilson (2025), Deep learning is not so mysterious or different, arXiv:2503.02113, figure 5 and appendix D.
"""

import functools
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.analysis import agreement, bootstrap, config_of, finding
from gendyn.core import ConfigError, check_choice, check_positive_int, check_range, stream
from gendyn.experiments._redraws import axes_of, redraw_groups, redraws_of
from gendyn.experiments.priors._polynomial_laws import POLYNOMIALS, TARGETS, draw_inputs, law_average
from gendyn.plots.theory_panels import Cell, Curve, Panel, Table, theory_panels
from gendyn.regression import order_penalty, polynomial_features, ridge
from gendyn.sweep import Measured, simulate
from gendyn.types import Array, Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

MARGIN = 1.1
"""Ratio of medians up to which one is at least as good as another."""
TOLERANCE = 0.1
"""Relative error of the mean squared error over redraws that still counts as its expectation."""
LEVEL = 0.9
NUM_RESAMPLES = 500
"""Each takes a median of every model, target and size."""
AXES = ("law", "basis", "seed")
LAWS = ("normal", "uniform")
FUNCTIONS = {"order_2": "order 2", "order_15": "order 15", "cosine": "cosine"}
"""Targets, in the order of the arrays."""
MODELS = ("order 2", "order 15", "regularised 15")
LOW, HIGH = 2, 15
_COLOURS = ("#0072B2", "#D55E00", "#007A59")
_NUM_NODES = 64


class Setting(NamedTuple):
    """What one compiled program depends on."""

    sizes: tuple[int, ...]
    """Numbers of examples, ascending; each is a prefix of the largest sample."""
    num_test: int
    normal_domain: float


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Computes every redraw that ``workdir`` lacks.

    Returns:
        Dimensions ``run`` and ``record`` (one); ``test_rmse [models, targets, sizes]`` against the noiseless target,
        relative to its root mean square, and ``expected_rmse``, the root of the expectation over label noise of its
        square.

    Raises:
        ConfigError: a leaf out of range, or a ``workdir`` that holds something else.
    """
    setting, axes = _setting(config)

    def redraw(seeds: Array, *, law: str, basis: str) -> dict[str, Array]:
        return _redraw(setting, law, basis, seeds, jnp.asarray(config.noise, jnp.float64))

    shape = (len(MODELS), len(FUNCTIONS), len(setting.sizes))
    measured = {
        "test_rmse": Measured("test RMSE relative to the target's RMS", shape, "float64"),
        "expected_rmse": Measured("root of the expected squared test error", shape, "float64"),
    }
    return simulate(config.to_dict(), workdir, redraw_groups(axes, redraw), measured, runs_at_once=config.runs_at_once)


def _redraw(setting: Setting, law: str, basis: str, seeds: Array, noise: Array) -> dict[str, Array]:
    """``{name: [R, models, targets, sizes]}``. The program of the fits is one for all laws and bases."""
    drawn = _data(setting, law, basis, seeds)
    masks = jnp.arange(setting.sizes[-1]) < jnp.asarray(setting.sizes)[:, None]
    return _fits(drawn, masks.astype(jnp.float64), noise)


class Drawn(NamedTuple):
    """Features, noiseless targets and unit noise of each redraw."""

    design: Array
    """``[R, n, 16]``."""
    test_design: Array
    """``[R, m, 16]``."""
    clean: Array
    """``[R, n, targets]``."""
    truth: Array
    """``[R, m, targets]``."""
    errors: Array
    """``[R, n, targets]``, standard normal."""


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _data(setting: Setting, law: str, basis: str, seeds: Array) -> Drawn:
    points, weights = (jnp.asarray(each) for each in law_average(law, _NUM_NODES))
    reach = 1.0 if law == "uniform" or basis == "monomial" else setting.normal_domain

    def one(seed: Array) -> Drawn:
        key = jax.random.key(seed)
        x = draw_inputs(stream(key, "inputs"), law, (setting.sizes[-1],))
        x_test = draw_inputs(stream(key, "test inputs"), law, (setting.num_test,))
        low = jax.random.normal(stream(key, "order 2"), (LOW + 1,), jnp.float64)
        high = jax.random.normal(stream(key, "order 15"), (HIGH + 1,), jnp.float64)

        def targets(at: Array) -> Array:
            powers = polynomial_features(at, HIGH)
            return jnp.stack([powers[:, : LOW + 1] @ low, powers @ high, TARGETS["cosine"](at)], axis=1)

        size = jnp.sqrt(weights @ targets(points) ** 2)
        errors = jax.random.normal(stream(key, "noise"), (len(x), len(FUNCTIONS)), jnp.float64)
        design, test_design = (polynomial_features(at, HIGH, basis=basis, domain=(-reach, reach)) for at in (x, x_test))
        return Drawn(design, test_design, targets(x) / size, targets(x_test) / size, errors)

    return jax.vmap(one)(seeds)


@jax.jit
def _fits(drawn: Drawn, masks: Array, noise: Array) -> dict[str, Array]:
    """``masks [sizes, n]``: examples that are not used are rows of zeros, which change no fit."""
    penalty = order_penalty(HIGH, rule="quadratic")

    def one(drawn: Drawn) -> dict[str, Array]:
        def at_size(mask: Array) -> dict[str, Array]:
            clean, y = (mask[:, None] * each for each in (drawn.clean, drawn.clean + noise * drawn.errors))
            outputs = jnp.concatenate([y, jnp.diag(mask)], axis=1)
            design = mask[:, None] * drawn.design
            low = ridge(design[:, : LOW + 1], outputs, 0.0).coefficients
            coefficients = (
                jnp.pad(low, ((0, HIGH - LOW), (0, 0))),
                ridge(design, outputs, 0.0).coefficients,
                ridge(design, outputs, 1.0, weights=penalty).coefficients,
            )
            predicted = drawn.test_design @ jnp.stack(coefficients)  # [models, m, targets + n]
            measured, smoother = predicted[..., : y.shape[1]], predicted[..., y.shape[1] :]
            bias = smoother @ clean - drawn.truth
            variance = noise**2 * jnp.mean(jnp.sum(smoother**2, axis=-1), axis=-1)
            return {
                "test_rmse": jnp.sqrt(jnp.mean((measured - drawn.truth) ** 2, axis=1)),
                "expected_rmse": jnp.sqrt(jnp.mean(bias**2, axis=1) + variance[:, None]),
            }

        return {name: jnp.moveaxis(value, 0, -1) for name, value in jax.lax.map(at_size, masks).items()}

    return jax.vmap(one)(drawn)


def ratios(table: np.ndarray) -> np.ndarray:
    """Of each model's median error to that of the better of the others: ``[B, S, models, ...] -> [B, models, ...]``."""
    medians = np.median(table, axis=1)
    others = [np.delete(medians, model, axis=1).min(axis=1) for model in range(len(MODELS))]
    return medians / np.stack(others, axis=1)


def worst_ratio(table: np.ndarray) -> np.ndarray:
    """The regularised polynomial's largest, over targets and sizes: ``[B, S, models, targets, sizes] -> [B]``."""
    return np.asarray(ratios(table)[:, 2].max(axis=(1, 2)))


def figure(ds: "xarray.Dataset") -> "Figure":
    """Error against examples: monomials under both laws; and the largest ratio for every law, basis and target."""
    config = config_of(ds)
    axes, errors = redraws_of(ds, AXES, "test_rmse")
    _, expected = redraws_of(ds, AXES, "expected_rmse")
    sizes, names = np.array(config["sizes"]), list(FUNCTIONS)
    laws, bases = list(axes["law"]), list(axes["basis"])
    basis = bases.index("monomial") if "monomial" in bases else 0
    panels: list[Panel | Table] = []
    for law, name in (*(("uniform", name) for name in names), ("normal", "order_2"), ("normal", "cosine")):
        row, target = laws.index(law), names.index(name)
        curves = tuple(
            Curve(
                model,
                sizes,
                errors[row, basis, :, m, target],
                sizes,
                np.median(expected[row, basis, :, m, target], axis=0),
                colour=_COLOURS[m],
                statistic="median",
            )
            for m, model in enumerate(MODELS)
        )
        title = f"target: {FUNCTIONS[name]}, {law} inputs"
        panels.append(
            Panel(title, "examples", "test RMSE / target RMS", curves, y_scale="log", legend="" if panels else "best")
        )
    cells = []
    for law in laws:
        for b in range(len(bases)):
            table = errors[laws.index(law), b]
            cells.append([_cell(table[:, :, [target]]) for target in range(len(names))])
    rows = tuple(f"{law}, {basis}" for law in laws for basis in bases)
    panels.append(Table("regularised / better plain fit", rows, tuple(FUNCTIONS.values()), tuple(map(tuple, cells))))
    note = (
        f"{bases[basis]} basis in the curves   ·   noise {config['noise']:g} of the target's RMS   ·   "
        f"{errors.shape[2]} redraws, float64   ·   closed form: root of the expected square given the inputs (median)\n"
        f"table: ratio of medians at the worst n   ·   green: its interval is below {MARGIN:g}, red: above"
    )
    return theory_panels(panels, level=LEVEL, note=note)


def _cell(table: np.ndarray) -> Cell:
    judged = finding("", bootstrap(worst_ratio, table, level=LEVEL, num_resamples=NUM_RESAMPLES), high=MARGIN)
    text = f"{judged.effect:.2f}" if judged.effect < 100 else f"{judged.effect:.0e}"
    return Cell(text, judged.verdict)


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """For each law and basis the claim and its weaker sense; then the closed form."""
    config = config_of(ds)
    axes, errors = redraws_of(ds, AXES, "test_rmse")
    _, expected = redraws_of(ds, AXES, "expected_rmse")
    names = list(FUNCTIONS.values())
    found = []
    for row, law in enumerate(axes["law"]):
        for b, basis in enumerate(axes["basis"]):
            table = errors[row, b]
            measured = ratios(table[None])[0]
            target, size = np.unravel_index(measured[2].argmax(), measured[2].shape)
            held = np.sum(measured[2] < MARGIN)
            largest = ", ".join(f"{m}: {r:.3g}" for m, r in zip(MODELS, measured.max(axis=(1, 2)), strict=True))
            found.append(
                finding(
                    f"{law} inputs, {basis} basis: the regularised polynomial is at least as good as both plain ones.",
                    bootstrap(worst_ratio, table, level=LEVEL, num_resamples=NUM_RESAMPLES),
                    high=MARGIN,
                    unit="largest ratio of medians to the better plain one, over targets and sizes",
                    detail=f"Largest for the target {names[target]} at n = {config['sizes'][size]}; below {MARGIN:g} "
                    f"at {held} of {measured[2].size} places. The largest of several is biased upwards, against the "
                    "claim.",
                )
            )
            found.append(
                finding(
                    f"{law} inputs, {basis} basis: its largest ratio to the better of the others is below theirs.",
                    bootstrap(_regret, table, level=LEVEL, num_resamples=NUM_RESAMPLES),
                    high=1.0,
                    unit="its largest ratio / the smaller one of the plain polynomials",
                    detail=f"Largest ratios: {largest}.",
                )
            )
    squares = np.moveaxis((errors / expected) ** 2, 2, 0).mean(axis=(4, 5))
    found.append(
        agreement(
            "The mean squared error is bias^2 + variance given the inputs.",
            squares.reshape(len(squares), -1),
            np.ones(squares[0].size),
            tolerance=TOLERANCE,
            level=LEVEL,
            detail="Ratios to the expectation, averaged over targets and sizes; a place is a law, basis and model.",
        )
    )
    return found


def _regret(table: np.ndarray) -> np.ndarray:
    largest = ratios(table).max(axis=(2, 3))
    return np.asarray(largest[:, 2] / largest[:, :2].min(axis=1))


def _setting(config: "ml_collections.ConfigDict") -> tuple[Setting, dict[str, tuple]]:
    sizes = tuple(config.sizes)
    for size in sizes:
        check_positive_int("config.sizes: each", size)
    if not sizes or sorted(set(sizes)) != list(sizes):
        raise ConfigError(f"config.sizes = {sizes} must be ascending numbers of examples, at least one.")
    for name in ("num_test", "runs_at_once"):
        check_positive_int(f"config.{name}", config[name])
    check_range("config.noise", config.noise, low=0, open_low=True)
    check_range("config.normal_domain", config.normal_domain, low=0, open_low=True)
    axes = axes_of(config, AXES)
    if set(axes["law"]) != set(LAWS):
        raise ConfigError(f"config.axes: law = {axes['law']} must be {', '.join(LAWS)}: the claim is judged for both.")
    for basis in axes["basis"]:
        check_choice("config.axes: basis", basis, POLYNOMIALS)
    return Setting(sizes, int(config.num_test), float(config.normal_domain)), axes
