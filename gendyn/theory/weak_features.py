"""The weak-feature regression: every feature is the label plus noise of its own, and least squares peaks at ``d = n``.

``y ~ N(0, 1)`` and ``x_j = y + z_j`` with independent standard normal ``z_j``, ``j = 1 .. d``; ``y`` is regressed on
``x`` without a penalty. Averaging the features would be right to ``1 / (d + 1)`` in mean square. Along ``u = (1, ..,
1) / sqrt(d)`` the inputs have variance ``d + 1`` and carry all there is to know of ``y``; the other directions are
noise. Results are float64.

Reference: Wilson (2025), Deep learning is not so mysterious or different, arXiv:2503.02113, figure 1g (the model). The
risk is derived in :func:`weak_features_risk`.
"""

import numpy as np
from numpy.typing import ArrayLike

from gendyn.core import ConfigError, check_range
from gendyn.theory.eigenlearning import eigenlearning

_NODES = 1000


def weak_features_risk(num_examples: ArrayLike, num_features: ArrayLike) -> np.ndarray:
    """Exact mean squared error ``E (y - x . w)^2`` on new data of minimum-norm least squares on ``d`` weak features.

    For ``d <= n - 2`` it is ``(n - 1) / ((d + 1) (n - d - 1))``, infinite for ``n - 1 <= d <= n + 1``, and for
    ``d >= n + 2`` with ``t ~ Beta((d - n) / 2, n / 2)``, ``D = d + 1 - d t`` and ``q = t / D`` ::

        (d - 2 + E[(d + 1) / D - d q / D]) / ((d + 1) (d - n - 1))  +  d E[q + d q^2] / (d + 1)^2 .

    The means are taken by quadrature, to rounding. Derivation: given ``x`` the label is ``sqrt(d) / (d + 1)`` times
    the input along ``u`` plus independent noise of variance ``1 / (d + 1)``. What the interpolator misses of ``u`` is
    ``q = B / (B + (d + 1) A)`` with ``A ~ chi^2(n)`` and ``B ~ chi^2(d - n)`` (the second term), and the traces of
    ``(X X^T)^-1`` follow from its Schur complement along the inputs on ``u`` (the first). **The mean-field form**
    ``(1 + n k) ((1 - sqrt(d) u)^2 + u^2)``, ``k = 1 / (d - n - 2)``, ``u = sqrt(d) n k / (1 + (d + 1) n k)`` **is
    this with every ratio of means for the mean of a ratio**: 0.5 % high at ``n = 200``, ``d = 300``, 40 % at ``n =
    20``, ``d = 24`` and without value at ``d = n + 2``.

    Args:
        num_examples: ``n``, whole, at least 2.
        num_features: ``d``, whole, at least 1.

    Returns:
        Mean squared error (``y`` has variance 1), shape of the arguments broadcast.

    Raises:
        ConfigError: sizes out of range or not whole.

    >>> weak_features_risk(200, np.array([1, 100, 200, 202, 400])).round(4).tolist()
    [0.5025, 0.0199, inf, 0.9902, 0.005]
    """
    n, d = _sizes(num_examples, num_features)
    below, above = d <= n - 2, d >= n + 2
    risk = np.divide(n - 1.0, (d + 1.0) * (n - d - 1.0), out=np.full(d.shape, np.inf), where=below)
    return np.where(above, _past_the_peak(n, np.where(above, d, n + 2.0)), risk)


def weak_features_train_error(num_examples: ArrayLike, num_features: ArrayLike) -> np.ndarray:
    """Exact mean squared error on the training data: ``(1 - d / n) / (d + 1)``, and 0 from ``d = n`` on.

    Args:
        num_examples: ``n``, whole, at least 2.
        num_features: ``d``, whole, at least 1.

    Raises:
        ConfigError: sizes out of range or not whole.

    >>> weak_features_train_error(200, np.array([1, 99, 200])).round(5).tolist()
    [0.4975, 0.00505, 0.0]
    """
    n, d = _sizes(num_examples, num_features)
    return np.maximum(0.0, 1.0 - d / n) / (d + 1.0)


def weak_features_dimension(
    num_examples: int, num_features: ArrayLike, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Effective dimension ``sum s^2 / (s^2 + penalty)`` of the design, and ``min(n, d)`` less it: a limit.

    ``sum_i l_i / (l_i + kappa)`` over the spectrum of the covariance ``I + 1 1^T``, which is ``d + 1`` once and 1 ``d -
    1`` times, with ``sum_i l_i / (l_i + kappa) + penalty / kappa = n``.

    Args:
        num_examples: ``n``, whole, at least 2.
        num_features: ``d``, whole, at least 2, ``[P]``.
        penalty: positive, in units of squared singular values.

    Returns:
        ``(dimension [P], complement [P])``: two forms of one number, each without a difference of close ones.

    Raises:
        ConfigError: an argument out of range or not whole.

    >>> dimension, complement = weak_features_dimension(200, np.array([50, 200, 400]), 0.2)
    >>> dimension.round(2).tolist(), complement.round(3).tolist()
    ([49.93, 193.79, 199.8], [0.065, 6.21, 0.199])
    """
    _, sizes = _sizes(num_examples, num_features)
    check_range("num_features", sizes, low=2)
    check_range("penalty", penalty, low=0, open_low=True)
    dimensions, complements = [], []
    for d in np.ravel(sizes):
        found = eigenlearning(
            [d + 1.0, 1.0], [d / (d + 1.0), 0.0], num_examples, ridge=penalty, multiplicities=[1.0, d - 1.0]
        )
        learned = found.learnabilities
        dimensions.append(learned[0] + (d - 1.0) * learned[1])
        missed = (1.0 - learned[0]) + (d - 1.0) * (1.0 - learned[1])
        complements.append(missed if d <= num_examples else penalty / found.kappa)
    return np.array(dimensions), np.array(complements)


def _sizes(num_examples: ArrayLike, num_features: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    for name, value, low in (("num_examples", num_examples, 2), ("num_features", num_features, 1)):
        check_range(name, value, low=low)
        if np.any(np.asarray(value, np.float64) % 1.0):
            raise ConfigError(f"{name} = {np.asarray(value)} must be whole: it counts rows or columns of the design.")
    n, d = np.broadcast_arrays(np.asarray(num_examples, np.float64), np.asarray(num_features, np.float64))
    return n, d


def _past_the_peak(n: np.ndarray, d: np.ndarray) -> np.ndarray:
    from scipy.special import expit, log_expit

    # In the logit of t the density of the Beta law and D are analytic in a strip of half-width pi and the tails
    # exponential: the trapezoid rule is then right to rounding. (SciPy's hyp2f1 overflows from d - n = 100 on.)
    left, right = (d - n)[..., None] / 2.0, n[..., None] / 2.0
    bulk = 10.0 * np.sqrt(1.0 / left + 1.0 / right)
    low, high = bulk + 40.0 / left, bulk + 40.0 / right
    logit = np.log(left / right) - low + (low + high) * np.linspace(0.0, 1.0, _NODES)
    log_density = left * log_expit(logit) + right * log_expit(-logit)
    weight = np.exp(log_density - log_density.max(axis=-1, keepdims=True))
    weight /= weight.sum(axis=-1, keepdims=True)
    size = d[..., None]
    share = expit(logit)
    scale = 1.0 + size * expit(-logit)
    missed = share / scale
    trace = np.sum(weight * ((size + 1.0) / scale - size * missed / scale), axis=-1)
    bias = np.sum(weight * (missed + size * missed**2), axis=-1)
    return (d - 2.0 + trace) / ((d + 1.0) * (d - n - 1.0)) + d * bias / (d + 1.0) ** 2
