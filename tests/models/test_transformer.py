"""The transformer against a transcription that computes every position; its published forms; padding of every size."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from gendyn.core import ConfigError
from gendyn.models import from_flax, parameter_count, transformer
from gendyn.models._attention import look_up
from gendyn.types import Variables

compiled = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
TINY = {"num_outputs": 7, "input_shape": (3,), "width": 6, "num_heads": 2, "head_size": 3, "mlp_width": 5}
GROKFAST = {
    "num_outputs": 99,
    "input_shape": (4,),
    "normalisation": "overwriting",
    "num_positions": 5,
    "initialisation": "reference",
}
NANDA = {
    "num_outputs": 114,
    "input_shape": (3,),
    "depth": 1,
    "activation": "relu",
    "normalisation": "none",
    "final_norm": False,
    "attention_bias": False,
    "initialisation": "nanda",
}


def tokens(batch=5, length=3, vocab=7, seed=0):
    return jnp.asarray(np.random.default_rng(seed).integers(0, vocab, (batch, length)), jnp.int32)


def drawn(shape_like, seed=0):
    """Parameters that are all different from their start; leaves ``N(0, 0.5^2)``, scales of norms about 1."""
    rng = np.random.default_rng(seed)

    def one(path, leaf):
        centre = 1.0 if path[-1].key == "scale" else 0.0
        return jnp.asarray(centre + 0.5 * rng.standard_normal(leaf.shape), jnp.float32)

    return jax.tree_util.tree_map_with_path(one, shape_like)


def shapes(model, length=3):
    x = jax.ShapeDtypeStruct((1, length), jnp.int32)
    return jax.eval_shape(lambda: model.init(jax.random.key(0), x)).params


def apply(model, params, x):
    return model.apply(Variables(params, {}), x)[0]


def close(tree, expected, tolerance=1e-5):
    """To so much of the largest entry."""
    largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(expected))
    compare = functools.partial(np.testing.assert_allclose, rtol=tolerance, atol=tolerance * largest)
    jax.tree.map(compare, tree, expected)


def flat(tree):
    return {"/".join(key.key for key in path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def transcription(params, x, *, normalisation, act, causal=True, depth=2, final_norm=True, tied=False):
    """NumPy, batch first, every position in every layer, attention by masked products; the last position's logits."""

    def norm(name, h):
        mean = h.mean(-1, keepdims=True)
        variance = ((h - mean) ** 2).mean(-1, keepdims=True)
        return (h - mean) / np.sqrt(variance + 1e-5) * params[name]["scale"] + params[name]["bias"]

    def attention(p, h):
        def heads(name):
            return np.einsum("bld,dne->bnle", h, p[name]["kernel"]) + p[name].get("bias", np.zeros((1, 1)))[:, None]

        q, k, v = heads("query"), heads("key"), heads("value")
        scores = np.einsum("bnie,bnje->bnij", q, k) / q.shape[-1] ** 0.5
        if causal:
            scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        mixed = np.einsum("bnij,bnje->bnie", weights, v)
        return np.einsum("bnie,ned->bid", mixed, p["out"]["kernel"]) + p["out"].get("bias", 0.0)

    def mlp(p, h):
        hidden = act(h @ p["in"]["kernel"] + p["in"].get("bias", 0.0))
        return hidden @ p["out"]["kernel"] + p["out"].get("bias", 0.0)

    h = params["embedding"]["table"][x] + params["positions"]["table"][: x.shape[1]]
    for i in range(depth):
        a, m = params[f"attention_{i}"], params[f"mlp_{i}"]
        if normalisation == "none":
            h = h + attention(a, h)
            h = h + mlp(m, h)
        elif normalisation == "pre":
            h = h + attention(a, norm(f"norm_{i}_1", h))
            h = h + mlp(m, norm(f"norm_{i}_2", h))
        elif normalisation == "post":
            h = norm(f"norm_{i}_1", h + attention(a, h))
            h = norm(f"norm_{i}_2", h + mlp(m, h))
        else:
            h = norm(f"norm_{i}_1", h)
            h = h + attention(a, h)
            h = h + mlp(m, norm(f"norm_{i}_2", h))
    if final_norm:
        h = norm("final_norm", h)
    if tied:
        return (h @ params["embedding"]["table"].T)[:, -1] + params["readout"]["bias"]
    return (h @ params["readout"]["kernel"])[:, -1] + params["readout"].get("bias", 0.0)


def differences(function, params, step=1e-5):
    """Value and gradient of a NumPy function, entry by entry, by central differences in float64."""
    params = jax.tree.map(lambda leaf: np.array(leaf, np.float64), params)

    def along(leaf):
        slopes = np.zeros_like(leaf)
        for place in np.ndindex(leaf.shape):
            kept, values = leaf[place], []
            for sign in (1, -1):
                leaf[place] = kept + sign * step
                values.append(function(params))
            leaf[place] = kept
            slopes[place] = (values[0] - values[1]) / (2 * step)
        return slopes

    return function(params), jax.tree.map(along, params)


def exact_gelu(x):
    return 0.5 * x * (1 + scipy.special.erf(x / 2**0.5))


def target_like(x, num_outputs=7):
    return np.random.default_rng(1).standard_normal((len(x), num_outputs)).astype(np.float32)


VARIANTS = {
    "overwriting": ({}, {"act": exact_gelu}),
    "pre": (
        {"tied_head": True, "head_bias": True, "causal": False},
        {"act": exact_gelu, "tied": True, "causal": False},
    ),
    "post": ({"final_norm": False, "mlp_bias": False, "activation": "tanh"}, {"act": np.tanh, "final_norm": False}),
    "none": (
        {"final_norm": False, "attention_bias": False, "activation": "relu"},
        {"act": lambda x: np.maximum(x, 0), "final_norm": False},
    ),
}


@pytest.mark.parametrize("normalisation", VARIANTS)
def test_logits_and_gradients_equal_those_of_all_positions(normalisation):
    kwargs, theirs = VARIANTS[normalisation]
    model = from_flax(transformer(**TINY, depth=2, num_positions=4, normalisation=normalisation, **kwargs))
    params, x = drawn(shapes(model)), tokens()
    full = functools.partial(transcription, x=np.asarray(x), normalisation=normalisation, **theirs)

    def loss(params):
        logits = apply(model, params, x)
        return jnp.sum(target_like(x) * logits), logits

    gradient, logits = compiled(jax.grad(loss, has_aux=True))(params)
    np.testing.assert_allclose(logits, full(jax.tree.map(np.asarray, params)), rtol=1e-5, atol=1e-5)
    close(gradient, differences(lambda p: np.sum(target_like(x) * full(p)), params)[1])
    # Named as vanishing are those parameters that do.
    size = {path: float(jnp.abs(leaf).max()) for path, leaf in flat(gradient).items()}
    named = transformer(**TINY, depth=2, **kwargs).vanishing_gradient
    assert {path for path, value in size.items() if value < 1e-5} == set(named)
    # The position after the sequence is in the table and never used.
    assert (gradient["positions"]["table"][3] == 0).all() and (gradient["positions"]["table"][:3] != 0).any(1).all()


def test_the_mask_matters_in_two_layers_and_not_in_one():
    def difference(depth):
        causal, free = (from_flax(transformer(**TINY, depth=depth, causal=causal)) for causal in (True, False))
        params = drawn(shapes(causal))
        return jnp.abs(apply(causal, params, tokens()) - apply(free, params, tokens())).max()

    one, two = compiled(lambda: (difference(1), difference(2)))()
    assert one < 1e-5 < 1e-2 < two


def test_only_positions_and_the_mask_tell_the_order_of_earlier_tokens():
    free, causal = (from_flax(transformer(**TINY, depth=2, causal=causal)) for causal in (False, True))
    params = drawn(shapes(free))
    nowhere = {**params, "positions": jax.tree.map(jnp.zeros_like, params["positions"])}
    # The batch and the batch with earlier tokens exchanged, side by side.
    both = jnp.concatenate([tokens(), tokens()[:, jnp.array([1, 0, 2])]])

    @compiled
    def effects(both):
        logits = apply(free, nowhere, both), apply(free, params, both), apply(causal, nowhere, both)
        return [jnp.abs(y[:5] - y[5:]).max() for y in logits]

    without, by_position, by_mask = effects(both)
    assert without < 1e-5 and by_position > 1e-2 and by_mask > 1e-2


@pytest.mark.parametrize(("kwargs", "count"), [(GROKFAST, 422_784), (NANDA, 226_816)], ids=["grokfast", "nanda"])
def test_parameter_counts_are_the_published_ones(kwargs, count):
    assert parameter_count(from_flax(transformer(**kwargs)), kwargs["input_shape"]) == count


def pad(tree, like):
    pads = lambda leaf, wide: [(0, b - a) for a, b in zip(leaf.shape, wide.shape, strict=True)]  # noqa: E731
    return jax.tree.map(lambda leaf, wide: jnp.asarray(np.pad(leaf, pads(leaf, wide))), tree, like)


def test_every_size_can_be_padded():
    """Two runs of different sizes in one program: each is the run alone, and no gradient reaches the padding."""
    own = [
        {"width": 5, "num_heads": 1, "head_size": 3, "mlp_width": 4},
        {"width": 6, "num_heads": 2, "head_size": 2, "mlp_width": 7},
    ]
    bucket = {"width": 8, "num_heads": 3, "head_size": 4, "mlp_width": 9}
    # sigmoid(0) != 0: padded hidden units have to be masked.
    rest = {"num_outputs": 7, "input_shape": (3,), "depth": 2, "normalisation": "overwriting", "activation": "sigmoid"}
    x = tokens()
    full = functools.partial(
        transcription, x=np.asarray(x), normalisation="overwriting", act=lambda z: 1 / (1 + np.exp(-z))
    )

    def examine(params, active):
        model = from_flax(transformer(**rest, **bucket, **active))

        def loss(params):
            logits = apply(model, params, x)
            return jnp.sum(target_like(x) * logits), logits

        return jax.grad(loss, has_aux=True)(params)

    alone = [drawn(shapes(from_flax(transformer(**rest, **sizes))), seed) for seed, sizes in enumerate(own)]
    like = shapes(from_flax(transformer(**rest, **bucket)))
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(pad(params, like) for params in alone))
    active = {f"active_{name}": jnp.asarray([sizes[name] for sizes in own]) for name in bucket}
    gradients, logits = compiled(jax.vmap(examine))(stacked, active)
    for run, params in enumerate(alone):
        np.testing.assert_allclose(logits[run], full(jax.tree.map(np.asarray, params)), rtol=1e-5, atol=1e-5)
        _, expected = differences(lambda p: np.sum(target_like(x) * full(p)), params)
        mine = jax.tree.map(lambda leaf, run=run: leaf[run], gradients)
        close(mine, pad(expected, like))
        for leaf, inside in zip(
            *map(jax.tree.leaves, (mine, pad(jax.tree.map(np.ones_like, expected), like))), strict=True
        ):
            assert not np.asarray(leaf)[np.asarray(inside) == 0].any()


def initial(scale=1.0, **kwargs):
    model = from_flax(transformer(**kwargs, init_scale=scale))
    return model.init(jax.random.key(3), jax.ShapeDtypeStruct((1, *kwargs["input_shape"]), jnp.int32)).params


def test_reference_initialisation_has_the_bounds_of_pytorch():
    found = flat(initial(**GROKFAST))
    bounds = {
        "attention_0/query/kernel": (6 / (4 * 128)) ** 0.5,
        "attention_1/out/kernel": 128**-0.5,
        "mlp_0/in/kernel": 128**-0.5,
        "mlp_0/in/bias": 128**-0.5,
        "mlp_1/out/kernel": 512**-0.5,
        "mlp_1/out/bias": 512**-0.5,
        "readout/kernel": 128**-0.5,
    }
    for path, bound in bounds.items():
        leaf = np.asarray(found[path]).ravel()
        assert np.abs(leaf).max() <= bound * (1 + 1e-6), path
        # Uniform, not only bounded: the distance of the empirical distribution (Kolmogorov's, at its 0.1 % point).
        sorted_ranks = (np.sort(leaf) / bound + 1) / 2
        assert np.abs(sorted_ranks - (np.arange(leaf.size) + 0.5) / leaf.size).max() < 1.95 / leaf.size**0.5, path
    for path in ("embedding/table", "positions/table"):
        assert abs(float(found[path].std()) - 1) < 4 / (2 * found[path].size) ** 0.5, path
    assert not found["attention_0/key/bias"].any() and not found["attention_0/out/bias"].any()
    assert (found["norm_0_1/scale"] == 1).all()


def test_nanda_initialisation_and_the_scale_of_everything():
    found = flat(initial(**NANDA))
    for path, leaf in found.items():
        if path.endswith("bias"):
            assert not leaf.any(), path
        else:
            std = (1 / 114 if path == "readout/kernel" else 1 / 128) ** 0.5
            assert abs(float(leaf.std()) / std - 1) < 4 / (2 * leaf.size) ** 0.5, path
    small = {**TINY, "depth": 1, "initialisation": "reference"}
    one, eight = flat(initial(**small)), flat(initial(8.0, **small))
    for path in one:
        np.testing.assert_allclose(eight[path], 8 * one[path], rtol=1e-6, err_msg=path)
    assert float(eight["final_norm/scale"][0]) == 8.0 and eight["mlp_0/in/bias"].any()


def test_look_up_has_the_derivatives_of_indexing():
    rng = np.random.default_rng(0)
    table, direction, weight = (jnp.asarray(rng.standard_normal(shape)) for shape in ((7, 3), (7, 3), (5, 3, 3)))

    def derivatives(function):
        gradient = jax.grad(lambda t: jnp.sum(weight * function(t) ** 2))(table)
        return gradient, *jax.jvp(function, (table,), (direction,))

    close(derivatives(lambda t: look_up(t, tokens())), derivatives(lambda t: t[tokens()]))


def test_intermediates_are_those_of_the_last_position():
    module = transformer(**TINY, depth=2, activation="relu")
    params = drawn(shapes(from_flax(module)))
    run = compiled(lambda params: module.apply({"params": params}, tokens(), mutable=["intermediates"]))
    found = {name: value[0] for name, value in run(params)[1]["intermediates"].items()}
    for layer in range(2):
        assert found[f"hidden_{layer}"].shape == (5, 5) and (found[f"hidden_{layer}"] >= 0).all()
        assert found[f"attention_weights_{layer}"].shape == (5, 2, 3)
        np.testing.assert_allclose(found[f"attention_weights_{layer}"].sum(-1), 1.0, rtol=1e-6)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"input_shape": (8, 8, 1)}, r"input_shape = \(8, 8, 1\) must be \(L,\)"),
        ({"input_shape": (1,)}, r"input_shape = \(1,\) must be \(L,\) with L of at least 2"),
        ({"depth": 0}, "depth = 0 must be an integer of at least 1"),
        ({"num_heads": 0}, "num_heads = 0 must be an integer of at least 1"),
        ({"active_mlp_width": 6}, r"active_mlp_width = 6 must be an integer in \[1, mlp_width = 5\]"),
        ({"active_width": 7}, r"active_width = 7 must be an integer in \[1, width = 6\]"),
        ({"normalisation": "prae"}, "normalisation = 'prae' must be one of none, pre, post, overwriting"),
        ({"initialisation": "torch"}, "initialisation = 'torch' must be one of standard, reference, nanda"),
        ({"activation": "gelo"}, "activation = 'gelo' must be one of"),
        ({"num_positions": 2}, "num_positions = 2 must be at least the 3 positions"),
        ({"tied_head": True, "vocab_size": 9}, "vocab_size = 9 must be num_outputs = 7"),
        ({"attention_scale": -1.0}, r"attention_scale = -1.0 must be in \[0"),
    ],
)
def test_bad_arguments_are_named(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        transformer(**{**TINY, **kwargs})
