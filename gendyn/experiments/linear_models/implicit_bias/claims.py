"""Squared loss: least norm, start, flow, early stopping; logistic loss: closed form, momentum, rate, Adam."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gendyn import analysis
from gendyn.analysis import (
    Hypothesis,
    agreement,
    config_of,
    family,
    finding,
    largest_seen,
    median_over_seeds,
    of_means,
    smallest,
    worst_place,
)
from gendyn.core import ConfigError
from gendyn.experiments.linear_models.implicit_bias.program import steps_of
from gendyn.types import Dataset, Finding

CONVERGED = 1e-6
"""Relative distance that counts as arrival: the figure asked of gradient descent in float64."""
ELSEWHERE = 0.1
"""Relative distance that counts as another solution: 1e5 times that of arrival."""
FITTED = 1e-3
FLOW_RIDGE_BOUND = 1.6862
"""Of the ratio of mean risks at any time (Ali et al., theorem 1)."""
AS_GOOD = 0.05
ANGLE_TOLERANCE, LATE = 0.02, 1e3
"""Of angles against the closed form, from this time ``learning rate * steps`` on: it lacks a power of ``1 / t``."""
RATE_TOLERANCE = 0.25
"""A power law ``t^-a`` of the angle would make the two thirds differ by ``t^(a / 3)``, 1.5 at ``a = 1 / 10``."""
ANOTHER_DIRECTION = 0.2
"""Radians: an angle that changes which way a tenth of random inputs are classified is ``pi / 10``, 0.3."""


def verdict(ds: Dataset) -> list[Finding]:
    """Eight claims about squared loss, five about logistic loss."""
    config, redraws = config_of(ds), analysis.recorded_tables(ds)
    return family([*_solutions(config, redraws), *_paths(config, redraws), *_directions(config, redraws)])


def _solutions(config: Mapping[str, Any], redraws: Mapping[str, np.ndarray]) -> list[Hypothesis]:
    plain, scales = len(config["initial_scales"]), config["initial_scales"][1:]
    distance, residual = redraws["distance"][:, :, -1], redraws["residual"][:, plain + 1 :]
    count = f"{len(distance)} redraws of {config['num_examples']} examples."
    arrived: Any = {"high": CONVERGED, "unit": "largest |w - w+| / |w+| of a redraw", "detail": count}
    rates = ", ".join(f"{rate:g}" for rate in config["adam_learning_rates"])
    left: Any = {"unit": "largest |y - X w| / |y| of a redraw", "detail": f"At learning rates {rates}."}
    fitted = finding("Adam fits the training set.", largest_seen(residual), high=FITTED, **left)
    off = worst_place(None, distance[:, plain + 1 :], of="medians", which="smallest")
    elsewhere = f"Adam ends at another solution, at each of the learning rates {rates}."
    over = "Median over redraws, the smallest over learning rates."
    errors = np.abs(redraws["final_distance"][:, 1:plain] / redraws["start_outside"][:, 1:] - 1.0)
    stays, unit = largest_seen(errors), "largest |distance / part outside - 1| of a redraw"
    start = "What the start has outside the row space stays, and nothing else does."
    at = f"At initial scales {', '.join(f'{scale:g}' for scale in scales)}."
    return [
        *(
            finding(f"{name} ends at the least-norm solution.", largest_seen(distance[:, i]), **arrived)
            for name, i in (("Gradient descent from 0 on squared loss", 0), ("Momentum from 0 on squared loss", plain))
        ),
        fitted,
        finding(elsewhere, off, low=ELSEWHERE, unit="|w - w+| / |w+|", detail=over, given=(fitted,)),
        finding(start, stays, high=CONVERGED, unit=unit, detail=at),
    ]


def _paths(config: Mapping[str, Any], redraws: Mapping[str, np.ndarray]) -> list[Hypothesis]:
    step = config["learning_rate"] * (1.0 + math.sqrt(config["num_features"] / config["num_examples"])) ** 2
    # (1 - a)^k and exp(-a k) differ by at most a / (2 e (1 - a)); a = learning rate * eigenvalue.
    bound = step / (2.0 * math.e * (1.0 - step))
    flow = "The path of gradient descent is gradient flow's, to first order in the learning rate."
    law = "Mean over redraws; bound for the largest eigenvalue of the Marchenko-Pastur law."
    gap, unit = analysis.mean_over_seeds(redraws["flow_gap"]), "largest |w - flow| / |w+| of the path"
    risks = redraws["descent_risk"], redraws["ridge_risk"]
    always = f"Stopped descent has at most {FLOW_RIDGE_BOUND} times the risk of ridge at 1 / t, at every time."
    worst = worst_place(lambda a, b: a / b, *risks)
    best = "Gradient descent stopped at its best time is as good as the best ridge."
    ratio = of_means(lambda a, b: smallest(a) / smallest(b), *risks)
    return [
        finding(flow, gap, high=bound, unit=unit, detail=law),
        finding(always, worst, high=FLOW_RIDGE_BOUND, unit="largest ratio of mean risks"),
        finding(best, ratio, low=1.0 - AS_GOOD, high=1.0 + AS_GOOD, unit="ratio of smallest mean risks"),
    ]


def _directions(config: Mapping[str, Any], redraws: Mapping[str, np.ndarray]) -> list[Hypothesis]:
    late, angle, known = steps_of(config)[1], redraws["angle"], redraws["complete"][:, 0] > 0
    if not known.any():
        raise ConfigError(
            f"the support vectors span the examples of 'wide' in none of {len(known)} redraws; its closed form needs "
            f"one. Raise config.wide.num_features = {config['wide']['num_features']}, or add seeds."
        )
    times = config["wide"]["learning_rate"] * late
    judged = times >= min(LATE, times[-1])
    ratios = angle[known, 0] / redraws["late_angle"][known, 0][:, None]
    turns = "turns to the largest margin as the closed form says."
    spans = f"Angles over their closed form; support vectors span the examples in {known.mean():.0%} of the redraws."
    logs = np.log(config["narrow"]["learning_rate"] * late)
    middle, start = (int(np.argmin(np.abs(logs - share * logs[-1]))) for share in (2 / 3, 1 / 3))
    turned = 1.0 / np.tan(angle[:, 1, 0])
    before, after = ((turned[:, b] - turned[:, a]) / (logs[b] - logs[a]) for a, b in ((start, middle), (middle, -1)))
    rate = "With few features too the angle falls as 1 / log t."
    thirds = "growth of 1 / tan(angle) per log t: last third of log t / the third before"
    band: Any = {"low": 1.0 - RATE_TOLERANCE, "high": 1.0 + RATE_TOLERANCE, "detail": "Median over redraws."}
    keeps, stays = "Adam on logistic loss keeps an angle to the largest margin.", median_over_seeds(angle[:, 0, 2, -1])
    descent = f"Median over redraws; gradient descent: {np.median(angle[:, 0, 0, -1]):.3f}."
    sup, share = (redraws[name][:, 0, :, -1] for name in ("sup_margin_share", "margin_share"))
    less = worst_place(None, np.stack([sup[:, 2] - sup[:, 0], share[:, 0] - share[:, 2]], axis=1), which="smallest")
    both = "Of two margins Adam has more of the one by the largest coordinate, gradient descent of the Euclidean one."
    shares = "Adam's share of the one less gradient descent's, the reverse for the other; means over redraws."
    return [
        *(
            agreement(f"{name} {turns}", rows, 1.0, tolerance=ANGLE_TOLERANCE, detail=spans)
            for name, rows in (("Gradient descent", ratios[:, 0, judged]), ("In the end momentum", ratios[:, 1, -1:]))
        ),
        finding(rate, median_over_seeds(after / before), unit=thirds, **band),
        finding(keeps, stays, low=ANOTHER_DIRECTION, unit="radians at the end", detail=descent),
        finding(both, less, low=0.0, unit="the smaller of two differences of shares", detail=shares),
    ]
