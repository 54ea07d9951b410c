"""Exact learning curves of gradient descent on a linear teacher and student: where grokking is a race of two averages.

Teacher ``y = w* . x`` and student ``w . x`` in ``d`` dimensions, ``n`` training inputs ``x ~ N(0, I)``, full batch,
training loss ``|X (w - w*)|^2 / n`` **without a half**, so a step is ``w <- w - 2 learning_rate S (w - w*)`` with
``S = X^T X / n``. Both losses are averages over the eigenvalues ``v`` of ``S``, which for large ``d`` follow the
Marchenko-Pastur law of ``ratio = d / n``. (With the half, ``|X (w - w*)|^2 / 2 n``, the same curves belong to twice the
learning rate.) An output counts as right if its squared error is below ``tolerance``. All results are float64.

Reference: Levi, Beck & Bar-Sinai (2023), Grokking in linear estimators, arXiv:2310.16441, section 3.
"""

import math
from typing import NamedTuple

import numpy as np

from gendyn.core import ConfigError, check_range
from gendyn.theory._quadrature import marchenko_pastur_quadrature
from gendyn.theory.marchenko_pastur import marchenko_pastur_atom, marchenko_pastur_edges

_BLOCK = 1 << 22
"""Largest number of (time, eigenvalue) pairs held at once."""


class LinearLosses(NamedTuple):
    """Mean squared errors (no half) at each time."""

    train: np.ndarray
    """On the training inputs."""
    test: np.ndarray
    """On a new input, ``|w - w*|^2``."""


class LinearTimes(NamedTuple):
    """Steps at which accuracy first reaches a level; ``inf`` where it never does. Not rounded up to whole steps."""

    train: float
    test: float


def linear_losses(
    times: np.ndarray, ratio: float, *, learning_rate: float, initial_loss: float = 1.0, discrete: bool = True
) -> LinearLosses:
    """Training and test loss of the linear student after ``times`` steps.

    ``train = initial_loss E[v f(v)]``, ``test = initial_loss E[f(v)]`` over the Marchenko-Pastur law and its atom at 0:
    ``f = (1 - 2 learning_rate v)^(2 t)`` for steps, and ``exp(-4 learning_rate v t)``, its limit for a small learning
    rate at fixed ``learning_rate t``, for gradient flow. Fluctuations at finite ``d`` are of relative order
    ``sqrt(2 / d)`` at the start. The test loss tends to ``initial_loss (1 - 1 / ratio)`` above ratio 1 and to 0 below.

    Cost: a quadrature of 512 nodes or more (long times, ratios near 1) for each time.

    Args:
        times: steps, any shape, not negative; need not be whole.
        ratio: dimension / training examples, positive.
        learning_rate: positive; steps must be stable, ``learning_rate < 1 / largest eigenvalue``.
        initial_loss: ``|w_0 - w*|^2``, both losses at time 0.
        discrete: gradient descent; ``False`` is gradient flow.

    Raises:
        ConfigError: an argument out of range, or an unstable learning rate.

    >>> losses = linear_losses(np.array([0.0, 1e3, 1e6]), 2.0, learning_rate=0.01)
    >>> losses.train.round(4).tolist(), losses.test.round(4).tolist()
    ([1.0, 0.0, 0.0], [1.0, 0.5, 0.5])

    Reference: Levi et al. (2023), equation 8 (gradient flow).
    """
    _check(ratio, learning_rate, discrete)
    check_range("times", times, low=0)
    check_range("initial_loss", initial_loss, low=0, open_low=True)
    times = np.asarray(times, np.float64)
    flat = np.atleast_1d(times).reshape(-1)
    eigenvalues, weights = marchenko_pastur_quadrature(ratio, 4.0 * learning_rate * float(flat.max(initial=0.0)))
    # log f per step: logs keep what underflows exact until the last exponential.
    decay = 2.0 * np.log1p(-2.0 * learning_rate * eigenvalues) if discrete else -4.0 * learning_rate * eigenvalues
    train, test = np.empty_like(flat), np.empty_like(flat)
    block = max(1, _BLOCK // len(eigenvalues))
    for start in range(0, len(flat), block):
        part = slice(start, start + block)
        left = np.exp(flat[part, None] * decay)
        train[part], test[part] = left @ (weights * eigenvalues), left @ weights
    test += marchenko_pastur_atom(ratio)
    return LinearLosses(initial_loss * train.reshape(times.shape), initial_loss * test.reshape(times.shape))


def linear_accuracy(loss: np.ndarray, *, tolerance: float) -> np.ndarray:
    """Share of outputs with squared error below ``tolerance``: ``erf(sqrt(tolerance / (2 loss)))``.

    Errors are normal with variance ``loss``: exactly so on new inputs, and for large ``d`` on training inputs.

    Args:
        loss: mean squared error, any shape, not negative.
        tolerance: positive, in squared units of the output.

    Raises:
        ConfigError: an argument out of range.

    >>> linear_accuracy(np.array([0.0, 2.5e-4, 1.0]), tolerance=1e-3).round(3).tolist()
    [1.0, 0.954, 0.025]

    Reference: Levi et al. (2023), section 3 (its 95 % at ``loss = tolerance / 4`` is two standard deviations).
    """
    from scipy.special import erf

    check_range("tolerance", tolerance, low=0, open_low=True)
    check_range("loss", loss, low=0)
    with np.errstate(divide="ignore"):
        return np.asarray(erf(np.sqrt(tolerance / (2.0 * np.asarray(loss, np.float64)))))


def linear_loss_at_accuracy(accuracy: float, *, tolerance: float) -> float:
    """The loss at which accuracy is at a level: the inverse of :func:`linear_accuracy`.

    At 95 % it is ``tolerance / 3.84``; Levi et al. round to ``tolerance / 4``.

    Raises:
        ConfigError: an argument out of range.

    >>> round(1e-3 / linear_loss_at_accuracy(0.95, tolerance=1e-3), 2)
    3.84
    """
    from scipy.special import erfinv

    check_range("tolerance", tolerance, low=0, open_low=True)
    check_range("accuracy", accuracy, low=0, high=1, open_low=True, open_high=True)
    return tolerance / (2.0 * float(erfinv(accuracy)) ** 2)


def linear_time_to_accuracy(
    ratio: float,
    *,
    learning_rate: float,
    tolerance: float,
    accuracy: float = 0.95,
    initial_loss: float = 1.0,
    discrete: bool = True,
) -> LinearTimes:
    """Steps after which training and test accuracy reach ``accuracy``; their difference is the grokking delay.

    The times at which the losses of :func:`linear_losses` fall to :func:`linear_loss_at_accuracy`, by bisection. The
    test time is infinite where ``1 - 1 / ratio`` keeps the loss above that.

    Raises:
        ConfigError: an argument out of range.

    >>> times = linear_time_to_accuracy(0.5, learning_rate=0.01, tolerance=1e-3)
    >>> round(times.train), round(times.test)
    (717, 1146)
    >>> linear_time_to_accuracy(2.0, learning_rate=0.01, tolerance=1e-3).test
    inf
    """
    check_range("initial_loss", initial_loss, low=0, open_low=True)
    wanted = linear_loss_at_accuracy(accuracy, tolerance=tolerance)

    def crossing(index: int) -> float:
        def above(time: float) -> bool:
            losses = linear_losses(
                np.array(time), ratio, learning_rate=learning_rate, initial_loss=initial_loss, discrete=discrete
            )
            return bool(losses[index] > wanted)

        if not above(0.0):
            return 0.0
        if index == 1 and initial_loss * marchenko_pastur_atom(ratio) >= wanted:
            return math.inf
        low, high = 0.0, 1.0 / learning_rate
        while above(high):
            low, high = high, 2.0 * high
        while high - low > 1e-9 * high:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if above(middle) else (low, middle)
        return high

    return LinearTimes(crossing(0), crossing(1))


def linear_grokking_delay(
    ratio: float, *, learning_rate: float, tolerance: float, accuracy: float = 0.95, discrete: bool = True
) -> float:
    """Steps between 95 % training and 95 % test accuracy, from the exact integrals; ``inf`` above ratio 1.

    Raises:
        ConfigError: an argument out of range.

    >>> round(linear_grokking_delay(0.5, learning_rate=0.01, tolerance=1e-3))
    430
    """
    times = linear_time_to_accuracy(
        ratio, learning_rate=learning_rate, tolerance=tolerance, accuracy=accuracy, discrete=discrete
    )
    return times.test - times.train


def linear_grokking_delay_limit(ratio: float, *, learning_rate: float) -> float:
    """The delay as the tolerance tends to 0: ``log(1 / (1 - sqrt(ratio))) / (2 learning_rate (1 - sqrt(ratio))^2)``.

    Only the smallest eigenvalue ``(1 - sqrt(ratio))^2`` is then left. **Do not use it for a finite tolerance**: the
    corrections fall as one over the logarithm of the tolerance. At ratio 0.5, learning rate 0.01 and tolerance 1e-3 it
    gives 716 steps; the integrals, and runs, some 430.

    Raises:
        ConfigError: an argument out of range; ``ratio`` must be below 1, since above it there is no delay to speak of.

    >>> round(linear_grokking_delay_limit(0.5, learning_rate=0.01))
    716

    Reference: Levi et al. (2023), equation 12.
    """
    check_range("ratio", ratio, low=0, high=1, open_low=True, open_high=True)
    check_range("learning_rate", learning_rate, low=0, open_low=True)
    gap = 1.0 - math.sqrt(ratio)
    return -math.log(gap) / (2.0 * learning_rate * gap**2)


def _check(ratio: float, learning_rate: float, discrete: bool) -> None:
    check_range("ratio", ratio, low=0, open_low=True)
    check_range("learning_rate", learning_rate, low=0, open_low=True)
    _, largest = marchenko_pastur_edges(ratio)
    if discrete and learning_rate * largest >= 1.0:
        raise ConfigError(
            f"learning_rate = {learning_rate} must be below 1 / {largest:.4g}, one over the largest eigenvalue at "
            f"ratio {ratio}, or descent diverges. Lower it, or ask for gradient flow (discrete=False)."
        )
