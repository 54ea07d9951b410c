"""The empirical tangent kernel against per-example Jacobians, closed forms, and itself."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from gendyn.core import ConfigError
from gendyn.measure.kernels._features import make_plan
from gendyn.measure.kernels._layers import trace
from gendyn.measure.kernels._layout import block_near, choose_layout
from gendyn.measure.kernels.ntk import empirical_ntk, ntk_eigh
from gendyn.measure.kernels.ntk_matvec import ntk_matvec

KINDS = ("full", "trace", "sum")


@functools.lru_cache
def jacobian_kernels(name, dtype=jnp.float32):
    """The definition, by jacrev: between the first seven examples, and of them with the last three."""
    apply, params, x, x2 = problem(name, dtype)

    @jax.jit
    def jacobian(params, x):
        leaves = jax.tree.leaves(jax.jacrev(lambda p: apply(p, x))(params))
        return jnp.concatenate([leaf.reshape(*leaf.shape[:2], -1) for leaf in leaves], axis=-1)

    both = jacobian(params, jnp.concatenate([x, x2]))
    kernel = jnp.einsum("nkp,mlp->nkml", both, both)
    return kernel[:7, :, :7], kernel[:7, :, 7:]


def of_kind(kernel, kind):
    """``[N, K, M, K] -> `` the kernel asked for."""
    if kind == "full":
        return kernel.reshape(kernel.shape[0] * kernel.shape[1], -1)
    return jnp.einsum("nkmk->nm", kernel) / kernel.shape[1] if kind == "trace" else kernel.sum((1, 3))


def mlp(params, x):
    for weight, bias in params[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    weight, bias = params[-1]
    return x @ weight + bias


class Convolutional(nn.Module):
    """Strides, dilation, no margin; one layer of few positions, whose kernel goes position by position."""

    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Conv(4, (3, 3), strides=2, dtype=x.dtype)(x))
        x = nn.relu(nn.Conv(12, (2, 2), padding="VALID", kernel_dilation=2)(x))
        x = nn.relu(nn.Conv(16, (3, 3), padding="VALID")(x))
        return nn.Dense(3)(x.reshape(x.shape[0], -1))


class Odd(nn.Module):
    """A scale used twice, a product inside a jitted function with the kernel first, tokens that share a kernel."""

    @nn.compact
    def __call__(self, x):
        scale = self.param("scale", nn.initializers.normal(1.0), (6,))
        turn = self.param("turn", nn.initializers.normal(0.5), (5, 6))
        x = jnp.tanh(nn.Dense(6)(x)) * scale
        x = jax.jit(lambda w, x: jax.nn.gelu(jnp.einsum("of,btf->bot", w, x)).transpose(0, 2, 1))(turn, x)
        return nn.Dense(2)(x.sum(1) * scale.sum())


class Normalised(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.BatchNorm(use_running_average=True)(nn.Dense(7)(x)))
        return nn.Dense(2)(x)


class Unbiased(nn.Module):
    """No biases: a convolution, LayerNorm over its channels, a readout."""

    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.LayerNorm()(nn.Conv(6, (3, 3), strides=2, use_bias=False)(x)))
        return nn.Dense(3, use_bias=False)(x.reshape(x.shape[0], -1))


def problem(name, dtype=jnp.float32):
    """``(apply, params, x [7, ...], x2 [3, ...])``."""
    keys = jax.random.split(jax.random.key(3), 4)
    shape = {"mlp": (5,), "cnn": (9, 9, 2), "odd": (2, 16), "batch_norm": (5,), "unbiased": (5, 5, 2)}[name]
    x = jax.random.normal(keys[0], (10, *shape), jnp.float32).astype(dtype)
    if name == "mlp":
        sizes = (5, 8, 7, 3)
        params = [
            (jax.random.normal(k, (a, b)) / a**0.5, jax.random.normal(k, (b,)))
            for k, a, b in zip(keys, sizes, sizes[1:], strict=False)
        ]
        apply = mlp
    else:
        module = {"cnn": Convolutional, "odd": Odd, "batch_norm": Normalised, "unbiased": Unbiased}[name]()
        variables = dict(module.init(keys[1], x))
        params = variables.pop("params")
        statistics = jax.tree.map(lambda leaf: leaf + jax.random.uniform(keys[2], leaf.shape).astype(dtype), variables)

        def apply(p, x):
            return module.apply({"params": p, **statistics}, x)

    # Biases too are drawn: at 0 their place would not be seen.
    params = jax.tree.map(lambda leaf: (leaf + 0.1 * jax.random.normal(keys[3], leaf.shape)).astype(dtype), params)
    return apply, params, x[:7], x[7:]


def relative_error(found, expected):
    assert found.shape == expected.shape
    return float(jnp.linalg.norm(found - expected) / jnp.linalg.norm(expected))


CASES = [("structured", name) for name in ("mlp", "cnn", "odd", "batch_norm", "unbiased")]
CASES += [(strategy, name) for strategy in ("jacobian", "products") for name in ("mlp", "odd", "unbiased")]


@pytest.mark.parametrize(("strategy", "name"), CASES)
def test_every_strategy_is_the_product_of_jacobians(strategy, name):
    apply, params, x, x2 = problem(name)
    whole, across = jacobian_kernels(name)
    found = empirical_ntk(apply, params, x, strategy=strategy)
    assert relative_error(found, of_kind(whole, "full")) < 1e-5
    if name == "odd":
        for kind in ("trace", "sum"):
            found = empirical_ntk(apply, params, x, x2, kind=kind, strategy=strategy, block_size=2)
            assert relative_error(found, of_kind(across, kind)) < 1e-5


SLOW = pytest.mark.slow  # second copies: the same network in single precision, another strategy on it in double
DOUBLE = [("structured", "unbiased"), ("jacobian", "unbiased"), ("products", "unbiased")]
DOUBLE += [pytest.param("structured", name, marks=SLOW) for name in ("mlp", "cnn", "odd", "batch_norm")]


@pytest.mark.parametrize(("strategy", "name"), DOUBLE)
def test_double_precision(strategy, name):
    with jax.enable_x64(True):
        apply, params, x, _ = problem(name, jnp.float64)
        expected = of_kind(jacobian_kernels(name, jnp.float64)[0], "full")
        assert relative_error(empirical_ntk(apply, params, x, strategy=strategy), expected) < 1e-10


def test_layers_are_found_and_everything_else_is_left_to_its_gradient():
    apply, params, x, _ = problem("cnn")
    found = trace(apply, params, x[0])
    assert [layer.positions for layer in found.layers] == [25, 9, 1, 1]
    assert all(layer.bias is not None for layer in found.layers)
    assert found.others == ()
    apply, params, x, _ = problem("odd")
    names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]]
    found = trace(apply, params, x[0])
    assert [names[leaf] for leaf in found.others] == ["['scale']"]
    assert sorted(layer.positions for layer in found.layers) == [1, 2, 2]


def test_each_form_of_a_layer_occurs_in_these_tests():
    forms = set()
    for name in ("mlp", "cnn", "odd"):
        apply, params, x, _ = problem(name)
        forms |= set(make_plan(trace(apply, params, x[0]), "full", 3.5).forms)
    assert forms == {"product", "positions", "gradient"}


def test_kinds_agree_with_the_full_kernel():
    apply, params, x, x2 = problem("mlp")
    full = empirical_ntk(apply, params, x, x2).reshape(7, 3, 3, 3)
    traced = empirical_ntk(apply, params, x, x2, kind="trace")
    np.testing.assert_allclose(traced, jnp.einsum("nkmk->nm", full) / 3, rtol=1e-5)
    np.testing.assert_allclose(empirical_ntk(apply, params, x, x2, kind="sum"), full.sum((1, 3)), rtol=1e-4, atol=1e-4)
    # The mean over outputs and the summed outputs are different kernels.
    assert relative_error(empirical_ntk(apply, params, x, x2, kind="sum"), traced) > 0.1


@pytest.mark.parametrize("kind", ["full", "trace"])
def test_blocks_and_features_computed_again_change_nothing(kind):
    apply, params, x, _ = problem("odd")
    whole = empirical_ntk(apply, params, x, kind=kind, strategy="structured")
    for block in (3, 50):
        found = empirical_ntk(apply, params, x, kind=kind, strategy="structured", block_size=block)
        assert relative_error(found, whole) < 1e-6
    plan = make_plan(trace(apply, params, x[0]), kind, 3.5)

    def layout(limit):
        return choose_layout(plan, jax.tree.leaves(params), x[0], (7, 7), True, None, limit, whole.nbytes)

    # Room for the kernel and the features of six examples, where half of it is left to XLA.
    limit = whole.nbytes + 6 * layout(None).feature_bytes // 7
    assert layout(None).hold and not layout(limit).hold
    again = empirical_ntk(apply, params, x, kind=kind, strategy="structured", memory_limit=limit)
    assert relative_error(again, whole) < 1e-6


def test_masks():
    apply, params, x, _ = problem("mlp")
    keep = [(np.True_, np.False_), (jax.random.bernoulli(jax.random.key(1), 0.5, (8, 7)), np.True_), (np.True_, True)]
    jacobian = jax.jacrev(lambda p: apply(p, x))(params)
    masked = jax.tree.map(lambda leaf, part: leaf * part, jacobian, keep)
    flat = jnp.concatenate([leaf.reshape(21, -1) for leaf in jax.tree.leaves(masked)], axis=1)
    for strategy in ("structured", "products"):
        found = empirical_ntk(apply, params, x, mask=keep, strategy=strategy)
        assert relative_error(found, flat @ flat.T) < 1e-5
    traced = jax.jit(lambda part: empirical_ntk(apply, params, x, mask=part))(jax.tree.map(jnp.asarray, keep))
    assert relative_error(traced, flat @ flat.T) < 1e-5


def test_padding_changes_nothing():
    apply, params, x, _ = problem("mlp")
    (w0, b0), (w1, b1), last = params
    padded = [(jnp.pad(w0, ((0, 0), (0, 4))), jnp.pad(b0, (0, 4))), (jnp.pad(w1, ((0, 4), (0, 0))), b1), last]
    expected = empirical_ntk(apply, params, x)
    assert relative_error(empirical_ntk(apply, padded, x), expected) < 1e-6
    real = jax.tree.map(lambda leaf: leaf != 0, padded)
    assert relative_error(empirical_ntk(apply, padded, x, mask=real), expected) < 1e-6


def test_vmap_over_networks_and_closed_over_statistics():
    apply, params, x, _ = problem("batch_norm")
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), params)

    def kernel(p, shift):
        return empirical_ntk(lambda q, rows: apply(q, rows + shift), p, x)

    together = jax.jit(jax.vmap(kernel))(stacked, jnp.array([0.0, 0.5]))
    alone = kernel(jax.tree.map(lambda leaf: 2 * leaf, params), 0.5)
    assert relative_error(together[1], alone) < 1e-5


def test_sharded_examples_give_the_same_kernel():
    apply, params, x, _ = problem("mlp")
    x = x[:6]
    mesh = jax.make_mesh((2,), ("examples",), axis_types=(AxisType.Auto,))
    spread = jax.device_put(x, NamedSharding(mesh, PartitionSpec("examples")))
    assert len(spread.sharding.device_set) == 2
    params_everywhere = jax.device_put(params, NamedSharding(mesh, PartitionSpec()))
    for strategy in ("structured", "products"):
        found = empirical_ntk(apply, params_everywhere, spread, strategy=strategy)
        assert relative_error(jax.device_get(found), empirical_ntk(apply, params, x)) < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_products_are_the_kernel(kind):
    apply, params, x, _ = problem("odd")
    kernel = empirical_ntk(apply, params, x, kind=kind)
    v = jax.random.normal(jax.random.key(5), (7, 2) if kind == "full" else (7,))
    for block in (None, 3):
        found = jax.jit(ntk_matvec(apply, params, x, kind=kind, block_size=block))(v)
        np.testing.assert_allclose(found.ravel(), kernel @ v.ravel(), rtol=1e-4, atol=1e-4)


def test_eigenpairs_dense_and_by_lanczos():
    apply, params, x, _ = problem("mlp")
    kernel = empirical_ntk(apply, params, x)
    dense = ntk_eigh(apply, params, x)
    rebuilt = dense.vectors * dense.values @ dense.vectors.T
    assert relative_error(rebuilt, kernel) < 1e-5
    top = ntk_eigh(apply, params, x, k=3, block_size=4)
    np.testing.assert_allclose(top.values, dense.values[:3], rtol=1e-4)
    error = jnp.linalg.norm(kernel @ top.vectors - top.vectors * top.values, axis=0)
    assert (error <= top.residuals + 1e-5 * top.values[0]).all()
    np.testing.assert_allclose(jnp.abs((dense.vectors[:, :3] * top.vectors).sum(0)), 1.0, atol=1e-3)


def test_the_infinitely_wide_relu_kernel_is_approached_as_one_over_root_width():
    x = jax.random.normal(jax.random.key(0), (8, 6))
    x /= jnp.linalg.norm(x, axis=1, keepdims=True)
    cosine = jnp.clip(x @ x.T, -1, 1)
    angle = jnp.arccos(cosine)
    first = (jnp.sin(angle) + (np.pi - angle) * jnp.cos(angle)) / np.pi
    limit = first + cosine * (np.pi - angle) / np.pi

    def apply(params, x):
        hidden, readout = params
        return jax.nn.relu(x @ hidden) @ readout * (2 / hidden.shape[1]) ** 0.5

    def error(width, key):
        a, b = jax.random.split(key)
        params = jax.random.normal(a, (6, width)), jax.random.normal(b, (width, 1))
        return jnp.linalg.norm(empirical_ntk(apply, params, x) - limit) / jnp.linalg.norm(limit)

    widths = np.array([64, 256, 1024])
    keys = jax.random.split(jax.random.key(1), 64)
    errors = [float(jax.jit(jax.vmap(lambda key, w=int(w): error(w, key)))(keys).mean()) for w in widths]
    slope = np.polyfit(np.log(widths), np.log(errors), 1)[0]
    assert -0.6 < slope < -0.4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "traced"}, "kind = 'traced' must be one of full, trace, sum"),
        ({"strategy": "fast"}, "strategy = 'fast' must be one of"),
        ({"block_size": 0}, "block_size = 0 must be an integer of at least 1"),
        ({"x1": jnp.zeros((0, 2))}, "x holds no examples"),
        ({"x2": jnp.zeros((3, 5))}, r"x2 has examples of shape \(5,\)"),
        ({"params": jnp.ones((2, 3), jnp.int32)}, "dtype int32"),
        ({"params": jnp.ones((2, 3), jnp.complex64)}, "dtype complex64"),
        ({"params": jnp.full((2, 3), jnp.nan)}, "NaN"),
        ({"apply": lambda w, x: (x @ w)[:, 0]}, r"must be real outputs \[B, K\]"),
        ({"mask": [jnp.ones(3)]}, "mask has the structure"),
        ({"memory_limit": 100}, r"576 B for the full kernel.*kind='trace' \(64 bytes\)"),
        ({"memory_limit": 590, "block_size": 4, "strategy": "structured"}, "set block_size below 4"),
    ],
)
def test_bad_input(change, message):
    arguments = {"apply": lambda w, x: x @ w, "params": jnp.ones((2, 3)), "x1": jnp.ones((4, 2))} | change
    with pytest.raises(ConfigError, match=message):
        empirical_ntk(**arguments)


def test_bad_eigen_requests():
    with pytest.raises(ConfigError, match="k = 13 exceeds the 12 rows of the full kernel"):
        ntk_eigh(lambda w, x: x @ w, jnp.ones((2, 3)), jnp.ones((4, 2)), k=13)
    with pytest.raises(ConfigError, match=r"33000 rows; a dense eigendecomposition takes at most 32000"):
        ntk_eigh(lambda w, x: x @ w, jnp.ones((2, 3)), jnp.ones((11_000, 2)))


def test_block_near():
    assert [block_near(256, 100), block_near(64, 64), block_near(7, 50), block_near(1, 5)] == [64, 64, 7, 1]
