"""Risk of minimum-norm and ridge regression with isotropic Gaussian inputs: where the peak at ``p = n`` comes from.

Labels are ``y = x . b + e`` with ``x ~ N(0, I_D)`` and ``e`` of variance ``noise_variance``. **Every risk here is the
mean squared error against the noiseless target**, ``E (x . b - x . w)^2``; against noisy labels it is larger by
``noise_variance``. Parameters broadcast; results are float64. The variance of the risk over draws of the training set
is infinite next to the peak, so that means of simulations settle slowly there.

Reference: Belkin, Hsu & Xu (2020), Two models of double descent for weak features, arXiv:1903.07571 (finite samples);
Hastie, Montanari, Rosset & Tibshirani (2022), Surprises in high-dimensional ridgeless least squares interpolation,
arXiv:1903.08560 (limits).
"""

import numpy as np
from numpy.typing import ArrayLike

from gendyn.core import ConfigError, check_range


def min_norm_risk(
    num_examples: ArrayLike,
    num_features: ArrayLike,
    *,
    dimension: ArrayLike,
    signal: ArrayLike = 1.0,
    noise_variance: ArrayLike = 0.0,
    signal_in_use: ArrayLike | None = None,
) -> np.ndarray:
    """Exact mean risk of the minimum-norm least-squares fit of ``n`` examples on ``p`` of the ``D`` features.

    With ``s = |b|^2`` of the features in use and ``v = |b|^2`` of the others plus ``noise_variance``, ::

        v (1 + p / (n - p - 1))              for p <= n - 2
        infinite                             for n - 1 <= p <= n + 1, unless v = 0
        s (1 - n / p) + v (1 + n / (p - n - 1))    for p >= n + 2

    less ``noise_variance``, at any finite ``n``. Features left out act as noise, which is why using all of them is
    best.

    Args:
        num_examples: ``n``, whole, at least 1.
        num_features: ``p``, whole, from 0 to ``dimension``.
        dimension: ``D``, whole.
        signal: ``|b|^2``, the variance of the noiseless target.
        noise_variance: of the labels.
        signal_in_use: ``s``; ``None``: ``signal * p / D``, the mean over random choices of the features.

    Returns:
        Mean squared error against the noiseless target, shape of the arguments broadcast.

    Raises:
        ConfigError: an argument out of range, or ``p > D``.

    >>> min_norm_risk(40, np.array([0, 20, 40, 80]), dimension=80, noise_variance=0.25).round(4).tolist()
    [1.0, 1.8026, inf, 0.7564]

    Reference: Belkin, Hsu & Xu (2020), theorem 1 and corollary 1.
    """
    n, p, s, rest, noise = _belkin(num_examples, num_features, dimension, signal, noise_variance, signal_in_use)
    below = np.divide(p, n - p - 1.0, out=np.full(p.shape, np.inf), where=p <= n - 2)
    above = np.divide(n, p - n - 1.0, out=below, where=p >= n + 2)
    missed = np.where(p > n, 1.0 - n / np.maximum(p, 1.0), 0.0) * s
    return missed + rest + _product(rest + noise, above)


def min_norm_squared_norm(
    num_examples: ArrayLike,
    num_features: ArrayLike,
    *,
    dimension: ArrayLike,
    signal: ArrayLike = 1.0,
    noise_variance: ArrayLike = 0.0,
    signal_in_use: ArrayLike | None = None,
) -> np.ndarray:
    """Exact mean of ``|w|^2`` of the fit of :func:`min_norm_risk`: ``s + v p / (n - p - 1)`` or past the peak ``s n / p
    + v n / (p - n - 1)``, infinite next to it.

    Args:
        num_examples: ``n``.
        num_features: ``p``.
        dimension: ``D``.
        signal: ``|b|^2``.
        noise_variance: of the labels.
        signal_in_use: ``s``; ``None``: ``signal * p / D``.

    Returns:
        Squared norm, shape of the arguments broadcast.

    Raises:
        ConfigError: an argument out of range, or ``p > D``.

    >>> min_norm_squared_norm(40, np.array([0, 20, 39, 80]), dimension=80, noise_variance=0.25).round(4).tolist()
    [0.0, 1.3026, inf, 0.7564]
    """
    n, p, s, rest, noise = _belkin(num_examples, num_features, dimension, signal, noise_variance, signal_in_use)
    below = np.divide(p, n - p - 1.0, out=np.full(p.shape, np.inf), where=p <= n - 2)
    above = np.divide(n, p - n - 1.0, out=below, where=p >= n + 2)
    return np.where(p > n, n / np.maximum(p, 1.0), 1.0) * s + _product(rest + noise, above)


def isotropic_min_norm_risk(
    ratio: ArrayLike, *, signal: ArrayLike = 1.0, noise_variance: ArrayLike = 0.0
) -> np.ndarray:
    """Limit of the minimum-norm risk with all features in use, for ``n`` and ``p -> inf`` at ``ratio = p / n``.

    ``noise ratio / (1 - ratio)`` below 1 and ``signal (1 - 1 / ratio) + noise / (ratio - 1)`` above; infinite at 1,
    unless there is no noise.

    Args:
        ratio: ``p / n``, positive.
        signal: ``|b|^2``.
        noise_variance: of the labels.

    Raises:
        ConfigError: an argument out of range.

    >>> isotropic_min_norm_risk(np.array([0.5, 1.0, 2.0]), noise_variance=0.25).tolist()
    [0.25, inf, 0.75]

    Reference: Hastie et al. (2022), theorem 1.
    """
    g, r2, s2 = _isotropic(ratio, signal, noise_variance)
    gap = np.where(g < 1.0, 1.0 - g, g - 1.0)
    factor = np.divide(np.minimum(g, 1.0), gap, out=np.full(g.shape, np.inf), where=gap > 0)
    return r2 * np.maximum(0.0, 1.0 - 1.0 / g) + _product(s2, factor)


def min_norm_local_minimum(signal_to_noise: ArrayLike) -> np.ndarray:
    """Ratio ``p / n`` past the peak at which :func:`isotropic_min_norm_risk` is smallest: ``r / (r - 1)``, ``r =
    sqrt(signal / noise)``; ``inf`` for a signal-to-noise ratio of at most 1, where the risk falls all the way.

    Raises:
        ConfigError: a ratio that is not positive.

    >>> min_norm_local_minimum(np.array([0.5, 4.0, 9.0])).tolist()
    [inf, 2.0, 1.5]

    Reference: Hastie et al. (2022), isotropic features.
    """
    check_range("signal_to_noise", signal_to_noise, low=0, open_low=True)
    root = np.sqrt(np.asarray(signal_to_noise, np.float64))
    return np.divide(root, root - 1.0, out=np.full(root.shape, np.inf), where=root > 1.0)


def ridge_risk(
    ratio: ArrayLike, ridge: ArrayLike, *, signal: ArrayLike = 1.0, noise_variance: ArrayLike = 0.0
) -> np.ndarray:
    """Limit of the risk of ridge regression, the minimiser of ``|y - X w|^2 / n + ridge |w|^2``.

    ``signal l^2 m' + noise ratio (m - l m')`` with ``l = ridge``, the Stieltjes transform ``m`` of the Marchenko-Pastur
    law at ``-l`` and ``m' = m (1 + ratio m) / root``, ``root = sqrt((1 - ratio + l)^2 + 4 ratio l)``. ``ridge = 0`` is
    :func:`isotropic_min_norm_risk`. Terms of order ``1 / n`` are left out.

    Args:
        ratio: ``p / n``, positive.
        ridge: not negative, in units of the eigenvalues of ``X^T X / n``. **The penalty of** ``|y - X w|^2 + penalty
            |w|^2`` **is** ``n ridge``.
        signal: ``|b|^2``.
        noise_variance: of the labels.

    Returns:
        Mean squared error against the noiseless target, shape of the arguments broadcast.

    Raises:
        ConfigError: an argument out of range.

    >>> ridge_risk(1.0, np.array([0.0, 0.25, 1e9]), noise_variance=0.25).round(4).tolist()
    [inf, 0.3904, 1.0]

    Reference: Hastie et al. (2022), the isotropic ridge risk.
    """
    check_range("ridge", ridge, low=0)
    g, r2, s2, penalty = np.broadcast_arrays(*_isotropic(ratio, signal, noise_variance), np.asarray(ridge, np.float64))
    positive = penalty > 0
    at = np.where(positive, penalty, 1.0)
    transform, companion = _transforms(at, g)
    root = np.sqrt((1.0 - g + at) ** 2 + 4.0 * g * at)
    bias = at**2 * transform * (1.0 + g * transform) / root
    # m - l m' = (1 - l m) / root and 1 - l m = l m v with the companion v: nothing cancels at small or large ridge.
    variance = g * at * transform * companion / root
    limit = isotropic_min_norm_risk(g, signal=r2, noise_variance=s2)
    return np.where(positive, r2 * bias + s2 * variance, limit)


def misspecified_ridge_risk(
    num_examples: ArrayLike,
    num_features: ArrayLike,
    penalty: ArrayLike,
    *,
    dimension: ArrayLike,
    signal: ArrayLike = 1.0,
    noise_variance: ArrayLike = 0.0,
) -> np.ndarray:
    """:func:`ridge_risk` on ``p`` of the ``D`` features: those left out act as noise, and are missed in whole.

    With ``s = signal p / D`` it is that of a signal ``s`` and a noise ``noise_variance + signal - s``, plus ``signal -
    s``. The best penalty is ``p`` times that noise over ``s``: ``D (noise_variance / signal + 1) - p``. A limit, of
    which terms of order ``1 / n`` are left out.

    Args:
        num_examples: ``n``, positive.
        num_features: ``p``, above 0 and at most ``dimension``; need not be whole.
        penalty: of ``|y - X w|^2 + penalty |w|^2``, not negative.
        dimension: ``D``, all features that the signal is in, in equal shares.
        signal: ``|b|^2``, the variance of the noiseless target.
        noise_variance: of the labels.

    Returns:
        Mean squared error against the noiseless target, shape of the arguments broadcast.

    Raises:
        ConfigError: an argument out of range, or ``p > D``.

    >>> p = np.array([20.0, 40.0, 80.0])
    >>> misspecified_ridge_risk(40, p, 80 * 1.25 - p, dimension=80, noise_variance=0.25).round(4).tolist()
    [0.9254, 0.8431, 0.6404]

    Reference: Hastie et al. (2022), the misspecified model.
    """
    check_range("num_examples", num_examples, low=0, open_low=True)
    check_range("num_features", num_features, low=0, open_low=True)
    check_range("penalty", penalty, low=0)
    check_range("dimension", dimension, low=0, open_low=True)
    check_range("signal", signal, low=0)
    check_range("noise_variance", noise_variance, low=0)
    given = (num_examples, num_features, dimension, signal, noise_variance)
    n, p, most, total, noise = (np.asarray(a, np.float64) for a in given)
    if np.any(p > most):
        raise ConfigError(
            f"num_features = {p} must be at most dimension = {most}: only features that exist can be used. Raise "
            "dimension."
        )
    used = total * (p / most)
    learned = ridge_risk(p / n, np.asarray(penalty) / n, signal=used, noise_variance=noise + total - used)
    return learned + total - used


def optimal_ridge(ratio: ArrayLike, *, signal: ArrayLike = 1.0, noise_variance: ArrayLike = 0.0) -> np.ndarray:
    """The ridge of least risk, ``ratio noise / signal``, in the units of :func:`ridge_risk`.

    As the penalty of ``|y - X w|^2 + penalty |w|^2`` it is ``n`` times that, ``p noise / signal``, whatever ``n`` is.
    It is the ridge of the Bayes posterior for ``b ~ N(0, signal / p)`` and so the best at any finite size, on average
    over the direction of ``b``; with it neither more features nor more examples ever hurt.

    Raises:
        ConfigError: an argument out of range.

    >>> float(100 * optimal_ridge(500 / 100, noise_variance=0.25))  # p noise / signal at p = 500
    125.0

    Reference: Hastie et al. (2022), optimal ridge; Nakkiran, Venkat, Kakade & Ma (2020), arXiv:2003.01897.
    """
    g, r2, s2 = _isotropic(ratio, signal, noise_variance)
    check_range("signal", signal, low=0, open_low=True)
    return s2 * g / r2


def optimal_ridge_risk(ratio: ArrayLike, *, signal: ArrayLike = 1.0, noise_variance: ArrayLike = 0.0) -> np.ndarray:
    """:func:`ridge_risk` at :func:`optimal_ridge`, which is ``noise ratio m(-ridge)``: no peak.

    Raises:
        ConfigError: an argument out of range.

    >>> optimal_ridge_risk(np.array([0.5, 1.0, 2.0]), noise_variance=0.25).round(4).tolist()
    [0.1754, 0.3904, 0.6404]
    """
    g, r2, s2 = _isotropic(ratio, signal, noise_variance)
    best = optimal_ridge(ratio, signal=signal, noise_variance=noise_variance)
    transform, _ = _transforms(np.where(best > 0, best, 1.0), g)
    return np.where(best > 0, s2 * g * transform, r2 * np.maximum(0.0, 1.0 - 1.0 / g))


def _transforms(ridge: np.ndarray, ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of ``1 / (l + ridge)`` over the eigenvalues ``l`` of ``X^T X / n`` and of ``X X^T / n``."""
    g = ratio
    # The positive root of g r m^2 + (1 - g + r) m - 1 = 0, and the same with the roles of n and p exchanged.
    return _root(g * ridge, 1.0 - g + ridge), _root(ridge, g - 1.0 + ridge)


def _root(square: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Positive root of ``square m^2 + linear m - 1``; of its two forms the one that does not cancel."""
    root = np.sqrt(linear**2 + 4.0 * square)
    return np.where(linear > 0, 2.0 / (np.abs(linear) + root), (np.abs(linear) + root) / (2.0 * square))


def _product(variance: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """``variance * factor`` with ``0 * inf = 0``: labels without noise are fitted exactly, up to the peak."""
    return variance * np.where(variance > 0, factor, 0.0)


def _isotropic(
    ratio: ArrayLike, signal: ArrayLike, noise_variance: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    check_range("ratio", ratio, low=0, open_low=True)
    check_range("signal", signal, low=0)
    check_range("noise_variance", noise_variance, low=0)
    g, r2, s2 = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (ratio, signal, noise_variance)))
    return g, r2, s2


def _belkin(
    num_examples: ArrayLike,
    num_features: ArrayLike,
    dimension: ArrayLike,
    signal: ArrayLike,
    noise_variance: ArrayLike,
    signal_in_use: ArrayLike | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """``n``, ``p``, the signal in use, the signal left out and the noise, broadcast and checked."""
    for name, value, low in (
        ("num_examples", num_examples, 1),
        ("num_features", num_features, 0),
        ("dimension", dimension, 1),
    ):
        check_range(name, value, low=low)
        if np.any(np.asarray(value, np.float64) % 1.0):
            raise ConfigError(f"{name} = {np.asarray(value)} must be whole. Use isotropic_min_norm_risk for ratios.")
    check_range("signal", signal, low=0)
    check_range("noise_variance", noise_variance, low=0)
    given = [np.asarray(a, np.float64) for a in (num_examples, num_features, dimension, signal, noise_variance)]
    if np.any(given[1] > given[2]):
        raise ConfigError(
            f"num_features = {given[1]} must be at most dimension = {given[2]}: only features that exist can be "
            "used. Raise dimension."
        )
    used = given[3] * given[1] / given[2] if signal_in_use is None else np.asarray(signal_in_use, np.float64)
    check_range("signal_in_use", used, low=0)
    if np.any(used > given[3]):
        raise ConfigError(f"signal_in_use = {used} must be at most signal = {given[3]}, of which it is a part.")
    n, p, _, total, noise, used = np.broadcast_arrays(*given, used)
    return n, p, used, total - used, noise
