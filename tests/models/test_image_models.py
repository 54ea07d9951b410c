"""The two networks of the deep-double-descent paper: counts as published, sizes, pooling, bad arguments."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.models import cnn, from_flax, parameter_count, resnet18
from gendyn.models.cnn import max_pool, maximum

CIFAR = (32, 32, 3)


def count(factory, shape=CIFAR, **kwargs):
    return parameter_count(from_flax(factory(num_outputs=10, input_shape=shape, **kwargs)), shape)


def test_the_published_counts():
    assert count(cnn, width=64) == 1_558_026
    assert count(cnn, width=64, conv_bias=False) == 1_557_066
    assert count(resnet18, width=64) == 11_171_146


@pytest.mark.parametrize("k", [1, 5])  # 64 is the published one
@pytest.mark.parametrize("normalisation", ["batch", "group"])
def test_counts_are_the_formula_in_k(k, normalisation):
    channels = [3, k, 2 * k, 4 * k, 8 * k]
    pairs = list(itertools.pairwise(channels))
    readout = 10 * (8 * k + 1)
    assert count(cnn, width=k, normalisation=normalisation) == sum(9 * a * b + 3 * b for a, b in pairs) + readout
    # Each stage: a block that may change the shape (with a 1x1 shortcut), and one that does not.
    resnet = 9 * 3 * k + readout
    for a, b in [(k, k), *pairs[1:]]:
        resnet += 2 * a + 9 * a * b + 2 * b + 9 * b * b + (a * b if a != b else 0)
        resnet += 2 * (2 * b + 9 * b * b)
    assert count(resnet18, width=k, normalisation=normalisation) == resnet


@pytest.mark.parametrize("factory", [cnn, resnet18])
@pytest.mark.parametrize("shape", [(32, 32, 3), (28, 28, 1), (8, 8, 1), (5, 7, 2)])
def test_image_sizes(factory, shape):
    module = factory(num_outputs=10, input_shape=shape, width=2)
    x = jax.ShapeDtypeStruct((4, *shape), jnp.float32)
    variables = jax.eval_shape(module.init, jax.random.key(0), x)
    logits, state = jax.eval_shape(
        lambda variables, x: module.apply(variables, x, train=True, mutable=["batch_stats", "intermediates"]),
        variables,
        x,
    )
    assert logits.shape == (4, 10)
    assert state["intermediates"]["features"][0].shape == (4, 16)


@pytest.mark.parametrize("size", [1, 4, 7])
def test_maximum(size):
    x = jax.random.normal(jax.random.key(size), (3, size, 2))
    value, gradient = jax.value_and_grad(lambda x: jnp.sum(jnp.sin(maximum(x, 1))))(x)
    expected, expected_gradient = jax.value_and_grad(lambda x: jnp.sum(jnp.sin(jnp.max(x, axis=1))))(x)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-6)


def test_max_pool_drops_an_odd_rest():
    x = jnp.arange(2 * 5 * 4 * 1.0).reshape(2, 5, 4, 1)
    expected = np.asarray(x)[:, 1:4:2, 1::2]  # increasing: the maximum is the last of each window
    np.testing.assert_array_equal(max_pool(x), expected)


def test_the_gradient_does_not_depend_on_the_compiler():
    """The gradient of ``jnp.max`` did: without LLVM optimisation it was off by its own size (see ``maximum``)."""
    shape = (8, 8, 3)
    model = from_flax(cnn(num_outputs=3, width=2, input_shape=shape))
    x = jax.random.normal(jax.random.key(0), (6, *shape))
    variables = model.init(jax.random.key(1), x[:1])
    gradient = jax.grad(lambda params: jnp.sum(jnp.square(model.apply(variables._replace(params=params), x)[0])))
    plain = jax.jit(gradient, compiler_options={"xla_backend_optimization_level": 0})(variables.params)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), plain, jax.jit(gradient)(variables.params)
    )


@pytest.mark.parametrize(
    ("factory", "kwargs", "message"),
    [
        (cnn, {"input_shape": (3, 8, 3)}, r"input_shape = \(3, 8, 3\) must be .* at least 4 for the model 'cnn'"),
        (cnn, {"input_shape": (64,)}, "For vectors and signals use the model 'mlp'"),
        (cnn, {"normalisation": "layer"}, "normalisation = 'layer' must be one of batch, group"),
        (cnn, {"num_groups": 0}, "num_groups = 0 must be an integer of at least 1"),
        (cnn, {"convolution": "fft"}, "convolution = 'fft' must be one of auto, native, patches"),
        (resnet18, {"blocks": ()}, r"blocks = \(\) must name at least one stage"),
        (resnet18, {"blocks": (2, 0)}, "each of blocks = 0 must be an integer of at least 1"),
        (resnet18, {"width": -2}, "width = -2 must be"),
        (resnet18, {"init_scale": float("inf")}, "init_scale = inf must be in"),
    ],
)
def test_bad_arguments(factory, kwargs, message):
    with pytest.raises(ConfigError, match=message):
        factory(**{"num_outputs": 3, "input_shape": CIFAR, **kwargs})
