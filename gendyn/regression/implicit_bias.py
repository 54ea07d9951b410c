"""Where gradient descent ends up among the many solutions: distances to the minimum norm and to the maximum margin."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError
from gendyn.regression._design import design_and_targets, floating, full_precision
from gendyn.regression.least_squares import least_squares
from gendyn.types import Array, ArrayLike


class MinimumNormGap(NamedTuple):
    """Of coefficients ``w`` from the minimum-norm least-squares solution ``w+``; scalars, or ``[k]`` for outputs."""

    distance: Array
    """``||w - w+|| / ||w+||``; absolute where ``w+ = 0``."""
    norm_ratio: Array
    """``||w|| / ||w+||``: above 1 for any other interpolant; ``inf`` where only ``w+ = 0``."""
    outside_row_space: Array
    """``||w - X^+ X w||``: what no gradient of the loss can have put there."""
    residual: Array
    """``||y - X w||``."""
    rank: Array
    """Of the design; -1 for a traced one that is not finite."""
    condition_number: Array
    """Of the design: gradient descent takes its square in steps, and the distance has it in digits."""


class MaxMargin(NamedTuple):
    """The hard-margin solution, NumPy float64."""

    direction: np.ndarray
    """Unit vector ``[p]``."""
    margin: float
    """``min_i y_i x_i . direction``, in units of ``x``."""
    dual: np.ndarray
    """``[n]``, not negative: ``direction / margin = sum_i dual_i y_i x_i``, positive on the support vectors alone."""
    gap: float
    """Relative duality gap of ``min ||w||^2``: how exact the margin is. Some 1e-14; worse for margins near 0."""


@full_precision
def minimum_norm_gap(x: ArrayLike, y: ArrayLike, coefficients: ArrayLike) -> MinimumNormGap:
    """How far coefficients are from the minimum-norm solution that gradient descent from 0 tends to.

    Gradient descent on squared error started in the row space of ``X`` stays there, and the only least-squares solution
    in it is ``w+ = X^+ y``. Started elsewhere it keeps the part outside, which is reported by itself.

    Cost: one SVD. Pure, vmap-safe.

    Args:
        x: design ``[n, p]``.
        y: targets ``[n]`` or ``[n, k]``.
        coefficients: ``w [p]``, or ``[p, k]``.

    Raises:
        ConfigError: no data, shapes that do not fit, entries that are not finite.

    >>> gap = minimum_norm_gap(jnp.array([[1.0, 1.0]]), jnp.array([2.0]), jnp.array([2.0, 0.0]))
    >>> round(float(gap.distance), 4), round(float(gap.residual), 4)
    (1.0, 0.0)
    """
    design, targets = design_and_targets(x, y)
    w = floating("coefficients", coefficients)
    if w.shape != design.shape[1:] + jnp.shape(y)[1:]:
        raise ConfigError(f"coefficients {w.shape} must be {design.shape[1:] + jnp.shape(y)[1:]}: [p], or [p, k].")
    w = w.astype(design.dtype).reshape(design.shape[1], -1)
    distance, ratio, outside, residual, rank, condition = _gaps(design, targets, w)
    if jnp.ndim(y) == 1:
        distance, ratio, outside, residual = distance[0], ratio[0], outside[0], residual[0]
    return MinimumNormGap(distance, ratio, outside, residual, rank, condition)


@jax.jit
def _gaps(design: Array, targets: Array, w: Array) -> MinimumNormGap:
    # One decomposition for both: the second half of the outputs is what X maps w to.
    best = least_squares(design, jnp.concatenate([targets, design @ w], axis=1))
    shortest, inside = jnp.split(best.coefficients, 2, axis=1)
    length = jnp.linalg.norm(shortest, axis=0)
    off, norm = jnp.linalg.norm(w - shortest, axis=0), jnp.linalg.norm(w, axis=0)
    # Not by length > 0, which would take a length of NaN for one of 0.
    zero = length == 0
    safe = jnp.where(zero, 1, length)
    distance = jnp.where(zero, off, off / safe)
    ratio = jnp.where(zero, jnp.where(norm == 0, 1, norm * jnp.inf), norm / safe)
    outside = jnp.linalg.norm(w - inside, axis=0)
    residual = jnp.linalg.norm(targets - design @ w, axis=0)
    return MinimumNormGap(distance, ratio, outside, residual, best.rank, best.condition_number)


def max_margin(x: ArrayLike, y: ArrayLike) -> MaxMargin:
    """The hard-margin support vector machine through the origin: ``min ||w||^2`` with all ``y_i x_i . w >= 1``.

    An active-set method (least-distance programming by non-negative least squares), exact after finitely many steps,
    then one least-squares solve on the support vectors. On the host, in float64: not for use under ``jit`` or ``vmap``.

    Cost: about ``O(p s^2)`` for each of some ``2 s`` steps, ``s`` the support vectors.

    Args:
        x: ``[n, p]``; append a column of ones for a bias (which is then part of the norm, as in gradient descent).
        y: labels ``[n]``, each -1 or 1.

    Raises:
        ConfigError: no data, shapes that do not fit, other labels, entries that are not finite, or data that no
            hyperplane through the origin separates.

    >>> found = max_margin(np.array([[2.0, 1.0], [-1.0, 0.0]]), np.array([1.0, -1.0]))
    >>> found.direction.round(6).tolist(), round(found.margin, 6)
    ([1.0, 0.0], 1.0)

    Reference: Lawson & Hanson (1974), Solving Least Squares Problems, chapter 23, algorithm LDP.
    """
    from scipy.optimize import nnls

    points, labels = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if points.ndim != 2 or 0 in points.shape or labels.shape != points.shape[:1]:
        raise ConfigError(f"x {points.shape} must be [n, p], n and p at least 1, and y {labels.shape} its n labels.")
    if not np.isfinite(points).all():
        raise ConfigError(
            f"x has {int((~np.isfinite(points)).sum())} entries that are NaN or infinite: drop those rows."
        )
    if not np.isin(labels, (-1.0, 1.0)).all():
        raise ConfigError(
            f"y has labels {np.unique(labels)[:5].tolist()}: each must be -1 or 1. Map 0 and 1 by 2 y - 1."
        )
    # In units of the longest row, or the last row of the system below would not be of its size.
    unit = float(np.linalg.norm(points, axis=1).max()) or 1.0
    signed = labels[:, None] * points / unit
    system = np.vstack([signed.T, np.ones(len(signed))])
    wanted = np.zeros(len(system))
    wanted[-1] = 1.0
    multipliers, _ = nnls(system, wanted, maxiter=30 * max(system.shape))
    rest = wanted - system @ multipliers
    # rest[-1] = ||rest||^2 = 1 / (1 + 1 / margin^2), and 0 if the hull of the signed points has the origin in it.
    support = multipliers > 0
    solution = np.linalg.lstsq(signed[support], np.ones(int(support.sum())), rcond=None)[0]
    length = np.linalg.norm(solution)
    margin = float((signed @ solution).min() / length) if length > 0 else 0.0
    if rest[-1] <= 1e-20 or margin <= 0:
        raise ConfigError(
            f"x {points.shape} is not separable by a hyperplane through the origin (margin {margin:.1e} of the longest "
            "row): there is no maximum-margin direction. Append a column of ones for a bias, or drop the points."
        )
    dual = np.zeros(len(signed))
    dual[support] = np.linalg.lstsq(signed[support].T, solution, rcond=None)[0]
    # Both bounds on 1 / margin^2: the primal's ||w||^2 at margin 1, the dual's 2 sum - ||sum dual z||^2.
    primal, lower = 1.0 / margin**2, float(2 * dual.sum() - np.sum((signed.T @ dual) ** 2))
    return MaxMargin(solution / length, margin * unit, dual / unit**2, (primal - lower) / primal)


@full_precision
def angle(first: ArrayLike, second: ArrayLike) -> Array:
    """The angle between two vectors ``[..., p]`` in radians, ``[...]``, in ``[0, pi]``; exact to ``eps`` also near 0.

    ``2 atan2(||a - b||, ||a + b||)`` of the unit vectors: ``arccos`` would lose half the digits of a small angle. A
    zero vector is at ``pi / 2`` from everything, another one included.

    Raises:
        ConfigError: shapes that do not fit, vectors without entries, entries that are not finite.

    >>> f"{angle(jnp.array([1.0, 0.0]), jnp.array([1.0, 1e-6])):.3e}"
    '1.000e-06'
    """
    a, b = floating("first", first), floating("second", second)
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-1] or not a.shape[-1]:
        raise ConfigError(f"first {a.shape} and second {b.shape} must be [..., p] with the same p, at least 1.")
    a, b = (v / jnp.where(n > 0, n, 1) for v, n in ((v, jnp.linalg.norm(v, axis=-1, keepdims=True)) for v in (a, b)))
    apart, together = jnp.linalg.norm(a - b, axis=-1), jnp.linalg.norm(a + b, axis=-1)
    return jnp.where((apart == 0) & (together == 0), jnp.pi / 2, 2 * jnp.arctan2(apart, together))
