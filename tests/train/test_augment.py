import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.train import crop_and_flip


def windows(image, padding):
    """All crops of one padded image and their mirror images: ``[(2 p + 1)^2, 2, H, W, C]``."""
    height, width, _ = image.shape
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    crops = [
        padded[row : row + height, column : column + width]
        for row in range(2 * padding + 1)
        for column in range(2 * padding + 1)
    ]
    return np.stack([np.stack([crop, crop[:, ::-1]]) for crop in crops])


def which_window(augmented, image, padding):
    """``(crop, flipped)`` of an augmented image; exactly one matches, as the pixels are distinct."""
    candidates = windows(image, padding)
    found = np.argwhere((candidates == augmented).all(axis=(2, 3, 4)))
    assert len(found) == 1
    return tuple(found[0])


def test_every_image_is_one_of_numpys_crops_and_all_are_as_likely():
    padding, batch = 1, 3_000
    image = np.arange(1, 1 + 5 * 4 * 2, dtype=np.float32).reshape(5, 4, 2)
    augmented = crop_and_flip(jax.random.key(0), jnp.asarray(np.tile(image, (batch, 1, 1, 1))), padding=padding)
    found = [which_window(one, image, padding) for one in np.asarray(augmented)]
    counts = np.zeros((9, 2))
    for crop, flipped in found:
        counts[crop, flipped] += 1
    expected = batch / counts.size
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_each_image_keeps_its_own_pixels_and_draws_its_own_window():
    images = np.random.default_rng(0).normal(size=(16, 6, 6, 3)).astype(np.float32)
    augmented = np.asarray(crop_and_flip(jax.random.key(1), jnp.asarray(images), padding=2))
    found = {which_window(one, image, 2) for one, image in zip(augmented, images, strict=True)}
    assert len(found) > 8


def test_no_padding_leaves_only_the_flip():
    images = np.random.default_rng(0).normal(size=(40, 3, 3, 1)).astype(np.float32)
    augmented = np.asarray(crop_and_flip(jax.random.key(2), jnp.asarray(images), padding=0))
    flipped = (augmented == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert ((augmented == images).all(axis=(1, 2, 3)) != flipped).all()
    assert 8 < flipped.sum() < 32


def test_vectors_are_refused():
    with pytest.raises(ValueError, match=r"images must be \[B, H, W, C\], got shape \(2, 5\); only images"):
        crop_and_flip(jax.random.key(0), jnp.ones((2, 5)))
