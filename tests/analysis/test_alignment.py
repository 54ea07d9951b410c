"""The alignment with the end is the CKA of features, whatever their scale and rotation."""

import numpy as np

from gendyn.analysis import alignment_with_end


def test_is_the_linear_cka_of_features_with_those_of_the_last_record():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 3, 6, 4))  # runs, records, inputs, units
    features -= features.mean(axis=2, keepdims=True)
    found = alignment_with_end(features @ np.swapaxes(features, -1, -2))
    cross = np.swapaxes(features, -1, -2) @ features[:, -1:]
    own = np.linalg.norm(np.swapaxes(features, -1, -2) @ features, axis=(2, 3))
    np.testing.assert_allclose(found, np.linalg.norm(cross, axis=(2, 3)) ** 2 / (own * own[:, -1:]))
    np.testing.assert_allclose(found[:, -1], 1.0)


def test_a_rotation_and_another_scale_are_no_change_and_no_features_are_unknown():
    rng = np.random.default_rng(1)
    last = rng.normal(size=(5, 3))
    last -= last.mean(axis=0)
    turned = 3.0 * last @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    grams = np.stack([np.zeros((5, 5)), turned @ turned.T, last @ last.T])[None]
    found = alignment_with_end(grams)[0]
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1:], 1.0)
