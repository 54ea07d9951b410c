"""Where descents by any optax transforms are after chosen numbers of steps."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn.core import ConfigError
from gendyn.regression._design import check_steps
from gendyn.types import Array, PyTree


def descent_path(
    gradient: Callable[[PyTree], PyTree],
    start: PyTree,
    transform: optax.GradientTransformation,
    steps: Sequence[int] | np.ndarray | Array,
) -> PyTree:
    """Parameters after several numbers of full-batch steps ``w <- w + transform(gradient(w))``.

    One program whatever the numbers of steps, which may be traced, as may what ``gradient`` and ``transform`` close
    over. Pure, vmap-safe; in the dtype of ``start``.

    Args:
        gradient: of the loss, at parameters as those of ``start``.
        start: the parameters at step 0, any pytree of arrays.
        transform: makes updates of gradients, such as ``optax.sgd(0.1, momentum=0.9)``.
        steps: ``[T]``, ascending, not negative; unless traced they are checked.

    Returns:
        As ``start``, each leaf with a leading axis ``[T, ...]``.

    Raises:
        ConfigError: no steps, a negative one, or steps that do not ascend.

    >>> halved = descent_path(lambda w: w, jnp.array([8.0]), optax.sgd(0.5), (0, 1, 3))
    >>> halved[:, 0].tolist()
    [8.0, 4.0, 1.0]
    """
    check_steps(steps)

    def step(_: Array, carry: tuple[PyTree, optax.OptState]) -> tuple[PyTree, optax.OptState]:
        weights, state = carry
        updates, state = transform.update(gradient(weights), state, weights)
        return optax.apply_updates(weights, updates), state

    def segment(carry: tuple[PyTree, optax.OptState], gap: Array) -> tuple[tuple[PyTree, optax.OptState], PyTree]:
        carry = jax.lax.fori_loop(0, gap, step, carry)
        return carry, carry[0]

    gaps = jnp.diff(jnp.asarray(steps), prepend=0)
    return jax.lax.scan(segment, (start, transform.init(start)), gaps)[1]


def parallel_descents(
    gradient: Callable[[Array], Array],
    starts: Sequence[Array],
    transforms: Sequence[optax.GradientTransformation],
    steps: Sequence[int] | np.ndarray | Array,
) -> Array:
    """Several descents of one loss side by side, each by a transform of its own: ``[T, p, K]``, in the order given.

    One gradient a step serves all, so that ``K`` descents of a linear model are one matrix product and not ``K``.

    Args:
        gradient: ``[p, K] -> [p, K]``, each column for itself.
        starts: of each descent, ``[p, k]``: one column or several, ``K`` in all.
        transforms: one for each of ``starts``.
        steps: as for :func:`descent_path`.

    Raises:
        ConfigError: bad steps, or not one transform a start.

    >>> start = jnp.array([[8.0]])
    >>> parallel_descents(lambda w: w, (start, start), (optax.sgd(0.5), optax.sgd(1.0)), (0, 1)).tolist()
    [[[8.0, 8.0]], [[4.0, 0.0]]]
    """
    if not starts or len(starts) != len(transforms):
        raise ConfigError(f"starts has {len(starts)} and transforms {len(transforms)} entries: give one for each.")
    labels = [str(place) for place in range(len(starts))]
    ends = np.cumsum([start.shape[1] for start in starts])[:-1]

    def sorted_out(parts: dict[str, Array]) -> dict[str, Array]:
        together = gradient(jnp.concatenate([parts[label] for label in labels], axis=1))
        return dict(zip(labels, jnp.split(together, ends, axis=1), strict=True))

    transform = optax.partition(dict(zip(labels, transforms, strict=True)), {label: label for label in labels})
    path = descent_path(sorted_out, dict(zip(labels, starts, strict=True)), transform, steps)
    return jnp.concatenate([path[label] for label in labels], axis=2)
