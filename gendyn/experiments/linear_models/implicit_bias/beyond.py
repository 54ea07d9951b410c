"""Beyond one linear model on clean labels: the margin of ReLU networks, and benign overfitting of flipped labels."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gendyn.analysis import Hypothesis, finding, median_over_seeds
from gendyn.experiments.linear_models.implicit_bias.program import network_steps

SEPARATED, FITTED = math.log(2.0), 1e-3
"""Summed losses from which the margin is read: below log 2 every example is classified, logistic; the squared one."""
GROWS = 1.1
"""Margin at the end over the margin then."""
HARMFUL, BENIGN = 0.5, 0.2
"""Error against true labels over the share of flipped ones."""


def findings(config: Mapping[str, Any], redraws: Mapping[str, np.ndarray]) -> list[Hypothesis]:
    """All are exploratory: what is known to happen, next to a control in which it does not."""
    return [*_networks(config, redraws), *_mixture(config, redraws)]


def growth(redraws: Mapping[str, np.ndarray], row: int, below: float) -> np.ndarray:
    """Normalised margin at the end over that at the first record with a loss ``below``, ``[S]``; NaN: never reached."""
    margin, loss = redraws["relu_margin"][:, row], redraws["relu_loss"][:, row]
    there = loss <= below
    first = margin[np.arange(len(margin)), np.argmax(there, axis=1)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(there[:, -1], margin[:, -1] / first, np.nan)


def _networks(config: Mapping[str, Any], redraws: Mapping[str, np.ndarray]) -> list[Hypothesis]:
    grown = [growth(redraws, row, below) for row, below in enumerate((SEPARATED, FITTED))]
    known = [values[~np.isnan(values)] for values in grown]
    steps = f"{network_steps(config)[-1]:,} steps"
    unit = "median normalised margin at the end / when the loss was reached"
    details = [f"{len(values)} of {len(grown[0])} redraws reach it in {steps}." for values in known]
    raises = "A ReLU network goes on raising its normalised margin after logistic loss has classified everything."
    level = "On squared loss it does not, once fitted (control)."
    first = finding(raises, median_over_seeds(known[0]), low=GROWS, unit=unit, detail=details[0], role="exploratory")
    other: Any = {"unit": unit, "detail": details[1], "role": "exploratory", "given": (first,)}
    return [first, finding(level, median_over_seeds(known[1]), high=GROWS, **other)]


def _mixture(config: Mapping[str, Any], redraws: Mapping[str, np.ndarray]) -> list[Hypothesis]:
    about, error = config["mixture"], redraws["mixture_error"]
    share, features = about["num_flipped"] / about["num_examples"], about["num_features"]
    few, many = (f"With {p} features" for p in (features[0], features[-1]))
    medians = ", ".join(f"{value:.2g} at {p}" for value, p in zip(np.median(error, axis=0), features, strict=True))
    told: Any = {"unit": "median error, true labels / share of flipped ones", "role": "exploratory"}
    told["detail"] = f"{about['num_examples']} examples; median errors {medians}. The margin is positive in all."
    harm = finding(
        f"{few} the largest margin on flipped labels errs on more than half as many as are flipped (control).",
        median_over_seeds(error[:, 0] / share),
        low=HARMFUL,
        **told,
    )
    benign = finding(
        f"{many} it fits the flipped labels too and errs on less than a fifth as many: benign overfitting.",
        median_over_seeds(error[:, -1] / share),
        high=BENIGN,
        given=(harm,),
        **told,
    )
    return [benign, harm]
