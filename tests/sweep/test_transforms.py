"""What a transform's module need not say, and one sentence for what it must."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.sweep.config import leaves_of
from gendyn.sweep.config.transforms import decoupled_decay, family, pad_safe, takes_schedule
from gendyn.sweep.plan import make_plan
from gendyn.sweep.plan.against_task import load_task
from gendyn.sweep.plan.one_run import run_at
from gendyn.sweep.plan.program import hypers_of, shapes_at

MODULES = {
    "plain_sgd": """
import optax
ROLE = "optimizer"
def plain_sgd(learning_rate: float = 0.1):
    assert isinstance(learning_rate, float)
    return optax.sgd(learning_rate)
""",
    "late_sgd": """
from __future__ import annotations
import optax
from gendyn.optim import LearningRate
ROLE, PAD_SAFE = "optimizer", True
def late_sgd(learning_rate: LearningRate = 0.1):
    return optax.sgd(learning_rate)
""",
    "fixed_sgd": """
import optax
ROLE, PAD_SAFE, FAMILY = "optimizer", True, "sgd"
def fixed_sgd():
    return optax.sgd(0.1)
""",
    "decayed": """
import optax
ROLE, PAD_SAFE, FAMILY = "optimizer", "yes", "SGD"
def decayed(learning_rate: float = 0.1, weight_decay: float = 0.0):
    return optax.chain(optax.add_decayed_weights(weight_decay), optax.sgd(learning_rate))
""",
}


@pytest.fixture(autouse=True)
def modules(tmp_path, monkeypatch):
    for name, text in MODULES.items():
        (tmp_path / f"my_{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)


def planned(small, optim, axes, **leaves):
    made = small.config()
    overrides = {"optim.name": f"my_{optim}:{optim}"} | leaves
    config = {k: v for k, v in small.gendyn.sweep.config.flatten(made).items() if not k.startswith("optim.")}
    return make_plan(small.gendyn.sweep.config.nest(config | overrides), axes=axes, devices=jax.devices()[:1])


def test_a_module_without_pad_safe_has_a_program_for_each_width(small):
    sizes = lambda optim: [c.sizes for c in planned(small, optim, {"model.width": (3, 4)}).chunks]  # noqa: E731
    assert not pad_safe("my_plain_sgd:plain_sgd")
    assert sizes("plain_sgd") == [{}, {}]
    assert sizes("fixed_sgd") == [{"model.width": 4}]  # the control
    with pytest.raises(ConfigError, match="'my_decayed:decayed': PAD_SAFE = 'yes' must be True or False"):
        planned(small, "decayed", {})


@pytest.mark.parametrize(("optim", "rate"), [("plain_sgd", 0.5), ("fixed_sgd", 0.1)])
def test_a_learning_rate_that_is_a_number_or_is_not_there(small, optim, rate):
    """It used to be a KeyError."""
    (chunk,) = planned(small, optim, {}, **({"optim.learning_rate": rate} if optim == "plain_sgd" else {})).chunks
    program = chunk.program(load_task(chunk.settings, {}))
    hypers = {name: values[0] for name, values in hypers_of(program, [chunk.settings]).items()}
    run = run_at(program, hypers)
    shapes = shapes_at(program, chunk.settings, padded=True).params
    gradient = jax.tree.map(lambda leaf: np.ones(leaf.shape, np.float32), shapes)
    updates, _ = run.optimizer.update(gradient, run.optimizer.init(gradient), gradient)
    np.testing.assert_allclose(updates["readout"]["bias"], -rate, rtol=1e-6)


@pytest.mark.parametrize("leaves", [{"schedule.name": "cosine"}, {"schedule.warmup_steps": 2}])
def test_a_schedule_needs_a_rate_that_may_change(small, leaves):
    for optim in ("plain_sgd", "fixed_sgd"):
        with pytest.raises(
            ConfigError, match=rf"config.schedule: optimizer 'my_{optim}:{optim}' takes no learning rate"
        ):
            planned(small, optim, {}, **leaves)
    assert planned(small, "late_sgd", {}, **leaves).runs


def test_annotations_as_texts(small):
    """``from __future__ import annotations`` makes no leaf static."""
    flat = small.gendyn.sweep.config.flatten(small.config()) | {"optim.name": "my_late_sgd:late_sgd"}
    assert leaves_of(flat)["optim.learning_rate"].kind == "traced"
    assert takes_schedule("my_late_sgd:late_sgd") and not takes_schedule("my_plain_sgd:plain_sgd")


def test_a_model_with_rates_per_parameter_asks_for_more(small):
    mup = {"model.parametrisation": "mup", "model.base_width": 4}
    with pytest.raises(ConfigError, match=r'my_plain_sgd.*learning rate for each parameter.*FAMILY = "sgd"'):
        planned(small, "plain_sgd", {}, **mup)
    assert planned(small, "fixed_sgd", {}, **mup).runs
    assert family("my_fixed_sgd:fixed_sgd") == "sgd" and not decoupled_decay("my_fixed_sgd:fixed_sgd")
    with pytest.raises(ConfigError, match=r"FAMILY = 'SGD' must be one of sgd, adam"):
        family("my_decayed:decayed")
    with pytest.raises(ConfigError, match=r"DECOUPLED_DECAY = True .*AdamW.* or False"):
        decoupled_decay("my_decayed:decayed")
