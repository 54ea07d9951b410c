"""The leaves of the three problems, and what is recorded of a redraw of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gendyn.core import ConfigError
from gendyn.core.rules import each, integer, number, positive
from gendyn.experiments.linear_models.implicit_bias.descent import (
    METHODS,
    Regression,
    Separable,
    regression_records,
    separable_records,
)
from gendyn.sweep import Leaf, Measured, Simulation, redraw_groups
from gendyn.types import Array, Config

PROBLEMS = ("wide", "narrow")
"""The logistic problems, in the order of the records."""


def _from_zero(name: str, scales: Sequence[float]) -> None:
    if scales[0] != 0 or min(scales[1:]) <= 0:
        raise ConfigError(f"{name} = {tuple(scales)} must be 0 and then positive scales: each is compared with 0.")


_SCALES = each(number(0), _from_zero, least=2)
LEAVES = {
    "num_examples": Leaf(20, rule=integer(1), meaning="n of the squared loss"),
    "num_features": Leaf(60, rule=integer(1), meaning="p of the squared loss"),
    "noise": Leaf(0.5, rule=number(0), meaning="standard deviation of its labels' noise"),
    "learning_rate": Leaf(0.01, rule=positive(), meaning="of gradient descent and momentum on it"),
    "momentum": Leaf(0.9, rule=number(0, 1, open_high=True), meaning="of every problem"),
    "initial_scales": Leaf((0.0, 0.25, 0.5, 0.75, 1.0), rule=_SCALES, meaning="starts of gradient descent"),
    "adam_learning_rates": Leaf((0.1, 0.01, 0.001), rule=each(positive()), meaning="on the squared loss"),
    "num_steps": Leaf(10_000, rule=integer(1), meaning="on the squared loss"),
    "logistic_steps": Leaf(60_000, rule=integer(8), meaning="on both logistic losses"),
    "num_records": Leaf(48, rule=integer(8), meaning="of a path, at most: evenly in the logarithm of the step"),
    "wide.num_examples": Leaf(8, rule=integer(1), meaning="n"),
    "wide.num_features": Leaf(200, rule=integer(1), meaning="p"),
    "wide.margin": Leaf(0.0, rule=number(0), meaning="added to that of the teacher"),
    "wide.learning_rate": Leaf(1.0, rule=positive(), meaning="of gradient descent and momentum"),
    "wide.adam_learning_rate": Leaf(5e-4, rule=positive(), meaning="of Adam"),
    "narrow.num_examples": Leaf(30, rule=integer(1), meaning="n"),
    "narrow.num_features": Leaf(4, rule=integer(1), meaning="p"),
    "narrow.margin": Leaf(0.2, rule=number(0), meaning="added to that of the teacher"),
    "narrow.learning_rate": Leaf(0.5, rule=positive(), meaning="of gradient descent and momentum"),
    "narrow.adam_learning_rate": Leaf(5e-4, rule=positive(), meaning="of Adam"),
    "runs_at_once": Leaf(64, "execution", integer(1), "runs of a chunk"),
    "seed": Leaf(0, "axis", integer(0), "a redraw of all three problems"),
}


def check(config: Config) -> None:
    """More features than examples, where the claims are about one of many solutions or about support vectors."""
    if config.num_features < config.num_examples + 2:
        raise ConfigError(
            f"config.num_features = {config.num_features} must exceed num_examples = {config.num_examples} by at least "
            "2: the claims are about which of many solutions is found."
        )
    if config.wide.num_features < config.wide.num_examples:
        raise ConfigError(
            f"config.wide.num_features = {config.wide.num_features} must be at least wide.num_examples = "
            f"{config.wide.num_examples}: its closed form is that of examples which all are support vectors. Raise it."
        )


def program(config: Config) -> Simulation:
    """Of the squared loss ``distance [methods, records]`` and what belongs to it; of the logistic losses ``angle
    [problems, methods, records]`` and what belongs to it.
    """
    early, late = (tuple(steps.tolist()) for steps in steps_of(config))
    shared = {name: config[name] for name in Regression._fields if name != "steps"}
    linear = Regression(**shared, steps=early)
    logistic = [Separable(name, **config[name].to_dict(), momentum=config.momentum, steps=late) for name in PROBLEMS]

    def redraw(seeds: Array) -> dict[str, Any]:
        separable = [separable_records(setting, seeds) for setting in logistic]
        joined = {name: np.stack([part[name] for part in separable], axis=1) for name in separable[0]}
        return regression_records(linear, seeds) | joined

    methods, records = len(linear.initial_scales) + 1 + len(linear.adam_learning_rates), len(early)
    curves, asymptotes = (len(PROBLEMS), len(METHODS), len(late)), (len(PROBLEMS), len(late))
    measured = {
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
    return Simulation(tuple(redraw_groups(dict(config.axes), redraw)), measured, config.runs_at_once)


def steps_of(config: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Recorded ones of the squared and of the logistic losses, from 1 to the last, evenly in the logarithm if whole."""
    last = config["num_steps"], config["logistic_steps"]
    linear, logistic = (np.unique(np.geomspace(1, end, config["num_records"]).round().astype(int)) for end in last)
    return linear, logistic
