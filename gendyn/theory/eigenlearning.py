"""Learning curves of kernel and linear ridge regression with any spectrum, by one self-consistent equation.

The predictor minimises ``sum over examples (y - f)^2 + ridge |f|^2``, that is ``f = K(., X) (K + ridge I)^-1 y``. The
kernel has eigenvalues ``l_i`` with respect to the law of the inputs, ``k(x, x') = sum_i l_i phi_i(x) phi_i(x')`` with
``E phi_i phi_j = delta_ij``; the target is ``sum_i c_i phi_i``. For linear regression with covariance ``S`` the ``l_i``
are the eigenvalues of ``S`` and ``c_i^2 = l_i b_i^2``. Results are float64.

Reference: Simon, Dickens, Karkada & DeWeese (2023), The eigenlearning framework, arXiv:2110.03922; Hastie, Montanari,
Rosset & Tibshirani (2022), arXiv:1903.08560, theorem 2 (general covariance).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gendyn.core import ConfigError, check_range

_BISECTIONS = 70


class Eigenlearning(NamedTuple):
    """Result of :func:`eigenlearning`; ``...`` is the shape of sizes, ridges and noise broadcast."""

    kappa: np.ndarray
    """``[...]``: modes above it are learned, those below are not."""
    learnabilities: np.ndarray
    """``[..., modes]``: ``l / (l + kappa)``, the mean share of each mode's coefficient that is found."""
    overfitting: np.ndarray
    """``[...]``: ``n / (n - sum of learnabilities^2)``, what the sample multiplies the infinite-data error by."""
    risk: np.ndarray
    """``[...]``: mean squared error against the noiseless target."""
    test_error: np.ndarray
    """``[...]``: mean squared error on new noisy labels, ``risk + noise_variance``."""
    train_error: np.ndarray
    """``[...]``: mean squared error on the training labels, ``(ridge / (n kappa))^2 test_error``."""


def eigenlearning(
    eigenvalues: ArrayLike,
    target_powers: ArrayLike,
    num_examples: ArrayLike,
    *,
    ridge: ArrayLike = 0.0,
    noise_variance: ArrayLike = 0.0,
    multiplicities: ArrayLike | None = None,
) -> Eigenlearning:
    """Mean test and training error from the spectrum of a kernel and the target's share in each mode.

    ``kappa`` solves ``sum_i l_i / (l_i + kappa) + ridge / kappa = n``; with ``L_i = l_i / (l_i + kappa)`` ::

        test_error = n / (n - sum L_i^2) (sum (1 - L_i)^2 c_i^2 + noise_variance) .

    Without ridge and with fewer modes of positive eigenvalue than examples, ``kappa = 0``: all of them are learned and
    the modes of eigenvalue 0 act as noise; as many modes as examples is the peak, an infinite error unless there is
    nothing to overfit. Exact as sizes grow together; at finite size the error is of relative order one over the number
    of modes that matter.

    Cost: 70 passes over ``[..., modes]``.

    Args:
        eigenvalues: ``l``, ``[modes]``, not negative, not all 0.
        target_powers: ``c^2``, ``[modes]``, for repeated modes the sum over all of them, ``E f^2`` in total.
        num_examples: ``n``, positive, any shape; need not be whole.
        ridge: not negative, as a multiple of the identity added to the kernel matrix.
        noise_variance: of the labels.
        multiplicities: ``[modes]``, how often each eigenvalue occurs; ``None``: once.

    Returns:
        See :class:`Eigenlearning`.

    Raises:
        ConfigError: an argument out of range, or arrays of modes that differ in length.

    >>> found = eigenlearning(np.ones(80), np.ones(80) / 80, np.array([40, 80, 160]), noise_variance=0.25)
    >>> found.risk.round(6).tolist(), found.kappa.tolist()
    ([0.75, inf, 0.25], [1.0, 0.0, 0.0])

    Reference: Simon et al. (2023), the eigenlearning equations.
    """
    values, powers, counts = _modes(eigenvalues, target_powers, multiplicities)
    check_range("num_examples", num_examples, low=0, open_low=True)
    check_range("ridge", ridge, low=0)
    check_range("noise_variance", noise_variance, low=0)
    n, delta, noise = np.broadcast_arrays(
        *(np.asarray(value, np.float64) for value in (num_examples, ridge, noise_variance))
    )
    kappa = _kappa(values, counts, n, delta)
    column = kappa[..., None]
    total = np.where(values > 0, values, 1.0) + column
    learned = np.where(values > 0, values / total, 0.0)
    missed = np.where(values > 0, column / total, 1.0)
    # n - sum L^2 = ridge / kappa + sum L (1 - L) at the solution, without a difference of close numbers.
    rank = counts[values > 0].sum()
    left = np.divide(delta, kappa, out=np.asarray(np.maximum(n - rank, 0.0)), where=kappa > 0)
    freedom = left + (learned * missed) @ counts
    unexplained = missed**2 @ powers + noise
    overfitting = np.divide(n, freedom, out=np.full(n.shape, np.inf), where=freedom > 0)
    test = unexplained * np.where(unexplained > 0, overfitting, 0.0)
    train = (left / n) ** 2 * np.where(left > 0, test, 0.0)
    return Eigenlearning(kappa, learned, overfitting, test - noise, test, train)


def _kappa(values: np.ndarray, counts: np.ndarray, n: np.ndarray, delta: np.ndarray) -> np.ndarray:
    """Root of the self-consistent equation, whose left side falls; 0 without ridge and with enough examples."""
    positive = values > 0
    values, counts = values[positive], counts[positive]
    rank = counts.sum()
    high = (values @ counts + delta) / n
    low = np.maximum(delta / n, values.min() * np.maximum(rank / n - 1.0, 0.0))
    found = low > 0
    low = np.where(found, low, high)
    for _ in range(_BISECTIONS):
        middle = np.sqrt(low) * np.sqrt(high)
        above = (values / (values + middle[..., None])) @ counts + delta / middle > n
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(found, np.sqrt(low) * np.sqrt(high), 0.0)


def _modes(
    eigenvalues: ArrayLike, target_powers: ArrayLike, multiplicities: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values, powers = np.asarray(eigenvalues, np.float64), np.asarray(target_powers, np.float64)
    counts = np.ones_like(values) if multiplicities is None else np.asarray(multiplicities, np.float64)
    if values.ndim != 1 or values.shape != powers.shape or values.shape != counts.shape or not values.size:
        raise ConfigError(
            f"eigenvalues {values.shape}, target_powers {powers.shape} and multiplicities {counts.shape} must be "
            "vectors of one length, an entry for each mode."
        )
    check_range("eigenvalues", values, low=0)
    check_range("target_powers", powers, low=0)
    check_range("multiplicities", counts, low=0, open_low=True)
    if not np.any(values > 0):
        raise ConfigError("eigenvalues are all 0; at least one must be positive, or the kernel predicts nothing.")
    return values, powers, counts
