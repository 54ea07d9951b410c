"""The recursion of kernels of infinitely wide networks over their layers."""

import jax
import jax.numpy as jnp

from gendyn.regression._gp_distance import root
from gendyn.types import Array, ArrayLike


@jax.custom_jvp
def kappa_0(cosine: Array) -> Array:
    """``(pi - arccos u) / pi``."""
    return 1.0 - jnp.arccos(jnp.clip(cosine, -1.0, 1.0)) / jnp.pi


@kappa_0.defjvp
def _kappa_0_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    # The slope is infinite at |u| = 1, where a point meets itself and u does not move: 0 there, not 0 * inf.
    (cosine,), (moving,) = primals, tangents
    gap = 1.0 - cosine**2
    inside = gap > 0
    slope = jnp.where(inside, 1.0 / (jnp.pi * jnp.sqrt(jnp.where(inside, gap, 1.0))), 0.0)
    return kappa_0(cosine), slope * moving


@jax.custom_jvp
def kappa_1(cosine: Array) -> Array:
    """``(sqrt(1 - u^2) + u (pi - arccos u)) / pi``, whose derivative is ``kappa_0``."""
    inside = jnp.clip(cosine, -1.0, 1.0)
    return jnp.sqrt((1.0 - inside) * (1.0 + inside)) / jnp.pi + inside * kappa_0(inside)


@kappa_1.defjvp
def _kappa_1_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (cosine,), (moving,) = primals, tangents
    return kappa_1(cosine), kappa_0(cosine) * moving


def arc_cosine_kernel(x: Array, x2: Array | None, bias: ArrayLike, *, order: int, depth: int, tangent: bool) -> Array:
    """``S_depth`` (or the tangent kernel ``T_depth``) of :mod:`gendyn.regression.covariances`, ``[n, m]``.

    The cosine of a point with itself is set to exactly 1 where ``x2`` is ``None``: the arccos near 1 keeps half the
    digits of its argument, and the diagonal would not be the variance.
    """
    other = x if x2 is None else x2
    dimension = x.shape[1]
    bias = jnp.asarray(bias, x.dtype)
    between = x @ other.T / dimension + bias
    left = jnp.sum(x**2, axis=1) / dimension + bias
    right = jnp.sum(other**2, axis=1) / dimension + bias
    result = between
    for _ in range(depth):
        norms = root(left[:, None] * right[None])
        zero = norms == 0
        cosine = jnp.where(zero, 0.0, between / jnp.where(zero, 1.0, norms))
        if x2 is None:
            same = jnp.eye(x.shape[0], dtype=bool) & ~zero & jnp.isfinite(norms)
            cosine = jnp.where(same, 1.0, cosine)
        if order == 0:
            between = jnp.where(zero, 0.0, kappa_0(cosine)) + bias
            left, right = (jnp.sign(side) + bias for side in (left, right))
        else:
            between = norms * kappa_1(cosine) + bias
            left, right = left + bias, right + bias
        result = between + result * kappa_0(cosine) if tangent else between
    return result
