"""The weak-feature regression: does the effective dimension follow the second descent, or does its complement?

Claim: Least squares on ``d`` noisy copies of the label has a test error that peaks at ``d = n`` and then falls below
its first valley, at the exact rate. The curve published as its "effective dimensionality" is ``min(n, d)`` less the
effective dimension: this complement peaks at ``d = n``, falls with the test error and tracks it. The effective
dimension itself has no peak, rises as the test error falls, and does not track it. Primary are the peak, the second
descent, the complement's peak, that it tracks at the published penalty, and that the dimension itself has no peak.

Refuted if: the mean risk at ``|d - n| >= n / 5``, or the mean training error at ``d <= 0.8 n``, is off the closed form
by more than 2 %, the effective dimension anywhere by more than 0.5 %, or its complement at ``|d - n| >= n / 5`` by more
than 5 %; the risk or the complement peaks 5 % or more from ``n``; the risk at the last ``d`` is not below its first
valley; over ``d > n`` the rank correlation of the complement with the risk is below 0.9, or the line of the log risk on
its logarithm leaves more than half of the scatter that the line on ``log d`` leaves; the effective dimension has a peak
of 1.01 times its valleys, a rank correlation above -0.9, or leaves less than half of that scatter.

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

import numpy as np

from gendyn import analysis, theory
from gendyn.core import ConfigError
from gendyn.core.rules import ascending, each, integer, positive
from gendyn.plots import Curve, Panel, curve_family, draw_panels, style
from gendyn.regression import weak_feature_fits
from gendyn.sweep import Leaf, Measured, Simulation, mapped_redraws
from gendyn.types import Config, Dataset, Figure, Finding

OFF_PEAK = 0.2
"""Distance from the peak, relative to it, from which means settle."""
ERROR_TOLERANCE, DIMENSION_TOLERANCE, COMPLEMENT_TOLERANCE = 0.02, 0.005, 0.05
"""Relative errors of means that still count as the closed form; the complement is a small part of the dimension."""
PLACE_TOLERANCE = 0.05
MONOTONE = 0.9
"""Rank correlation with the risk above which a quantity is said to fall with it."""
NO_PEAK = 1.01
"""Peak over the higher of its valleys below which there is none: a curve that rises everywhere has at most 1."""
TRACKING = 0.5
"""Scatter of the risk about a quantity, over that about ``log d``, below which the quantity is said to track it: mere
size leaves at least four times the variance."""
ROLES = ("primary", "exploratory")
"""Of the first penalty, which is the published one, and of the others."""
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
    """Draws and solves every redraw."""
    sizes, every = (len(config.num_features),), (len(config.penalties), len(config.num_features))
    measured = {
        "risk": Measured("mean squared test error, exact given the fit", sizes),
        "train_squared_error": Measured("mean squared training error", sizes),
        "test_root_error": Measured("root relative test error", sizes),
        "train_root_error": Measured("root relative training error", sizes),
        "effective_dimension": Measured("effective dimension", every),
        "complement": Measured("min(n, d) - effective dimension", every),
    }
    chosen = {name: config[name] for name in ("num_examples", "num_features", "penalties")}
    return mapped_redraws(config, measured, lambda key: weak_feature_fits(key, **chosen)._asdict())


def sizes_of(ds: Dataset) -> tuple[int, np.ndarray, np.ndarray]:
    """Number of examples, numbers of features ``[P]``; effective dimension and complement in theory, ``[2, A, P]``."""
    config = analysis.config_of(ds)
    n, sizes = config["num_examples"], np.array(config["num_features"])
    laws = [theory.weak_features_dimension(n, sizes, penalty) for penalty in config["penalties"]]
    return n, sizes, np.swapaxes(laws, 0, 1)


def verdict(ds: Dataset) -> list[Finding]:
    """Laws, peaks, the second descent; what the complement does there, and what the effective dimension does."""
    (n, sizes, (dimension_law, complement_law)), penalties = sizes_of(ds), analysis.config_of(ds)["penalties"]
    names = ("risk", "train_squared_error", "effective_dimension", "complement")
    risk, train, dimension, complement = analysis.finished_tables(ds, ("seed",), *names)
    off, under = np.abs(sizes - n) >= OFF_PEAK * n, sizes <= (1.0 - OFF_PEAK) * n
    exact, trained = theory.weak_features_risk(n, sizes), theory.weak_features_train_error(n, sizes)
    both = f"on both sides of the peak, |d - n| >= {OFF_PEAK:g} n."
    known, spectrum = "is its closed form", "The self-consistent form of the true spectrum."
    largest = f"Over all d the largest error is {np.max(np.abs(complement.mean(axis=0) / complement_law - 1.0)):.1%}."
    trains, falls = f"for d <= {1 - OFF_PEAK:g} n.", "complement of the effective dimension"
    found = [
        analysis.agreement(f"The {claim}", rows, law, tolerance=tolerance, detail=detail)
        for claim, rows, law, tolerance, detail in (
            (f"mean test error is the exact one {both}", risk[:, off], exact[off], ERROR_TOLERANCE, ""),
            (f"mean training error is the exact one {trains}", train[:, under], trained[under], ERROR_TOLERANCE, ""),
            (f"effective dimension {known} at every d.", dimension, dimension_law, DIMENSION_TOLERANCE, spectrum),
            (f"{falls} {known} {both}", complement[..., off], complement_law[:, off], COMPLEMENT_TOLERANCE, largest),
        )
    ]

    def off_place(values: np.ndarray) -> analysis.Interval:
        def places(logs: np.ndarray) -> np.ndarray:
            return analysis.peak_places(sizes, logs) / n

        return analysis.worst_place(places, np.log(values), of="rows", which="distance", centre=1.0)

    claim, unit = "The test error peaks where features and examples are equal.", "|d at the peak / n - 1|"
    detail, place = "Peak of the geometric mean over redraws.", off_place(risk)
    peak = analysis.finding(claim, place, high=PLACE_TOLERANCE, unit=unit, detail=detail)
    valley = int(np.argmin(exact[sizes < n]))
    fall = analysis.of_means(lambda a, b: a / b, risk[:, -1], risk[:, valley])
    claim = f"The second descent goes below the first valley by d = {sizes[-1]}."
    ratio, detail = f"mean risk at d = {sizes[-1]} / at d = {sizes[valley]}", "The valley is placed by the closed form."
    below = analysis.finding(claim, fall, high=1.0, unit=ratio, detail=detail, given=(peak,))
    claim, place = f"The {falls} peaks at d = n.", off_place(complement)
    at_n = analysis.finding(claim, place, high=PLACE_TOLERANCE, unit=f"largest {unit} over penalties", given=(peak,))
    higher = analysis.worst_place(lambda means: analysis.interior_peak(means).prominence, dimension)
    claim, unit = "The effective dimension itself has no peak.", "peak / higher of its two valleys"
    detail, most = "Mean over redraws; a curve that rises everywhere has at most 1.", "the largest over penalties"
    itself = analysis.finding(claim, higher, high=NO_PEAK, unit=f"{unit}, {most}", detail=detail, given=(peak, at_n))
    second = sizes > n
    logs, of_complement, of_dimension = (np.log(table[..., second]) for table in (risk, complement, dimension))
    tracks = functools.partial(_tracks, n, sizes[second], logs)
    found += [peak, below, at_n, _ordered(f"the {falls} falls", "smallest", logs, of_complement, low=MONOTONE)]
    tracking = [
        tracks(f"{falls} at penalty {penalty:g}", of_complement[:, [i]], given=(below,), role=ROLES[min(i, 1)])
        for i, penalty in enumerate(penalties)
    ]
    rises = _ordered("the effective dimension rises", "largest", logs, of_dimension, high=-MONOTONE)
    least = ", the smallest over penalties"
    not_itself = tracks("effective dimension", of_dimension, least=least, given=tracking[:1], absent=True)
    return analysis.family([*found, *tracking, itself, rises, not_itself])


def _ordered(name: str, which: str, risk: np.ndarray, values: np.ndarray, **region: Any) -> analysis.Hypothesis:
    """Whether a quantity goes one way as the risk falls; from logarithms over ``d > n``, ``[S, P]``, ``[S, A, P]``."""

    def order(risk: np.ndarray, values: np.ndarray) -> np.ndarray:
        return analysis.spearman(analysis.mean(risk)[:, None], analysis.mean(values))

    orders = analysis.worst_place(order, risk, values, of="rows", which=which)
    claim = f"Over d > n {name} as the test error falls: a monotone order, which a power of d has too."
    detail, unit = (
        f"Of geometric means over redraws, the {which} over penalties.",
        "rank correlation with the test error",
    )
    return analysis.finding(claim, orders, unit=unit, detail=detail, role="exploratory", **region)


def _tracks(
    n: int,
    sizes: np.ndarray,
    risk: np.ndarray,
    name: str,
    values: np.ndarray,
    *,
    given: Sequence[analysis.Hypothesis],
    least: str = "",
    role: str = "exploratory",
    absent: bool = False,
) -> analysis.Hypothesis:
    """Whether a quantity, at the best of its penalties, tracks the risk better than the size does; arrays as above.

    ``absent``: whether it does not, where another one does (``given``).
    """
    x, far = np.log(sizes), sizes >= (1.0 + OFF_PEAK) * n

    def scatter(risk: np.ndarray, values: np.ndarray, x: np.ndarray = x) -> np.ndarray:
        return analysis.scatter_ratio(risk[:, None], values, x, rising=True)

    mean, of_values = (analysis.mean(table[None]) for table in (risk, values))
    control, outside = scatter(mean, -x[None, None]), scatter(mean[..., far], of_values[..., far], x[far])
    does, less = ("does not track", "more") if absent else ("tracks", "less")
    claim = f"The {name} {does} the second descent: it leaves {less} than half of the scatter that size leaves."
    unit = "scatter of the log risk about a rising line in the log of it / about a line in log d, d > n"
    known = f"Control: 1 / d has {control.min():.2f}. From d = {1 + OFF_PEAK:g} n on it is {outside.min():.2f}."
    detail = f"Of geometric means over redraws{least}. {known}"
    ratio = analysis.worst_place(scatter, risk, values, which="smallest")
    region = {"low" if absent else "high": TRACKING}
    return analysis.finding(claim, ratio, unit=unit, detail=detail, given=tuple(given), role=role, **region)


def figure(ds: Dataset) -> Figure:
    """Errors and effective dimensions against the number of features, on top of their closed forms."""
    (n, sizes, laws), found = sizes_of(ds), analysis.recorded_tables(ds)
    risk, train = theory.weak_features_risk(n, sizes), theory.weak_features_train_error(n, sizes)
    train = np.where(train > 0, train, np.nan)
    labels = [f"penalty {penalty:g}" for penalty in analysis.config_of(ds)["penalties"]]

    def errors(fresh: str, seen: str, test: np.ndarray, train: np.ndarray) -> tuple[Curve, ...]:
        training = Curve("training", sizes, found[seen], sizes, train, style.TRAIN)
        return Curve("test", sizes, found[fresh], sizes, test, style.TEST), training

    panel = functools.partial(Panel, x_label="features d", marks=((float(n), "d = n"),))
    published = errors("test_root_error", "train_root_error", np.sqrt(risk), np.sqrt(train))
    exact = errors("risk", "train_squared_error", risk, train)
    dimension, complement = (
        curve_family(labels, sizes, found[name], sizes, law, lighter=True)
        for name, law in zip(("effective_dimension", "complement"), laws, strict=True)
    )
    panels = [
        panel("As published: root relative error", y_label="|X w - y| / |y|", curves=published, y_limits=(0.0, 1.5)),
        panel("Mean squared error", y_label="squared error", curves=exact, y_scale="log", y_limits=(1e-4, 10.0)),
        panel("Effective dimension", y_label="effective dimension", curves=dimension),
        panel("Complement (as published)", y_label="min(n, d) - eff. dimension", curves=complement, y_scale="log"),
    ]
    return draw_panels(panels, num_columns=2, note=f"n = {n}, {len(found['risk']):,} redraws, float64")
