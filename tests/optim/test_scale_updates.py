"""A learning rate per parameter, with decay at its own rate."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gendyn import core
from gendyn.models import from_flax, mlp
from gendyn.optim import adamw, keep_dtypes, scale_updates, sgd

PARAMS = {"a": jnp.array([1.0, -2.0]), "b": jnp.array([3.0])}
GRADIENT = {"a": jnp.array([0.5, 0.1]), "b": jnp.array([-4.0])}
SCALES = {"a": 0.25, "b": 3.0}


def one_update(transform, gradient=GRADIENT):
    return transform.update(gradient, transform.init(PARAMS), PARAMS)[0]


@pytest.mark.parametrize(
    "wrap", [keep_dtypes, lambda t: scale_updates(t, lambda p: SCALES, decoupled_decay=False)], ids=["dtypes", "scales"]
)
def test_wrappers_hand_extra_arguments_on(wrap):
    def update(updates, state, params=None, *, value):
        return jax.tree.map(lambda u: value * u, updates), state

    transform = optax.chain(wrap(optax.GradientTransformationExtraArgs(optax.init_empty_state, update)))
    once, thrice = (transform.update(GRADIENT, transform.init(PARAMS), PARAMS, value=v)[0] for v in (1.0, 3.0))
    np.testing.assert_allclose(thrice["a"], 3 * once["a"])
    # And what takes none ignores them.
    plain, extra = (
        wrap(sgd(0.1)).update(GRADIENT, wrap(sgd(0.1)).init(PARAMS), PARAMS, **e)[0] for e in ({}, {"value": 1.0})
    )
    np.testing.assert_array_equal(plain["a"], extra["a"])


def test_coupled_updates_are_multiplied():
    plain, scaled = (
        one_update(t) for t in (sgd(0.1), scale_updates(sgd(0.1), lambda p: SCALES, decoupled_decay=False))
    )
    for name in PARAMS:
        np.testing.assert_allclose(scaled[name], SCALES[name] * plain[name], rtol=1e-6)


def test_decoupled_decay_keeps_its_rate():
    """update = scale * (Adam's part) + (decay's part): the two parts are measured apart."""
    adam_part, both = one_update(adamw(0.1, weight_decay=0.0)), one_update(adamw(0.1, weight_decay=0.3))
    scaled = one_update(scale_updates(adamw(0.1, weight_decay=0.3), lambda p: SCALES, decoupled_decay=True))
    for name in PARAMS:
        decay_part = both[name] - adam_part[name]
        np.testing.assert_allclose(scaled[name], SCALES[name] * adam_part[name] + decay_part, rtol=1e-5)
        assert not np.allclose(scaled[name], SCALES[name] * both[name])


@pytest.mark.parametrize("name", [n for n in core.names("optim") if core.module("optim", n).ROLE == "optimizer"])
def test_the_claim_of_decoupled_decay_holds(name):
    """Decoupled decay adds ``-lr * decay * p`` whatever the gradient; coupled decay is normalised together with it."""
    found = core.module("optim", name)
    factory = core.lookup("optim", name)
    shape = {"w": jnp.ones((3, 3))}

    def decay_part(gradient):
        parts = []
        for weight_decay in (0.0, 0.2):
            transform = factory(0.1, weight_decay=weight_decay)
            parts.append(transform.update(gradient, transform.init(shape), shape)[0]["w"])
        return parts[1] - parts[0]

    gradient = {"w": jax.random.normal(jax.random.key(0), (3, 3)) + 2.0}
    expected = -0.1 * 0.2 * np.ones((3, 3))
    decoupled = np.allclose(decay_part(gradient), expected, rtol=1e-3)
    # SGD's coupled decay is linear too; what tells it apart is the momentum buffer, tested with the transform.
    assert decoupled == (found.DECOUPLED_DECAY or name == "sgd")


def test_mup_scales_reach_the_update():
    module = mlp(num_outputs=2, width=128, depth=2, parametrisation="mup", base_width=32)
    params = from_flax(module).init(jax.random.key(0), jnp.ones((1, 3))).params
    ones = jax.tree.map(jnp.ones_like, params)
    transform = scale_updates(optax.sgd(1.0), lambda p: module.learning_rate_scales(p, "adam"), decoupled_decay=False)
    updates, _ = transform.update(ones, transform.init(params), params)
    np.testing.assert_allclose(updates["dense_1"]["kernel"], -0.25)
    np.testing.assert_allclose(updates["dense_0"]["kernel"], -1.0)
