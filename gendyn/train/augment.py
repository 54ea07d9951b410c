"""Random crop and horizontal flip of image batches, on the device."""

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_key
from gendyn.types import Array


def crop_and_flip(key: Array, images: Array, *, padding: int = 4) -> Array:
    """Pads by zeros, crops each image at its own uniform offset, and flips it left to right with probability 1/2.

    Args:
        key: typed PRNG key ``[]``.
        images: float ``[B, H, W, C]``.
        padding: pixels added on each side; offsets are uniform in ``0 … 2 · padding``.

    Returns:
        float ``[B, H, W, C]``.

    Raises:
        ConfigError: ``key`` is none, or ``images`` has no spatial axes.

    >>> crop_and_flip(jax.random.key(0), jnp.ones((2, 8, 8, 1)), padding=2).shape
    (2, 8, 8, 1)

    Reference: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2.
    """
    check_key("key", key)
    if images.ndim != 4:
        raise ConfigError(f"images must be [B, H, W, C], got shape {images.shape}; only images can be cropped.")
    batch, height, width, _ = images.shape
    crop_key, flip_key = jax.random.split(key)
    offsets = jax.random.randint(crop_key, (batch, 2), 0, 2 * padding + 1)
    flips = jax.random.bernoulli(flip_key, 0.5, (batch,))
    padded = jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    rows = offsets[:, :1] + jnp.arange(height)
    columns = offsets[:, 1:] + jnp.where(flips[:, None], jnp.arange(width)[::-1], jnp.arange(width))
    return padded[jnp.arange(batch)[:, None, None], rows[:, :, None], columns[:, None, :]]
