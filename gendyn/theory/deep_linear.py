"""Deep linear networks: how each singular mode is learned, and the effective rank of products of Gaussian matrices.

With whitened inputs, ``|map - W_N ... W_1|^2 / 2`` as loss and balanced factors aligned with the singular vectors of
``map``, the singular values of the product evolve by themselves. ``time`` is learning rate times steps, of gradient
flow; gradient descent differs by first order in the learning rate. All results are float64.

Reference: Saxe, McClelland & Ganguli (2014), arXiv:1312.6120; Arora, Cohen, Hu & Luo (2019), arXiv:1905.13655.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from gendyn.core import ConfigError, check_positive_int, check_range

_TOLERANCE = 1e-11


def deep_linear_trajectory(times: ArrayLike, target: ArrayLike, *, depth: int, initial: ArrayLike) -> np.ndarray:
    """Singular value ``u(t)`` of the product: ``du/dt = depth u^(2 - 2 / depth) (target - u)``.

    ``depth = 1``: ``s + (u_0 - s) exp(-t)``. ``depth = 2``: the sigmoid ``s e^(2 s t) / (e^(2 s t) - 1 + s / u_0)``, so
    that large modes are learned first. Deeper: integrated numerically, to a relative 1e-6 of ``u``. From depth 2 on, 0
    is a fixed point.

    Args:
        times: not negative, ``[times]`` or a number, in any order.
        target: ``s``, singular values of the map, not negative, any shape.
        depth: ``N``, the number of factors.
        initial: ``u_0``, not negative, broadcast against ``target``; each factor has ``u_0^(1 / N)``.

    Returns:
        ``[times, ...]``, or the shape of ``target`` for a number.

    Raises:
        ConfigError: an argument out of range.

    >>> deep_linear_trajectory([0.0, 1.0, 2.0], 3.0, depth=2, initial=0.01).round(4).tolist()
    [0.01, 1.723, 2.9945]
    >>> deep_linear_trajectory([0.0, 1.0, 2.0], 3.0, depth=3, initial=0.01).round(4).tolist()
    [0.01, 0.2059, 2.9992]

    Reference: Saxe et al. (2014), the sigmoid of a single mode; Arora et al. (2019), evolution of singular values.
    """
    check_positive_int("depth", depth)
    check_range("times", times, low=0)
    check_range("target", target, low=0)
    check_range("initial", initial, low=0)
    at = np.asarray(times, np.float64)
    if at.ndim > 1:
        raise ConfigError(f"times of shape {at.shape} must be a number or a vector.")
    s, start = np.broadcast_arrays(np.asarray(target, np.float64), np.asarray(initial, np.float64))
    t = at.reshape(at.shape + (1,) * s.ndim)
    if depth == 1:
        return s + (start - s) * np.exp(-t)
    if depth == 2:
        rate = np.where(s > 0, s, 1.0)
        grown = np.where(s > 0, -np.expm1(-2.0 * rate * t) / rate, 2.0 * t)
        left = np.exp(-2.0 * s * t)
        return np.where(start > 0, start / np.where(start > 0, left + start * grown, 1.0), 0.0)
    return _integrate(np.atleast_1d(at), s.ravel(), start.ravel(), depth).reshape(at.shape + s.shape)


def deep_linear_time(level: float, target: float, *, depth: int, initial: float) -> float:
    """Time at which :func:`deep_linear_trajectory` passes ``level``, by quadrature of ``dt = du / (du / dt)``.

    At ``depth = 2`` and half the target it is ``log(target / initial - 1) / (2 target)``; for small ``initial`` and
    depth ``N > 2`` about ``1 / ((N - 2) target initial^(1 - 2 / N))``: a plateau that grows as a power rather than a
    logarithm.

    Args:
        level: between ``initial`` and ``target``, below ``target``.
        target: ``s``, positive.
        depth: ``N``.
        initial: ``u_0``, positive.

    Raises:
        ConfigError: an argument out of range.

    >>> round(deep_linear_time(1.5, 3.0, depth=2, initial=0.001), 9), round(math.log(2999) / 6, 9)
    (1.33433903, 1.33433903)
    """
    from scipy.integrate import quad

    check_positive_int("depth", depth)
    check_range("target", target, low=0, open_low=True)
    check_range("initial", initial, low=0, high=target, open_low=True, open_high=True)
    check_range("level", level, low=initial, high=target, open_high=True)
    power = 2.0 / depth - 1.0

    def slowness(log: float) -> float:
        u = math.exp(log)
        return u**power / (depth * (target - u))

    # In the logarithm of u the plateau near 0 is smooth; in that of target - u so is the approach to the target.
    middle = min(level, target / 2.0)
    time = 0.0
    if initial < middle:
        time += quad(slowness, math.log(initial), math.log(middle), epsabs=0.0, epsrel=1e-11, limit=500)[0]
    begin = max(initial, middle)
    if begin < level:
        time += quad(
            lambda log: (target - math.exp(log)) ** (power - 1.0) / depth,
            math.log(target - level),
            math.log(target - begin),
            epsabs=0.0,
            epsrel=1e-11,
            limit=500,
        )[0]
    return time


def gaussian_product_effective_rank(num_factors: int) -> float:
    """Effective rank over size of a product of ``L`` large square matrices of iid Gaussian entries.

    The effective rank is ``exp(entropy)`` of the singular values ``sigma`` normalised to sum 1 (Roy & Vetterli 2007),
    so over the size it is ``m exp(-E[sigma log sigma] / m)``, ``m = E sigma``. Squared singular values follow the
    Fuss-Catalan law, ``E sigma^(2 s) = Gamma((L + 1) s + 1) / (Gamma(s + 1) Gamma(L s + 2))``, at ``s = 1 / 2`` with
    its derivative. ``L = 1``: ``2 exp(4 / 3) / (3 pi) = 0.8050`` (quarter-circle law). Random orthogonal factors have
    1 at every ``L``: it is the initialisation that loses rank, not depth as such.

    Args:
        num_factors: ``L``.

    Raises:
        ConfigError: fewer than one factor.

    >>> [round(gaussian_product_effective_rank(n), 4) for n in (1, 2, 4)]
    [0.805, 0.6694, 0.4979]

    Reference: Roy & Vetterli (2007), EUSIPCO; Penson & Zyczkowski (2011), arXiv:1103.3453 (the law).
    """
    from scipy.special import digamma, gammaln

    check_positive_int("num_factors", num_factors)
    factors = num_factors
    log_mean = gammaln((factors + 3) / 2) - gammaln(1.5) - gammaln(factors / 2 + 2)
    slope = (factors + 1) * digamma((factors + 3) / 2) - digamma(1.5) - factors * digamma(factors / 2 + 2)
    return float(np.exp(log_mean - slope / 2))


def gaussian_product_stable_rank(num_factors: int) -> float:
    """``|A|_F^2 / |A|_2^2`` over size of a product of ``L`` large Gaussian square matrices: ``L^L / (L + 1)^(L + 1)``.

    Raises:
        ConfigError: fewer than one factor.

    >>> gaussian_product_stable_rank(1)
    0.25

    Reference: the upper edge of the Fuss-Catalan law, Penson & Zyczkowski (2011), arXiv:1103.3453.
    """
    check_positive_int("num_factors", num_factors)
    return math.exp(num_factors * math.log(num_factors) - (num_factors + 1) * math.log(num_factors + 1))


def _integrate(times: np.ndarray, target: np.ndarray, initial: np.ndarray, depth: int) -> np.ndarray:
    """``[times, modes]`` by an ODE solver, one mode at a time: the steps follow the mode that moves.

    Solved for ``b = u^(2 / depth - 1)``, ``db/dt = -(depth - 2) (target - b^(-depth / (depth - 2)))``: on the long
    plateau of a small start, where ``u`` takes off the later the less it has grown, ``b`` is a straight line.
    """
    from scipy.integrate import solve_ivp

    order = np.argsort(times, kind="stable")
    power = depth / (depth - 2)
    result = np.empty((len(times), len(target)))
    for mode, (s, start) in enumerate(zip(target, initial, strict=True)):

        def slope(_: float, b: np.ndarray, s: float = s) -> np.ndarray:
            return -(depth - 2) * (s - b**-power)

        end = float(times.max(initial=0.0))
        if start == 0.0 or end == 0.0:
            result[:, mode] = start
            continue
        first = float(start) ** (-1.0 / power)
        smallest = min(first, s ** (-1.0 / power)) if s > 0 else first
        # A stiff solver: once a mode is learned, an explicit one would be held to steps of 1 / (depth target).
        tolerances = {"rtol": _TOLERANCE, "atol": _TOLERANCE * smallest}
        solved = solve_ivp(slope, (0.0, end), [first], method="LSODA", t_eval=times[order], **tolerances)
        result[order, mode] = solved.y[0] ** -power
    return result
