"""What a predictor's variance comes from: label noise, initialisation, training sample, and their interactions.

Predictions on a full factorial of random factors are split by analysis of variance. In the notation of Adlam &
Pennington the components are ``V_e`` (noise), ``V_P`` (parameters), ``V_X`` (sample), ``V_PX`` and so on. NumPy,
float64.

Reference: Adlam & Pennington (2020), Understanding double descent requires a fine-grained bias-variance decomposition,
arXiv:2011.03321; Searle, Casella & McCulloch (1992), Variance Components, chapter 4 (unbiased estimates).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gendyn.core import ConfigError, check_range, nearest

_FACTORS = ("noise", "init", "sample")


class VarianceComponents(NamedTuple):
    """Result of :func:`variance_components`; every array has the shape of the trailing (test) axes."""

    components: dict[str, np.ndarray]
    """A variance for each set of factors, named ``"noise"``, ``"noise:init"``, ``"noise:init:sample"`` and so on."""
    total: np.ndarray
    """Sum of the components: the variance over all factors."""
    mean: np.ndarray
    """Prediction averaged over all factors."""
    squared_bias: np.ndarray | None
    """``(mean - target)^2``; ``None`` without a target."""


def variance_components(
    predictions: ArrayLike,
    *,
    target: ArrayLike | None = None,
    factors: Sequence[str] = _FACTORS,
    unbiased: bool = True,
) -> VarianceComponents:
    """Variance due to each set of factors on a full factorial, one prediction a cell.

    The effect of a set ``S`` is ``e_S = sum over T in S of (-1)^|S - T| mean(f given T)``, orthogonal for different
    sets. ``unbiased=False``: mean squares of the effects, which sum **exactly** to the variance of the numbers given
    (divided by their count), the levels taken as all there are. ``unbiased=True``: the levels are draws from
    populations; with the mean squares ``M_T`` (sums of squares over degrees of freedom) the component is ``sum over T
    containing S of (-1)^|T - S| M_T / (cells per level of S)``, and ``squared_bias`` is less the variance of the
    mean. Unbiased estimates may be negative.

    **The last component, of all factors together, includes whatever else is random**, such as the order of batches.

    Args:
        predictions: ``[levels of each factor, ..., test axes]``; the same noise, initialisation and sample must be
            used along the other axes.
        target: noiseless, broadcast against the test axes.
        factors: names of the leading axes, in order.
        unbiased: for populations; ``False`` for the identity on the sample.

    Raises:
        ConfigError: too few axes, names that repeat, or a factor with one level.

    >>> noise, init = np.array([0.0, 2.0]), np.array([0.0, 1.0, 5.0])
    >>> found = variance_components(noise[:, None] + init, factors=("noise", "init"), unbiased=False)
    >>> {name: round(float(value), 4) for name, value in found.components.items()}
    {'noise': 1.0, 'init': 4.6667, 'noise:init': 0.0}
    """
    values = np.asarray(predictions, np.float64)
    names = tuple(factors)
    count = len(names)
    if not count or len(set(names)) != count or any(":" in name for name in names):
        raise ConfigError(f"factors = {names} must be different names without colons, one for each leading axis.")
    if values.ndim < count or min(values.shape[:count], default=0) < 2:
        raise ConfigError(
            f"predictions of shape {values.shape} must have an axis of at least 2 levels for each of {names}: variance "
            "over one level is unknown. Leave such a factor out, and its axis."
        )
    levels = values.shape[:count]
    effects = _squared_effects(values, count)
    sets = list(effects)
    if unbiased:
        freedom = {s: math.prod(levels[axis] - 1 for axis in s) for s in sets}
        squares = {s: effects[s] * (math.prod(levels) / freedom[s]) for s in sets}
        found = {}
        for s in sets:
            alternating = sum((-1) ** (len(t) - len(s)) * squares[t] for t in sets if set(s) <= set(t))
            found[s] = alternating / math.prod(levels[axis] for axis in range(count) if axis not in s)
    else:
        found = effects
    mean = values.mean(axis=tuple(range(count)))
    bias = None
    if target is not None:
        bias = (mean - np.asarray(target, np.float64)) ** 2
        if unbiased:
            bias = bias - sum(found[s] / math.prod(levels[axis] for axis in s) for s in sets)
    named = {":".join(names[axis] for axis in s): value for s, value in found.items()}
    return VarianceComponents(named, np.sum(list(named.values()), axis=0), mean, bias)


def averaged_variance(components: Mapping[str, ArrayLike], draws: Mapping[str, int]) -> np.ndarray:
    """Variance that is left when predictions are averaged over several draws of some factors.

    Each component is divided by the product of ``draws`` over its factors: an ensemble of ``K`` initialisations divides
    what involves ``init`` by ``K`` and keeps the rest; fresh training samples (bagging, ideally) likewise.

    Args:
        components: of :func:`variance_components`.
        draws: members for each factor; factors that are not named are not averaged over.

    Raises:
        ConfigError: no component, a factor that is not in the components, or fewer than one draw.

    >>> float(averaged_variance({"noise": 1.0, "init": 4.0, "noise:init": 2.0}, {"init": 4}))
    2.5
    """
    if not components:
        raise ConfigError("components is empty; pass at least one, such as those of variance_components.")
    known = sorted({factor for name in components for factor in name.split(":")})
    for factor, members in draws.items():
        if factor not in known:
            raise ConfigError(f"draws names {factor!r}, not one of {', '.join(known)}.{nearest(factor, known)}")
        check_range(f"draws[{factor!r}]", members, low=1)
    parts = [
        np.asarray(value, np.float64) / math.prod(draws.get(factor, 1) for factor in name.split(":"))
        for name, value in components.items()
    ]
    return np.sum(parts, axis=0)


def _squared_effects(values: np.ndarray, count: int) -> dict[tuple[int, ...], np.ndarray]:
    """Mean square of the effect of every set of axes but the empty one, averaged over all cells."""
    axes = range(count)
    found = {}
    for size in range(1, count + 1):
        for chosen in itertools.combinations(axes, size):
            effect = values.mean(axis=tuple(axis for axis in axes if axis not in chosen), keepdims=True)
            # Centring along each axis of the set in turn is the alternating sum over its subsets.
            for axis in chosen:
                effect = effect - effect.mean(axis=axis, keepdims=True)
            found[chosen] = np.mean(effect**2, axis=tuple(axes))
    return found
