"""Three panels of squared, three of logistic loss: measured on top of closed forms."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gendyn.analysis import config_of, recorded_tables
from gendyn.experiments.linear_models.implicit_bias.program import METHODS, PROBLEMS, steps_of
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.types import Dataset, Figure

_DESCENT, _MOMENTUM, _ADAM, _ADAM_SUP = style.TEST, style.MEASURED, style.TRAIN, "#AA4499"


def figure(ds: Dataset) -> Figure:
    """Distance, start, early stopping; angle, margins, rate."""
    config, redraws = config_of(ds), recorded_tables(ds)
    note = (
        f"{len(redraws['angle'])} redraws, float64   ·   squared loss: {config['num_examples']} examples x "
        f"{config['num_features']} features, noise {config['noise']:g}"
    )
    return draw_panels([*_squared(config, redraws), *_logistic(config, redraws)], height=3.6, note=note)


def _squared(config: Mapping[str, Any], redraws: Mapping[str, np.ndarray]) -> list[Panel]:
    steps, scales, rates = steps_of(config)[0], np.array(config["initial_scales"]), config["adam_learning_rates"]
    plain, times = len(scales), config["learning_rate"] * steps
    # A start of scale s has s times the length of a Gaussian vector outside the row space: a chi variable.
    free = config["num_features"] - config["num_examples"]
    chi = math.sqrt(2.0 / config["num_features"]) * math.exp(math.lgamma((free + 1) / 2) - math.lgamma(free / 2))
    descent, momentum, *adam = (
        Curve(label, steps, redraws["distance"][:, column], colour=colour, statistic="median")
        for label, column, colour in (
            ("gradient descent", 0, _DESCENT),
            ("momentum", plain, _MOMENTUM),
            (f"Adam, rates {min(rates):g} to {max(rates):g}", plain + 1, _ADAM),
            *(("", plain + 1 + other, _ADAM) for other in range(1, len(rates))),
        )
    )
    descent = descent._replace(exact_x=steps, exact=np.median(redraws["flow_distance"], axis=0))
    ends, expected = redraws["final_distance"][:, :plain], redraws["flow_risk"].mean(axis=0)
    start = Curve("gradient descent", scales, ends, scales, scales * chi, _DESCENT)
    stopping = (
        Curve("stopped descent", times, redraws["descent_risk"], times, expected, _DESCENT),
        Curve("ridge at 1 / time", times, redraws["ridge_risk"], colour=_ADAM),
    )
    first, relative = "Squared loss: which solution", "distance to least norm (relative)"
    return [
        Panel(first, "step", relative, (descent, momentum, *adam), "log", "log", y_limits=(1e-9, 3.0)),
        Panel("Squared loss: the start stays", "initial scale", "distance to least norm at the end", (start,)),
        Panel("Squared loss: when to stop", "time = learning rate x steps", "excess risk", stopping, "log"),
    ]


def _logistic(config: Mapping[str, Any], redraws: Mapping[str, np.ndarray]) -> list[Panel]:
    steps, known = steps_of(config)[1], redraws["complete"][:, 0] > 0
    names = ("angle", "margin_share", "sup_margin_share", "late_angle", "late_margin_share")
    angle, share, sup, exact_angle, exact_share = (redraws[name][known, 0] for name in names)
    sizes = ["{num_examples} x {num_features}".format(**config[problem]) for problem in PROBLEMS]
    wide, narrow = (np.log(config[problem]["learning_rate"] * steps) for problem in PROBLEMS)
    # The closed form is one of late times: its first steps point anywhere.
    late, judged = wide >= math.log(5.0), narrow >= narrow[-1] / 3
    angle_law, share_law = ((steps[late], exact[:, late].mean(axis=0)) for exact in (exact_angle, exact_share))
    turning = (
        Curve(METHODS[2], steps, angle[:, 2], colour=_ADAM),
        Curve(METHODS[1], steps, angle[:, 1], colour=_MOMENTUM),
        Curve(METHODS[0], steps, angle[:, 0], *angle_law, _DESCENT),
    )
    margins = (
        Curve("descent, |w|", steps, share[:, 0], *share_law, _DESCENT),
        Curve("Adam, |w|", steps, share[:, 2], colour=_ADAM),
        Curve("Adam, max |w_j|", steps, sup[:, 2], colour=_ADAM_SUP),
        Curve("descent, max |w_j|", steps, sup[:, 0], colour=style.GREY),
    )
    angles = angle[:, 0], exact_angle, redraws["angle"][:, 1, 0]
    measured, exact, other = (1.0 / np.tan(each[:, judged]) for each in angles)
    rates = (
        Curve(sizes[0], wide[judged], measured, wide[judged], exact.mean(axis=0), _DESCENT),
        Curve(sizes[1], narrow[judged], other, colour=_ADAM_SUP, statistic="median"),
    )
    first, radians = f"Logistic, {sizes[0]}: which direction", "angle to largest margin (radians)"
    second, relative = "Logistic, the same: which margin", "margin / largest possible"
    return [
        Panel(first, "step", radians, turning, "log", "log", y_limits=(0.01, 1.2)),
        Panel(second, "step", relative, margins, "log", y_limits=(-0.35, 1.05), legend="lower right"),
        Panel("Logistic: the rate is 1 / log t", "log(learning rate x steps)", "1 / tan(angle)", rates),
    ]
