"""The weak-feature regression: does the effective dimension follow the second descent, or does its complement?

Claim: Least squares on ``d`` noisy copies of the label has a test error that peaks at ``d = n`` and then falls below
its first valley, at the exact rate. The curve published as its "effective dimensionality" is ``min(n, d)`` less the
effective dimension: this complement peaks at ``d = n``, falls with the test error and tracks it. The effective
dimension itself does none of this.

Refuted if: the mean risk at ``|d - n| >= n / 5``, or the mean training error at ``d <= 0.8 n``, is off the closed form
by more than 2 %, the effective dimension anywhere by more than 0.5 %, or its complement at ``|d - n| >= n / 5`` by more
than 5 %; the risk or the complement peaks 5 % or more from ``n``; the risk at the last ``d`` is not below its first
valley; over ``d > n`` the rank correlation of the complement with the risk is below 0.9, or the line of the log risk on
its logarithm leaves more than half of the scatter that the line on ``log d`` leaves. The last three findings put the
same questions to the effective dimension by its own name; the claim above expects them refuted.

Setting: ``y ~ N(0, I_n)``, ``x_j = y + z_j`` with ``z_j ~ N(0, I_n)``, minimum-norm least squares of ``y`` on the first
``d`` columns. Two errors are recorded: the risk ``(1 - sum w)^2 + |w|^2``, the exact mean squared test error given
``w``; and the published panel's, ``|X w - y| / |y|`` on as many new examples: a ROOT of a RELATIVE squared error, where
the text speaks of mean squared error. ``effective_dimension = sum s^2 / (s^2 + penalty)`` over the singular values of
``X`` with the published penalty ``0.001 n = 0.2``, and with 1; ``complement = min(n, d) - effective_dimension``. Closed
forms: the risk and the training error are exact at finite ``n``; the root errors are drawn against the root of those, a
ratio of means; the effective dimension is the self-consistent one of the true spectrum of ``X`` (``d + 1`` once and 1
``d - 1`` times), a limit. float64, stored in float32. Redraws are nested over ``d``.

Chosen after results had been seen: 3,000 redraws (1,000 left the risk open); the complement is judged off the peak,
where its limit is 5 % off; and the scatter with its bound of one half, since a rank correlation says no more than that
both fall, as ``1 / d`` does too, whose scatter is 1. The published penalty meets the bound and the larger one does not;
a bound of 1 would pass both. Only a rising line counts, since in the effective dimension, which over ``d > n`` is ``n``
less the complement, a falling one would leave as little. Next to the peak a penalty caps the complement and not the
risk, and most of the scatter is there. The complement is not the best predictor: ``1 / (d - n)`` leaves 0.03.

Reference: Wilson (2025), Deep learning is not so mysterious or different, arXiv:2503.02113, figure 1g; Maddox, Benton &
Wilson (2020), Rethinking parameter counting, arXiv:2003.02139, section 3. The closed forms:
:func:`gendyn.theory.weak_features_risk`, :func:`gendyn.theory.eigenlearning`.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import analysis, theory
from gendyn.analysis import agreement, bootstrap, config_of, finding, mean
from gendyn.core import ConfigError, stream
from gendyn.core.rules import ascending, each, integer, positive
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.regression import prefix_least_squares, prefix_ridge
from gendyn.sweep import Leaf, Measured, Simulation, redraw_groups
from gendyn.types import Array, Config, Dataset, Figure, Finding

OFF_PEAK = 0.2
"""Distance from the peak, relative to it, from which means settle."""
ERROR_TOLERANCE, DIMENSION_TOLERANCE, COMPLEMENT_TOLERANCE = 0.02, 0.005, 0.05
"""Relative errors of means that still count as the closed form; the complement is a small part of the dimension."""
PLACE_TOLERANCE = 0.05
MONOTONE = 0.9
"""Rank correlation with the risk above which a quantity is said to fall with it."""
TRACKING = 0.5
"""Scatter of the risk about a quantity, over that about ``log d``, below which the quantity is said to track it: mere
size leaves at least four times the variance."""
_SIZES = each(integer(2), ascending("the first and the last are the ends of the two descents"))
LEAVES = {
    "num_examples": Leaf(200, rule=integer(5), meaning="n, for training and for testing"),
    "num_features": Leaf(tuple(range(5, 400, 2)), rule=_SIZES, meaning="d"),
    "penalties": Leaf((0.2, 1.0), rule=each(positive()), meaning="of the effective dimension; published: 0.001 n"),
    "runs_at_once": Leaf(100, "execution", integer(1), "runs of a chunk"),
    "seed": Leaf(0, "axis", integer(0), "a redraw"),
}


def check(config: Config) -> None:
    """Sizes on both sides of the peak."""
    n, sizes = config.num_examples, config.num_features
    if sizes[0] > (1.0 - OFF_PEAK) * n or sum(d >= (1.0 + OFF_PEAK) * n for d in sizes) < 3:
        raise ConfigError(
            f"config.num_features = {sizes} must begin at or below {1.0 - OFF_PEAK:g} num_examples = "
            f"{(1.0 - OFF_PEAK) * n:g} and hold three sizes of at least {(1.0 + OFF_PEAK) * n:g}: the claims are about "
            "both sides of the peak."
        )


def program(config: Config) -> Simulation:
    """Draws and solves every redraw: one factorisation serves all prefixes of its columns, one more each penalty."""
    n, num_features, penalties = config.num_examples, config.num_features, config.penalties
    sizes, every = (len(num_features),), (len(penalties), len(num_features))
    measured = {
        "risk": Measured("mean squared test error, exact given the fit", sizes),
        "train_squared_error": Measured("mean squared training error", sizes),
        "test_root_error": Measured("root relative test error", sizes),
        "train_root_error": Measured("root relative training error", sizes),
        "effective_dimension": Measured("effective dimension", every),
        "complement": Measured("min(n, d) - effective dimension", every),
    }

    def draw(key: Array) -> tuple[Array, Array]:
        y = jax.random.normal(stream(key, "labels"), (n,), float)
        return y[:, None] + jax.random.normal(stream(key, "features"), (n, max(num_features)), float), y

    def one(seed: Array) -> dict[str, Array]:
        key = jax.random.key(seed)
        (x, y), (x_test, y_test) = draw(stream(key, "train")), draw(stream(key, "test"))
        fits = prefix_least_squares(x, y, num_features).coefficients
        residuals = fits @ x.T - y
        dimension = jnp.stack([prefix_ridge(x, y, penalty, num_features)[1] for penalty in penalties])
        return {
            "risk": jnp.square(1.0 - jnp.sum(fits, axis=1)) + jnp.sum(jnp.square(fits), axis=1),
            "train_squared_error": jnp.mean(jnp.square(residuals), axis=1),
            "test_root_error": jnp.linalg.norm(fits @ x_test.T - y_test, axis=1) / jnp.linalg.norm(y_test),
            "train_root_error": jnp.linalg.norm(residuals, axis=1) / jnp.linalg.norm(y),
            "effective_dimension": dimension,
            "complement": jnp.minimum(n, jnp.asarray(num_features)) - dimension,
        }

    redraw = jax.jit(functools.partial(jax.lax.map, one))
    return Simulation(tuple(redraw_groups(dict(config.axes), redraw)), measured, config.runs_at_once)


def redraws(ds: Dataset, name: str) -> np.ndarray:
    """A recorded array of the finished seeds, ``[S, ...]``."""
    return analysis.finished_table(ds, name, ("seed",))


def sizes_of(ds: Dataset) -> tuple[int, np.ndarray, np.ndarray]:
    """Number of examples, numbers of features ``[P]``; effective dimension and complement in theory, ``[2, A, P]``."""
    config = config_of(ds)
    n, sizes = config["num_examples"], np.array(config["num_features"])
    laws = [theory.weak_features_dimension(n, sizes, penalty) for penalty in config["penalties"]]
    return n, sizes, np.swapaxes(laws, 0, 1)


def verdict(ds: Dataset) -> list[Finding]:
    """Laws, peaks, the second descent; what the complement does there, and what the effective dimension does."""
    n, sizes, (dimension_law, complement_law) = sizes_of(ds)
    names = ("risk", "train_squared_error", "effective_dimension", "complement")
    risk, train, dimension, complement = (redraws(ds, name) for name in names)
    off, under = np.abs(sizes - n) >= OFF_PEAK * n, sizes <= (1.0 - OFF_PEAK) * n
    exact, trained = theory.weak_features_risk(n, sizes), theory.weak_features_train_error(n, sizes)
    both = f"on both sides of the peak, |d - n| >= {OFF_PEAK:g} n."
    test_claim = f"The mean test error is the exact one {both}"
    train_claim = f"The mean training error is the exact one for d <= {1 - OFF_PEAK:g} n."
    known, spectrum = "is its closed form", "The self-consistent form of the true spectrum."
    dimension_claim = f"The effective dimension {known} at every d."
    complement_claim = f"The complement of the effective dimension {known} {both}"
    largest = f"Over all d the largest error is {np.max(np.abs(complement.mean(axis=0) / complement_law - 1.0)):.1%}."
    laws = [
        agreement(claim, rows.reshape(len(rows), -1), law.ravel(), tolerance=tolerance, detail=detail)
        for claim, rows, law, tolerance, detail in (
            (test_claim, risk[:, off], exact[off], ERROR_TOLERANCE, ""),
            (train_claim, train[:, under], trained[under], ERROR_TOLERANCE, ""),
            (dimension_claim, dimension, dimension_law, DIMENSION_TOLERANCE, spectrum),
            (complement_claim, complement[..., off], complement_law[:, off], COMPLEMENT_TOLERANCE, largest),
        )
    ]

    def off_place(logs: np.ndarray) -> analysis.Interval:
        return bootstrap(lambda rows: analysis.largest_error(analysis.peak_places(sizes, rows), n), logs)

    claim, unit = "The test error peaks where features and examples are equal.", "|d at the peak / n - 1|"
    detail = "Peak of the geometric mean over redraws."
    peak = finding(claim, off_place(np.log(risk)), high=PLACE_TOLERANCE, unit=unit, detail=detail)
    valley = int(np.argmin(exact[sizes < n]))
    fall = bootstrap(lambda rows: mean(rows)[:, 1] / mean(rows)[:, 0], risk[:, [valley, -1]])
    claim = f"The second descent goes below the first valley by d = {sizes[-1]}."
    ratio, detail = f"mean risk at d = {sizes[-1]} / at d = {sizes[valley]}", "The valley is placed by the closed form."
    below = finding(claim, fall, high=1.0, unit=ratio, detail=detail, given=(peak,))
    claim, unit = "The complement of the effective dimension peaks at d = n.", f"largest {unit} over penalties"
    at_n = finding(claim, off_place(np.log(complement)), high=PLACE_TOLERANCE, unit=unit)
    prominence = bootstrap(lambda rows: analysis.interior_peak(mean(rows)).prominence.max(axis=1), dimension)
    claim, unit = "The effective dimension itself has a peak.", "peak / higher of its two valleys"
    detail = "Mean over redraws; a curve that rises everywhere has at most 1."
    itself = finding(claim, prominence, low=1.0, unit=f"{unit}, the largest over penalties", detail=detail)
    follows = functools.partial(_second_descent, risk=np.log(risk), sizes=sizes, n=n)
    penalties, name = config_of(ds)["penalties"], "complement of the effective dimension"
    of_complement = follows(name, np.log(complement), penalties=penalties)
    of_dimension = follows("effective dimension", np.log(dimension), penalties=())
    return [*laws, peak, below, at_n, *of_complement, itself, *of_dimension]


def _second_descent(
    name: str, values: np.ndarray, *, risk: np.ndarray, sizes: np.ndarray, n: int, penalties: Sequence[float]
) -> list[Finding]:
    """Whether a quantity falls with the risk over ``d > n``, and whether it tracks it better than the size does.

    From logarithms of the quantity ``[S, A, P]`` and of the risk ``[S, P]``. With ``penalties``, those ``A``, each of
    them has to track the risk; without, one is enough.
    """
    which, second, far = "smallest" if penalties else "largest", sizes > n, sizes >= (1.0 + OFF_PEAK) * n

    def monotone(risk: np.ndarray, values: np.ndarray) -> np.ndarray:
        found = analysis.spearman(mean(risk)[:, None], mean(values))
        return np.asarray(found.min(axis=1) if penalties else found.max(axis=1))

    def tracking(logs: np.ndarray, risk: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.asarray(analysis.scatter_ratio(mean(risk)[:, None], mean(values), logs, rising=True).min(axis=1))

    orders = bootstrap(monotone, risk[:, second], values[..., second])
    claim = f"Over d > n the {name} falls with the test error: a monotone order, which 1 / d has too."
    detail = f"Of geometric means over redraws, the {which} over penalties."
    found = [finding(claim, orders, low=MONOTONE, unit="rank correlation with the test error", detail=detail)]
    logs, lines = np.log(sizes), "a rising line in the log of it / about a line in log d, d > n"
    unit, less = f"scatter of the log risk about {lines}", "it leaves less than half of the scatter that size leaves."
    control = tracking(logs[second], risk[None, :, second], -logs[None, None, None, second])[0]
    groups = [(f" at penalty {penalty:g}", values[:, [i]], "") for i, penalty in enumerate(penalties)]
    for label, chosen, least in groups or [("", values, ", the smallest over penalties")]:
        outside = tracking(logs[far], risk[None, :, far], chosen[None, ..., far])[0]
        left = bootstrap(functools.partial(tracking, logs[second]), risk[:, second], chosen[..., second])
        detail = f"Of geometric means over redraws{least}. Control: 1 / d has {control:.2f}."
        detail = f"{detail} From d = {1 + OFF_PEAK:g} n on it is {outside:.2f}."
        claim = f"The {name}{label} tracks the second descent: {less}"
        found.append(finding(claim, left, high=TRACKING, unit=unit, detail=detail))
    return found


def figure(ds: Dataset) -> Figure:
    """Errors and effective dimensions against the number of features, on top of their closed forms."""
    penalties, (n, sizes, laws) = config_of(ds)["penalties"], sizes_of(ds)
    risk, train = theory.weak_features_risk(n, sizes), theory.weak_features_train_error(n, sizes)
    train = np.where(train > 0, train, np.nan)
    found = {str(name): redraws(ds, str(name)) for name in ds.data_vars}
    colours = style.sequence(len(penalties) + 1)[1:]

    def panel(title: str, y_label: str, curves: list[Curve], **options: Any) -> Panel:
        return Panel(title, "features d", y_label, tuple(curves), marks=((float(n), "d = n"),), **options)

    def errors(names: tuple[str, str], test: np.ndarray, train: np.ndarray) -> list[Curve]:
        fresh, seen = (found[name] for name in names)
        training = Curve("training", sizes, seen, sizes, train, style.TRAIN)
        return [Curve("test", sizes, fresh, sizes, test, style.TEST), training]

    def dimensions(name: str, law: np.ndarray) -> list[Curve]:
        return [
            Curve(f"penalty {penalty:g}", sizes, found[name][:, i], sizes, law[i], colours[i])
            for i, penalty in enumerate(penalties)
        ]

    published = errors(("test_root_error", "train_root_error"), np.sqrt(risk), np.sqrt(train))
    exact = errors(("risk", "train_squared_error"), risk, train)
    dimension, complement = dimensions("effective_dimension", laws[0]), dimensions("complement", laws[1])
    panels = [
        panel("As published: root relative error", "|X w - y| / |y|", published, y_limits=(0.0, 1.5)),
        panel("Mean squared error", "squared error", exact, y_scale="log", y_limits=(1e-4, 10.0)),
        panel("Effective dimension", "effective dimension", dimension),
        panel("Complement (as published)", "min(n, d) - eff. dimension", complement, y_scale="log"),
    ]
    return draw_panels(panels, num_columns=2, note=f"n = {n}, {len(found['risk']):,} redraws, float64")
