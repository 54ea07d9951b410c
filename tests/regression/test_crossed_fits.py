"""Cells cross every factor; averages have initialisations and resamples of their own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import crossed_fits, crossed_sphere_fits


def test_cells_cross_the_factors_and_ensembles_take_their_own_initialisations():
    # Learners whose prediction, everywhere, is one of the draws that they are given.
    key = jax.random.key(3)
    shape = {"dimension": 4, "num_train": 6, "num_test": 5, "noise_variance": 0.5, "members": 3}
    seen = {}
    learners = {
        "init": lambda key, x, y, points: jnp.full((1, 1, len(points)), jax.random.uniform(key)),
        "sample": lambda key, x, y, points: jnp.full((1, 1, len(points)), jnp.sum(x)),
        "labels": lambda key, x, y, points: jnp.full((1, 1, len(points)), jnp.sum(y)),
    }
    with jax.enable_x64(True):
        for name, learner in learners.items():
            fits, target = crossed_sphere_fits(key, learner, **shape)
            seen[name] = jax.tree.map(np.asarray, fits)
    cells = {name: found.cells[..., 0, 0, 0] for name, found in seen.items()}
    assert cells["init"].shape == (2, 2, 2)
    for axis, name in ((1, "init"), (2, "sample")):
        others = tuple(i for i in range(3) if i != axis)
        assert (np.ptp(cells[name], axis=others) == 0).all() and np.ptp(cells[name]) > 1e-3
    # Noise is added to the labels of either sample alike.
    labels = cells["labels"]
    assert np.ptp(labels, axis=1).max() == 0
    np.testing.assert_allclose(labels[0, 0] - labels[1, 0], np.full(2, labels[0, 0, 0] - labels[1, 0, 0]), atol=1e-9)
    assert abs(labels[0, 0, 0] - labels[1, 0, 0]) > 1e-3
    # Ensembles: the first sample and noise, other initialisations; resamples of that sample.
    assert seen["sample"].ensemble[0, 0, 0] == pytest.approx(cells["sample"][0, 0, 0])
    assert seen["labels"].ensemble[0, 0, 0] == pytest.approx(labels[0, 0, 0])
    assert not np.isin(seen["init"].ensemble[0, 0, 0], cells["init"])
    assert seen["init"].bagged[0, 0, 0] == pytest.approx(seen["init"].ensemble[0, 0, 0])
    assert abs(seen["sample"].bagged[0, 0, 0] - cells["sample"][0, 0, 0]) > 1e-3
    assert target.shape == (5,)


def test_unequal_levels_and_axes_of_the_learner_have_their_places():
    keys = jax.random.split(jax.random.key(0), 7)
    y = np.arange(24.0).reshape(2, 4, 3)
    x = np.ones([4, 3, 2])

    def learner(key, x, y, points):
        return jnp.stack([jnp.full(len(points), y.sum()), jnp.full(len(points), jax.random.uniform(key))])

    found = crossed_fits(learner, keys[:3], x, y, x[0], members=keys[3:], resamples=np.zeros([4, 3], int))
    assert found.cells.shape == (2, 3, 4, 2, 3) and found.training_error.shape == (2,)
    np.testing.assert_allclose(found.cells[:, 1, :, 0, 0], y.sum(-1))
    draws = np.array([jax.random.uniform(key) for key in keys])
    np.testing.assert_allclose(found.cells[1, :, 2, 1, 0], draws[:3], rtol=1e-6)
    np.testing.assert_allclose(found.ensemble[:, 0], [3.0, draws[3:].mean()], rtol=1e-6)
    np.testing.assert_allclose(found.bagged[0], 0.0)


def test_shapes_that_do_not_fit_are_refused():
    keys, x, y = jax.random.split(jax.random.key(0), 4), np.ones([2, 3, 1]), np.ones([2, 2, 3])
    for labels, rows in ((y[0], np.zeros([2, 3], int)), (y, np.zeros([1, 3], int))):
        with pytest.raises(ConfigError, match=r"pass labels for every sample, and a resample for every member"):
            crossed_fits(lambda *_: x, keys[:2], x, labels, x[0], members=keys[2:], resamples=rows)
