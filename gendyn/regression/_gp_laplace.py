"""Newton's method for the mode of a logistic Gaussian process, and the evidence there with its gradient."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gendyn.regression._gp_factor import blocked_cholesky, gram_of_lower, inverse_lower, solve_lower
from gendyn.types import Array

STEP_SIZES = (1.0, 0.5, 0.25, 0.1, 0.03, 0.01)
"""Tried at once: along a Newton direction the latent values are linear in the step, so that trying costs ``n``."""


class Mode(NamedTuple):
    """Fields as in :class:`gendyn.regression.LaplacePosterior`, without its inputs."""

    mode: Array
    slopes: Array
    root_weights: Array
    lower: Array
    log_evidence: Array
    num_steps: Array
    converged: Array
    positive_definite: Array


class _State(NamedTuple):
    duals: Array
    """``K^-1 f``, ``[n]``."""
    latent: Array
    objective: Array
    gained: Array
    num_steps: Array


def _curvature(latent: Array) -> Array:
    probability = jax.nn.sigmoid(latent)
    return probability * (1.0 - probability)


def _factor(matrix: Array, root_weights: Array) -> Array:
    identity = jnp.eye(matrix.shape[0], dtype=matrix.dtype)
    return blocked_cholesky(identity + root_weights[:, None] * matrix * root_weights[None])


@partial(jax.jit, static_argnums=2)
def laplace(matrix: Array, signs: Array, max_steps: int) -> Mode:
    """Mode and evidence for labels +-1, ``[n]``; only ``log_evidence`` carries a gradient, to ``matrix``."""
    found = _evidence(max_steps, matrix, signs)
    fixed: Mode = jax.tree.map(jax.lax.stop_gradient, found)
    return fixed._replace(log_evidence=found.log_evidence)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _evidence(max_steps: int, matrix: Array, signs: Array) -> Mode:
    dtype = matrix.dtype
    tolerance = jnp.finfo(dtype).eps ** 0.75
    sizes = jnp.asarray(STEP_SIZES, dtype)

    def objective(duals: Array, latent: Array) -> Array:
        return jnp.sum(jax.nn.log_sigmoid(signs * latent)) - 0.5 * jnp.sum(duals * latent)

    def newton(state: _State) -> _State:
        weights = _curvature(state.latent)
        root_weights = jnp.sqrt(weights)
        lower = _factor(matrix, root_weights)
        wanted = weights * state.latent + signs * jax.nn.sigmoid(-signs * state.latent)
        inner = solve_lower(lower, (root_weights * (matrix @ wanted))[:, None])
        duals = wanted - root_weights * solve_lower(lower, inner, transpose=True)[:, 0]
        direction = duals - state.duals
        moved = matrix @ direction
        values = jax.vmap(lambda t: objective(state.duals + t * direction, state.latent + t * moved))(sizes)
        best = jnp.argmax(values)
        size, value = sizes[best], values[best]
        # A step that gains nothing is not taken: at the mode rounding decides, and an indefinite matrix gives NaN.
        better = value > state.objective
        size = jnp.where(better, size, 0.0)
        return _State(
            state.duals + size * jnp.where(better, direction, 0.0),
            state.latent + size * jnp.where(better, moved, 0.0),
            jnp.where(better, value, state.objective),
            jnp.where(better, value - state.objective, 0.0),
            state.num_steps + 1,
        )

    def gaining(state: _State) -> Array:
        return state.gained > tolerance * (1.0 + jnp.abs(state.objective))

    zeros = jnp.zeros_like(signs)
    start = _State(zeros, zeros, objective(zeros, zeros), jnp.asarray(jnp.inf, dtype), jnp.int32(0))
    state = jax.lax.while_loop(lambda state: (state.num_steps < max_steps) & gaining(state), newton, start)
    root_weights = jnp.sqrt(_curvature(state.latent))
    lower = _factor(matrix, root_weights)
    pivots = jnp.diagonal(lower)
    # Eigenvalues of I + W^(1/2) K W^(1/2) are at least 1, and so are the pivots, up to rounding.
    sound = jnp.all(jnp.isfinite(pivots)) & (jnp.min(pivots) > 0.99) & jnp.isfinite(state.objective)
    slopes = signs * jax.nn.sigmoid(-signs * state.latent)
    evidence = state.objective - jnp.sum(jnp.log(pivots))
    latent, slopes, root_weights, lower, evidence = (
        jnp.where(sound, field, jnp.nan) for field in (state.latent, slopes, root_weights, lower, evidence)
    )
    return Mode(latent, slopes, root_weights, lower, evidence, state.num_steps, ~gaining(state) & sound, sound)


def _forward(max_steps: int, matrix: Array, signs: Array) -> tuple[Mode, tuple[Array, Mode]]:
    found = _evidence(max_steps, matrix, signs)
    return found, (matrix, found)


def _backward(max_steps: int, kept: tuple[Array, Mode], cotangents: Mode) -> tuple[Array, None]:
    """Explicit part ``(a a^T - R) / 2`` with ``R = (K + W^-1)^-1``, and the part through the moving mode."""
    matrix, found = kept
    slopes, root_weights = found.slopes, found.root_weights
    inner = gram_of_lower(inverse_lower(found.lower))
    precision = root_weights[:, None] * inner * root_weights[None]
    variances = jnp.diagonal(matrix) - jnp.sum(matrix * (precision @ matrix), axis=0)
    third = -_curvature(found.mode) * (1.0 - 2.0 * jax.nn.sigmoid(found.mode))
    by_mode = 0.5 * variances * third
    pulled = by_mode - precision @ (matrix @ by_mode)
    moving = 0.5 * (jnp.outer(pulled, slopes) + jnp.outer(slopes, pulled))
    gradient = 0.5 * (jnp.outer(slopes, slopes) - precision) + moving
    return cotangents.log_evidence * gradient, None


_evidence.defvjp(_forward, _backward)
