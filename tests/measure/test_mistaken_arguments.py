"""Mistakes of a call are named before anything compiles, and masks may be functions as optax has them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import linalg
from gendyn.core import ConfigError
from gendyn.measure import (
    count_parameters,
    empirical_ntk,
    ggn_top,
    hessian_matvec,
    hessian_spectrum,
    hessian_top,
    ntk_eigh,
)
from gendyn.optim import jacobian_norm

KEY = jax.random.key(0)
PARAMS = {"w": jnp.arange(1.0, 7.0).reshape(3, 2), "b": jnp.ones(2)}
X, Y = jnp.ones((4, 3)), jnp.ones((4, 2))


def apply(params, x):
    return x @ params["w"] + params["b"]


def loss(params):
    return (params["w"] ** 3).sum() + (params["b"] ** 3).sum()


def squares(outputs, targets):
    return ((outputs - targets) ** 2).sum(1)


def whole(variables):
    return loss(variables["params"])


VARIABLES = {"params": PARAMS, "batch_stats": {"mean": jnp.zeros(2)}}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hessian_top(PARAMS, loss, 1, key=KEY), "params is a function.*swapped"),
        (lambda: hessian_matvec(PARAMS, PARAMS), "loss is a dict, but must be a function"),
        (lambda: ggn_top(apply, PARAMS, squares, X, Y, 1, key=KEY), "params is a function.*swapped"),
        (lambda: ggn_top(PARAMS, squares, PARAMS, X, Y, 1, key=KEY), "apply is a dict, but must be a function"),
        (lambda: empirical_ntk(PARAMS, apply, X), "apply is a dict, but must be a function"),
        (lambda: linalg.trace(jnp.ones(3), lambda v: v, key=KEY, num_probes=2), "matvec is an array .*swapped"),
        (lambda: hessian_top(loss, PARAMS, 1, key=0), r"key = 0 must be a random key: key=jax.random.key\(0\)"),
        (lambda: hessian_spectrum(loss, PARAMS, key=3), r"key = 3 must be .*key\(3\)"),
        (lambda: ggn_top(apply, squares, PARAMS, X, Y, 1, key=0), "key = 0 must be a random key"),
        (lambda: ntk_eigh(apply, PARAMS, X, k=1, key=0), "key = 0 must be a random key"),
        (lambda: linalg.diagonal(lambda v: v, jnp.ones(3), key=0, num_probes=2), "key = 0 must be a random key"),
        (lambda: linalg.trace(lambda v: v, jnp.ones(3), key=0, num_probes=2), "key = 0 must be a random key"),
        (lambda: linalg.top_eigenpairs(lambda v: v, jnp.ones(3), 1, key=0), "key = 0 must be a random key"),
        (lambda: linalg.spectral_density(lambda v: v, jnp.ones(3), key=0, num_probes=2, num_steps=2), "key = 0 must"),
        (lambda: jacobian_norm(apply, PARAMS, X, key=0), "key = 0 must be a random key"),
        (lambda: hessian_top(whole, VARIABLES, 1, key=KEY), r"statistics are no parameters. Pass variables\[\"params"),
        (lambda: hessian_matvec(loss, PARAMS | {"act": jax.nn.relu}), r"leaf \['act'\] is .*is it a whole module"),
    ],
)
def test_a_mistake_is_named(call, message):
    with pytest.raises(ConfigError, match=message):
        call()


def test_a_mask_may_be_a_function_of_the_parameters():
    by_rank = lambda params: jax.tree.map(lambda leaf: leaf.ndim > 1, params)  # noqa: E731
    ones = jax.tree.map(jnp.ones_like, PARAMS)
    assert int(count_parameters(PARAMS, by_rank)) == 6
    product = hessian_matvec(loss, PARAMS, mask=by_rank)(ones)
    np.testing.assert_allclose(product["w"], 6 * PARAMS["w"])
    assert not product["b"].any()
    kernel = empirical_ntk(apply, PARAMS, X, kind="trace", strategy="jacobian", mask=by_rank)
    np.testing.assert_allclose(kernel, 3.0)
    with pytest.raises(ConfigError, match="mask has the structure"):
        hessian_matvec(loss, PARAMS, mask=lambda params: True)
    diagonal = linalg.diagonal(lambda v: v, ones, key=KEY, num_probes=2, mask=by_rank)
    assert float(diagonal.value["b"].sum()) == 0 and float(diagonal.value["w"].sum()) == 6
