"""Negative controls of the law of packing: what is not pad-safe fails the very checks that the models pass."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from gendyn.core import module
from gendyn.models import from_flax

WIDTH, BUCKET = 5, 48


class Network(nn.Module):
    """One hidden layer of ``width`` units, as stored, and ``layer`` on them."""

    width: int
    layer: str
    active: object

    @nn.compact
    def __call__(self, x):
        x = nn.Dense(self.width)(x)
        if self.layer == "unmasked sigmoid":
            x = jax.nn.sigmoid(x)
        elif self.layer == "masked sigmoid":
            active = self.width if self.active is None else self.active
            x = jax.numpy.where(np.arange(self.width) < active, jax.nn.sigmoid(x), 0.0)
        else:
            x = jax.nn.relu(nn.LayerNorm()(x) if self.layer == "layer norm" else x)
        return nn.Dense(2)(x)


def train(small, laws, layer, optimizers=("adam",)):
    """``(alone, padded)`` after 0, 50 and 200 steps."""
    config = small.config(train__num_steps=200, sweep__buckets="max")
    make = lambda width, active: from_flax(Network(width, layer, active))  # noqa: E731
    case = laws.Case(config, WIDTH, BUCKET, model=make, optimizers=optimizers)
    return [case.train(kind, (0, 50, 200)) for kind in ("alone", "padded")]


def under(trained, place):
    """What one of the optimizers has made."""
    pick = lambda state: jax.tree.map(lambda leaf: leaf[place], state)  # noqa: E731
    return trained._replace(states={steps: pick(state) for steps, state in trained.states.items()})


def passes(laws, alone, padded):
    laws.assert_observables_agree(padded.states[50], alone.states[50], 1e-5)
    laws.assert_padding_is_zero(padded.states[200], alone.states[200])


def test_the_control_of_the_controls(small, laws):
    """The same network with a pad-safe layer passes."""
    alone, padded = train(small, laws, "masked sigmoid")
    laws.assert_initial_state_is_equal(padded.initial, alone.initial)
    passes(laws, alone, padded)


def test_an_unmasked_sigmoid_moves_the_padding(small, laws):
    """act(0) = 1/2: the padded outgoing weights get a gradient, although the first outputs are right."""
    alone, padded = train(small, laws, "unmasked sigmoid")
    laws.assert_initial_state_is_equal(padded.initial, alone.initial)
    laws.assert_observables_agree(padded.states[0], alone.states[0], 1e-5)
    with pytest.raises(AssertionError):
        laws.assert_padding_is_zero(padded.states[200], alone.states[200])
    with pytest.raises(AssertionError):
        laws.assert_observables_agree(padded.states[50], alone.states[50], 1e-2)


def test_a_layer_norm_over_the_stored_width_is_wrong_from_the_start(small, laws):
    """Padded units enter its mean, and the mean hands its gradient to them."""
    alone, padded = train(small, laws, "layer norm")
    laws.assert_initial_state_is_equal(padded.initial, alone.initial)
    for steps in (0, 50):
        with pytest.raises(AssertionError):
            laws.assert_observables_agree(padded.states[steps], alone.states[steps], 1e-2)
    with pytest.raises(AssertionError):
        laws.assert_parameters_agree(padded.states[50], alone.states[50], (), 1e-2)
    with pytest.raises(AssertionError):
        laws.assert_padding_is_zero(padded.states[200], alone.states[200])
    laws.assert_parameters_agree(alone.states[50], alone.states[50], (), 0.0)


def test_muon_in_a_bucket_is_wrong_although_the_padding_stays_zero(small, laws):
    """Why zeros alone prove nothing: its updates are scaled by the shape of the matrix. Under adam all is well.

    The padded program is built by hand: the planner gives each width its own, see ``test_alone_is_packed.py``.
    """
    assert not module("optim", "muon").PAD_SAFE
    both = train(small, laws, "relu", optimizers=("adam", "muon"))
    laws.assert_initial_state_is_equal(both[1].initial, both[0].initial)
    passes(laws, *(under(trained, 0) for trained in both))
    alone, padded = (under(trained, 1) for trained in both)
    laws.assert_observables_agree(padded.states[0], alone.states[0], 1e-5)
    with pytest.raises(AssertionError):
        laws.assert_observables_agree(padded.states[50], alone.states[50], 1e-2)
    laws.assert_padding_is_zero(padded.states[200], alone.states[200])
