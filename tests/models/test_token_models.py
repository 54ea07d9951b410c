"""The embedding perceptron, the quadratic network and the LSTM against other ways to compute the same."""

import functools
import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.models import embedding_mlp, from_flax, lstm, mlp, parameter_count, quadratic_mlp
from gendyn.models._tokens import Embedding

P = 11
PAIRS = np.array(list(itertools.product(range(P), range(P))), np.int32)


def initial(module, shape=(2,), seed=0):
    return from_flax(module).init(jax.random.key(seed), jax.ShapeDtypeStruct((1, *shape), jnp.int32)).params


def outputs(module, params, x):
    return np.asarray(module.apply({"params": params}, x))


def ensemble(module, x, seeds=24):
    """Outputs of several seeds, ``[seeds, B, C]``."""
    params = [initial(module, x.shape[1:], seed) for seed in range(seeds)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *params)
    return np.asarray(jax.jit(jax.vmap(lambda p: module.apply({"params": p}, x)))(stacked))


@pytest.mark.parametrize("shared", [True, False])
def test_a_sum_of_embeddings_is_the_sum_of_look_ups(shared):
    """And their gradients, though one is a product and the other a scatter."""
    x = jax.random.randint(jax.random.key(3), (9, 4), 0, 5)
    summed, looked_up = (Embedding(5, 3, 1.0, shared, flag) for flag in (True, False))
    variables = summed.init(jax.random.key(0), x)
    table = np.asarray(variables["params"]["table"])
    assert table.shape == ((5, 3) if shared else (4, 5, 3))

    def value_and_gradient(module, reduce):
        def loss(variables):
            y = reduce(module.apply(variables, x))
            return jnp.sum(jnp.sin(y)), y

        return jax.value_and_grad(loss, has_aux=True)(variables)

    (_, y), gradient = value_and_gradient(summed, lambda y: y)
    (_, same), other = value_and_gradient(looked_up, lambda y: y.sum(axis=1))
    by_hand = [sum(table[t] if shared else table[i, t] for i, t in enumerate(row)) for row in np.asarray(x)]
    np.testing.assert_allclose(y, by_hand, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(y, same, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient["params"]["table"], other["params"]["table"], rtol=1e-5, atol=1e-6)


def test_direct_embeddings_of_each_position_are_a_perceptron_on_one_hot_codes():
    module = embedding_mlp(num_outputs=P, width=16, depth=2, embedding_size=0, shared_embedding=False)
    params = jax.tree.map(lambda leaf: leaf + 0.1, initial(module))
    perceptron = mlp(num_outputs=P, width=16, depth=2)
    first = {"kernel": params["embedding"]["table"].reshape(2 * P, 16), "bias": params["bias"]}
    same = {"dense_0": first, "dense_1": params["dense_1"], "readout": params["readout"]}
    codes = np.eye(P, dtype=np.float32)[PAIRS]
    np.testing.assert_allclose(outputs(module, params, PAIRS), outputs(perceptron, same, codes), rtol=1e-4, atol=1e-5)


def test_a_shared_sum_does_not_know_the_order_of_its_tokens():
    swapped = PAIRS[:, ::-1]
    symmetric = embedding_mlp(num_outputs=P, width=8, embedding_size=4)
    params = initial(symmetric)
    np.testing.assert_allclose(outputs(symmetric, params, PAIRS), outputs(symmetric, params, swapped), atol=1e-6)
    for choice in ({"shared_embedding": False}, {"combine": "concatenate"}):
        module = embedding_mlp(num_outputs=P, width=8, embedding_size=4, **choice)
        params = initial(module)
        assert np.abs(outputs(module, params, PAIRS) - outputs(module, params, swapped)).max() > 0.1


def test_tokens_may_be_stored_as_floats():
    for factory in (embedding_mlp, quadratic_mlp, lstm):
        module = factory(num_outputs=P, width=8)
        params = initial(module)
        np.testing.assert_array_equal(
            outputs(module, params, PAIRS[:9]), outputs(module, params, PAIRS[:9].astype(np.float32))
        )


@pytest.mark.parametrize(
    "module",
    [
        embedding_mlp(num_outputs=P, width=128, embedding_size=64),
        embedding_mlp(num_outputs=P, width=128, embedding_size=0, depth=2),
        embedding_mlp(num_outputs=P, width=128, embedding_size=64, combine="concatenate", activation="tanh"),
        quadratic_mlp(num_outputs=P, width=256),
        quadratic_mlp(num_outputs=P, width=256, inputs="vectors"),
    ],
    ids=["sum", "direct", "concatenate", "quadratic", "quadratic-vectors"],
)
def test_initial_outputs_have_unit_variance(module):
    """Of different tokens: equal ones add up to twice the variance."""
    x = PAIRS[PAIRS[:, 0] < PAIRS[:, 1]]
    if getattr(module, "inputs", "tokens") == "vectors":
        x = np.random.default_rng(0).choice([-1.0, 1.0], (40, 30)).astype(np.float32)
    per_seed = np.square(ensemble(module, x)).mean(axis=(1, 2))
    error = per_seed.std(ddof=1) / np.sqrt(len(per_seed))
    assert error < 0.1
    assert abs(per_seed.mean() - 1) < 4 * error + 0.02


def test_mean_field_outputs_vanish_with_width():
    """As ``1 / sqrt(n)``: 16 times the width is a quarter of the outputs."""
    make = functools.partial(quadratic_mlp, num_outputs=P, parametrisation="mean_field")
    narrow, wide = (ensemble(make(width=width), PAIRS).std() for width in (32, 512))
    assert narrow / wide == pytest.approx(4.0, rel=0.15)


@pytest.mark.parametrize("factory", [embedding_mlp, quadratic_mlp, lstm])
def test_the_initial_scale_multiplies_every_parameter(factory):
    one, three = (initial(factory(num_outputs=3, width=4, init_scale=scale)) for scale in (1.0, 3.0))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(b, 3 * a, rtol=1e-6), one, three)
    drawn = {path[-1].key: np.abs(leaf).max() for path, leaf in jax.tree_util.tree_leaves_with_path(one)}
    assert all((largest == 0) == (name == "bias") for name, largest in drawn.items())


def test_the_embedding_scale_multiplies_the_embeddings_alone():
    one, three = (initial(embedding_mlp(num_outputs=3, width=4, embedding_scale=scale)) for scale in (1.0, 3.0))
    np.testing.assert_allclose(three.pop("embedding")["table"], 3 * one.pop("embedding")["table"], rtol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, one, three)


def test_parameter_counts():
    count = lambda module, shape=(2,): parameter_count(from_flax(module), shape)  # noqa: E731
    assert count(embedding_mlp(num_outputs=47, embedding_size=0)) == 47 * 128 + 128 + 128 * 47 + 47
    assert count(embedding_mlp(num_outputs=47, width=64, embedding_size=32, combine="concatenate", vocab_size=50)) == (
        50 * 32 + 2 * 32 * 64 + 64 + 64 * 47 + 47
    )
    assert count(quadratic_mlp(num_outputs=97, width=512)) == 3 * 97 * 512
    # Two layers of 256 on 64 numbers a token; PyTorch's layers have a second bias of 4 x 256 each.
    assert count(lstm(num_outputs=1, vocab_size=1000), (500,)) == (
        1000 * 64 + 4 * 256 * (64 + 256 + 1) + 4 * 256 * (256 + 256 + 1) + 256 + 1
    )


def exact_solution(frequencies):
    """Weights that add modulo P: every pair of three phases at each frequency, whose unwanted terms sum to zero."""
    phases = 2 * np.pi * np.arange(3) / 3
    units = np.array(list(itertools.product(frequencies, phases, phases)))
    angle = 2 * np.pi * np.outer(np.arange(P), units[:, 0]) / P
    first = np.concatenate([np.cos(angle + units[:, 1]), np.cos(angle + units[:, 2])])
    readout = np.cos(angle + units[:, 1] + units[:, 2]).T
    kernels = {"dense_0": first, "readout": readout}
    return {name: {"kernel": jnp.asarray(kernel, jnp.float32)} for name, kernel in kernels.items()}


def test_the_quadratic_network_adds_modulo_p_exactly():
    """With all frequencies, logits are 22.5 at ``a + b`` and -2.25 elsewhere: 9 units times 1/2 at each of 5."""
    frequencies = range(1, (P + 1) // 2)
    module = quadratic_mlp(num_outputs=P, width=9 * len(frequencies))
    logits = outputs(module, exact_solution(frequencies), PAIRS)
    right = np.arange(P) == (PAIRS.sum(axis=1) % P)[:, None]
    np.testing.assert_allclose(logits, np.where(right, 22.5, -2.25), atol=1e-3)
    # One frequency is enough to be right; a readout of the other rotation is wrong but for 1 equation in P.
    module = quadratic_mlp(num_outputs=P, width=9)
    params = exact_solution([2])
    assert (outputs(module, params, PAIRS).argmax(axis=1) == PAIRS.sum(axis=1) % P).all()
    params["readout"]["kernel"] = params["readout"]["kernel"][:, (-np.arange(P)) % P]
    wrong = outputs(module, params, PAIRS).argmax(axis=1)
    assert (wrong == PAIRS.sum(axis=1) % P).mean() == pytest.approx(1 / P)


@pytest.mark.parametrize("parametrisation", ["standard", "mean_field"])
def test_the_quadratic_network_on_vectors_is_its_formula(parametrisation):
    x = np.random.default_rng(1).standard_normal((5, 3, 2)).astype(np.float32)
    module = quadratic_mlp(
        num_outputs=4, width=7, inputs="vectors", parametrisation=parametrisation, init_scale=0.5, output_scale=2.0
    )
    params = initial(module, (3, 2))
    first, readout = (np.asarray(params[name]["kernel"]) for name in ("dense_0", "readout"))
    m_1, m_2 = (1.0, 1.0) if parametrisation == "standard" else (6**-0.5, 1 / 7)
    wanted = 2.0 * m_2 * np.square(m_1 * x.reshape(5, 6) @ first) @ readout
    np.testing.assert_allclose(outputs(module, params, x), wanted, rtol=1e-4, atol=1e-5)
    bare = quadratic_mlp(num_outputs=4, width=7, inputs="vectors", parametrisation=parametrisation, output_scale=2.0)
    unscaled = outputs(bare, initial(bare, (3, 2)), x)
    np.testing.assert_allclose(wanted, 0.5**3 * unscaled, rtol=1e-4, atol=1e-5)


def flax_cell(layer):
    """The parameters of one layer as those of ``flax.linen.LSTMCell``."""
    cell = {}
    for gate, letter in enumerate("ifgo"):
        cell[f"i{letter}"] = {"kernel": layer["kernel"][:, gate]}
        cell[f"h{letter}"] = {"kernel": layer["recurrent_kernel"][:, gate], "bias": layer["bias"][gate]}
    return {"cell": cell}


def test_the_lstm_is_that_of_flax():
    module = lstm(num_outputs=3, width=6, depth=2, inputs="vectors")
    x = np.random.default_rng(0).standard_normal((4, 7, 5)).astype(np.float32)
    params = jax.tree.map(lambda leaf: 1.5 * leaf + 0.1, initial(module, (7, 5)))
    hidden = x
    for name in ("lstm_0", "lstm_1"):
        reference = nn.RNN(nn.OptimizedLSTMCell(6))
        hidden = reference.apply({"params": flax_cell(params[name])}, hidden)
    wanted = hidden[:, -1] @ params["readout"]["kernel"] + params["readout"]["bias"]
    np.testing.assert_allclose(outputs(module, params, x), wanted, rtol=1e-4, atol=1e-5)
    # It has read the first vector, and read it before the second.
    for other in (np.concatenate([x[:, :1] + 1, x[:, 1:]], axis=1), x[:, [1, 0, 2, 3, 4, 5, 6]]):
        assert np.abs(outputs(module, params, other) - wanted).max() > 1e-4


def test_an_image_is_read_row_by_row():
    module = lstm(num_outputs=3, width=4, depth=1, inputs="vectors")
    images = np.random.default_rng(0).standard_normal((2, 5, 3, 2)).astype(np.float32)
    params = initial(module, (5, 3, 2))
    assert params["lstm_0"]["kernel"].shape == (6, 4, 4)
    rows = images.reshape(2, 5, 6)
    np.testing.assert_array_equal(outputs(module, params, images), outputs(module, params, rows))


@pytest.mark.parametrize(
    ("factory", "kwargs", "message"),
    [
        (embedding_mlp, {"embedding_size": 0, "combine": "concatenate"}, r"embedding_size = 0 must go with .* 'sum'"),
        (embedding_mlp, {"combine": "mean"}, r"combine = 'mean' must be one of sum, concatenate"),
        (embedding_mlp, {"depth": 0}, r"depth = 0 must be an integer of at least 1"),
        (embedding_mlp, {"activation": "rulu"}, r"activation = 'rulu' must be one of .* Did you mean"),
        (embedding_mlp, {"vocab_size": -1}, r"vocab_size = -1 must be an integer of at least 0"),
        (embedding_mlp, {"embedding_scale": -1.0}, r"embedding_scale = -1\.0 must be in \[0"),
        (quadratic_mlp, {"inputs": "words"}, r"inputs = 'words' must be one of tokens, vectors"),
        (quadratic_mlp, {"parametrisation": "ntk"}, r"parametrisation = 'ntk' must be one of standard, mean_field"),
        (quadratic_mlp, {"active_width": 999}, r"active_width = 999 must be an integer in \[1, width = 512\]"),
        (lstm, {"depth": 0}, r"depth = 0 must be an integer of at least 1"),
        (lstm, {"embedding_size": 0}, r"embedding_size = 0 must be an integer of at least 1"),
        (lstm, {"inputs": "token"}, r"inputs = 'token' must be one of tokens, vectors. Did you mean 'tokens'"),
        (lstm, {"init_scale": float("inf")}, r"init_scale = inf must be in"),
    ],
)
def test_bad_arguments(factory, kwargs, message):
    with pytest.raises(ConfigError, match=message):
        factory(num_outputs=3, **kwargs)
