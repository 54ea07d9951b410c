"""Runs of a sweep trained again: the same parameters at the end, and nothing but the sweep's own steps."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import sweep
from gendyn.core import ConfigError
from gendyn.sweep.execute import flatten_state

STEPS = 8


def after_all(step, state):
    """The state after the steps, and the largest gradient on the way."""
    largest = 0.0
    for _ in range(STEPS):
        state, gradient = step(state)
        for leaf in jax.tree.leaves(gradient):
            largest = jnp.maximum(largest, jnp.abs(leaf).max())
    return state, largest


def config_of(small, **leaves):
    return small.config(train__num_steps=12, record__num_records=2, sweep__buckets="max", **leaves)


def test_the_steps_are_those_of_the_sweep(small, tmp_path):
    axes = {"model.width": (4,), "seed": (0, 1)}
    config = config_of(small, optim="adam")
    found = sweep.replay(config, after_all, axes=axes, start=4, num_steps=STEPS)
    trained = small.run(config, axes, tmp_path)
    for (state, largest), saved in zip(found, trained.states, strict=True):
        assert int(state.step) == 12 and largest > 0
        for name, leaf in flatten_state(state).items():
            if name.startswith("variables"):
                np.testing.assert_allclose(leaf, saved[name], rtol=2e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("leaves", "axes", "match"),
    [
        (
            {},
            {"train.num_steps": (12, 9)},
            r"start \+ num_steps = 10 must be at most .* = 9, the least of all.* axes=",
        ),
        ({"stop__train_loss": 0.1}, {}, r"the config has a stop rule .* switch it off"),
        ({}, {"stop.step": (0, 6)}, r"the config has a stop rule .* switch it off"),
        ({}, {"model.depth": (1, 2)}, r"differ in shape: .* is .*none.* axes="),
    ],
)
def test_what_is_not_of_the_sweep_is_refused_before_anything_is_trained(small, monkeypatch, leaves, axes, match):
    def statistic(step, state):
        pytest.fail("a run was trained")

    replaying = importlib.import_module("gendyn.sweep.replay")  # gendyn.sweep.replay is the function
    monkeypatch.setattr(replaying, "first_state", lambda *arguments: pytest.fail("a run was initialised"))

    with pytest.raises(ConfigError, match=match):
        sweep.replay(config_of(small, **leaves), statistic, axes=axes, start=2, num_steps=8)
