"""Dropout in a sweep: alone is packed, resumed is uninterrupted, and no mask is drawn in a padded shape."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.sweep.execute.progress import Progress
from gendyn.sweep.plan import make_plan

MODELS = """
import flax.linen as nn
import jax.numpy as jnp
from flax import nnx

from gendyn.models import from_nnx


class Linen(nn.Module):
    num_outputs: int
    width: int
    rate: float

    @nn.compact
    def __call__(self, x, *, training=False):
        x = nn.Dropout(self.rate)(nn.relu(nn.Dense(self.width)(x)), deterministic=not training)
        return nn.Dense(self.num_outputs)(x)


def linen(*, num_outputs: int, width: int = 6, active_width: int = 0, rate: float = 0.5):
    return Linen(num_outputs, width, rate)


class InNnx(nnx.Module):
    def __init__(self, inputs, outputs, rngs):
        self.first, self.last = nnx.Linear(inputs, 6, rngs=rngs), nnx.Linear(6, outputs, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        return self.last(self.dropout(nnx.relu(self.first(x))))


def in_nnx(*, num_outputs: int, input_shape: tuple = ()):
    return from_nnx(lambda rngs: InNnx(input_shape[0], num_outputs, rngs))


def broken(*, num_outputs: int, width: int = 6):
    assert width != 4
    return Linen(num_outputs, width, 0.0)


class Narrow(Linen):
    @nn.compact
    def __call__(self, x, *, training=False):
        assert self.width < 5
        return nn.Dense(self.num_outputs)(x)


def narrow(*, num_outputs: int, width: int = 2):
    return Narrow(num_outputs, width, 0.0)
"""


@pytest.fixture
def config(small, tmp_path, monkeypatch):
    """``config("linen", …)``: a sweep of one of the models above, which are somebody's own."""
    (tmp_path / "dropout_models.py").write_text(MODELS)
    monkeypatch.syspath_prepend(tmp_path)
    leaves = {"optim": "adam", "sweep__strategy": "vmap", "sweep__buckets": "max", "record__num_records": 3}
    return lambda name, **more: small.config(model=f"dropout_models:{name}", train__num_steps=6, **leaves, **more)


class Interrupted(KeyboardInterrupt):
    """What a test raises in the middle of a sweep."""


@pytest.mark.parametrize("name", ["linen", "in_nnx"])
def test_alone_packed_and_resumed(small, config, tmp_path, monkeypatch, name):
    made = config(name)
    packed = small.run(made, {"seed": (3, 4)}, tmp_path / "packed")
    alone = small.run(made, {"seed": (4,)}, tmp_path / "alone")
    np.testing.assert_allclose(packed.dataset.train_loss.sel(seed=4), alone.dataset.train_loss[0], rtol=1e-5)
    assert not np.allclose(packed.dataset.train_loss.sel(seed=3), alone.dataset.train_loss[0], rtol=0.01)

    original, left = Progress.advance, [2]

    def advance(progress, run_steps, note=""):
        left[0] -= bool(note)
        if note and not left[0]:
            raise Interrupted
        return original(progress, run_steps, note)

    monkeypatch.setattr(Progress, "advance", advance)
    with pytest.raises(Interrupted):
        small.run(made, {"seed": (3, 4)}, tmp_path / "resumed")
    small.same(packed, small.run(made, {"seed": (3, 4)}, tmp_path / "resumed"))


def sizes(config, axes):
    plan = make_plan(config, axes=axes, devices=jax.devices()[:1])
    return [(chunk.sizes, chunk.num_rows, len(chunk.runs)) for chunk in plan.chunks]


def test_what_draws_is_never_padded(config):
    axes = {"model.width": (3, 6), "seed": (0, 1)}
    exact = [({"model.width": width}, 24, 2) for width in (3, 6)]
    assert sizes(config("linen"), axes) == exact
    assert sizes(config("linen", model__rate=0.0), axes) == [({"model.width": 6}, 24, 4)]  # the control
    assert len(sizes(config("linen"), {"data.num_train": (12, 24)})) == 2


@pytest.mark.parametrize("name", ["broken", "narrow"])
def test_a_network_that_raises_at_one_width_names_the_run(config, name):
    """In its factory or in its forward pass; among more widths than are traced to count operations."""
    widths = (3, 4) if name == "broken" else (1, 2, 3, 4, 6, 8)
    with pytest.raises(ConfigError, match=rf"'dropout_models:{name}' raises AssertionError at .*width = [46]\b"):
        make_plan(config(name), axes={"model.width": widths}, devices=jax.devices()[:1])
