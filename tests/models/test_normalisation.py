"""Against flax's layers where those apply, and against the definition where they do not."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.models._normalisation import BatchNorm, GroupNorm

X = 2 * jax.random.normal(jax.random.key(0), (4, 3, 3, 8)) + 1


def test_batch_norm_is_that_of_flax():
    ours, theirs = BatchNorm(), nn.BatchNorm(momentum=0.9, epsilon=1e-5, use_fast_variance=False)
    variables = ours.init(jax.random.key(0), X, train=False)
    variables = jax.tree.map(lambda leaf: leaf + 0.3, variables)
    y, new = ours.apply(variables, X, train=True, mutable=["batch_stats"])
    expected, expected_new = theirs.apply(variables, X, use_running_average=False, mutable=["batch_stats"])
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), new, expected_new)
    np.testing.assert_allclose(new["batch_stats"]["mean"], 0.9 * 0.3 + 0.1 * X.mean((0, 1, 2)), rtol=1e-5)
    evaluated = ours.apply(variables, X, train=False)
    np.testing.assert_allclose(evaluated, theirs.apply(variables, X, use_running_average=True), rtol=1e-4, atol=1e-5)
    assert float(jnp.abs(evaluated - y).max()) > 0.1


@pytest.mark.parametrize("groups", [1, 4])
def test_group_norm_is_that_of_flax(groups):
    ours, theirs = GroupNorm(groups), nn.GroupNorm(groups, epsilon=1e-5, use_fast_variance=False)
    variables = jax.tree.map(lambda leaf: leaf + 0.3, ours.init(jax.random.key(0), X, train=False))
    y = ours.apply(variables, X, train=True)
    np.testing.assert_allclose(y, theirs.apply(variables, X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("true", "groups"), [(5, 2), (7, 4), (3, 4)])
def test_groups_are_formed_from_the_true_channels(true, groups):
    """Group of channel c: floor(c G / channels); traced, and exactly 0 beyond the true channels."""
    x = jnp.where(jnp.arange(8) < true, X, 0.0)
    variables = {"params": {"scale": jnp.ones(8), "bias": jnp.zeros(8)}}
    apply = jax.jit(lambda active: GroupNorm(groups, active).apply(variables, x, train=True))
    y = np.asarray(apply(jnp.int32(true)))
    members = np.floor(np.arange(true) * groups / true).astype(int)
    for group in set(members):
        values = np.asarray(x)[..., :true][..., members == group]
        mean, variance = values.mean((1, 2, 3), keepdims=True), values.var((1, 2, 3), keepdims=True)
        expected = (values - mean) / np.sqrt(variance + 1e-5)
        np.testing.assert_allclose(y[..., :true][..., members == group], expected, rtol=1e-4, atol=1e-5)
    assert np.all(y[..., true:] == 0)
    # The control: groups of the stored channels are others.
    stored = np.asarray(GroupNorm(groups).apply(variables, x, train=True))
    if true > groups:
        assert np.abs(stored - y)[..., :true].max() > 1e-2
