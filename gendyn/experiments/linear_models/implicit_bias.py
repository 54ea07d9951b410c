"""Implicit bias: which of the many solutions does descent find, and how fast?

Claim: On squared loss with more features than examples, gradient descent from 0 ends at the solution of least norm, and
so does momentum; Adam ends at another one. What the start has outside the row space of the data stays for ever.
On the way the path is gradient flow's closed form, and stopping early does as well as the best ridge. On
logistic loss with separable data gradient descent and momentum turn to the direction of largest margin, logarithmically
slowly, with a constant known from the support vectors; Adam turns to another direction.

Refuted if: the relative distance to the least norm is not below 1e-6 (gradient descent, momentum) or not above
0.1 (Adam, at the median, at any of its learning rates); the part left of the start is off by 1e-6; the path leaves the
flow's by more than its first-order bound; its mean risk exceeds 1.6862 times that of ridge at ``1 / t`` at some time,
or is, at its best time, not within 5 % of that of the best ridge; angles are more than 2 % off the closed form
(gradient descent after a time of 1,000, momentum at the end: it is late by its overshoot, 10 % at 1,000, by which it
was first judged); in few dimensions the cotangent of the angle does not grow as fast in the last third of ``log t`` as
in the third before, to 25 %; Adam keeps no angle of at least 0.2, or
favours the margin of the Euclidean norm.

Setting: *squared loss* ``|y - X w|^2 / (2 n)``: ``x ~ N(0, I)``, noisy labels of a linear teacher of norm 1 at the
mean; ridge at ``1 / t`` for gradient descent at ``t = learning rate * steps``. *Logistic loss*, summed over examples:
``x ~ N(0, I / p)``, labels of a linear teacher. ``wide``: many more features than examples, so that all examples are
support vectors and the closed form lacks nothing. ``narrow``: more examples, moved away from the teacher's hyperplane
by ``margin``; there the constant is unknown and the rate alone is judged. Momentum is heavy ball: at the same rate on
squared loss; on logistic loss at ``1 - momentum`` of it, which makes the effective rates equal (at the full rate its
first steps overshoot, and ``log t`` takes exponentially long to catch up). Adam's rate falls to 0 as a cosine
on squared loss; on logistic loss it is constant and ``eps = 0``, since with it Adam on vanishing gradients is plain
descent in the end. One run is one redraw of all three problems, in float64.

Cost: the default, 128 redraws of 10,000 steps on squared and twice 60,000 on logistic loss, took 48 s of CPU time on
busy x86-64 cores, compiling included.

Reference: Soudry et al. (2018), arXiv:1710.10345; Ali, Kolter & Tibshirani (2019), arXiv:1810.10082; Zhang et al.
(2024), The implicit bias of Adam on separable data, arXiv:2406.10650.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gendyn.analysis import agreement, bootstrap, config_of, finding
from gendyn.core import ConfigError, check_positive_int, check_range
from gendyn.experiments._redraws import axes_of, redraw_groups, redraws_of
from gendyn.experiments.linear_models._implicit_bias import (
    METHODS,
    Regression,
    Separable,
    regression_records,
    separable_records,
)
from gendyn.experiments.linear_models._implicit_bias_figure import PROBLEMS, implicit_bias_figure
from gendyn.sweep import Measured, simulate
from gendyn.types import Array, Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

CONVERGED = 1e-6
"""Relative distance that counts as arrival: the figure asked of gradient descent in float64."""
ELSEWHERE = 0.1
"""Relative distance that counts as another solution: 1e5 times that of arrival."""
FLOW_RIDGE_BOUND = 1.6862
"""Of the ratio of mean risks at any time (Ali et al., theorem 1)."""
AS_GOOD = 0.05
ANGLE_TOLERANCE, LATE = 0.02, 1e3
"""Of angles against the closed form, from this time ``learning rate * steps`` on: it lacks a power of ``1 / t``."""
RATE_TOLERANCE = 0.25
"""A power law ``t^-a`` of the angle would make the two thirds differ by ``t^(a / 3)``, 1.5 at ``a = 1 / 10``."""
ANOTHER_DIRECTION = 0.2
"""Radians: an angle that changes which way a tenth of random inputs are classified is ``pi / 10``, 0.3."""
LEVEL = 0.9
AXES = ("seed",)


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Computes every redraw, or the chunks of them that ``workdir`` lacks.

    Returns:
        Dimension ``run``; of the linear problem ``distance [methods, records]`` and what belongs to it, of the logistic
        problems ``angle [problems, methods, records]`` and what belongs to it.

    Raises:
        ConfigError: a leaf out of range, or a ``workdir`` that holds something else.
    """
    linear, logistic = _settings(config)

    def redraw(seeds: Array) -> dict[str, Any]:
        separable = [separable_records(setting, seeds) for setting in logistic]
        joined = {name: np.stack([part[name] for part in separable], axis=1) for name in separable[0]}
        return regression_records(linear, seeds) | joined

    groups = redraw_groups(axes_of(config, AXES), redraw)
    measured = _measured(linear, logistic)
    return simulate(config.to_dict(), workdir, groups, measured, runs_at_once=config.runs_at_once)


def _measured(linear: Regression, logistic: tuple[Separable, ...]) -> dict[str, Measured]:
    methods = len(linear.initial_scales) + 1 + len(linear.adam_learning_rates)
    records, late = len(linear.steps), len(logistic[0].steps)
    curves, asymptotes = (len(PROBLEMS), len(METHODS), late), (len(PROBLEMS), late)
    return {
        "distance": Measured("distance to the least-norm solution / its norm", (methods, records)),
        "final_distance": Measured("distance to the least-norm solution at the end", (methods,), "float64"),
        "residual": Measured("training error at the end / norm of the labels", (methods,)),
        "start_outside": Measured("part of the start outside the row space", (len(linear.initial_scales),), "float64"),
        "flow_distance": Measured("distance of gradient flow to the least-norm solution / its norm", (records,)),
        "flow_gap": Measured("largest distance of descent from gradient flow / norm of the solution"),
        "flow_risk": Measured("risk of gradient flow, mean over label noise", (records,)),
        "descent_risk": Measured("risk of gradient descent", (records,)),
        "ridge_risk": Measured("risk of ridge at 1 / t", (records,)),
        "angle": Measured("angle to the direction of largest margin (radians)", curves),
        "late_angle": Measured("its closed form for gradient descent (radians)", asymptotes),
        "margin_share": Measured("margin / largest margin, Euclidean norm", curves),
        "late_margin_share": Measured("its closed form for gradient descent", asymptotes),
        "sup_margin_share": Measured("margin / largest margin, largest coordinate", curves),
        "complete": Measured("support vectors span all examples", (len(PROBLEMS),)),
    }


def _redraws(ds: "xarray.Dataset", name: str) -> np.ndarray:
    """``[S, ...]`` of the redraws that are there."""
    return redraws_of(ds, AXES, name)[1]


def figure(ds: "xarray.Dataset") -> "Figure":
    """Distance, start, early stopping; angle, margins, rate: measured on top of closed forms."""
    config = config_of(ds)
    redraws = {str(name): _redraws(ds, str(name)) for name in ds.data_vars}
    return implicit_bias_figure(config, record_steps(config), redraws, level=LEVEL)


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Least norm, start, flow, early stopping; then margins: closed form, momentum, rate, Adam."""
    return _linear_findings(ds) + _logistic_findings(ds)


def _linear_findings(ds: "xarray.Dataset") -> list[Finding]:
    config = config_of(ds)
    plain = len(config["initial_scales"])
    distance, residual = _redraws(ds, "distance")[:, :, -1], _redraws(ds, "residual")
    rates = ", ".join(f"{rate:g}" for rate in config["adam_learning_rates"])
    arrivals = {"Gradient descent from 0": 0, "Momentum from 0": plain}
    found = [
        finding(
            f"{name} on squared loss ends at the least-norm solution.",
            bootstrap(_largest, distance[:, column], level=LEVEL),
            high=CONVERGED,
            unit="largest |w - w+| / |w+| of a redraw",
            detail=f"{len(distance)} redraws of {config['num_examples']} examples.",
        )
        for name, column in arrivals.items()
    ]
    fitted = finding(
        "Adam fits the training set.",
        bootstrap(_largest, residual[:, plain + 1 :].max(axis=1), level=LEVEL),
        high=1e-3,
        unit="largest |y - X w| / |y| of a redraw",
        detail=f"At learning rates {rates}.",
    )
    found += [
        fitted,
        finding(
            f"Adam ends at another solution, at each of the learning rates {rates}.",
            bootstrap(lambda rows: np.median(rows, axis=1).min(axis=-1), distance[:, plain + 1 :], level=LEVEL),
            low=ELSEWHERE,
            unit="|w - w+| / |w+|",
            detail="Median over redraws, the smallest over learning rates.",
            given=(fitted,),
        ),
    ]
    outside, final = _redraws(ds, "start_outside")[:, 1:], _redraws(ds, "final_distance")[:, 1:plain]
    found.append(
        finding(
            "What the start has outside the row space stays, and nothing else does.",
            bootstrap(_largest, np.max(np.abs(final / outside - 1.0), axis=1), level=LEVEL),
            high=CONVERGED,
            unit="largest |distance / part outside - 1| of a redraw",
            detail=f"At initial scales {', '.join(f'{scale:g}' for scale in config['initial_scales'][1:])}.",
        )
    )
    largest = config["learning_rate"] * (1.0 + math.sqrt(config["num_features"] / config["num_examples"])) ** 2
    # (1 - a)^k and exp(-a k) differ by at most a / (2 e (1 - a)); a = learning rate * eigenvalue.
    found.append(
        finding(
            "The path of gradient descent is gradient flow's, to first order in the learning rate.",
            bootstrap(lambda rows: rows.mean(axis=1), _redraws(ds, "flow_gap"), level=LEVEL),
            high=largest / (2.0 * math.e * (1.0 - largest)),
            unit="largest |w - flow| / |w+| of the path",
            detail="Mean over redraws; bound for the largest eigenvalue of the Marchenko-Pastur law.",
        )
    )
    descent, ridge = _redraws(ds, "descent_risk"), _redraws(ds, "ridge_risk")
    found += [
        finding(
            f"Stopped descent has at most {FLOW_RIDGE_BOUND} times the risk of ridge at 1 / t, at every time.",
            bootstrap(lambda a, b: np.max(a.mean(axis=1) / b.mean(axis=1), axis=-1), descent, ridge, level=LEVEL),
            high=FLOW_RIDGE_BOUND,
            unit="largest ratio of mean risks",
        ),
        finding(
            "Stopped at its best time it is as good as the best ridge.",
            bootstrap(
                lambda a, b: a.mean(axis=1).min(axis=-1) / b.mean(axis=1).min(axis=-1), descent, ridge, level=LEVEL
            ),
            low=1.0 - AS_GOOD,
            high=1.0 + AS_GOOD,
            unit="ratio of smallest mean risks",
        ),
    ]
    return found


def _logistic_findings(ds: "xarray.Dataset") -> list[Finding]:
    config = config_of(ds)
    late = record_steps(config)[1]
    angle, exact, complete = (_redraws(ds, name) for name in ("angle", "late_angle", "complete"))
    known = complete[:, 0] > 0
    if not known.any():
        raise ConfigError(
            f"the support vectors span the examples of 'wide' in none of {len(known)} redraws; its closed form needs "
            f"one. Raise config.wide.num_features = {config['wide']['num_features']}, or add seeds."
        )
    times = config["wide"]["learning_rate"] * late
    judged = times >= min(LATE, times[-1])
    ratios = angle[known, 0] / exact[known, 0][:, None]
    spanned = f"Angles over their closed form; support vectors span the examples in {known.mean():.0%} of the redraws."
    found = [
        agreement(
            f"{name} turns to the largest margin as the closed form says.",
            rows,
            np.ones(rows.shape[1]),
            tolerance=ANGLE_TOLERANCE,
            level=LEVEL,
            detail=spanned,
        )
        for name, rows in (("Gradient descent", ratios[:, 0, judged]), ("In the end momentum", ratios[:, 1, -1:]))
    ]
    log_times = np.log(config["narrow"]["learning_rate"] * late)
    cotangent = 1.0 / np.tan(angle[:, 1, 0])
    middle, start = (int(np.argmin(np.abs(log_times - share * log_times[-1]))) for share in (2 / 3, 1 / 3))
    slopes = [
        (cotangent[:, b] - cotangent[:, a]) / (log_times[b] - log_times[a]) for a, b in ((start, middle), (middle, -1))
    ]
    found.append(
        finding(
            "With few features too the angle falls as 1 / log t.",
            bootstrap(lambda rows: np.median(rows, axis=1), slopes[1] / slopes[0], level=LEVEL),
            low=1.0 - RATE_TOLERANCE,
            high=1.0 + RATE_TOLERANCE,
            unit="growth of 1 / tan(angle) per log t: last third of log t / the third before",
            detail="Median over redraws.",
        )
    )
    sup, share = _redraws(ds, "sup_margin_share")[:, 0, :, -1], _redraws(ds, "margin_share")[:, 0, :, -1]
    found += [
        finding(
            "Adam on logistic loss keeps an angle to the largest margin.",
            bootstrap(lambda rows: np.median(rows, axis=1), angle[:, 0, 2, -1], level=LEVEL),
            low=ANOTHER_DIRECTION,
            unit="radians at the end",
            detail=f"Median over redraws; gradient descent: {np.median(angle[:, 0, 0, -1]):.3f}.",
        ),
        finding(
            "Of two margins Adam has more of the one by the largest coordinate, gradient descent of the Euclidean one.",
            bootstrap(
                lambda a, b: np.minimum(a.mean(axis=1), b.mean(axis=1)),
                sup[:, 2] - sup[:, 0],
                share[:, 0] - share[:, 2],
                level=LEVEL,
            ),
            low=0.0,
            unit="the smaller of two differences of shares",
            detail="Adam's share of the one less gradient descent's, the reverse for the other; means over redraws.",
        ),
    ]
    return found


def _largest(rows: np.ndarray) -> np.ndarray:
    return np.asarray(np.max(rows, axis=1))


def record_steps(config: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Of the linear and of the logistic problems: from 1 to the last step, evenly in the logarithm where whole."""
    last = config["num_steps"], config["logistic_steps"]
    linear, logistic = (np.unique(np.geomspace(1, end, config["num_records"]).round().astype(int)) for end in last)
    return linear, logistic


def _settings(config: "ml_collections.ConfigDict") -> tuple[Regression, tuple[Separable, ...]]:
    for name, low in (("num_examples", 1), ("num_features", 1), ("num_steps", 1), ("logistic_steps", 8)):
        check_positive_int(f"config.{name}", config[name], low=low)
    for name, low in (("num_records", 8), ("runs_at_once", 1)):
        check_positive_int(f"config.{name}", config[name], low=low)
    if config.num_features < config.num_examples + 2:
        raise ConfigError(
            f"config.num_features = {config.num_features} must exceed num_examples = {config.num_examples} by at least "
            "2: the claims are about which of many solutions is found."
        )
    check_range("config.noise", config.noise, low=0)
    check_range("config.momentum", config.momentum, low=0, high=1, open_high=True)
    check_range("config.learning_rate", config.learning_rate, low=0, open_low=True)
    for name in ("initial_scales", "adam_learning_rates"):
        for value in config[name]:
            check_range(f"config.{name}: each", value, low=0, open_low=name == "adam_learning_rates")
    scales = tuple(float(scale) for scale in config.initial_scales)
    if len(scales) < 2 or scales[0] != 0 or min(scales[1:]) <= 0 or not config.adam_learning_rates:
        raise ConfigError(
            f"config.initial_scales = {scales} must be 0 and then positive scales, and config.adam_learning_rates = "
            f"{tuple(config.adam_learning_rates)} must hold one: each is compared with the start at 0."
        )
    axes_of(config, AXES)
    early, late = (tuple(steps.tolist()) for steps in record_steps(config))
    logistic = []
    for problem in PROBLEMS:
        leaves = config[problem]
        for name in ("num_examples", "num_features"):
            check_positive_int(f"config.{problem}.{name}", leaves[name])
        if problem == "wide" and leaves.num_features < leaves.num_examples:
            raise ConfigError(
                f"config.wide.num_features = {leaves.num_features} must be at least wide.num_examples = "
                f"{leaves.num_examples}: its closed form is that of examples which all are support vectors. Raise it."
            )
        check_range(f"config.{problem}.margin", leaves.margin, low=0)
        for name in ("learning_rate", "adam_learning_rate"):
            check_range(f"config.{problem}.{name}", leaves[name], low=0, open_low=True)
        logistic.append(Separable(problem, **leaves.to_dict(), momentum=float(config.momentum), steps=late))
    linear = Regression(
        num_examples=config.num_examples,
        num_features=config.num_features,
        noise=float(config.noise),
        learning_rate=float(config.learning_rate),
        momentum=float(config.momentum),
        initial_scales=scales,
        adam_learning_rates=tuple(float(rate) for rate in config.adam_learning_rates),
        steps=early,
    )
    return linear, tuple(logistic)
