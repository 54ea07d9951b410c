"""The figure of the experiment ``implicit_bias``: three panels of squared, three of logistic loss."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gendyn.experiments.linear_models._implicit_bias import METHODS
from gendyn.plots import style
from gendyn.plots.theory_panels import Curve, Panel, theory_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROBLEMS = ("wide", "narrow")
"""The logistic problems, in the order of the records."""


def implicit_bias_figure(
    config: Mapping[str, Any], steps: tuple[np.ndarray, np.ndarray], redraws: Mapping[str, np.ndarray], *, level: float
) -> "Figure":
    """Measured on top of closed forms.

    Args:
        config: of the results.
        steps: recorded, of the linear and of the logistic problems.
        redraws: ``[S, ...]`` of every recorded quantity.
        level: of the bands.
    """
    panels = _linear_panels(config, steps[0], redraws) + _logistic_panels(config, steps[1], redraws)
    note = (
        f"{len(redraws['angle'])} redraws, float64   ·   squared loss: {config['num_examples']} examples x "
        f"{config['num_features']} features, noise {config['noise']:g}"
    )
    return theory_panels(panels, height=3.6, note=note, level=level)


_DESCENT, _MOMENTUM, _ADAM, _ADAM_SUP = style.TEST, style.MEASURED, style.TRAIN, "#AA4499"


def _linear_panels(config: Mapping[str, Any], steps: np.ndarray, redraws: Mapping[str, np.ndarray]) -> list[Panel]:
    scales, rates = np.array(config["initial_scales"]), config["adam_learning_rates"]
    distance, plain, times = redraws["distance"], len(scales), config["learning_rate"] * steps
    # A start of scale s has s times the length of a Gaussian vector outside the row space: a chi variable.
    free = config["num_features"] - config["num_examples"]
    chi = math.sqrt(2.0 / config["num_features"]) * math.exp(math.lgamma((free + 1) / 2) - math.lgamma(free / 2))

    def approach(label: str, column: int, colour: str) -> Curve:
        return Curve(label, steps, distance[:, column], colour=colour, statistic="median")

    flow = np.median(redraws["flow_distance"], axis=0)
    descent = approach("gradient descent", 0, _DESCENT)._replace(exact_x=steps, exact=flow)
    adam = [approach("", plain + 1 + index, _ADAM) for index in range(len(rates))]
    adam[0] = adam[0]._replace(label=f"Adam, rates {min(rates):g} to {max(rates):g}")
    return [
        Panel(
            "Squared loss: which solution",
            "step",
            "distance to least norm (relative)",
            (descent, approach("momentum", plain, _MOMENTUM), *adam),
            x_scale="log",
            y_scale="log",
            y_limits=(1e-9, 3.0),
        ),
        Panel(
            "Squared loss: the start stays",
            "initial scale",
            "distance to least norm at the end",
            (Curve("gradient descent", scales, redraws["final_distance"][:, :plain], scales, scales * chi, _DESCENT),),
        ),
        Panel(
            "Squared loss: when to stop",
            "time = learning rate x steps",
            "excess risk",
            (
                Curve(
                    "stopped descent",
                    times,
                    redraws["descent_risk"],
                    times,
                    redraws["flow_risk"].mean(axis=0),
                    _DESCENT,
                ),
                Curve("ridge at 1 / time", times, redraws["ridge_risk"], colour=_ADAM),
            ),
            x_scale="log",
        ),
    ]


def _logistic_panels(config: Mapping[str, Any], steps: np.ndarray, redraws: Mapping[str, np.ndarray]) -> list[Panel]:
    known = redraws["complete"][:, 0] > 0
    angle, share, sup = (redraws[name][known, 0] for name in ("angle", "margin_share", "sup_margin_share"))
    exact_angle, exact_share = (redraws[name][known, 0] for name in ("late_angle", "late_margin_share"))
    sizes = ["{num_examples} x {num_features}".format(**config[problem]) for problem in PROBLEMS]
    wide, narrow = (np.log(config[problem]["learning_rate"] * steps) for problem in PROBLEMS)
    # The closed form is one of late times: its first steps point anywhere.
    late = wide >= math.log(5.0)
    judged = narrow >= narrow[-1] / 3
    turning = [
        Curve(METHODS[index], steps, angle[:, index], colour=colour)
        for index, colour in ((2, _ADAM), (1, _MOMENTUM), (0, _DESCENT))
    ]
    turning[-1] = turning[-1]._replace(exact_x=steps[late], exact=exact_angle[:, late].mean(axis=0))
    return [
        Panel(
            f"Logistic, {sizes[0]}: which direction",
            "step",
            "angle to largest margin (radians)",
            tuple(turning),
            x_scale="log",
            y_scale="log",
            y_limits=(0.01, 1.2),
        ),
        Panel(
            "Logistic, the same: which margin",
            "step",
            "margin / largest possible",
            (
                Curve("descent, |w|", steps, share[:, 0], steps[late], exact_share[:, late].mean(axis=0), _DESCENT),
                Curve("Adam, |w|", steps, share[:, 2], colour=_ADAM),
                Curve("Adam, max |w_j|", steps, sup[:, 2], colour=_ADAM_SUP),
                Curve("descent, max |w_j|", steps, sup[:, 0], colour=style.GREY),
            ),
            x_scale="log",
            y_limits=(-0.35, 1.05),
            legend="lower right",
        ),
        Panel(
            "Logistic: the rate is 1 / log t",
            "log(learning rate x steps)",
            "1 / tan(angle)",
            (
                Curve(
                    sizes[0],
                    wide[judged],
                    1.0 / np.tan(angle[:, 0, judged]),
                    wide[judged],
                    (1.0 / np.tan(exact_angle[:, judged])).mean(axis=0),
                    _DESCENT,
                ),
                Curve(
                    sizes[1],
                    narrow[judged],
                    1.0 / np.tan(redraws["angle"][:, 1, 0, judged]),
                    colour=_ADAM_SUP,
                    statistic="median",
                ),
            ),
        ),
    ]
