"""Kernels of infinitely wide ReLU networks: of any depth on any inputs, and with one hidden layer on the circle.

NumPy in float64 whatever the input's dtype: near ``cosine = 1`` the angle loses half the digits of the cosine, so that
``kappa_0`` is right to 1e-8 there and in float32 would be to 2e-4.
"""

from typing import NamedTuple

import numpy as np

from gendyn.core import ConfigError, check_choice, check_positive_int

_TRAINED = ("first", "both")


class ReluKernels(NamedTuple):
    """Both kernels between unit vectors, the shape of the cosines."""

    nngp: np.ndarray
    """Covariance of the outputs of untrained networks; 1 at cosine 1."""
    ntk: np.ndarray
    """Tangent kernel with all layers trained; ``depth + 1`` at cosine 1."""


def arc_cosine_0(cosine: np.ndarray) -> np.ndarray:
    """``kappa_0(u) = (pi - arccos u) / pi = 2 P(w . x > 0 and w . y > 0)`` for Gaussian ``w``; 1 at ``u = 1``.

    Args:
        cosine: ``u``, cosine of the angle between ``x`` and ``y``, any shape; rounding beyond [-1, 1] is cut,
            infinity gives NaN.

    >>> arc_cosine_0(np.array([1.0, 0.0, -1.0])).tolist()
    [1.0, 0.5, 0.0]

    Reference: Cho & Saul (2009), eq. 3 and 5, order 0.
    """
    return 1.0 - _angle(cosine) / np.pi


def arc_cosine_1(cosine: np.ndarray) -> np.ndarray:
    """``kappa_1(u) = (sqrt(1 - u^2) + u (pi - arccos u)) / pi = 2 E[relu(w . x) relu(w . y)]``, unit vectors.

    Args:
        cosine: ``u``, cosine of the angle between ``x`` and ``y``, any shape; rounding beyond [-1, 1] is cut,
            infinity gives NaN.

    >>> arc_cosine_1(np.array([1.0, 0.0, -1.0])).round(12).tolist()
    [1.0, 0.318309886184, 0.0]

    Reference: Cho & Saul (2009), eq. 3 and 6, order 1.
    """
    angle = _angle(cosine)
    return (np.sin(angle) + np.cos(angle) * (np.pi - angle)) / np.pi


def relu_kernels(cosine: np.ndarray, *, depth: int = 1) -> ReluKernels:
    """NNGP and tangent kernel of a ReLU network without biases as functions of the cosine between two unit vectors.

    A layer at a time from ``S_0 = T_0 = u``: ``S_l = kappa_1(S_(l-1))`` and ``T_l = S_l + T_(l-1) kappa_0(S_(l-1))``.
    Layers keep lengths on average (He's gain 2), so that ``S_l`` is again a cosine; it tends to 1 with depth, whatever
    the inputs.

    Args:
        cosine: any shape; rounding beyond [-1, 1] is cut, infinity gives NaN.
        depth: hidden layers.

    Raises:
        ConfigError: no hidden layer.

    >>> [kernel.round(6).tolist() for kernel in relu_kernels(np.array([1.0, 0.0]), depth=2)]
    [[1.0, 0.493731], [3.0, 0.685709]]

    Reference: Cho & Saul (2009), section 2.3; Jacot, Gabriel & Hongler (2018), arXiv:1806.07572, theorem 1.
    """
    check_positive_int("depth", depth)
    nngp = tangent = np.cos(_angle(cosine))
    for _ in range(depth):
        gates, nngp = arc_cosine_0(nngp), arc_cosine_1(nngp)
        tangent = nngp + tangent * gates
    return ReluKernels(nngp, tangent)


def relu_nngp(x: np.ndarray, y: np.ndarray | None = None, *, depth: int = 1) -> np.ndarray:
    """Covariance of the outputs of an untrained network, ``f(x) = sqrt(2 / m) sum_r a_r relu(w_r . x / sqrt(d))`` or
    deeper.

    All weights are independent standard normal, a factor ``sqrt(2 / width)`` after each hidden layer. In the limit of
    many units, and with one hidden layer for the mean at any ``m``, it is ``|x| |y| / d * S_depth(cosine)`` of
    :func:`relu_kernels`. This is :func:`gendyn.models.mlp` with ``use_bias=False`` and ``parametrisation="ntk"``.

    Args:
        x: ``[n, d]``.
        y: ``[m, d]``; ``None``: ``x``.
        depth: hidden layers.

    Returns:
        float64 ``[n, m]``.

    Raises:
        ConfigError: inputs that are not two matrices of equally many columns, or no hidden layer.

    >>> relu_nngp(np.eye(2)).round(6).tolist()
    [[0.5, 0.159155], [0.159155, 0.5]]

    Reference: Cho & Saul (2009); Lee et al. (2018), arXiv:1711.00165.
    """
    _, norms, cosine = _products(x, y)
    return norms * relu_kernels(cosine, depth=depth).nngp


def relu_ntk(x: np.ndarray, y: np.ndarray | None = None, *, depth: int = 1) -> np.ndarray:
    """Tangent kernel of the network of :func:`relu_nngp` with all layers trained; one hidden layer: ``c_1 + S c_0``.

    There ``S = x . y / d``, ``c_0 = kappa_0`` (the first layer's part is ``S c_0``) and ``c_1 = |x| |y| kappa_1 / d``
    (the readout's part, the covariance of the outputs). Deeper: ``|x| |y| / d * T_depth(cosine)`` of
    :func:`relu_kernels`. An empirical kernel of width ``m`` differs by order ``m^(-1/2)``.

    Args:
        x: ``[n, d]``.
        y: ``[m, d]``; ``None``: ``x``.
        depth: hidden layers.

    Returns:
        float64 ``[n, m]``.

    Raises:
        ConfigError: inputs that are not two matrices of equally many columns, or no hidden layer.

    >>> relu_ntk(np.eye(2)).round(6).tolist()
    [[1.0, 0.159155], [0.159155, 1.0]]

    Reference: Jacot, Gabriel & Hongler (2018), arXiv:1806.07572, section 4.
    """
    _, norms, cosine = _products(x, y)
    return norms * relu_kernels(cosine, depth=depth).ntk


def circle_kernel(angle: np.ndarray, *, use_bias: bool, trained: str = "first") -> np.ndarray:
    """Tangent kernel of a two-layer ReLU network between two points of the unit circle.

    ``f(x) = m^(-1/2) sum_r a_r relu(w_r . x)`` with ``a_r = +-1`` and standard normal ``w_r``; with bias
    ``relu((w_r . x + b_r) / sqrt(2))`` and ``b_r = 0`` at the start. With ``u = cos(angle)`` and only the first layer
    (``w``, ``b``) trained it is ``u (pi - arccos u) / (2 pi)``, and with bias ``(u + 1) (pi - arccos u) / (4 pi)``.
    Training ``a`` too adds ``kappa_1(u) / 2``, with bias ``kappa_1(u) / 4``.

    Args:
        angle: between the points, radians, any shape.
        use_bias: whether the units have biases.
        trained: ``"first"`` or ``"both"`` layers.

    Returns:
        float64, the shape of ``angle``.

    Raises:
        ConfigError: an unknown ``trained``.

    >>> circle_kernel(np.array([0.0, np.pi / 3]), use_bias=False).round(6).tolist()
    [0.5, 0.166667]

    Reference: Basri et al. (2019), arXiv:1906.00425, section 3.
    """
    check_choice("trained", trained, _TRAINED)
    cosine = np.cos(np.asarray(angle, np.float64))
    gates = arc_cosine_0(cosine) / 2.0
    kernel = (cosine + 1.0) / 2.0 * gates if use_bias else cosine * gates
    if trained == "both":
        kernel = kernel + arc_cosine_1(cosine) / (4.0 if use_bias else 2.0)
    return kernel


def circle_coefficients(frequencies: np.ndarray, *, use_bias: bool, trained: str = "first") -> np.ndarray:
    """Fourier coefficients ``a_k`` of :func:`circle_kernel`: ``K(t) = sum of a_k exp(i k t)`` over all integers ``k``.

    =============  ================================  ==========================
    ``k``          without bias                      with bias
    =============  ================================  ==========================
    0              ``1 / pi^2``                      ``1 / (2 pi^2) + 1 / 8``
    1              ``1 / 8``                         ``1 / (2 pi^2) + 1 / 16``
    even           ``(k^2 + 1) / (pi (k^2 - 1))^2``  half of that
    odd, 3 and up  0                                 ``1 / (2 pi^2 k^2)``
    =============  ================================  ==========================

    Training both layers adds ``2 / (pi (k^2 - 1))^2`` at even ``k`` and ``1 / 8`` at ``k = 1``, halved with bias.
    On ``N`` equally spaced points gradient descent on ``sum of squared errors / (2 N)`` multiplies the residual at
    frequency ``k`` by ``1 - learning_rate * a_k`` a step, up to aliasing (``a_k + a_(N-k) + ...``).

    Args:
        frequencies: integers ``k``, any shape; ``a_(-k) = a_k``.
        use_bias: whether the units have biases.
        trained: ``"first"`` or ``"both"`` layers.

    Returns:
        float64, the shape of ``frequencies``.

    Raises:
        ConfigError: frequencies that are not integers, or an unknown ``trained``.

    >>> circle_coefficients(np.arange(5), use_bias=False).round(5).tolist()
    [0.10132, 0.125, 0.05629, 0.0, 0.00766]

    Reference: Basri et al. (2019), arXiv:1906.00425, section 3.
    """
    check_choice("trained", trained, _TRAINED)
    given = np.asarray(frequencies)
    if not np.issubdtype(given.dtype, np.integer):
        raise ConfigError(f"frequencies are {given.dtype}; they must be integers. Pass np.arange(...).")
    k = np.abs(given).astype(np.float64)
    even, one = k % 2 == 0, k == 1
    gap = np.where(even, np.pi * (k**2 - 1.0), 1.0)  # never 0 at an even frequency
    coefficients = np.where(even, (k**2 + 1.0) / gap**2, np.where(one, 1.0 / 8.0, 0.0))
    readout = np.where(even, 2.0 / gap**2, np.where(one, 1.0 / 8.0, 0.0))
    if use_bias:
        # Of (pi - arccos u) / (4 pi), what the bias adds: a triangular wave, without even frequencies.
        gates = np.where(k == 0, 1.0 / 8.0, np.where(even, 0.0, 1.0 / (2.0 * np.pi**2 * np.maximum(k, 1.0) ** 2)))
        coefficients, readout = coefficients / 2.0 + gates, readout / 2.0
    return coefficients + readout if trained == "both" else coefficients


def circle_grid_coefficients(
    frequencies: np.ndarray, num_points: int, *, use_bias: bool, trained: str = "first"
) -> np.ndarray:
    """Eigenvalues, over ``N``, of the kernel on ``N`` equally spaced points: ``sum over integers j of a_(k + j N)``.

    On the grid frequencies ``k + j N`` are one. The sum is over 2,001 of them, which leaves out 0.2 % of ``a_N``.
    Gradient descent on ``sum of squared errors / (2 N)`` multiplies the residual at frequency ``k`` by
    ``1 - learning_rate`` times this.

    Args:
        frequencies: integers ``k``, ``[K]``.
        num_points: ``N``; where it is even, odd frequencies have odd aliases alone.
        use_bias, trained: as for :func:`circle_coefficients`.

    Returns:
        float64 ``[K]``.

    Raises:
        ConfigError: as there, or no point.

    >>> circle_grid_coefficients(np.arange(4), 8, use_bias=False).round(5).tolist()
    [0.10669, 0.125, 0.0625, 0.0]
    """
    check_positive_int("num_points", num_points)
    aliases = num_points * np.arange(-1000, 1001)
    return circle_coefficients(np.add.outer(frequencies, aliases), use_bias=use_bias, trained=trained).sum(axis=-1)


def _angle(cosine: np.ndarray) -> np.ndarray:
    given = np.asarray(cosine, np.float64)
    # Rounding is cut to a cosine; infinity is no cosine.
    return np.arccos(np.where(np.isinf(given), np.nan, np.clip(given, -1.0, 1.0)))


def _products(x: np.ndarray, y: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``x . y / d``, ``|x| |y| / d`` and the cosine (0 where a vector vanishes), each ``[n, m]``."""
    left = np.asarray(x, np.float64)
    right = left if y is None else np.asarray(y, np.float64)
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[1] or left.shape[1] == 0:
        raise ConfigError(
            f"x has shape {left.shape} and y {right.shape}; both must be [examples, features] with equally many "
            "features. Flatten images first."
        )
    dimension = left.shape[1]
    inner = left @ right.T / dimension
    norms = np.linalg.norm(left, axis=1)[:, None] * np.linalg.norm(right, axis=1)[None] / dimension
    return inner, norms, np.divide(inner, norms, out=np.zeros_like(inner), where=norms > 0)
