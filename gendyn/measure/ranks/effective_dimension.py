"""How many directions a spectrum has beyond a scale ``alpha``: ``N_eff = sum of l / (l + alpha)``.

A sum over the ``m`` Ritz values of a Lanczos run can never exceed ``m``, whatever the network: it is offered under its
own name. Every estimate carries ``alpha``, the number of coordinates, the method and its ceiling.
"""

from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_choice, check_key, check_positive_int, check_range
from gendyn.linalg import make_space, standard_error
from gendyn.types import Array, ArrayLike, PyTree

NEGATIVE = ("clip", "keep")


@flax.struct.dataclass
class EffectiveDimension:
    """An effective dimension with what it means. A pytree: the words are static, so it passes ``jit`` and ``vmap``."""

    value: Array
    """``N_eff``, ``[]``."""
    standard_error: Array
    """Of ``value``, over probes; 0 for an exact one, NaN for a single probe (unknown, not small)."""
    alpha: Array
    """In the units of the matrix's eigenvalues: with a mean loss, of the mean loss's Hessian."""
    dimension: Array
    """Coordinates of the matrix that are real: padding and filtered parameters do not count."""
    upper_limit: Array
    """What this method can reach at most, whatever the matrix."""
    method: str = flax.struct.field(pytree_node=False)
    """How it was found, such as ``"lanczos quadrature, 10 probes of 64 nodes"``."""
    scaling: str = flax.struct.field(pytree_node=False, default="as given")
    """What the caller says of the matrix's scale: ``"mean over examples"``, ``"sum over examples"``, ..."""
    parameters: str = flax.struct.field(pytree_node=False, default="all")
    """What the caller says of the coordinates: ``"all"``, ``"no biases"``, ``"readout"``, ..."""


def effective_dimension(eigenvalues: ArrayLike, alpha: ArrayLike, *, negative: str = "clip") -> Array:
    """``N_eff = sum over all eigenvalues of l / (l + alpha)``. Exact, given all of them.

    Between 0 and the number of positive eigenvalues: those far above ``alpha`` count 1, those far below ``l / alpha``.

    Args:
        eigenvalues: real ``[..., k]``: every eigenvalue of the matrix (zeros may be left out, they add nothing). For a
            part of them see :func:`effective_dimension_from_ritz`.
        alpha: regularisation, positive, in units of the eigenvalues; broadcasts against ``[...]``; may be traced.
        negative: ``"clip"`` counts an eigenvalue below 0 as 0, as for a positive semidefinite matrix with rounding;
            ``"keep"`` takes the formula as it stands, which has a pole at ``l = -alpha`` and bounds nothing.

    Returns:
        ``[...]``, in the dtype of ``eigenvalues``, at least float32.

    Raises:
        ConfigError: ``alpha`` not positive, complex or no eigenvalues, or an unknown ``negative``.

    >>> float(effective_dimension(jnp.array([9.0, 1.0, 0.0, -1e-8]), 1.0)).__round__(6)
    1.4

    Reference: Maddox, Benton & Wilson (2020), arXiv:2003.02139, eq. 2; MacKay (1992).
    """
    _check(alpha, negative)
    values = _real(eigenvalues, "eigenvalues")
    return jnp.sum(_share(values, jnp.asarray(alpha, values.dtype)[..., None], negative), axis=-1)


def effective_dimension_from_ritz(ritz_values: ArrayLike, alpha: ArrayLike, **meaning: str) -> EffectiveDimension:
    """The naive ``sum over m Ritz values of l / (l + alpha)``: a lower bound, and never above ``m``.

    By interlacing the i-th largest Ritz value is at most the i-th largest eigenvalue. Published curves of effective
    dimension used it with ``m = 100``. It is right only where at most ``m`` eigenvalues matter; compare
    :func:`effective_dimension_from_quadrature`, which uses the same Lanczos runs.

    Args:
        ritz_values: ``[m]`` of one Lanczos run.
        alpha: regularisation, positive; may be traced.
        **meaning: ``scaling`` and ``parameters``, kept in the result.

    Returns:
        With ``upper_limit = m`` and ``dimension = m``; the standard error is NaN, for the error is a bias.

    Raises:
        ConfigError: ``alpha`` not positive, or no or complex values.

    >>> found = effective_dimension_from_ritz(jnp.full(100, 1e6), 1.0)
    >>> float(found.value).__round__(3), float(found.upper_limit)
    (100.0, 100.0)
    """
    values = _real(ritz_values, "ritz_values")
    if values.ndim != 1:
        raise ConfigError(f"ritz_values has shape {values.shape}; it must be [m], of one run; use jax.vmap for more.")
    count = jnp.asarray(values.shape[0], values.dtype)
    method = f"sum over {values.shape[0]} Ritz values"
    value = effective_dimension(values, alpha)
    return EffectiveDimension(
        value, jnp.full_like(value, jnp.nan), jnp.asarray(alpha, values.dtype), count, count, method, **meaning
    )


def effective_dimension_from_quadrature(
    nodes: ArrayLike, weights: ArrayLike, dimension: ArrayLike, alpha: ArrayLike, **meaning: str
) -> EffectiveDimension:
    """Estimate ``D * mean over probes of (sum of w l / (l + alpha))`` from Lanczos quadrature, with standard error.

    Each probe's ``m``-point Gauss rule is unbiased up to a quadrature error that falls geometrically in ``m``, at rate
    ``exp(-4 m sqrt(alpha / max l))`` for ``alpha`` well below ``max l``; the standard error knows the probes' scatter
    only. Nodes below 0 count as 0.

    Args:
        nodes: Ritz values ``[p, m]`` of ``p`` probes.
        weights: ``[p, m]``, non-negative, each row summing to 1 (padding after a breakdown has weight 0).
        dimension: ``D``, real coordinates of the matrix; may be traced.
        alpha: regularisation, positive, in units of the nodes; may be traced.
        **meaning: ``scaling`` and ``parameters``, kept in the result.

    Returns:
        With ``upper_limit = dimension``.

    Raises:
        ConfigError: ``alpha`` not positive, or shapes that are not two equal ``[p, m]``.

    >>> found = effective_dimension_from_quadrature([[9.0, 0.0], [9.0, 0.0]], [[0.1, 0.9], [0.3, 0.7]], 10, 1.0)
    >>> float(found.value).__round__(4), float(found.standard_error).__round__(4), found.method
    (1.8, 1.5588, 'Lanczos quadrature, 2 probes of 2 nodes')

    Reference: Ubaru, Chen & Saad (2017), Fast estimation of tr(f(A)) via stochastic Lanczos quadrature, theorem 4.2.
    """
    _check(alpha, "clip")
    points = _real(nodes, "nodes")
    shares = jnp.asarray(weights, points.dtype)
    if points.ndim != 2 or points.shape != shares.shape:
        raise ConfigError(
            f"nodes has shape {points.shape} and weights {shares.shape}; both must be [probes, nodes]. "
            "Add a leading axis to those of one probe."
        )
    size, scale = jnp.asarray(dimension, points.dtype), jnp.asarray(alpha, points.dtype)
    # where: the padding of a broken-down run may hold anything. Not "> 0": a weight of NaN is no padding.
    padding = shares == 0
    terms = jnp.where(padding, 0.0, shares * _share(jnp.where(padding, 0.0, points), scale, "clip"))
    terms = jnp.where(jnp.isfinite(shares), terms, jnp.nan)
    samples = size * jnp.sum(terms, axis=1)
    method = f"Lanczos quadrature, {points.shape[0]} probes of {points.shape[1]} nodes"
    return EffectiveDimension(jnp.mean(samples), _standard_error(samples), scale, size, size, method, **meaning)


def effective_dimension_hutchinson(
    matvec: Callable[[PyTree], PyTree],
    like: PyTree,
    alpha: ArrayLike,
    *,
    key: Array,
    num_probes: int = 16,
    tol: float = 1e-4,
    max_steps: int = 1000,
    mask: PyTree | None = None,
    **meaning: str,
) -> EffectiveDimension:
    """Estimate ``mean over probes of v^T A (A + alpha)^(-1) v`` by conjugate gradients, with standard error.

    Probes have entries -1 and +1, so a diagonal ``A`` has no scatter. ``A`` must be positive semidefinite (a GGN, a
    Fisher matrix, a tangent kernel). With eigenvalues below ``-alpha`` the sum has no meaning and conjugate gradients
    no guarantee: a probe that leaves ``[0, D]`` gives NaN, but look at the smallest eigenvalue first.

    With the residual ``r = v - (A + alpha) x`` a probe's value is ``(v + r)^T A x``, whose error is at most ``|r|^2``:
    a solve to ``tol`` gives ``tol^2 D``. A probe where that exceeds ``1e-3`` of the value gives NaN: not converged
    within ``max_steps``, or ``max l / alpha`` near the inverse of the precision.

    Cost: about ``sqrt(max l / alpha) * log(1 / tol)`` matvecs a probe, one probe after another (memory of one). With
    ``alpha`` far below ``max l`` Lanczos quadrature needs about as many and gives every ``alpha`` at once.

    Args:
        matvec: ``A``, pytree to pytree, linear, symmetric and positive semidefinite.
        like: a pytree of float arrays or ``ShapeDtypeStruct``, what ``A`` acts on.
        alpha: regularisation, positive, in units of ``A``'s eigenvalues; may be traced.
        key: of the probes; a tree padded at the end of its axes gets the same ones on its real coordinates.
        num_probes: at least 1; the standard error needs 2.
        tol: where conjugate gradients stop: of the residual, relative to the probe's length.
        max_steps: of conjugate gradients a probe.
        mask: pytree of 0/1 or bool that broadcasts to ``like``: ``P A P`` on the coordinates where it is 1.
        **meaning: ``scaling`` and ``parameters``, kept in the result.

    Returns:
        With ``upper_limit = dimension``, the coordinates that the mask keeps. Precision of ``like``.

    Raises:
        ConfigError: ``alpha`` or ``tol`` not positive, a count below 1, ``like`` empty, complex or of integers, or a
            mask or matvec that does not fit it.

    >>> found = effective_dimension_hutchinson(
    ...     lambda v: jnp.array([9.0, 1.0, 0.0]) * v, jnp.zeros(3), 1.0, key=jax.random.key(0)
    ... )
    >>> float(found.value).__round__(4), float(found.standard_error).__round__(4)
    (1.4, 0.0)

    Reference: Hutchinson (1990); Maddox, Benton & Wilson (2020), eq. 2.
    """
    check_key("key", key)
    _check(alpha, "clip")
    check_positive_int("num_probes", num_probes)
    check_positive_int("max_steps", max_steps)
    check_range("tol", tol, low=0, open_low=True)
    space, operator = make_space(matvec, like, mask)
    scale = jnp.asarray(alpha, space.dtype)

    def sample(probe_key: Array) -> Array:
        probe = space.rademacher(probe_key)
        solution, _ = jax.scipy.sparse.linalg.cg(
            lambda v: operator(v) + scale * v, probe, tol=tol, atol=0.0, maxiter=max_steps
        )
        image = operator(solution)
        # cg does not say whether it got there, and its own residual is a recursion, which drifts: hence the true one.
        residual = probe - image - scale * solution
        # Not D - alpha v . x, which cancels where N_eff is far below D; the residual's share cancels the first order.
        value = jnp.vdot(probe + residual, image)
        sound = (jnp.vdot(residual, residual) <= 1e-3 * value) & (value <= (1 + 1e-3) * jnp.vdot(probe, probe))
        return jnp.where(sound, value, jnp.nan)

    samples = jax.lax.map(sample, jax.random.split(key, num_probes))
    size = space.dimension
    method = f"Hutchinson, {num_probes} probes by conjugate gradients to {tol:g}"
    return EffectiveDimension(jnp.mean(samples), _standard_error(samples), scale, size, size, method, **meaning)


def _check(alpha: ArrayLike, negative: str) -> None:
    check_range("alpha", alpha, low=0, open_low=True)
    check_choice("negative", negative, NEGATIVE)


def _share(values: Array, alpha: Array, negative: str) -> Array:
    # Not -inf, which is no rounding of a 0.
    at = jnp.where(jnp.isneginf(values), jnp.nan, jnp.maximum(values, 0.0)) if negative == "clip" else values
    return at / (at + alpha)


def _standard_error(samples: Array) -> Array:
    count = samples.shape[0]
    if count == 1:
        return jnp.full_like(samples[0], jnp.nan)
    return standard_error(samples)


def _real(array: Any, name: str) -> Array:
    given = jnp.asarray(array)
    if jnp.issubdtype(given.dtype, jnp.complexfloating) or given.ndim == 0 or given.size == 0:
        raise ConfigError(
            f"{name} has shape {given.shape} and dtype {given.dtype}; it must be a real array of at least one value. "
            "Pass the eigenvalues of a symmetric matrix."
        )
    return given.astype(jnp.promote_types(given.dtype, jnp.float32))
