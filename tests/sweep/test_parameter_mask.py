"""The mask of real entries: exactly the corners into which runs are packed, for every paddable model."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import core
from gendyn.core import ConfigError
from gendyn.models import as_model
from gendyn.sweep.plan.masks import parameter_mask

PADDABLE = core.names("models")


@pytest.mark.parametrize("name", PADDABLE)
def test_the_mask_is_where_a_narrower_network_is_packed(name):
    example = core.module("models", name).example()
    x = jax.ShapeDtypeStruct((1, *example.input_shape), jnp.dtype(example.input_dtype))

    factory = core.lookup("models", name)
    given = {"num_outputs": 3, "input_shape": example.input_shape}
    given = {key: value for key, value in given.items() if key in inspect.signature(factory).parameters}

    def shapes_at(sizes):
        model = as_model(factory(**given, **(dict(example.kwargs) | sizes)))
        return jax.eval_shape(lambda: model.init(jax.random.key(0), x)).params

    mask_of = jax.jit(lambda width: parameter_mask(shapes_at, {"width": 6}, {"width": width}))
    mask = mask_of(jnp.int32(4))
    padded, real = shapes_at({"width": 6}), shapes_at({"width": 4})
    for found, whole, small in zip(*(jax.tree.leaves(tree) for tree in (mask, padded, real)), strict=True):
        expected = np.zeros(whole.shape, bool)
        expected[tuple(slice(0, size) for size in small.shape)] = True
        np.testing.assert_array_equal(np.broadcast_to(found, whole.shape), expected)
    assert all(np.all(leaf) for leaf in jax.tree.leaves(mask_of(jnp.int32(6))))


def test_two_sizes_share_an_axis():
    def shapes_at(sizes):
        return {"w": jax.ShapeDtypeStruct((2 * sizes["heads"] + sizes["width"] + 1,), jnp.float32)}

    mask = parameter_mask(shapes_at, {"heads": 3, "width": 4}, {"heads": 2, "width": 4})
    assert mask["w"].tolist() == [True] * 9 + [False] * 2


def test_an_axis_that_is_not_affine_is_refused():
    def squared(sizes):
        return {"w": jax.ShapeDtypeStruct((sizes["width"] ** 2 // 4,), jnp.float32)}

    with pytest.raises(ConfigError, match=r"width = 3: an axis .* no multiple .* drop the probes"):
        parameter_mask(squared, {"width": 3}, {"width": 2})
