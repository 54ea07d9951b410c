"""A run as values, built from a program and its traced leaves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import train
from gendyn.models import as_model, from_functions
from gendyn.sweep.plan.one_run import run_at
from gendyn.sweep.plan.program import task_arguments

WIDTH, BUCKET, BASE = 4, 16, 8


def first_run(small, axes=None, **leaves):
    """``(program, hypers, variables)`` of the first run of a sweep over widths 4 and 16."""
    packed = small.packed(small.config(**leaves), axes or {"model.width": (WIDTH, BUCKET)})
    take = lambda tree: jax.tree.map(lambda leaf: leaf[0], tree)  # noqa: E731
    return packed.program, take(packed.inputs.hypers), take(packed.state.variables)


def updates(program, hypers, variables, count=1):
    """What the run's optimizer makes of a gradient of ones, ``count`` times."""
    optimizer = run_at(program, hypers).optimizer
    gradient = jax.tree.map(jnp.ones_like, variables.params)
    state, found = optimizer.init(variables.params), []
    for _ in range(count):
        update, state = optimizer.update(gradient, state, variables.params)
        found.append(update)
    return found


def test_learning_rates_of_mup_follow_the_true_width_of_the_run(small):
    """SGD: the relative width on input weights and hidden biases; 1 on the readout's bias. Not that of the bucket."""
    common = {"optim": "sgd", "model__base_width": BASE}
    plain, mup = (updates(*first_run(small, model__parametrisation=kind, **common))[0] for kind in ("standard", "mup"))
    relative = WIDTH / BASE
    for layer, leaf, scale in (
        ("dense_0", "kernel", relative),
        ("dense_0", "bias", relative),
        ("readout", "kernel", relative),
        ("readout", "bias", 1.0),
    ):
        np.testing.assert_allclose(mup[layer][leaf], scale * plain[layer][leaf], rtol=1e-6)


def test_decoupled_weight_decay_keeps_its_own_rate_under_mup(small):
    leaves = {"optim": "adamw", "model__depth": 2, "model__base_width": BASE, "model__parametrisation": "mup"}
    (decayed,), (free,) = (updates(*first_run(small, optim__weight_decay=decay, **leaves)) for decay in (0.5, 0.0))
    _, hypers, variables = first_run(small, **leaves)
    rate = float(hypers["optim.learning_rate"])
    decay = jax.tree.map(jnp.subtract, decayed, free)
    jax.tree.map(
        lambda d, p: np.testing.assert_allclose(d, -rate * 0.5 * p, rtol=1e-4, atol=1e-7), decay, variables.params
    )
    # Hidden weights have a rate of their own, 1 / relative width under Adam.
    assert abs(float(free["dense_1"]["kernel"][0, 0] / free["dense_0"]["kernel"][0, 0]) - BASE / WIDTH) < 1e-4


def test_the_learning_rate_follows_the_schedule(small):
    program, hypers, variables = first_run(
        small, optim="sgd", optim__momentum=0.0, schedule__name="linear", schedule__warmup_steps=1, train__num_steps=5
    )
    rates = [-float(update["readout"]["bias"][0]) for update in updates(program, hypers, variables, 6)]
    # Warm-up 1/2; then 1 - (step - 1) / (5 - 1).
    np.testing.assert_allclose(rates, 0.02 * np.array([0.5, 1.0, 0.75, 0.5, 0.25, 0.0]), rtol=1e-5, atol=1e-9)


def test_what_is_off_is_not_in_the_program(small):
    program, hypers, _ = first_run(small)
    run = run_at(program, hypers)
    assert run.stop is None
    assert run.ema_decay is None
    assert run.augment is None
    program, hypers, _ = first_run(small, stop__epoch=3, train__ema_decay=0.9, train__batch_size=7)
    run = run_at(program, hypers)
    assert (int(run.stop.epoch), int(run.stop.step), float(run.stop.train_loss)) == (3, 0, -1.0)
    assert float(run.ema_decay) == pytest.approx(0.9)
    assert run.batch_size == 7


def test_augmentation_and_probes_are_taken_by_name(small):
    packed = small.packed(
        small.config(task="digits", model="cnn", train__augment=True, probes=("parameter_norm",)),
        {"model.width": (1, 2)},
    )
    run = run_at(packed.program, jax.tree.map(lambda leaf: leaf[0], packed.inputs.hypers))
    assert run.augment is train.crop_and_flip
    assert [probe.name for probe in run.probes] == ["parameter_norm"]
    assert "parameter_norm/total" in packed.state.metrics
    assert task_arguments(packed.program) == {"num_outputs": 10, "input_shape": (8, 8, 1)}


def test_a_model_file_may_return_a_pair_of_functions():
    pair = from_functions(lambda key, x: {}, lambda params, x: x)
    assert as_model(pair) is pair
