"""Regression by step functions with random steps, and by their average: small trees and a forest on the line."""

import jax
import jax.numpy as jnp

from gendyn.regression import draw_inputs
from gendyn.types import Array


def step_smoothers(key: Array, law: str, x: Array, x_test: Array, *, num_steps: int, num_members: int) -> Array:
    """Each member's predictions at ``x_test [m]`` as weights of the targets at ``x [n]``: ``[members, m, n]``.

    The steps are between independent draws from the law of the inputs. A step predicts the mean target of the examples
    on it, and one without examples that of all.
    """
    cuts = jnp.sort(draw_inputs(key, law, (num_members, num_steps - 1)), axis=1)

    def member(cuts: Array) -> Array:
        on, at = (jax.nn.one_hot(jnp.searchsorted(cuts, points), num_steps, dtype=x.dtype) for points in (x, x_test))
        counts = on.sum(axis=0)
        weights = jnp.where(counts[:, None] > 0, on.T / jnp.maximum(counts, 1.0)[:, None], 1.0 / len(x))
        return at @ weights

    return jax.vmap(member)(cuts)


def decomposed(smoothers: Array, clean: Array, truth: Array, noise: Array) -> tuple[Array, Array]:
    """Squared bias and variance ``[2, targets]``, averaged over test inputs: of one member, and of all members' mean.

    Given the inputs, over label noise and over the random steps. The bias is that of the mean over all possible steps,
    for both, so that the mean of the members at hand differs by a share of their spread.
    """
    count = len(smoothers)
    predicted = smoothers @ clean  # [members, m, targets]
    spread = jnp.mean(jnp.var(predicted, axis=0, ddof=1), axis=0)
    bias = jnp.maximum(jnp.mean((predicted.mean(axis=0) - truth) ** 2, axis=0) - spread / count, 0.0)
    own = noise**2 * jnp.mean(jnp.sum(smoothers**2, axis=-1))
    shared = noise**2 * jnp.mean(jnp.sum(smoothers.mean(axis=0) ** 2, axis=-1))
    return jnp.stack([bias, own + spread]), jnp.stack([bias, shared + spread / count])
