"""Effective dimension of the training loss's curvature, by the whole spectrum and by the Ritz values alone."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from gendyn import linalg
from gendyn.core import ConfigError, check_choice, check_positive_int, check_range, eigvalsh
from gendyn.measure.ranks.effective_dimension import (
    effective_dimension,
    effective_dimension_from_quadrature,
    effective_dimension_from_ritz,
)
from gendyn.probes._curvature_of_run import CURVATURES, curvature_of_run
from gendyn.types import Array, Probe, ProbeData, ProbeExample, PyTree


def hessian_effective_dimension(
    *,
    curvature: str = "hessian",
    alphas: Sequence[float] = (0.1,),
    num_probes: int = 4,
    num_steps: int = 100,
    dense_limit: int = 0,
    batch_size: int | None = None,
    memory_limit: float | None = None,
) -> Probe:
    """Estimates ``N_eff(α) = Σ_j λ⁺_j / (λ⁺_j + α)`` of the Hessian of the *mean* training loss, two ways.

    With ``λ⁺ = max(λ, 0)``: negative eigenvalues, for which the sum has a pole, count as 0. ``quadrature`` is the sum
    over all ``p`` real parameters, by stochastic Lanczos quadrature. ``ritz`` is the sum over the ``num_steps`` Ritz
    values of the first of those same Lanczos runs: a lower bound that cannot exceed ``ceiling``, offered because curves
    have been published by it. ``dense`` is exact, for small networks only.

    Choose ``α`` far above ``ε λ_max``, ``ε`` the machine epsilon (1.2e-7 in float32): eigenvalues that are zero come
    out as rounding of about that size, and ``p`` of them count ``p ε λ_max / α``. And not too small for
    ``num_steps``: the quadrature's own error, which its standard error does not know, is of order
    ``exp(-4 num_steps sqrt(α / λ_max))``.

    Cost: ``num_probes * num_steps`` products over the pool, every ``α`` from the same; ``dense`` takes ``D`` products,
    ``D²`` numbers and ``O(D³)`` operations more.

    Args:
      curvature: ``"hessian"`` or ``"ggn"`` (Gauss-Newton, positive semidefinite for a convex loss).
      alphas: one or more, positive, in units of the eigenvalues of the mean loss's curvature.
      num_probes: random start vectors, at least 2.
      num_steps: Lanczos steps ``m`` for each; beyond the dimension the rest is zero, and counts zero.
      dense_limit: all eigenvalues are found where the parameter arrays, padding included, hold no more numbers than
        this; elsewhere, and with 0 everywhere, ``dense`` is NaN.
      batch_size: examples at a time; ``None``: all at once, linearised once.
      memory_limit: bytes that one network's products and Lanczos vectors may take; ``None``: what is free when the
        probe is traced. A sweep that trains ``R`` networks side by side needs ``R`` times as much.

    Returns:
      A probe of float32 arrays: ``quadrature``, ``quadrature_standard_error``, ``ritz``, ``dense`` and ``alpha``, each
      ``[A]``; ``ceiling = min(m, p)``, ``dimension = p``, and the extreme Ritz values ``largest``, ``smallest``.

    Raises:
      ConfigError: an unknown curvature; no ``alphas``; counts or ``alphas`` out of range; when traced,
        needs beyond the limit.

    >>> from gendyn.optim import squared_error
    >>> x, y = jnp.array([[1.0, 0.0], [0.0, 2.0]]), jnp.zeros((2, 1))
    >>> data = ProbeData(x, y, jnp.int32(2), x, y, squared_error)
    >>> probe = hessian_effective_dimension(alphas=(1.0,), num_probes=2, num_steps=2, dense_limit=2)
    >>> values = probe.fn(jax.random.key(0), lambda w, x: x @ w, jnp.ones((2, 1)), data)
    >>> [round(float(values[name][0]), 3) for name in ("quadrature", "ritz", "dense")]  # 1 / 2 + 4 / 5
    [1.3, 1.3, 1.3]

    Reference: Maddox, Benton & Wilson, "Rethinking Parameter Counting", 2020, eq. 2; Ubaru, Chen & Saad (2017).
    """
    check_choice("curvature", curvature, tuple(CURVATURES))
    check_positive_int("num_probes", num_probes, low=2)
    check_positive_int("num_steps", num_steps)
    check_positive_int("dense_limit", dense_limit, low=0)
    if isinstance(alphas, (int, float)) or len(alphas) == 0:
        raise ConfigError(f"alphas = {alphas!r} must be a sequence of at least one number, such as (0.1,).")
    for alpha in alphas:
        check_range("alphas", alpha, low=0.0, open_low=True)

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        size = sum(leaf.size for leaf in jax.tree.leaves(params))
        matvec = curvature_of_run(
            curvature,
            apply,
            params,
            data,
            # All columns and their symmetric part, where eigenvalues are found densely.
            num_vectors=max(num_steps, 2 * size if size <= dense_limit else 0),
            batch_size=batch_size,
            memory_limit=memory_limit,
        )
        found = linalg.spectral_density(
            matvec,
            params,
            key=key,
            num_probes=num_probes,
            num_steps=num_steps,
            mask=data.mask,
            memory_limit=memory_limit,
        )
        whole = [
            effective_dimension_from_quadrature(found.nodes, found.weights, found.dimension, alpha) for alpha in alphas
        ]
        real = found.weights > 0  # unused nodes are 0, which is no eigenvalue
        flat, unravel = ravel_pytree(params)
        if size <= dense_limit:
            eigenvalues = _eigenvalues(lambda v: ravel_pytree(matvec(unravel(v)))[0], flat)
            dense = [effective_dimension(eigenvalues, alpha) for alpha in alphas]
        else:
            dense = [jnp.full((), jnp.nan, found.nodes.dtype) for _ in alphas]
        return {
            "quadrature": jnp.stack([estimate.value for estimate in whole]),
            "quadrature_standard_error": jnp.stack([estimate.standard_error for estimate in whole]),
            "ritz": jnp.stack([effective_dimension_from_ritz(found.nodes[0], alpha).value for alpha in alphas]),
            "dense": jnp.stack(dense),
            "alpha": jnp.asarray(alphas, found.nodes.dtype),
            "ceiling": jnp.minimum(num_steps, found.dimension),
            "dimension": found.dimension,
            "largest": jnp.max(jnp.where(real, found.nodes, -jnp.inf)),
            "smallest": jnp.min(jnp.where(real, found.nodes, jnp.inf)),
        }

    return Probe("hessian_effective_dimension", measure)


def _eigenvalues(operator: Callable[[Array], Array], like: Array) -> Array:
    """All of them; padded coordinates add zeros, which count nothing."""
    # 64 columns at once: products of single vectors leave the arithmetic units idle, all of them need D times the
    # memory of one.
    columns = jax.lax.map(operator, jnp.eye(like.size, dtype=like.dtype), batch_size=64)
    return eigvalsh((columns + columns.T) / 2)


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={"alphas": (0.01, 0.1), "num_probes": 2, "num_steps": 12, "dense_limit": 64})
