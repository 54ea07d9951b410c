from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gendyn import train
from gendyn.models import from_functions
from gendyn.types import Variables


def softmax_regression(x):
    """Initial variables ``{"w": [D, 3], "b": [3]}``; one convex layer has a gradient that fits on one line."""
    return {"w": jnp.full((x.shape[-1], 3), 0.1), "b": jnp.zeros(3)}


def cross_entropy(outputs, targets):
    return optax.softmax_cross_entropy_with_integer_labels(outputs, targets)


@pytest.fixture(scope="session")
def linear():
    """A softmax regression on 11 + 5 examples of 4 numbers in 3 classes, as everything ``gendyn.train`` asks for."""
    rng = np.random.default_rng(0)
    model = from_functions(lambda key, x: softmax_regression(x), lambda params, x: x @ params["w"] + params["b"])
    data = train.Data(
        jnp.asarray(rng.normal(size=(11, 4)), jnp.float32),
        jnp.asarray(rng.normal(size=(5, 4)), jnp.float32),
        jnp.asarray(rng.integers(3, size=5), jnp.int32),
    )
    sample = train.Sample(
        jnp.asarray(rng.integers(3, size=11), jnp.int32), jnp.int32(8), jnp.asarray([7, 9], jnp.uint32)
    )
    run = train.Run(model=model, optimizer=optax.sgd(0.1), loss=cross_entropy)
    params = jax.tree.map(
        lambda leaf: leaf + rng.normal(size=leaf.shape).astype(np.float32), softmax_regression(data.x_train)
    )
    return SimpleNamespace(run=run, data=data, sample=sample, variables=Variables(params, {}))


@pytest.fixture(scope="session")
def loss_and_gradient():
    """``(params, x, targets, weights) -> (loss, error, gradient)`` of softmax regression, in float64 numpy."""

    def reference(params, x, targets, weights):
        params, x = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), (params, x))
        targets, weights = np.asarray(targets), np.asarray(weights, np.float64)
        logits = x @ params["w"] + params["b"]
        shifted = np.exp(logits - logits.max(1, keepdims=True))
        p = shifted / shifted.sum(1, keepdims=True)
        one_hot = np.eye(p.shape[1])[targets]
        loss = -np.sum(weights * np.log(p[np.arange(len(p)), targets]))
        error = np.sum(weights * (logits.argmax(1) != targets))
        residual = weights[:, None] * (p - one_hot)
        return loss, error, {"w": x.T @ residual, "b": residual.sum(0)}

    return reference
