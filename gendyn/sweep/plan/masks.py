"""Which entries of zero-padded parameters are real, for runs of traced sizes in one program."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError
from gendyn.types import Array, ArrayLike, PyTree


def parameter_mask(
    shapes_at: Callable[[Mapping[str, int]], PyTree], sizes: Mapping[str, int], active: Mapping[str, ArrayLike]
) -> PyTree:
    """Bool arrays that broadcast to the parameters at ``sizes``: ``True`` where a run of sizes ``active`` is real.

    Along each axis the real entries come first. The length of an axis is an affine function of the sizes, read off two
    shapes: at ``sizes``, and with one of them doubled.

    Args:
        shapes_at: ``sizes -> pytree`` of arrays or of ``ShapeDtypeStruct``.
        sizes: the padded sizes, by name.
        active: the true sizes, by name; may be traced.

    Returns:
        A pytree like the parameters; an axis that does not grow with a size has length 1.

    Raises:
        ConfigError: an axis that is not affine in a size, so that its padding has no known place.

    >>> shapes_at = lambda sizes: {"w": jax.ShapeDtypeStruct((3, sizes["width"]), jnp.float32)}
    >>> parameter_mask(shapes_at, {"width": 4}, {"width": 2})["w"].tolist()
    [[True, True, False, False]]
    """
    leaves, treedef = jax.tree.flatten(shapes_at(sizes))
    growth: dict[str, list[tuple[int, ...]]] = {}
    for name, size in sizes.items():
        doubled = jax.tree.leaves(shapes_at({**sizes, name: 2 * size}))
        growth[name] = [
            tuple(_per_unit(name, size, d - s) for s, d in zip(leaf.shape, more.shape, strict=True))
            for leaf, more in zip(leaves, doubled, strict=True)
        ]
    masks = []
    for place, leaf in enumerate(leaves):
        mask: Array = jnp.ones((1,) * len(leaf.shape), bool)
        for axis, length in enumerate(leaf.shape):
            slopes = {name: growth[name][place][axis] for name in sizes}
            if any(slopes.values()):
                missing = sum(slope * (sizes[name] - jnp.asarray(active[name])) for name, slope in slopes.items())
                real = jnp.arange(length) < length - missing
                mask = mask & real.reshape([-1 if a == axis else 1 for a in range(len(leaf.shape))])
        masks.append(mask)
    return jax.tree.unflatten(treedef, masks)


def _per_unit(name: str, size: int, grown: int) -> int:
    if grown % size:
        raise ConfigError(
            f"{name} = {size}: an axis of a parameter grows by {grown} entries when it doubles, no multiple of it, so "
            "its padding has no known place. Give that axis a length affine in the size, or drop the probes."
        )
    return grown // size
