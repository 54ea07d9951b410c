"""Ranks of weights and of features, recorded while a network trains."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import measure
from gendyn.core import ConfigError
from gendyn.probes import feature_rank, weight_rank
from gendyn.types import ProbeData


def data(x, num_train=None):
    zeros = jnp.zeros(len(x))
    count = jnp.int32(len(x) if num_train is None else num_train)
    return ProbeData(x, zeros, count, x, zeros, lambda outputs, targets: outputs[:, 0])


def test_weight_rank_takes_matrices_and_kernels_and_no_vectors():
    random = np.random.default_rng(0)
    kernel, conv = random.normal(size=(6, 4)), random.normal(size=(3, 3, 2, 5))
    params = {"dense": {"kernel": jnp.asarray(kernel), "bias": jnp.ones(4)}, "conv": jnp.asarray(conv)}
    values = weight_rank().fn(jax.random.key(0), None, params, None)
    assert set(values) == {f"{n}/{k}_rank" for n in ("dense/kernel", "conv") for k in ("effective", "stable")}
    assert float(values["dense/kernel/effective_rank"]) == pytest.approx(
        float(measure.effective_rank(kernel)), rel=1e-5
    )
    assert float(values["conv/stable_rank"]) == pytest.approx(
        np.linalg.norm(conv) ** 2 / np.linalg.norm(conv.reshape(18, 5), 2) ** 2, rel=1e-5
    )
    padded = {"dense": {"kernel": jnp.pad(params["dense"]["kernel"], ((0, 2), (0, 3)))}}
    padded["conv"] = jnp.pad(params["conv"], ((0, 0), (0, 0), (0, 4), (0, 1)))
    in_bucket = weight_rank().fn(jax.random.key(0), None, padded, None)
    for name, value in values.items():
        assert float(in_bucket[name]) == pytest.approx(float(value), rel=1e-5)
    with pytest.raises(ConfigError, match="no leaf of bias has two axes"):
        weight_rank().fn(jax.random.key(0), None, {"bias": jnp.ones(3)}, None)


def test_feature_rank_is_that_of_the_covariance():
    x = np.random.default_rng(0).normal(size=(30, 4)) * [5.0, 1.0, 1.0, 0.1] + 3.0
    weights = np.random.default_rng(1).normal(size=(4, 6))
    eigenvalues = np.linalg.eigvalsh(np.cov((x[:20] @ weights).T, ddof=0))
    share = np.maximum(eigenvalues, 1e-300) / eigenvalues.sum()
    expected = {
        "effective_rank": np.exp(-np.sum(share * np.log(share))),
        "participation_ratio": eigenvalues.sum() ** 2 / np.sum(eigenvalues**2),
        "stable_rank": eigenvalues.sum() / eigenvalues.max(),
    }

    def apply(params, rows):
        return rows @ params

    # Rows from num_train on count for nothing, whatever they hold.
    spoilt = jnp.asarray(x).at[20:].set(jnp.nan)
    for rows, num_train in ((jnp.asarray(x[:20]), 20), (jnp.asarray(x), 20), (spoilt, 20)):
        values = feature_rank().fn(jax.random.key(0), apply, jnp.asarray(weights), data(rows, num_train))
        for name, value in expected.items():
            assert float(values[name]) == pytest.approx(value, rel=1e-4), name
    first = feature_rank(num_examples=20).fn(jax.random.key(0), apply, jnp.asarray(weights), data(jnp.asarray(x)))
    assert float(first["effective_rank"]) == pytest.approx(expected["effective_rank"], rel=1e-4)


def test_features_may_be_given_and_padded():
    x = jax.random.normal(jax.random.key(0), (25, 3))

    def hidden(params, rows):
        return jax.nn.relu(rows @ params)

    params = jax.random.normal(jax.random.key(1), (3, 5))
    plain, padded = (
        feature_rank(features=hidden).fn(jax.random.key(0), None, p, data(x))
        for p in (params, jnp.pad(params, ((0, 0), (0, 4))))
    )
    for name in plain:
        assert float(plain[name]) == pytest.approx(float(padded[name]), rel=1e-5)
        assert 1.0 < float(plain[name]) < 5.0


def test_constant_features_have_no_rank():
    values = feature_rank().fn(
        jax.random.key(0), lambda p, rows: jnp.full((len(rows), 2), 2.0), {}, data(jnp.ones((8, 3)))
    )
    assert {float(value) for value in values.values()} == {0.0}


def test_too_few_examples_are_refused():
    with pytest.raises(ConfigError, match="num_examples = 1 must be an integer of at least 2"):
        feature_rank(num_examples=1)
