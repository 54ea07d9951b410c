"""Risk of ridge regression on random features of one hidden layer: double descent in a network's width.

Inputs ``x`` and weights ``theta_i`` are uniform on the sphere of radius ``sqrt(d)``, the features are ``s(theta_i . x
/ sqrt(d))``, ``i = 1 .. N``, and coefficients ``a`` minimise ``|y - f|^2 / n + (N ridge / d) |a|^2``. The activation
enters by three Hermite constants only. Results are float64.

Reference: Mei & Montanari (2022), The generalization error of random features regression, arXiv:1908.05355.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gendyn.core import ConfigError, check_choice, check_range

Activation = Callable[[np.ndarray], np.ndarray]
_BISECTIONS = 80


class HermiteConstants(NamedTuple):
    """What a random feature does to a standard normal ``G``."""

    mean: float
    """``mu_0 = E s(G)``."""
    linear: float
    """``mu_1 = E G s(G)``."""
    nonlinear_variance: float
    """``mu_*^2 = E s(G)^2 - mu_0^2 - mu_1^2``, which acts as noise of the features."""


def hermite_constants(activation: str | Activation) -> HermiteConstants:
    """``E s(G)``, ``E G s(G)`` and the variance of ``s(G)`` that is not linear.

    Args:
        activation: ``"relu"`` and ``"erf"`` (exact), ``"tanh"`` (quadrature, to 1e-10), or a function of arrays,
            smooth but for a kink at 0.

    Raises:
        ConfigError: an unknown name.

    >>> [round(value, 6) for value in hermite_constants("relu")]
    [0.398942, 0.5, 0.090845]

    Reference: Mei & Montanari (2022), the constants of the activation.
    """
    from scipy.integrate import quad

    if isinstance(activation, str):
        check_choice("activation", activation, ("relu", "tanh", "erf"))
        if activation == "relu":
            return HermiteConstants(1.0 / math.sqrt(2.0 * math.pi), 0.5, 0.25 - 0.5 / math.pi)
        if activation == "erf":
            linear = 2.0 / math.sqrt(3.0 * math.pi)
            return HermiteConstants(0.0, linear, 2.0 / math.pi * math.asin(2.0 / 3.0) - linear**2)
        activation = np.tanh
    function = activation

    def mean(of: Callable[[float, float], float]) -> float:
        def integrand(x: float) -> float:
            return of(x, float(function(np.asarray(x)))) * math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)

        # exp(-x^2 / 2) is below 1e-31 at 12. The kink, if any, is at an end of the two pieces.
        return sum(quad(integrand, a, b, epsabs=1e-13, epsrel=1e-12, limit=200)[0] for a, b in ((-12, 0), (0, 12)))

    centre, linear = mean(lambda x, s: s), mean(lambda x, s: x * s)
    return HermiteConstants(centre, linear, mean(lambda x, s: (s - centre - linear * x) ** 2))


def random_features_risk(
    features_per_input: ArrayLike,
    examples_per_input: ArrayLike,
    *,
    activation: str | Activation | HermiteConstants = "relu",
    ridge: ArrayLike = 0.0,
    linear_signal: ArrayLike = 1.0,
    nonlinear_signal: ArrayLike = 0.0,
    noise_variance: ArrayLike = 0.0,
) -> np.ndarray:
    """Limit of the risk for ``N, n, d -> inf`` at ``psi_1 = N / d`` and ``psi_2 = n / d``.

    ``linear_signal E_1 / E_0 + (noise + nonlinear_signal) E_2 / E_0 + nonlinear_signal`` with polynomials ``E_i`` of
    ``z = mu_1 / mu_*`` and ``chi = -p``. The paper's pair of fixed-point equations is one for ``p``, ::

        p u^2 = (psi_1 - p g) (psi_2 - p g),    g = 1 + z^2 / (1 + z^2 p),    u^2 = psi_1 psi_2 ridge / mu_*^2 ,

    with one root below that of ``p g = min(psi_1, psi_2)``, the ridgeless value; it is found by bisection, and no
    damped iteration can fail. A nonlinear target acts as label noise until examples number ``d^2``. The peak is at
    ``N = n``.

    Args:
        features_per_input: ``N / d``, positive.
        examples_per_input: ``n / d``, positive.
        activation: see :func:`hermite_constants`, or its result; must not be linear.
        ridge: not negative; **the penalty on** ``|a|^2`` **beside the sum of squared errors is** ``n N ridge / d``.
        linear_signal: variance of the linear part of the target.
        nonlinear_signal: variance of the rest, a rotation-invariant random function of ``x`` without mean.
        noise_variance: of the labels.

    Returns:
        Mean squared error against the noiseless target, shape of the arguments broadcast; ``inf`` at ``N = n`` without
        ridge.

    Raises:
        ConfigError: an argument out of range, or an activation that is linear or has constants that are not finite.

    >>> random_features_risk(np.array([1.0, 2.0, 3.0, 30.0]), 3.0, noise_variance=0.2).round(4).tolist()
    [0.7719, 1.0849, inf, 0.1305]

    Reference: Mei & Montanari (2022), the formula of the prediction error and its ridgeless limit.
    """
    constants = activation if isinstance(activation, HermiteConstants) else hermite_constants(activation)
    for name, constant in constants._asdict().items():
        check_range(f"activation: {name}", constant)
    if not constants.nonlinear_variance > 1e-12:
        raise ConfigError(
            f"activation = {activation!r} has no nonlinear part ({constants}); random features of it are linear "
            "regression. Use min_norm_risk or ridge_risk."
        )
    for name, value in (("features_per_input", features_per_input), ("examples_per_input", examples_per_input)):
        check_range(name, value, low=0, open_low=True)
    given = {"ridge": ridge, "linear_signal": linear_signal, "nonlinear_signal": nonlinear_signal}
    given["noise_variance"] = noise_variance
    for name, value in given.items():
        check_range(name, value, low=0)
    p1, p2, penalty, linear, nonlinear, noise = np.broadcast_arrays(
        *(np.asarray(a, np.float64) for a in (features_per_input, examples_per_input, *given.values()))
    )
    z2 = constants.linear**2 / constants.nonlinear_variance
    z4, z6 = z2**2, z2**3
    x = -_overlap(p1, p2, z2, p1 * p2 * penalty / constants.nonlinear_variance)
    p12 = p1 * p2
    e0 = -(x**5) * z6 + 3 * x**4 * z4 + (p12 - p2 - p1 + 1) * x**3 * z6 - 2 * x**3 * z4 - 3 * x**3 * z2
    e0 = e0 + (p1 + p2 - 3 * p12 + 1) * x**2 * z4 + 2 * x**2 * z2 + x**2 + 3 * p12 * x * z2 - p12
    e1 = p2 * x**3 * z4 - p2 * x**2 * z2 + p12 * x * z2 - p12
    e2 = x**5 * z6 - 3 * x**4 * z4 + (p1 - 1) * x**3 * z6 + 2 * x**3 * z4 + 3 * x**3 * z2
    e2 = e2 - (p1 + 1) * x**2 * z4 - 2 * x**2 * z2 - x**2
    excess = linear * e1 + (noise + nonlinear) * e2
    peak = (penalty == 0) & (p1 == p2)
    empty = linear + noise + nonlinear == 0
    risk = np.divide(excess, e0, out=np.full(e0.shape, np.inf), where=~peak)
    return np.where(empty, 0.0, risk + nonlinear)


def _overlap(p1: np.ndarray, p2: np.ndarray, z2: float, square: np.ndarray) -> np.ndarray:
    """Root of ``p square = (p1 - p g) (p2 - p g)`` below the ridgeless one; the left side rises, the right falls."""
    smaller = np.minimum(p1, p2)
    middle = 1.0 + z2 - smaller * z2
    root = np.sqrt(middle**2 + 4.0 * z2 * smaller)
    # Root of z2 p^2 + middle p - smaller = 0; of its two forms the one that does not cancel.
    ridgeless = np.where(middle > 0, 2.0 * smaller / (np.abs(middle) + root), (root - middle) / (2.0 * max(z2, 1e-300)))
    # g <= 1 + z2 bounds the right side from below.
    low, high = np.minimum(p1 * p2 / (square + (p1 + p2) * (1.0 + z2)), ridgeless), ridgeless
    for _ in range(_BISECTIONS):
        point = np.sqrt(low * high)
        pull = point * (1.0 + z2 / (1.0 + z2 * point))
        below = point * square < (p1 - pull) * (p2 - pull)
        low, high = np.where(below, point, low), np.where(below, high, point)
    return np.where(square > 0, np.sqrt(low * high), ridgeless)
