"""Kernels of networks that mix the rows of a batch are refused; inputs in a tree; networks with a ``custom_vjp``."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.measure import empirical_ntk, ggn_top, ntk_eigh, ntk_matvec
from gendyn.measure._forward_mode import has_forward_mode

X = jax.random.normal(jax.random.key(0), (6, 3))
NORM = nn.BatchNorm(use_running_average=False, use_bias=False)
VARIABLES = NORM.init(jax.random.key(1), X)


def batch_statistics(params, x):
    """A normalisation by the batch's own mean and variance, and a readout."""
    statistics = {"batch_stats": VARIABLES["batch_stats"]}
    normalised, _ = NORM.apply({"params": params["norm"], **statistics}, x, mutable=["batch_stats"])
    return normalised @ params["readout"]


PARAMS = {"norm": VARIABLES["params"], "readout": jnp.ones((3, 2))}


def jacobian_kernel(apply, params, x):
    """``[N K, N K]``, of the whole batch."""
    leaves = jax.tree.leaves(jax.jacrev(lambda p: apply(p, x))(params))
    flat = jnp.concatenate([leaf.reshape(x.shape[0] * leaf.shape[1], -1) for leaf in leaves], axis=1)
    return flat @ flat.T


def test_a_network_that_mixes_rows_has_no_kernel_of_single_examples():
    for kernel in (empirical_ntk, ntk_eigh):
        with pytest.raises(ConfigError, match=r"of 6 rows differs by .* mixes the rows of a batch .*train=False"):
            kernel(batch_statistics, PARAMS, X)
    for blocks in (
        lambda: ntk_matvec(batch_statistics, PARAMS, X, block_size=2),
        lambda: ntk_eigh(batch_statistics, PARAMS, X, k=1, block_size=2),
    ):
        with pytest.raises(ConfigError, match="mixes the rows"):
            blocks()
    with pytest.raises(ConfigError, match="mixes the rows"):  # and only the second batch shows it
        empirical_ntk(batch_statistics, PARAMS, X[:1], X)


def test_products_with_the_whole_batch_are_those_of_its_jacobian():
    true = jacobian_kernel(batch_statistics, PARAMS, X)
    product = ntk_matvec(batch_statistics, PARAMS, X)(jnp.ones((6, 2)))
    np.testing.assert_allclose(product.ravel(), true @ jnp.ones(12), rtol=1e-4, atol=1e-4)
    assert float(jnp.trace(true)) > 1.0


@pytest.mark.parametrize(
    "mixed",
    [lambda w, x: (x - x.mean(0)) @ w, lambda w, x: x @ w / x.shape[0], lambda w, x: jnp.roll(x, 1, axis=0) @ w],
    ids=["mean", "count", "order"],
)
def test_any_mixing_is_seen(mixed):
    with pytest.raises(ConfigError, match="mixes the rows"):
        empirical_ntk(mixed, jnp.ones((3, 1)), X)


def test_rounding_is_no_mixing():
    """Outputs less those of a start very near by: what is left is mostly rounding, and differs from batch to row."""
    start, turn = jax.random.normal(jax.random.key(2), (3, 50)), jax.random.normal(jax.random.key(3), (50, 1))

    def since(w, x):
        return (jnp.tanh(x @ w) - jnp.tanh(x @ start)) @ turn

    found = empirical_ntk(since, start * (1 + 1e-5), X)
    np.testing.assert_allclose(found, jacobian_kernel(since, start, X), rtol=1e-2)


def test_under_a_trace_nothing_is_compared():
    """As the docstring says: the value of a traced network is not known."""
    assert jax.jit(lambda p: empirical_ntk(batch_statistics, p, X, kind="trace"))(PARAMS).shape == (6, 6)


def test_inputs_in_a_tree():
    """Of any dtypes: what they are is not differentiated."""
    ids, flags = jnp.arange(6) % 4, jnp.arange(6) % 2 == 0
    inputs = {"x": X, "ids": ids, "flags": flags}

    def apply(w, inputs):
        return jnp.where(inputs["flags"][:, None], 2.0, 1.0) * (inputs["x"] @ w["w"]) + w["table"][inputs["ids"]]

    params = {"w": jnp.ones((3, 2)), "table": jnp.ones((4, 2))}
    flat = jnp.concatenate([X, ids[:, None], flags[:, None]], axis=1)

    def same(w, rows):
        return apply(w, {"x": rows[:, :3], "ids": rows[:, 3].astype(int), "flags": rows[:, 4] > 0})

    expected = jacobian_kernel(same, params, flat)
    np.testing.assert_allclose(empirical_ntk(apply, params, inputs), expected, rtol=1e-5, atol=1e-5)
    few = jax.tree.map(lambda leaf: leaf[:2], inputs)
    np.testing.assert_allclose(empirical_ntk(apply, params, inputs, few), expected[:, :4], rtol=1e-5, atol=1e-5)
    top = ntk_eigh(apply, params, inputs, k=1).values
    np.testing.assert_allclose(top, jnp.linalg.eigvalsh(expected)[-1:], rtol=1e-3)
    with pytest.raises(ConfigError, match="x2 has the structure"):
        empirical_ntk(apply, params, inputs, X)
    with pytest.raises(ConfigError, match=r"x1 has leaves .*with one N"):
        empirical_ntk(apply, params, {**inputs, "ids": ids[:2]})


@jax.custom_vjp
def clipped(x):
    return jnp.clip(x, -1.0, 1.0)


clipped.defvjp(lambda x: (clipped(x), None), lambda _, cotangent: (cotangent,))  # straight through


def straight_through(w, x):
    return clipped(x @ w)


def squares(outputs, targets):
    return jnp.sum(jnp.square(outputs - targets), axis=1)


def test_a_custom_vjp_is_the_derivative_of_the_kernel():
    assert not has_forward_mode(jax.jit(lambda w: straight_through(w, X)), jnp.ones((3, 1)))
    assert has_forward_mode(lambda w: jnp.tanh(X @ w), jnp.ones((3, 1)))
    np.testing.assert_allclose(empirical_ntk(straight_through, jnp.ones((3, 1)), X), X @ X.T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "ask",
    [
        lambda w: empirical_ntk(straight_through, w, X, strategy="products"),
        lambda w: ntk_eigh(straight_through, w, X, k=1),
        lambda w: ntk_matvec(straight_through, w, X)(jnp.ones((6, 1))),
        lambda w: ggn_top(straight_through, squares, w, X, jnp.zeros((6, 1)), 1, key=jax.random.key(0)),
    ],
    ids=["products", "eigenpairs", "matvec", "gauss-newton"],
)
def test_what_needs_forward_mode_says_so(ask):
    with pytest.raises(ConfigError, match=r"needs forward-mode derivatives, which a jax\.custom_vjp"):
        ask(jnp.ones((3, 1)))


def test_the_rows_are_compared_by_what_a_network_reads_now():
    mode = {"mixes": True}

    def apply(params, x):
        return (x - x.mean(0) if mode["mixes"] else x) @ params

    x = jax.random.normal(jax.random.key(0), (6, 3))
    with pytest.raises(ConfigError, match="mixes the rows"):
        empirical_ntk(apply, jnp.ones((3, 1)), x)
    mode["mixes"] = False
    np.testing.assert_allclose(empirical_ntk(apply, jnp.ones((3, 1)), x), x @ x.T, rtol=1e-5, atol=1e-5)
    mode["mixes"] = True
    with pytest.raises(ConfigError, match="mixes the rows"):
        ntk_matvec(apply, jnp.ones((3, 1)), x, block_size=2)


def test_a_mask_that_is_a_function_is_asked_of_the_parameters_once():
    params, x = jnp.array([[1.0], [0.0], [2.0]]), jax.random.normal(jax.random.key(0), (5, 3))
    nonzero = lambda p: jax.tree.map(lambda leaf: (leaf != 0).astype(leaf.dtype), p)  # noqa: E731
    v = jax.random.normal(jax.random.key(1), (5, 1))
    product = ntk_matvec(lambda w, x: x @ w, params, x, mask=nonzero)(v)
    kept = x[:, jnp.array([0, 2])]
    np.testing.assert_allclose(product, kept @ (kept.T @ v), rtol=1e-4, atol=1e-5)
    with pytest.raises(ConfigError, match="mask"):
        ntk_matvec(lambda w, x: x @ w, params, x, mask={"other": 1.0})
