"""What holds for every loss of the room, found by glob; and each one's own definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from gendyn.core import ConfigError, lookup, module, names
from gendyn.optim import cross_entropy, squared_error

LOSSES = tuple(name for name in names("optim") if getattr(module("optim", name), "ROLE", "") == "loss")
each_loss = pytest.mark.parametrize("name", LOSSES)


def draw(num_outputs, batch=7, seed=0):
    rng = np.random.default_rng(seed)
    outputs = rng.normal(size=(batch, num_outputs)).astype(np.float32)
    return outputs, rng.integers(num_outputs, size=batch).astype(np.int32)


def test_the_glob_finds_the_losses():
    assert {"cross_entropy", "squared_error"} <= set(LOSSES)


@each_loss
def test_classes_are_one_hot_targets(name):
    loss, num_outputs = lookup("optim", name), module("optim", name).example().num_outputs
    outputs, classes = draw(num_outputs)
    values = loss(outputs, classes)
    assert values.shape == (7,)
    np.testing.assert_allclose(values, loss(outputs, np.eye(num_outputs, dtype=np.float32)[classes]), rtol=1e-5)


@each_loss
def test_examples_do_not_see_each_other(name):
    loss, num_outputs = lookup("optim", name), module("optim", name).example().num_outputs
    outputs, classes = draw(num_outputs)
    order = np.random.default_rng(1).permutation(7)
    np.testing.assert_allclose(loss(outputs[order], classes[order]), loss(outputs, classes)[order], rtol=1e-6)
    one_by_one = [loss(outputs[i : i + 1], classes[i : i + 1])[0] for i in range(7)]
    np.testing.assert_allclose(loss(outputs, classes), one_by_one, rtol=1e-6)
    assert np.ptp(loss(outputs, classes)) > 0.1


@each_loss
def test_gradient_is_finite_and_falls(name):
    loss, num_outputs = lookup("optim", name), module("optim", name).example().num_outputs
    outputs, classes = draw(num_outputs)

    def mean(f):
        return loss(f, classes).mean()

    gradient = jax.jit(jax.grad(mean))(outputs)
    assert jnp.isfinite(gradient).all()
    assert float(mean(outputs - 0.1 * gradient)) < float(mean(outputs))


@each_loss
def test_bfloat16_outputs_are_summed_in_float32(name):
    loss, num_outputs = lookup("optim", name), module("optim", name).example().num_outputs
    outputs, classes = draw(num_outputs)
    low = jnp.asarray(outputs, jnp.bfloat16)
    assert loss(low, classes).dtype == jnp.float32
    np.testing.assert_array_equal(loss(low, classes), loss(low.astype(jnp.float32), classes))


@each_loss
@pytest.mark.parametrize(
    ("outputs", "targets"),
    [((4,), (4,)), ((4, 3), (3,)), ((4, 3), (4, 1)), ((4, 3, 1), (4,))],
)
def test_bad_shapes_are_named(name, outputs, targets):
    with pytest.raises(ConfigError, match=rf"{name}: outputs .* and targets .* must be \[B, C\]"):
        lookup("optim", name)(jnp.zeros(outputs), jnp.zeros(targets, jnp.int32))


@each_loss
def test_float_classes_are_refused(name):
    with pytest.raises(ConfigError, match=r"targets \(4,\) float32 must be"):
        lookup("optim", name)(jnp.zeros((4, 3)), jnp.zeros(4))


def test_cross_entropy_is_logsumexp_minus_the_logit():
    outputs, classes = draw(5)
    expected = scipy.special.logsumexp(outputs.astype(np.float64), axis=1) - outputs[np.arange(7), classes]
    np.testing.assert_allclose(cross_entropy(outputs, classes), expected, rtol=1e-5)
    uniform = np.full((7, 5), 0.2, np.float32)
    expected = -(uniform * scipy.special.log_softmax(outputs.astype(np.float64), axis=1)).sum(1)
    np.testing.assert_allclose(cross_entropy(outputs, uniform), expected, rtol=1e-5)


def test_cross_entropy_ignores_a_common_shift_and_large_logits():
    outputs, classes = draw(5)
    np.testing.assert_allclose(cross_entropy(outputs + 100, classes), cross_entropy(outputs, classes), atol=1e-4)
    huge = cross_entropy(1e30 * outputs, classes)
    assert jnp.isfinite(huge).all()


def test_squared_error_is_a_sum_without_a_half():
    outputs, classes = draw(5)
    expected = ((outputs - np.eye(5)[classes]) ** 2).sum(1)
    np.testing.assert_allclose(squared_error(outputs, classes), expected, rtol=1e-5)
    np.testing.assert_array_equal(squared_error(np.zeros((7, 5)), classes), np.ones(7))
