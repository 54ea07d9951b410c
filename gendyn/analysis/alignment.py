"""How far a representation has turned along training."""

import numpy as np


def alignment_with_end(grams: np.ndarray) -> np.ndarray:
    """Linear CKA of Gram matrices with the last one of their run, ``[R, T, m, m] -> [R, T]``; NaN where one is 0.

    ``<G_t, G_T> / (|G_t| |G_T|)`` in Frobenius norms: a rotation or another scale of the features is no change.

    Args:
        grams: of centred features on fixed inputs, as the probe ``feature_snapshot`` records them.

    >>> grams = [[np.diag([1.0, 0.0]), np.eye(2), 3.0 * np.eye(2)]]
    >>> alignment_with_end(np.array(grams)).round(4).tolist()
    [[0.7071, 1.0, 1.0]]

    Reference: Kornblith, Norouzi, Lee & Hinton (2019), Similarity of neural network representations revisited,
    arXiv:1905.00414, section 3.
    """
    flat = grams.reshape(*grams.shape[:2], -1)
    size = np.linalg.norm(flat, axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.einsum("rtx,rx->rt", flat, flat[:, -1]) / (size * size[:, -1:]))
