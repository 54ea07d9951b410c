"""Stochastic Lanczos quadrature: the spectral density of a symmetric operator, and traces of its functions."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import check_basis, check_key, check_positive_int, check_range
from gendyn.linalg._ritz import ritz
from gendyn.linalg.estimate import Estimate, mean_estimate, standard_error
from gendyn.linalg.lanczos import flat_lanczos
from gendyn.linalg.space import Matvec, make_space
from gendyn.types import Array, ArrayLike, PyTree


class SpectralDensity(NamedTuple):
    """``phi(t) = 1/p sum_j delta(t - lambda_j)``, as a quadrature rule for each probe (``P`` probes of ``m`` nodes)."""

    nodes: Array
    """Ritz values ``[P, m]``, ascending; 0 with weight 0 beyond a probe's rank."""
    weights: Array
    """``[P, m]``, each row of sum 1."""
    dimension: Array
    """``p``, the number of real coordinates, a scalar."""
    trace: Estimate
    """Of ``A``: the sum of its eigenvalues."""
    second_moment: Estimate
    """Of ``A^2``: the sum of their squares."""

    def density(self, grid: ArrayLike, sigma: ArrayLike) -> Array:
        """``phi`` smoothed by a Gaussian, on ``grid [G]``: ``1/P sum_{k,i} w_ki N(t; theta_ki, sigma^2)``.

        Integrates to 1; its unit is one over that of the eigenvalues.
        """
        return jnp.mean(self._densities(grid, sigma), axis=0)

    def density_standard_error(self, grid: ArrayLike, sigma: ArrayLike) -> Array:
        """Standard error of :meth:`density` over the probes, ``[G]``."""
        return standard_error(self._densities(grid, sigma))

    def trace_of(self, function: Callable[[Array], Array]) -> Estimate:
        """``tr f(A) = sum_j f(lambda_j)``, by ``p sum_i w_i f(theta_i)`` averaged over the probes.

        The standard error is over the probes: it does not know the quadrature's own error, which is zero for
        polynomials up to degree ``2 m - 1`` and shrinks geometrically in ``m`` for functions smooth on the spectrum.
        """
        counts = self.weights > 0
        # A function may be undefined at the 0 that fills unused nodes: give it a node that counts instead.
        used = jnp.ravel(self.nodes)[jnp.argmax(jnp.ravel(self.weights))]
        values = jnp.where(counts, function(jnp.where(counts, self.nodes, used)), 0)
        return mean_estimate(self.dimension * jnp.sum(self.weights * values, axis=1), self.nodes.size)

    def _densities(self, grid: ArrayLike, sigma: ArrayLike) -> Array:
        check_range("sigma", sigma, low=0, open_low=True)
        grid = jnp.asarray(grid, self.nodes.dtype)

        def one(pair: tuple[Array, Array]) -> Array:
            nodes, weights = pair
            distance = (grid[:, None] - nodes) / sigma
            return jnp.exp(-(distance**2) / 2) @ weights / (sigma * (2 * jnp.pi) ** 0.5)

        return jax.lax.map(one, (self.nodes, self.weights))


def spectral_density(
    matvec: Matvec,
    like: PyTree,
    *,
    key: Array,
    num_probes: int,
    num_steps: int,
    mask: PyTree | None = None,
    batch_size: int = 1,
    memory_limit: float | None = None,
) -> SpectralDensity:
    """Spectral density of a symmetric operator by stochastic Lanczos quadrature.

    Each probe ``v`` of random signs on the ``p`` real coordinates gives, by ``num_steps`` Lanczos steps, the Gauss rule
    of the measure ``v^T delta(t - A) v / p``, whose mean over probes is ``phi``: nodes are the eigenvalues of the
    tridiagonal matrix, weights the squared first entries of its eigenvectors.

    Cost: ``num_probes * num_steps`` matvecs. Memory: ``batch_size`` Lanczos bases of ``num_steps * D``.
    Estimated, with standard errors over the probes, calibrated (z-scores of variance 0.7 to 1.4) from 20 probes on;
    from 8 on where no single eigenvalue dominates the sum. Jit-, vmap- and shard_map-safe.

    Args:
        matvec: symmetric linear map of trees like ``like``.
        like: a tree of floating arrays or ``jax.ShapeDtypeStruct``.
        key: random key; a tree padded at the end of its axes gets the same probes on its real coordinates.
        num_probes: probes ``P``, at least 2 (one has no standard error).
        num_steps: Lanczos steps ``m`` for each probe; no more than ``m`` eigenvalues can be told apart.
        mask: like ``like``, true at the real coordinates; the operator becomes ``P A P``.
        batch_size: probes at once. More costs memory, and gains time only where the device is idle.
        memory_limit: bytes that the bases may take; ``None``: what is free when this is called or traced.

    Raises:
        ConfigError: counts out of range, leaves that are not floating, a mask or matvec that does not fit, bases
            beyond the limit.

    >>> import jax, jax.numpy as jnp
    >>> eigenvalues = jnp.arange(1.0, 11.0)
    >>> found = spectral_density(lambda v: eigenvalues * v, eigenvalues, key=jax.random.key(0), num_probes=2,
    ...                          num_steps=10)
    >>> round(float(found.trace.value), 3), round(float(found.second_moment.value), 2)
    (55.0, 385.0)

    Reference: Ubaru, Chen & Saad, SIAM J. Matrix Anal. Appl. 38 (2017); Golub & Welsch, Math. Comp. 23 (1969).
    """
    check_key("key", key)
    check_positive_int("num_probes", num_probes, low=2)
    check_positive_int("num_steps", num_steps)
    check_positive_int("batch_size", batch_size)
    space, operator = make_space(matvec, like, mask)
    dimension = space.dimension
    together = min(batch_size, num_probes)
    check_basis(together * num_steps, space.row_bytes, memory_limit, lambda fit: _smaller(fit, together))

    def one(probe_key: Array) -> tuple[Array, Array]:
        found = flat_lanczos(operator, space.rademacher(probe_key) / jnp.sqrt(dimension), num_steps, dimension)
        nodes, vectors, real = ritz(found.tridiagonal(), found.rank)
        return nodes, jnp.where(real, vectors[0] ** 2, 0)

    nodes, weights = jax.lax.map(one, jax.random.split(key, num_probes), batch_size=_batches(batch_size))
    moments = (mean_estimate(dimension * jnp.sum(weights * nodes**power, axis=1), nodes.size) for power in (1, 2))
    return SpectralDensity(nodes, weights, dimension, *moments)


def _smaller(fit: int, together: int) -> str:
    """What to set where only ``fit`` vectors fit."""
    return f"set num_steps to at most {fit // together}" + (", or batch_size=1" if together > 1 else "")


def _batches(batch_size: int) -> int | None:
    # lax.map's own scan over single items is leaner than one over batches of one.
    return batch_size if batch_size > 1 else None
