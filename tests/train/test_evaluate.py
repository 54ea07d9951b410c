"""What is recorded equals means computed in numpy: over the first ``num_train`` rows, however the data are streamed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.models import from_functions
from gendyn.train import evaluate
from gendyn.types import Probe, Variables


def uniform(n):
    return np.full(n, 1 / n)


@pytest.mark.parametrize("batch_size", [2048, 11, 4, 3, 1])
def test_means_over_the_training_prefix_and_the_test_set(linear, loss_and_gradient, batch_size):
    """Batches that divide 11 and 5 rows, that leave a remainder, and that hold all."""
    run = linear.run._replace(evaluation_batch_size=batch_size)
    found = jax.jit(functools.partial(evaluate, run))(linear.variables, (), jnp.int32(0), linear.sample, linear.data)
    params, n = linear.variables.params, int(linear.sample.num_train)
    x, targets = linear.data.x_train[:n], linear.sample.targets[:n]
    train_loss, train_error, _ = loss_and_gradient(params, x, targets, uniform(n))
    test_loss, test_error, _ = loss_and_gradient(params, linear.data.x_test, linear.data.y_test, uniform(5))
    expected = {
        "train_loss": train_loss,
        "train_error": train_error,
        "test_loss": test_loss,
        "test_error": test_error,
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-6, err_msg=name)


@pytest.mark.parametrize("batch_size", [2048, 16])
def test_an_error_is_the_ratio_of_two_counts(linear, batch_size):
    """All wrong is 1 and no more, for every number of rows; a sum of 41 weights 1/41 is not."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(41, *linear.data.x_test.shape[1:])), jnp.float32)
    run = linear.run._replace(evaluation_batch_size=batch_size)
    asked = jax.jit(jax.vmap(functools.partial(evaluate, run), in_axes=(None, None, None, 0, None)))
    params = linear.variables.params
    answers = np.argmax(np.asarray(x) @ np.asarray(params["w"]) + np.asarray(params["b"]), axis=1)
    counts = np.arange(1, 42)
    for wrong in (np.ones(41, bool), rng.random(41) < 0.3):
        targets = jnp.asarray(np.where(wrong, (answers + 1) % 3, answers), jnp.int32)
        data = linear.data._replace(x_train=x, x_test=x, y_test=targets)
        sample = jax.tree.map(lambda leaf: jnp.broadcast_to(jnp.asarray(leaf), (41, *jnp.shape(leaf))), linear.sample)
        sample = sample._replace(targets=jnp.broadcast_to(targets, (41, 41)), num_train=jnp.asarray(counts, jnp.int32))
        found = asked(linear.variables, (), jnp.int32(0), sample, data)
        expected = wrong.cumsum().astype(np.float32) / counts.astype(np.float32)
        np.testing.assert_array_equal(found["train_error"], expected)
        np.testing.assert_array_equal(found["test_error"], np.full(41, expected[-1]))


def test_rows_beyond_num_train_do_not_count_even_if_their_loss_is_infinite(linear):
    """Padding rows of a shared pool may hold anything."""
    rows = jnp.arange(11)[:, None] >= linear.sample.num_train
    spoilt = linear.data._replace(x_train=jnp.where(rows, jnp.inf, linear.data.x_train))
    clean = evaluate(linear.run, linear.variables, (), jnp.int32(0), linear.sample, linear.data)
    found = evaluate(linear.run, linear.variables, (), jnp.int32(0), linear.sample, spoilt)
    np.testing.assert_array_equal(found["train_loss"], clean["train_loss"])
    more = linear.sample._replace(num_train=jnp.int32(9))
    assert float(evaluate(linear.run, linear.variables, (), jnp.int32(0), more, linear.data)["train_loss"]) != float(
        clean["train_loss"]
    )


def test_a_regression_has_no_error(linear):
    squared = linear.run._replace(loss=lambda outputs, targets: jnp.sum((outputs - targets) ** 2, axis=-1))
    targets = jnp.asarray(np.random.default_rng(3).normal(size=(11, 3)), jnp.float32)
    data = linear.data._replace(y_test=targets[:5])
    found = evaluate(squared, linear.variables, (), jnp.int32(0), linear.sample._replace(targets=targets), data)
    assert found.keys() == {"train_loss", "test_loss"}
    params = jax.tree.map(np.asarray, linear.variables.params)
    outputs = np.asarray(data.x_test) @ params["w"] + params["b"]
    expected = np.mean(np.sum((outputs - np.asarray(targets[:5])) ** 2, axis=1))
    np.testing.assert_allclose(found["test_loss"], expected, rtol=1e-6)


def test_the_weight_average_is_evaluated_beside_the_weights(linear):
    run = linear.run._replace(ema_decay=0.9)
    average = jax.tree.map(lambda leaf: 0.5 * leaf, linear.variables.params)
    found = evaluate(run, linear.variables, average, jnp.int32(0), linear.sample, linear.data)
    alone = evaluate(linear.run, Variables(average, {}), (), jnp.int32(0), linear.sample, linear.data)
    for name, value in alone.items():
        np.testing.assert_array_equal(found[f"ema_{name}"], value)
        assert float(found[f"ema_{name}"]) != float(found[name]) or name.endswith("error")


def test_probes_are_recorded_under_their_name_and_each_has_its_own_key(linear):
    def measure(key, apply, params, data):
        return {"logits": apply(params, data.x_test), "draw": jax.random.uniform(key)}

    run = linear.run._replace(probes=(Probe("one", measure), Probe("two", measure)))
    found = evaluate(run, linear.variables, (), jnp.int32(0), linear.sample, linear.data)
    params = linear.variables.params
    np.testing.assert_allclose(found["one/logits"], linear.data.x_test @ params["w"] + params["b"], rtol=1e-6)
    assert float(found["one/draw"]) != float(found["two/draw"])
    other = linear.sample._replace(order_key=jnp.asarray([7, 10], jnp.uint32))
    again = evaluate(run, linear.variables, (), jnp.int32(0), other, linear.data)
    assert float(again["one/draw"]) != float(found["one/draw"])


def test_statistics_are_used_and_not_changed(linear):
    """A record is an observation: the network is asked in its evaluation mode."""
    asked = []

    def apply(variables, x, *, train=False):
        asked.append(train)
        return x @ variables.params["w"] + variables.statistics["shift"], {"shift": jnp.zeros(3)}

    base = from_functions(lambda key, x: {}, lambda params, x: x)
    run = linear.run._replace(model=base._replace(apply=apply))
    variables = Variables(linear.variables.params, {"shift": jnp.asarray([5.0, 0.0, 0.0])})
    found = evaluate(run, variables, (), jnp.int32(0), linear.sample, linear.data)
    assert asked == [False, False]
    logits = np.asarray(linear.data.x_test @ variables.params["w"]) + np.array([5.0, 0, 0])
    assert float(found["test_error"]) == pytest.approx(np.mean(logits.argmax(1) != np.asarray(linear.data.y_test)))
