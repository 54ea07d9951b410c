"""Networks that draw at random in training: a key a step, a pure function of the run's key and the step."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import train
from gendyn.core import stream
from gendyn.models import from_flax, from_functions
from gendyn.types import Variables


def masked(params, x, *, key=None):
    x = x if key is None else jnp.where(jax.random.bernoulli(key, 0.5, x.shape), 2 * x, 0)
    return x @ params["w"] + params["b"]


@pytest.fixture(scope="module")
def run(linear):
    """Softmax regression with dropout on its inputs."""
    return linear.run._replace(model=from_functions(linear.run.model.init, masked))


class Dropout(nn.Module):
    rate: float

    @nn.compact
    def __call__(self, x, train=False):
        return nn.Dense(3)(nn.Dropout(self.rate)(x, deterministic=not train))


def test_who_draws(linear, run):
    variables = linear.variables
    assert train.draws(run.model, variables, linear.data.x_train)
    assert not train.draws(linear.run.model, variables, linear.data.x_train)
    x = jax.ShapeDtypeStruct((2, 4), jnp.float32)
    for rate, drawn in ((0.0, False), (0.5, True)):
        model = from_flax(Dropout(rate))
        shapes = jax.eval_shape(lambda model=model: model.init(jax.random.key(0), x))
        assert train.draws(model, shapes, x) is drawn


def test_the_key_of_a_step(linear, run, loss_and_gradient):
    """Three steps, each with the mask of its own key, by hand."""
    step = jax.jit(functools.partial(train.gradient_step, run))
    state = train.initial_state(run, linear.variables, linear.sample, linear.data)
    root = stream(jax.random.wrap_key_data(linear.sample.order_key), "network")
    rows, x = int(linear.sample.num_train), np.asarray(linear.data.x_train)
    masks = []
    for number in range(3):
        mask = np.asarray(jax.random.bernoulli(jax.random.fold_in(root, number), 0.5, x.shape))
        masks.append(mask)
        params = state.variables.params
        _, _, gradient = loss_and_gradient(
            params, (2 * mask * x)[:rows], linear.sample.targets[:rows], np.full(rows, 1 / rows)
        )
        state = step(state, linear.sample, linear.data)
        for name, value in gradient.items():
            np.testing.assert_allclose(state.variables.params[name], params[name] - 0.1 * value, rtol=2e-6, atol=2e-6)
    assert not np.array_equal(masks[0], masks[1])
    # Records are those of the whole network.
    outputs = masked(state.variables.params, linear.data.x_test)
    evaluate = jax.jit(functools.partial(train.evaluate, run))
    found = evaluate(state.variables, state.ema, state.step, linear.sample, linear.data)
    np.testing.assert_allclose(found["test_loss"], run.loss(outputs, linear.data.y_test).mean(), rtol=1e-5)


def test_rows_beyond_the_sample_leave_the_masks_as_they_are(linear, run):
    """A run of few examples in the program of one with more: at full batch its mask is a corner of the larger one."""
    count = int(linear.sample.num_train)
    state = train.initial_state(run, linear.variables, linear.sample, linear.data)
    step = jax.jit(functools.partial(train.gradient_step, run))
    whole = step(state, linear.sample, linear.data)
    short = linear.sample._replace(targets=linear.sample.targets[:count])
    alone = step(state, short, linear.data._replace(x_train=linear.data.x_train[:count]))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), whole.variables, alone.variables)


def test_a_network_that_draws_nothing_has_no_key_in_its_program(linear, run):
    def program(run):
        state = train.initial_state(run, linear.variables, linear.sample, linear.data)
        return str(jax.make_jaxpr(functools.partial(train.gradient_step, run))(state, linear.sample, linear.data))

    assert "random_fold_in" in program(run)
    assert "random_" not in program(linear.run)
    drawless = from_flax(nn.Dense(3))
    params = {"kernel": linear.variables.params["w"], "bias": linear.variables.params["b"]}
    linear = type(linear)(**{**vars(linear), "variables": Variables(params, {})})
    assert "random_" not in program(linear.run._replace(model=drawless))
