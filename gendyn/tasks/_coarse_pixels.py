"""Images at a coarser resolution."""

import numpy as np

from gendyn.core import ConfigError


def coarse_pixels(images: np.ndarray, factor: int) -> np.ndarray:
    """Square blocks of pixels averaged, flattened, and each standardised over the images: float64.

    Args:
        images: ``[N, H, W, C]``.
        factor: side of a block, which divides ``H`` and ``W``.

    Returns:
        ``[N, H W C / factor^2]``, each column of mean 0 and variance 1.

    Raises:
        ConfigError: a factor that does not divide both sides, or a pixel that is the same in all images.

    >>> images = np.arange(32.0).reshape(2, 4, 4, 1) ** 2
    >>> coarse_pixels(images, 2).round(6).tolist()
    [[-1.0, -1.0, -1.0, -1.0], [1.0, 1.0, 1.0, 1.0]]
    """
    count, height, width, channels = images.shape
    if factor < 1 or height % factor or width % factor:
        raise ConfigError(f"factor = {factor} must divide both sides of images of {height} x {width} pixels.")
    blocks = images.reshape(count, height // factor, factor, width // factor, factor, channels)
    pixels = blocks.mean(axis=(2, 4)).reshape(count, -1).astype(np.float64)
    scale = pixels.std(axis=0)
    if not scale.all():
        raise ConfigError(
            f"pixel {int(np.argmin(scale))} of {len(scale)} is the same in all images; average more of them."
        )
    return (pixels - pixels.mean(axis=0)) / scale
