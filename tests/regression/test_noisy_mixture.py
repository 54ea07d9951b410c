"""The error is that of the largest margin in the full space, counted on new points."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError, stream
from gendyn.regression import max_margin, mixture_error, mixture_sample

SHAPE = {"num_examples": 8, "num_features": 20, "signal": 2.0, "num_flipped": 2}


def test_the_error_is_counted_on_new_points_of_both_classes():
    key = jax.random.key(1)
    with jax.enable_x64(True):
        sample = mixture_sample(key, **SHAPE)
        y = np.where(np.asarray(jax.random.bernoulli(stream(key, "labels"), shape=(8,))), 1.0, -1.0)
        x = np.array(jax.random.normal(stream(key, "noise"), (8, 20), float))
    x[:, 0] += 2.0 * y
    assert np.sum(np.asarray(sample.labels) != y) == 2
    np.testing.assert_allclose(sample.gram, x @ x.T, rtol=1e-9)
    best = max_margin(x, np.asarray(sample.labels))
    error, margin = mixture_error(sample, 2.0)
    assert margin == pytest.approx(best.margin, rel=1e-6)
    random = np.random.default_rng(0)
    new = random.normal(size=(100_000, 20))
    new[:, 0] += 2.0
    assert error == pytest.approx(np.mean(new @ best.direction < 0), abs=0.005)


@pytest.mark.parametrize("changes", [{"num_flipped": 9}, {"num_examples": 0}, {"signal": -1.0}])
def test_bad_arguments_are_refused(changes):
    with pytest.raises(ConfigError):
        mixture_sample(jax.random.key(0), **SHAPE | changes)
