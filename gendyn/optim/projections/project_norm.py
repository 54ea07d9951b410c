"""Training at a constant weight norm."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gendyn.core import ConfigError
from gendyn.optim._filter import widen
from gendyn.types import Array, PyTree, TransformExample

ROLE = "projection"
PAD_SAFE = True


class ProjectNormState(NamedTuple):
    """State of :func:`project_norm`."""

    squares: PyTree
    """Like the parameters, of scalars in float32 at least: the squared norm of each tensor at the start."""


def project_norm() -> optax.GradientTransformation:
    """Rescales all parameters after every step so that their global L2 norm stays the initial one.

    With parameters ``p`` and the update ``u`` of the optimizer before it in the chain (so put this last)::

        p_next = (p + u) |p_0| / |p + u|,   |.| over all tensors together
        update returned: p_next - p

    If ``|p + u|`` is 0 the update passes as it is. Tensors without an update (``None``, masked) neither count nor move.
    State: one number a tensor. The norm is a sum over all tensors: in a sharded step XLA adds the reductions.

    Returns:
      A transform whose ``update`` needs ``params``.

    Raises:
      ConfigError: ``update`` without ``params``.

    >>> transform = optax.chain(optax.sgd(1.0), project_norm())
    >>> params = jnp.array([3.0, 4.0])
    >>> updates, _ = transform.update(jnp.array([3.0, 0.0]), transform.init(params), params)
    >>> print(optax.apply_updates(params, updates))
    [0. 5.]

    Reference: Liu et al., Omnigrok: grokking beyond algorithmic data, ICLR 2023 (arXiv 2210.01117), reduced
    landscapes.
    """

    def init(params: PyTree) -> ProjectNormState:
        return ProjectNormState(jax.tree.map(_square, params))

    def update(
        updates: PyTree, state: ProjectNormState, params: PyTree | None = None
    ) -> tuple[PyTree, ProjectNormState]:
        if params is None:
            raise ConfigError("project_norm needs the parameters: call update(updates, state, params).")
        leaves, structure = jax.tree.flatten(updates, is_leaf=lambda leaf: leaf is None)
        treedef: Any = structure
        rows = zip(leaves, treedef.flatten_up_to(params), treedef.flatten_up_to(state.squares), strict=True)
        moving = [(update, widen(leaf), square) for update, leaf, square in rows if update is not None]
        wanted = sum((square for _, _, square in moving), jnp.zeros(()))
        found = sum((_square(leaf + widen(update)) for update, leaf, _ in moving), jnp.zeros(()))
        scale = jnp.where(found > 0, jnp.sqrt(wanted / jnp.where(found > 0, found, 1.0)), 1.0)
        projected = iter([(scale * (leaf + widen(update)) - leaf).astype(update.dtype) for update, leaf, _ in moving])
        return treedef.unflatten([None if leaf is None else next(projected) for leaf in leaves]), state

    return optax.GradientTransformation(init, update)


def _square(leaf: Array) -> Array:
    return jnp.sum(jnp.square(widen(jnp.asarray(leaf))))


def example() -> TransformExample:
    return TransformExample(kwargs={}, sweeps={})
