"""Every prefix is least squares and singular values of numpy; means are the closed form's."""

import jax
import numpy as np
import pytest

from gendyn import theory
from gendyn.core import ConfigError, stream
from gendyn.regression import weak_feature_fits

N, SIZES, PENALTIES = 12, (3, 10, 12, 14, 30), (0.02, 1.0)


def fits(seed):
    return weak_feature_fits(jax.random.key(seed), num_examples=N, num_features=SIZES, penalties=PENALTIES)


def test_every_prefix_is_least_squares_and_singular_values():
    with jax.enable_x64(True):
        found, sets = jax.jit(fits)(5), []
        for name in ("train", "test"):
            key = stream(jax.random.key(5), name)
            y = np.asarray(jax.random.normal(stream(key, "labels"), (N,), float))
            sets.append((y[:, None] + np.asarray(jax.random.normal(stream(key, "features"), (N, 30), float)), y))
    (x, y), (x_test, y_test) = sets
    for i, d in enumerate(SIZES):
        w = np.linalg.lstsq(x[:, :d], y)[0]
        squares = np.linalg.svd(x[:, :d], compute_uv=False) ** 2
        dimensions = np.sum(squares / (squares + np.array(PENALTIES)[:, None]), axis=1)
        expected = {
            "risk": (1 - w.sum()) ** 2 + w @ w,
            "train_squared_error": np.mean((x[:, :d] @ w - y) ** 2),
            "test_root_error": np.linalg.norm(x_test[:, :d] @ w - y_test) / np.linalg.norm(y_test),
            "train_root_error": np.linalg.norm(x[:, :d] @ w - y) / np.linalg.norm(y),
            "effective_dimension": dimensions,
            "complement": min(N, d) - dimensions,
        }
        for name, value in expected.items():
            np.testing.assert_allclose(getattr(found, name)[..., i], value, rtol=1e-8, atol=1e-12, err_msg=name)


def test_mean_risk_and_training_error_are_the_closed_forms():
    with jax.enable_x64(True):
        found = jax.device_get(jax.jit(lambda seeds: jax.lax.map(fits, seeds))(np.arange(2000)))
    for i in (0, 4):
        assert np.mean(found.risk[:, i]) == pytest.approx(theory.weak_features_risk(N, SIZES[i]), rel=0.05)
    error = theory.weak_features_train_error(N, SIZES[0])
    assert np.mean(found.train_squared_error[:, 0]) == pytest.approx(error, rel=0.05)


def test_bad_arguments_are_refused():
    key, sizes = jax.random.key(0), {"num_features": (2,), "penalties": (0.1,)}
    with pytest.raises(ConfigError, match="num_examples = 0"):
        weak_feature_fits(key, num_examples=0, **sizes)
    with pytest.raises(ConfigError, match=r"penalty = -1.0"):
        weak_feature_fits(key, num_examples=4, num_features=(2,), penalties=(-1.0,))
