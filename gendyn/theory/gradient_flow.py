"""Linear regression by gradient flow: excess risk against time, and early stopping as a kind of ridge regression.

``dw/dt = X^T (y - X w) / n`` from ``w = 0``, the flow of ``|y - X w|^2 / (2 n)``; gradient descent at learning rate
``h`` is near it at ``t = h * steps``. Along the eigenvector of ``X^T X / n`` with eigenvalue ``v`` the least-squares
solution is approached as ``1 - exp(-v t)``, where ridge regression at ``ridge = 1 / t`` has ``v / (v + 1 / t)``.
Risks are against the noiseless target. Results are float64.

Reference: Ali, Kolter & Tibshirani (2019), A continuous-time view of early stopping for least squares,
arXiv:1810.10082; Advani, Saxe & Sompolinsky (2020), arXiv:1710.03667.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from gendyn.core import ConfigError, check_range
from gendyn.theory._quadrature import marchenko_pastur_quadrature
from gendyn.theory.marchenko_pastur import marchenko_pastur_atom

_BLOCK = 1 << 22
"""Largest number of (time, eigenvalue) pairs held at once."""


def gradient_flow_filter(times: ArrayLike, eigenvalues: ArrayLike) -> np.ndarray:
    """Share ``1 - exp(-v t)`` of each mode of the least-squares solution that is reached at time ``t``.

    Args:
        times: not negative, any shape.
        eigenvalues: ``v``, not negative, ``[modes]``.

    Returns:
        ``[..., modes]``.

    Raises:
        ConfigError: a negative argument.

    >>> gradient_flow_filter(1.0, [0.0, np.log(2.0), 50.0]).round(6).tolist()
    [0.0, 0.5, 1.0]
    """
    check_range("times", times, low=0)
    check_range("eigenvalues", eigenvalues, low=0)
    return -np.expm1(-np.asarray(times, np.float64)[..., None] * np.asarray(eigenvalues, np.float64))


def gradient_flow_coefficients(times: ArrayLike, eigenvalues: ArrayLike, projections: ArrayLike) -> np.ndarray:
    """Coefficients of ``w(t)`` along the eigenvectors of ``X^T X / n``: ``(1 - exp(-v t)) / v * projection``.

    Modes of eigenvalue 0 grow as ``t * projection``, which is 0 for data: gradient flow from 0 ends at the
    minimum-norm solution.

    Args:
        times: not negative, any shape.
        eigenvalues: ``v``, not negative, ``[modes]``.
        projections: components of ``X^T y / n`` along the eigenvectors, ``[modes]``.

    Returns:
        ``[..., modes]``.

    Raises:
        ConfigError: a negative time or eigenvalue.

    >>> gradient_flow_coefficients([0.0, 1e3], [2.0, 0.0], [1.0, 0.0]).tolist()
    [[0.0, 0.0], [0.5, 0.0]]
    """
    reached = gradient_flow_filter(times, eigenvalues)
    values = np.asarray(eigenvalues, np.float64)
    over = np.where(values > 0, reached / np.where(values > 0, values, 1.0), np.asarray(times, np.float64)[..., None])
    return over * np.asarray(projections, np.float64)


def design_modes(x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues ``[p]``, ascending, and eigenvectors ``[p, p]`` in columns, of ``X^T X / n`` for a design ``[n, p]``.

    Eigenvalues below 1e-10 of the largest are exactly 0: rounding leaves those of the null space at -+1e-16.

    Raises:
        ConfigError: a design that is no matrix, or not finite.

    >>> design_modes([[2.0, 0.0]])[0].tolist()
    [0.0, 4.0]
    """
    design = np.asarray(x, np.float64)
    if design.ndim != 2 or 0 in design.shape:
        raise ConfigError(f"x {design.shape} must be [n, p] with at least one example (n) and one feature (p).")
    check_range("x", design)
    eigenvalues, vectors = np.linalg.eigh(design.T @ design / len(design))
    return np.where(eigenvalues > 1e-10 * eigenvalues[-1], eigenvalues, 0.0), vectors


def gradient_flow_path(times: ArrayLike, x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """``w(t)`` itself, for a design ``[n, p]`` and targets ``[n]``: ``[..., p]``, the shape of ``times`` first.

    Exact to rounding, which along the null space grows with time, as ``1e-16 t |y|``.

    Raises:
        ConfigError: a negative time, data that are not finite, or shapes that do not fit.

    >>> gradient_flow_path([0.0, 50.0], [[1.0, 1.0]], [2.0]).round(6).tolist()
    [[0.0, 0.0], [1.0, 1.0]]
    """
    values, vectors = design_modes(x)
    design, targets = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if targets.shape != design.shape[:1]:
        raise ConfigError(f"y {targets.shape} must be [n], the {len(design)} rows of x.")
    check_range("y", targets)
    projections = vectors.T @ (design.T @ targets) / len(design)
    return np.asarray(gradient_flow_coefficients(times, values, projections) @ vectors.T)


def gradient_flow_risk(
    times: ArrayLike,
    eigenvalues: ArrayLike,
    signal_powers: ArrayLike,
    *,
    num_examples: float,
    noise_variance: float = 0.0,
) -> np.ndarray:
    """Mean of ``|w(t) - b|^2`` over label noise for a given design, the excess risk for isotropic new inputs.

    ``sum_i b_i^2 exp(-2 v_i t) + noise / n * sum_i (1 - exp(-v_i t))^2 / v_i``: signal is found and noise is fitted
    mode by mode, small eigenvalues last, whose noise is largest.

    Args:
        times: not negative, any shape.
        eigenvalues: ``v``, ``[modes]``, all eigenvalues of ``X^T X / n``, zeros included.
        signal_powers: ``b_i^2``, squared components of ``b`` along the eigenvectors, ``[modes]`` or a number for all.
        num_examples: ``n``.
        noise_variance: of the labels.

    Returns:
        The shape of ``times``.

    Raises:
        ConfigError: an argument out of range, or lengths that differ.

    >>> gradient_flow_risk([0.0, 1e9], [1.0, 0.5, 0.0], 1.0, num_examples=10, noise_variance=0.1).round(6).tolist()
    [3.0, 1.03]

    Reference: Ali et al. (2019), section 4 (risk of gradient flow).
    """
    check_range("times", times, low=0)
    check_range("num_examples", num_examples, low=0, open_low=True)
    check_range("noise_variance", noise_variance, low=0)
    check_range("eigenvalues", eigenvalues, low=0)
    check_range("signal_powers", signal_powers, low=0)
    values, powers = np.asarray(eigenvalues, np.float64), np.asarray(signal_powers, np.float64)
    if values.ndim != 1 or not values.size or powers.shape not in ((), values.shape):
        raise ConfigError(
            f"eigenvalues {values.shape} must be a vector of one mode or more and signal_powers {powers.shape} one of "
            "its length, or a number for all modes."
        )
    noise = np.full(values.shape, noise_variance / num_examples)
    return _risk(times, values, np.broadcast_to(powers, values.shape), noise)


def isotropic_gradient_flow_risk(
    times: ArrayLike, ratio: float, *, signal: float = 1.0, noise_variance: float = 0.0
) -> np.ndarray:
    """Limit of the excess risk for iid inputs of variance 1, ``n`` and ``p -> inf`` at ``ratio = p / n``.

    ``signal E exp(-2 v t) + noise ratio E (1 - exp(-v t))^2 / v`` over the Marchenko-Pastur law with its atom. For
    ``t -> inf`` it is :func:`gendyn.theory.isotropic_min_norm_risk`: near ratio 1 it dips before it rises, which
    early stopping uses.

    Cost: a quadrature of 512 nodes or more for each time; more at late times.

    Args:
        times: not negative, any shape.
        ratio: ``p / n``, positive.
        signal: ``|b|^2``.
        noise_variance: of the labels.

    Returns:
        The shape of ``times``.

    Raises:
        ConfigError: an argument out of range.

    >>> isotropic_gradient_flow_risk([0.0, 2.0, 1e6], 0.9, noise_variance=0.25).round(3).tolist()
    [1.0, 0.367, 2.25]

    Reference: Ali et al. (2019); Advani et al. (2020).
    """
    check_range("times", times, low=0)
    check_range("ratio", ratio, low=0, open_low=True)
    check_range("signal", signal, low=0)
    check_range("noise_variance", noise_variance, low=0)
    latest = float(np.asarray(times, float).max(initial=0.0))
    values, weights = marchenko_pastur_quadrature(ratio, 2.0 * latest)
    values, weights = np.append(values, 0.0), np.append(weights, marchenko_pastur_atom(ratio))
    return _risk(times, values, signal * weights, noise_variance * ratio * weights)


def early_stopping_ridge(times: ArrayLike) -> np.ndarray:
    """The ridge ``1 / t`` (of ``|y - X w|^2 / n + ridge |w|^2``) that shrinks most like gradient flow stopped at ``t``.

    Coefficients differ by a factor between 1 and 1.2985, and for the same time the mean risk of the flow is at most
    1.6862 times that of ridge, at any design and signal. For gradient descent ``t = learning_rate * steps``.

    Raises:
        ConfigError: a time that is not positive.

    >>> early_stopping_ridge([0.5, 20.0]).tolist()
    [2.0, 0.05]

    Reference: Ali et al. (2019), theorem 1.
    """
    check_range("times", times, low=0, open_low=True)
    return 1.0 / np.asarray(times, np.float64)


def optimal_stopping_time(ratio: float, *, signal: float = 1.0, noise_variance: float) -> float:
    """Time at which :func:`isotropic_gradient_flow_risk` is smallest, to a relative 1e-5.

    Raises:
        ConfigError: an argument out of range; without noise or without signal there is no such time.

    >>> round(optimal_stopping_time(1.0, noise_variance=0.25), 2)
    2.47
    """
    from scipy.optimize import minimize_scalar

    check_range("signal", signal, low=0, open_low=True)
    check_range("noise_variance", noise_variance, low=0, open_low=True)
    check_range("ratio", ratio, low=0, open_low=True)
    # The best ridge is ratio noise / signal; the best time lies within a factor of some 10 of one over it.
    centre = math.log(signal / (ratio * noise_variance))

    def risk(log_time: float) -> float:
        time = np.asarray(math.exp(log_time))
        return float(isotropic_gradient_flow_risk(time, ratio, signal=signal, noise_variance=noise_variance))

    found = minimize_scalar(risk, bounds=(centre - 6.0, centre + 4.0), method="bounded", options={"xatol": 1e-6})
    return math.exp(found.x)


def _risk(times: ArrayLike, values: np.ndarray, signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    flat = np.asarray(times, np.float64).reshape(-1)
    over = np.divide(noise, values, out=np.zeros_like(values), where=values > 0)
    risk = np.empty_like(flat)
    block = max(1, _BLOCK // len(values))
    for start in range(0, len(flat), block):
        reached = gradient_flow_filter(flat[start : start + block], values)
        risk[start : start + block] = (1.0 - reached) ** 2 @ signal + reached**2 @ over
    return risk.reshape(np.shape(times))
