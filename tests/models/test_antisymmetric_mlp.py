"""The difference of two equal networks: 0 at the start at any output scale, with the tangent kernel of one of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.models import antisymmetric_mlp, from_flax, mlp

X = jax.random.normal(jax.random.key(1), (4, 5))


def kernel(model, variables):
    def outputs(params):
        return model.apply(variables._replace(params=params), X)[0][:, 0]

    rows = jax.tree.leaves(jax.jit(jax.jacrev(outputs))(variables.params))
    return sum(row.reshape(4, -1) @ row.reshape(4, -1).T for row in rows)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_it_answers_exactly_zero_and_learns_as_one_of_the_two(scale):
    arguments = {"num_outputs": 2, "width": 16, "depth": 2, "output_scale": scale, "parametrisation": "ntk"}
    model, half = antisymmetric_mlp(**arguments), from_flax(mlp(**arguments))
    variables = model.init(jax.random.key(0), X[:1])
    assert float(jnp.abs(half.apply(half.init(jax.random.key(0), X[:1]), X)[0]).max()) > 0.1 * scale
    np.testing.assert_array_equal(model.apply(variables, X)[0], np.zeros((4, 2)))
    alone = half.init(jax.random.key(0), X[:1])
    np.testing.assert_allclose(kernel(model, variables), kernel(half, alone), rtol=1e-4)


def test_its_halves_are_not_tied():
    model = antisymmetric_mlp(num_outputs=1, width=8, depth=1)
    variables = model.init(jax.random.key(0), X[:1])
    total = lambda p: jnp.sum(model.apply(variables._replace(params=p), X)[0])  # noqa: E731
    gradient = jax.jit(jax.grad(total))(variables.params)
    for plus, minus in zip(jax.tree.leaves(gradient["plus"]), jax.tree.leaves(gradient["minus"]), strict=True):
        np.testing.assert_allclose(plus, -minus, rtol=1e-6)
    assert float(jnp.abs(gradient["plus"]["readout"]["kernel"]).max()) > 0.0


def test_mup_scales_reach_both_halves():
    model = antisymmetric_mlp(num_outputs=1, width=8, depth=1, parametrisation="mup", base_width=4)
    params = model.init(jax.random.key(0), X[:1]).params
    scales = model.learning_rate_scales(params, "sgd")
    assert jax.tree.structure(scales) == jax.tree.structure(params)
    assert float(scales["plus"]["readout"]["kernel"]) == float(scales["minus"]["readout"]["kernel"]) != 1.0
