"""Every operator against its dense definition, streamed and whole; masks, weights, damping, scaling; closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from gendyn.core import ConfigError
from gendyn.measure.curvature.operators import (
    fisher_matvec,
    ggn_matvec,
    gradient_second_moment_matvec,
    hessian_operator,
)
from gendyn.measure.masks import count_parameters, intersect_masks, leaf_mask
from gendyn.measure.memory import product_bytes
from gendyn.models import from_flax
from gendyn.models._normalisation import BatchNorm
from gendyn.optim import cross_entropy, squared_error
from gendyn.types import Variables

N, IN, HIDDEN, OUT = 11, 3, 4, 3
OPERATORS = {
    "hessian": hessian_operator,
    "ggn": ggn_matvec,
    "true": fisher_matvec,
    "empirical": lambda *args, **kwargs: fisher_matvec(*args, kind="empirical", **kwargs),
    "moment": gradient_second_moment_matvec,
    "covariance": lambda *args, **kwargs: gradient_second_moment_matvec(*args, centred=True, **kwargs),
}


def problem(dtype=jnp.float32):
    keys = jax.random.split(jax.random.key(0), 5)
    draw = lambda key, *shape: jax.random.normal(key, shape, jnp.float32).astype(dtype)  # noqa: E731
    params = {
        "a": {"kernel": draw(keys[0], IN, HIDDEN), "bias": draw(keys[1], HIDDEN)},
        "b": draw(keys[2], HIDDEN, OUT),
    }
    weights = jnp.arange(N, dtype=dtype) % 3  # some examples count for nothing
    return params, draw(keys[3], N, IN), jnp.arange(N) % OUT, weights


def network(params, x):
    return jnp.tanh(x @ params["a"]["kernel"] + params["a"]["bias"]) @ params["b"]


@jax.jit
def rows_of(matvec, like):
    flat, unravel = ravel_pytree(like)
    return jax.vmap(lambda unit: ravel_pytree(matvec(unravel(unit)))[0])(jnp.eye(flat.size, dtype=flat.dtype))


def dense(matvec, like):
    return np.asarray(rows_of(matvec, like))


def reference(name, params, x, y, weights, apply=network, loss=cross_entropy):
    return np.asarray(reference_matrix(name, params, x, y, weights, apply, loss))


@jax.jit(static_argnums=(0, 5, 6))
def reference_matrix(name, params, x, y, weights, apply, loss):
    """By jax.hessian and jax.jacobian, example by example."""
    flat, unravel = ravel_pytree(params)
    if name == "hessian":
        return jax.hessian(lambda w: weights @ loss(apply(unravel(w), x), y))(flat)
    if name in ("ggn", "true"):
        jacobian = jax.jacobian(lambda w: apply(unravel(w), x))(flat)
        if name == "ggn":
            middle = jax.vmap(lambda f, t: jax.hessian(lambda o: loss(o[None], t[None])[0])(f))(apply(params, x), y)
        else:  # the expectation over labels, term by term
            p = jax.nn.softmax(apply(params, x))
            scores = jnp.eye(OUT)[None] - p[:, None]  # [n, label, output]
            middle = jnp.einsum("nl,nla,nlb->nab", p, scores, scores)
        return jnp.einsum("n,nap,nab,nbq->pq", weights, jacobian, middle, jacobian)
    gradients = jax.jacobian(lambda w: loss(apply(unravel(w), x), y))(flat)
    if name == "covariance":
        gradients = gradients - weights @ gradients / weights.sum()
    return jnp.einsum("n,np,nq->pq", weights, gradients, gradients)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("batch_size", [None, 4])
def test_operator_is_its_dense_definition(name, batch_size):
    params, x, y, weights = problem()
    make = lambda **more: OPERATORS[name](network, cross_entropy, params, x, y, batch_size=batch_size, **more)  # noqa: E731
    uniform = reference(name, params, x, y, jnp.full(N, 1 / N))
    scale = np.abs(uniform).max()
    np.testing.assert_allclose(dense(make(), params), uniform, atol=1e-5 * scale)
    np.testing.assert_allclose(dense(make(reduction="sum"), params), N * uniform, atol=1e-5 * N * scale)
    weighted = reference(name, params, x, y, weights / weights.sum())
    found = dense(make(weights=weights), params)
    np.testing.assert_allclose(found, weighted, atol=1e-5 * scale)
    assert np.abs(found - uniform).max() > 1e-2 * scale
    damped = dense(make(damping=0.3), params)
    np.testing.assert_allclose(damped, uniform + 0.3 * np.eye(len(uniform)), atol=1e-5 * scale)


@pytest.mark.parametrize("name", OPERATORS)
def test_float64_agrees_to_1e_10(name):
    with jax.enable_x64(True):
        params, x, y, weights = problem(jnp.float64)
        expected = reference(name, params, x, y, weights / weights.sum())
        matvec = OPERATORS[name](network, cross_entropy, params, x, y, weights=weights, batch_size=4)
        found = dense(matvec, params)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, atol=1e-10)


def test_operators_differ_from_each_other():
    """The control: a test against the wrong reference would fail. Only the true Fisher is the Gauss-Newton matrix."""
    params, x, y, _ = problem()
    found = {name: dense(make(network, cross_entropy, params, x, y), params) for name, make in OPERATORS.items()}
    same = {("ggn", "true"), ("empirical", "moment")}
    names = list(found)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            distance = np.abs(found[first] - found[second]).max()
            assert (distance < 1e-5) == ((first, second) in same), (first, second, distance)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in ("hessian", "covariance") else pytest.mark.slow) for n in OPERATORS]
)
def test_vmapped_products_over_many_examples_are_the_single_ones(name):
    """jaxlib 0.10.2 on CPU fuses some chains of reductions wrongly, vmapped, from about 1000 rows on."""
    params, *_ = problem()
    x, y = jax.random.normal(jax.random.key(9), (1100, IN)), jnp.arange(1100) % OUT
    matvec = OPERATORS[name](network, cross_entropy, params, x, y)
    expected = reference(name, params, x, y, jnp.full(1100, 1 / 1100))
    np.testing.assert_allclose(dense(matvec, params), expected, atol=1e-5 * np.abs(expected).max())


# The mask is the same code for all of them: one with a linearised gradient, one with more than a sandwich.
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in ("hessian", "covariance") else pytest.mark.slow) for n in OPERATORS]
)
def test_mask_gives_the_block_of_the_kept_parameters(name):
    params, x, y, _ = problem()
    mask = leaf_mask(params, lambda path, leaf: path == "a/kernel")
    mask["b"] = np.array([[True], [False], [True], [True]])  # broadcasts along the outputs
    kept = np.asarray(ravel_pytree(jax.tree.map(lambda m, p: jnp.broadcast_to(m, p.shape), mask, params))[0])
    assert kept.sum() == int(count_parameters(params, mask)) == 12 + 9
    full = dense(OPERATORS[name](network, cross_entropy, params, x, y), params)
    masked = dense(OPERATORS[name](network, cross_entropy, params, x, y, mask=mask, damping=0.5), params)
    np.testing.assert_allclose(masked, np.outer(kept, kept) * full + 0.5 * np.diag(kept), atol=1e-5)
    assert np.abs(full[~kept][:, kept]).max() > 1e-3


def test_masks_by_path():
    params, *_ = problem()
    no_bias = leaf_mask(params, lambda path, leaf: leaf.ndim > 1)
    assert jax.tree.map(bool, no_bias) == {"a": {"kernel": True, "bias": False}, "b": True}
    layer = leaf_mask(params, lambda path, leaf: path.startswith("a/"))
    both = intersect_masks(no_bias, None, layer)
    assert jax.tree.map(bool, both) == {"a": {"kernel": True, "bias": False}, "b": False}
    assert intersect_masks(None, None) is None
    with pytest.raises(ConfigError, match="they must agree"):
        intersect_masks(no_bias, {"a": True})


def test_masks_that_are_functions_of_the_parameters():
    """As ``optax.masked`` takes them, and gives them back."""
    params, x, y, _ = problem()
    no_bias = lambda params: jax.tree.map(lambda leaf: leaf.ndim > 1, params)  # noqa: E731
    layer = leaf_mask(params, lambda path, leaf: path.startswith("a/"))
    tree = intersect_masks(no_bias(params), layer)
    for masks in ((no_bias, layer), (layer, None, no_bias), (no_bias, lambda params: layer)):
        both = intersect_masks(*masks)
        assert jax.tree.map(bool, both(params)) == jax.tree.map(bool, tree)
        assert int(count_parameters(params, both)) == 12
    single = intersect_masks(no_bias)
    assert jax.tree.map(bool, single(params)) == no_bias(params)
    expected = dense(hessian_operator(network, cross_entropy, params, x, y, mask=tree), params)
    masked = hessian_operator(network, cross_entropy, params, x, y, mask=intersect_masks(no_bias, layer))
    np.testing.assert_array_equal(dense(masked, params), expected)
    halved = optax.masked(optax.scale(0.5), intersect_masks(no_bias, layer))
    updates, _ = halved.update(params, halved.init(params), params)
    moved = jax.tree.map(lambda new, old: bool((new != old).any()), updates, params)
    assert moved == jax.tree.map(bool, tree)
    with pytest.raises(ConfigError, match="they must agree"):
        intersect_masks(no_bias, {"a": True})(params)
    assert int(count_parameters(params)) == 12 + 4 + 12


def test_a_masked_nan_does_not_spread():
    """Padding may hold anything: it is replaced, not multiplied by zero."""
    mask = {"w": jnp.array([True, False])}
    matvec = hessian_operator(
        lambda p, x: x * p["w"][:1], lambda f, y: f[:, 0] ** 2 / 2, {"w": jnp.ones(2)}, jnp.ones((3, 1)), jnp.zeros(3),
        mask=mask,
    )  # fmt: skip
    np.testing.assert_allclose(matvec({"w": jnp.array([1.0, jnp.nan])})["w"], [1.0, 0.0])


def test_linear_and_logistic_regression():
    _, x, _, _ = problem()
    w = jnp.array([0.3, -1.0, 0.5])
    linear = lambda w, x: (x @ w)[:, None]  # noqa: E731
    y = jnp.zeros((N, 1))
    gram = np.asarray(x.T @ x) / N
    np.testing.assert_allclose(dense(hessian_operator(linear, squared_error, w, x, y), w), 2 * gram, rtol=1e-4)
    np.testing.assert_allclose(dense(ggn_matvec(linear, squared_error, w, x, y), w), 2 * gram, rtol=1e-4)
    gaussian = {"likelihood": "gaussian"}
    np.testing.assert_allclose(dense(fisher_matvec(linear, squared_error, w, x, y, **gaussian), w), 2 * gram, rtol=1e-4)
    unit = fisher_matvec(linear, squared_error, w, x, y, variance=1.0, batch_size=3, **gaussian)
    np.testing.assert_allclose(dense(unit, w), gram, rtol=1e-4)

    two_logits = lambda w, x: jnp.stack([jnp.zeros(len(x)), x @ w], axis=1)  # noqa: E731
    labels = jnp.arange(N) % 2
    p = np.asarray(jax.nn.sigmoid(x @ w))
    expected = np.asarray(x).T @ np.diag(p * (1 - p)) @ np.asarray(x) / N
    for operator in (hessian_operator, ggn_matvec, fisher_matvec):
        np.testing.assert_allclose(dense(operator(two_logits, cross_entropy, w, x, labels), w), expected, atol=1e-6)


def test_true_fisher_is_the_second_moment_at_sampled_labels():
    """Its definition: labels drawn from the model; the labels of the data give something else."""
    params, x, y, _ = problem()
    draws = 1500
    sampled = jax.random.categorical(jax.random.key(3), network(params, x), shape=(draws, N)).reshape(-1)
    repeated = jnp.tile(x, (draws, 1))
    monte_carlo = dense(gradient_second_moment_matvec(network, cross_entropy, params, repeated, sampled), params)
    true = dense(fisher_matvec(network, cross_entropy, params, x, y), params)
    empirical = dense(fisher_matvec(network, cross_entropy, params, x, y, kind="empirical"), params)
    # Standard error of an entry: about |entry| / sqrt(draws * N) times the spread of the scores.
    assert np.abs(monte_carlo - true).max() < 0.05 * np.abs(true).max()
    assert np.abs(empirical - true).max() > 0.3 * np.abs(true).max()


def test_batch_norm_in_either_mode():
    """Training mode normalises by the batch: its Hessian is that of the whole batch, and not that of its blocks."""
    model = from_flax(BatchNorm())
    fresh = BatchNorm().init(jax.random.key(0), jnp.ones((1, IN)), train=False)
    _, x, y, _ = problem()
    x = 2 * x + 1
    params = jax.tree.map(lambda leaf: leaf + jnp.arange(leaf.size), fresh["params"])
    statistics = {"batch_stats": jax.tree.map(lambda leaf: leaf + 0.5, fresh["batch_stats"])}
    found = {}
    for train in (True, False):
        apply = lambda p, x, train=train: jnp.tanh(model.apply(Variables(p, statistics), x, train=train)[0])  # noqa: E731
        found[train] = dense(hessian_operator(apply, cross_entropy, params, x, y), params)
        expected = reference("hessian", params, x, y, jnp.full(N, 1 / N), apply=apply)
        np.testing.assert_allclose(found[train], expected, atol=1e-5)
        streamed = dense(hessian_operator(apply, cross_entropy, params, x, y, batch_size=4), params)
        assert np.allclose(streamed, expected, atol=1e-5) == (not train)
    assert np.abs(found[True] - found[False]).max() > 1e-2


def test_operator_is_a_pytree_for_jit_and_vmap():
    params, x, y, _ = problem()
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), params)

    @jax.jit
    def products(stacked, weights, damping):
        def one(params, weights):
            matvec = hessian_operator(
                network, cross_entropy, params, x, y, weights=weights, damping=damping, batch_size=5
            )
            return jax.lax.fori_loop(0, 2, lambda _, v: matvec(v), params)

        return jax.vmap(one)(stacked, weights)

    weights = jnp.stack([jnp.arange(N) < 5, jnp.arange(N) < 9])
    found = products(stacked, weights, 0.1)
    for i in range(2):
        params_i = jax.tree.map(lambda leaf: leaf[i], stacked)  # noqa: B023
        used = int(weights[i].sum())
        matvec = hessian_operator(network, cross_entropy, params_i, x[:used], y[:used], damping=0.1)
        expected = jax.jit(lambda m, v: m(m(v)))(matvec, params_i)
        np.testing.assert_allclose(ravel_pytree(found)[0].size, 2 * ravel_pytree(expected)[0].size)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a[i], b, rtol=1e-4, atol=1e-5), found, expected)  # noqa: B023


def test_sharded_examples_give_the_same_product():
    params, x, y, _ = problem()
    x, y = x[:10], y[:10]
    assert len(jax.devices()) >= 2
    mesh = jax.make_mesh((2,), ("data",), devices=jax.devices()[:2], axis_types=(jax.sharding.AxisType.Auto,))
    rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    for name in ("hessian", "covariance"):
        make = OPERATORS[name]
        expected = make(network, cross_entropy, params, x, y)(params)
        found = make(network, cross_entropy, params, jax.device_put(x, rows), jax.device_put(y, rows))(params)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6, err_msg=name), found, expected)  # noqa: B023


def test_streaming_memory_does_not_depend_on_the_number_of_examples():
    params, *_ = problem()

    def temporary(count, batch_size):
        x, y = jnp.ones((count, IN)), jnp.zeros(count, jnp.int32)

        def product(params, x, y, v):
            return hessian_operator(network, cross_entropy, params, x, y, batch_size=batch_size)(v)

        return jax.jit(product).lower(params, x, y, params).compile().memory_analysis().temp_size_in_bytes

    assert temporary(4096, 16) - temporary(512, 16) <= 2 * 4 * (4096 - 512)  # the weights alone, one number an example
    whole = temporary(4096, None)
    assert whole > 4 * temporary(4096, 16)
    # What a request is refused by agrees with what the compiler says, to its fusing.
    kept = hessian_operator(network, cross_entropy, params, jnp.ones((4096, IN)), jnp.zeros(4096, jnp.int32)).args[0]
    assert 0.5 < sum(product_bytes(kept, params).values()) / whole < 3
