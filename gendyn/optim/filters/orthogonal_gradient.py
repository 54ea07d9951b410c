"""The part of the gradient that does not change the norm of the weights."""

import jax.numpy as jnp
import optax

from gendyn.core import ConfigError
from gendyn.optim._filter import map_leaves, widen
from gendyn.types import Array, PyTree, TransformExample

ROLE = "filter"
PAD_SAFE = True
TINY = 1e-30
ROUNDING = 1e-6
"""A rest this small against the gradient is rounding, not a direction."""


def orthogonal_gradient() -> optax.GradientTransformation:
    """Projects out the direction of the weights, tensor by tensor, and restores the gradient's length.

    With the gradient ``g`` of one tensor of weights ``w``::

        p = g - (w . g / (w . w + 1e-30)) w
        g_hat = p |g| / (|p| + 1e-30);  0 where |p| <= 1e-6 |g|

    To first order a step along ``g_hat`` keeps ``|w|``, so that the loss cannot fall by scaling the logits up.
    The last rule is ours: of a gradient parallel to the weights (always, for a tensor of one number) only rounding is
    left, which the published formula scales up to ``|g|``. No state. The products are sums over a tensor: in a
    sharded step XLA adds the reductions.

    Returns:
      A transform whose ``update`` needs ``params``.

    Raises:
      ConfigError: ``update`` without ``params``.

    >>> transform = orthogonal_gradient()
    >>> weights = jnp.array([1.0, 0.0])
    >>> updates, _ = transform.update(jnp.array([3.0, 4.0]), transform.init(weights), weights)
    >>> print(updates)
    [0. 5.]

    Reference: Prieto et al., Grokking at the edge of numerical stability, ICLR 2025 (arXiv 2501.04697).
    """

    def update(
        updates: PyTree, state: optax.EmptyState, params: PyTree | None = None
    ) -> tuple[PyTree, optax.EmptyState]:
        if params is None:
            raise ConfigError("orthogonal_gradient needs the weights: call update(gradients, state, params).")
        projected, _ = map_leaves(lambda g, w: (_project(g, w), w), updates, params)
        return projected, state

    return optax.GradientTransformation(optax.init_empty_state, update)


def _project(gradient: Array, weights: Array) -> Array:
    # Both scaled by their largest entry, or the squares of small gradients would underflow in float32.
    g, w = widen(gradient), widen(weights)
    size = jnp.abs(g).max(initial=0.0)
    g = g / jnp.where(size > 0, size, 1.0)
    largest = jnp.abs(w).max(initial=0.0)
    w = w / jnp.where(largest > 0, largest, 1.0)
    rest = g - (jnp.sum(w * g) / (jnp.sum(w * w) + TINY)) * w
    norm, length = jnp.sqrt(jnp.sum(g * g)), jnp.sqrt(jnp.sum(rest * rest))
    scaled = rest * (size * norm / (length + TINY))
    # Not "scaled where longer": a gradient or weights of NaN would answer 0, and training would go on unseen.
    return jnp.where(length <= ROUNDING * norm, 0.0, scaled).astype(gradient.dtype)


def example() -> TransformExample:
    return TransformExample(kwargs={}, sweeps={})
