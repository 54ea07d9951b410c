"""Progress measures on networks whose Fourier content is known because it was built in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import measure, probes
from gendyn.core import ConfigError
from gendyn.optim import cross_entropy, squared_error
from gendyn.types import ProbeData

P = 31
KEYS = (3, 8, 15)
"""The top frequency (P - 1) / 2 is among them."""


def pool_of(answer, p=P, first=0):
    """All pairs with ``b`` from ``first`` on, shuffled, and their answers."""
    a, b = (t.ravel() for t in np.meshgrid(np.arange(p), np.arange(first, p), indexing="ij"))
    order = np.random.default_rng(0).permutation(a.size)
    pairs = np.stack([a, b], axis=1)[order]
    return jnp.asarray(pairs, jnp.int32), jnp.asarray(answer(pairs[:, 0], pairs[:, 1]) % p, jnp.int32)


def data_of(x, y, num_train=300, loss=cross_entropy):
    return ProbeData(x, y, jnp.int32(num_train), x, y, loss)


def cosine_network(keys=KEYS, p=P, size=None, log=None, outputs=None):
    """``apply``: ``scale * sum over keys of cos(w (log a + log b - log c)) + table[a, b]``."""
    size, log = size or p, jnp.arange(p) if log is None else log

    def apply(params, x):
        phase = 2 * jnp.pi * (log[x[:, :1]] + log[x[:, -1:]] - log) / size
        waves = params["scale"] * sum(jnp.cos(w * phase) for w in keys)
        waves = jnp.pad(waves, ((0, 0), (0, (outputs or p) - p)))
        return waves + params["table"][x[:, 0], x[:, -1]]

    return apply


def measured(probe, apply, params, data):
    return jax.tree.map(np.asarray, jax.jit(lambda p: probe.fn(jax.random.key(0), apply, p, data))(params))


SUMS = data_of(*pool_of(lambda a, b: a + b))


@jax.jit
def sum_progress(params):
    return probes.fourier_progress(P).fn(None, cosine_network(), params, SUMS)


def test_key_frequencies_are_found_and_carry_the_loss():
    noise = 0.5 * jax.random.normal(jax.random.key(0), (P, P, P))
    values = jax.tree.map(np.asarray, sum_progress({"scale": 3.0, "table": noise}))
    assert tuple(np.flatnonzero(values["is_key"]) + 1) == KEYS
    assert values["num_key_frequencies"] == 3
    np.testing.assert_allclose(values["coefficients"][np.array(KEYS) - 1], 3.0, atol=0.05)
    np.testing.assert_allclose(np.delete(values["coefficients"], np.array(KEYS) - 1), 0.0, atol=0.05)
    assert values["accuracy"] == 1.0
    # Without the keys: chance or worse. Without the others: no harm. The keys alone: better than with the noise.
    assert values["ablated_key_loss"] >= np.log(P)
    assert values["ablated_key_accuracy"] < 0.1
    assert values["ablated_rest_loss"] < values["loss"] + 1e-3
    assert values["ablated_rest_accuracy"] == 1.0
    assert values["restricted_loss"] < values["loss"]
    assert values["train_loss"] < values["max_single_excluded_loss"] < values["excluded_loss"]
    single = values["single_excluded_loss"]
    assert tuple(np.flatnonzero(np.isfinite(single)) + 1) == KEYS
    assert np.all(single[np.array(KEYS) - 1] > values["train_loss"])
    assert np.nanmax(single) == values["max_single_excluded_loss"]
    assert values["gini"] > 0.6


def test_restricted_loss_is_the_loss_when_nothing_else_is_there():
    constant = jnp.broadcast_to(jax.random.normal(jax.random.key(1), (P,)), (P, P, P))
    values = sum_progress({"scale": 2.0, "table": constant})
    # The bias correction keeps the classes' mean logits.
    np.testing.assert_allclose(values["restricted_loss"], values["loss"], rtol=1e-4)
    np.testing.assert_allclose(values["key_share"], 1.0, rtol=1e-5)
    np.testing.assert_allclose(values["gini"], 1 - 3 / 15, rtol=1e-3)
    # What is left after the ablation is constant: no pair is told from another.
    expected = np.log(np.exp(constant[0, 0]).sum()) - constant[0, 0].mean()
    np.testing.assert_allclose(values["ablated_key_loss"], expected, rtol=1e-4)


def test_losses_equal_a_dense_transcription():
    p, num_train = 11, 40
    x, y = pool_of(lambda a, b: a + b, p)
    told = y.at[3].set(0)
    data = ProbeData(x, told, jnp.int32(num_train), x, y, cross_entropy)
    table = jax.random.normal(jax.random.key(2), (p, p, p + 2))
    apply = cosine_network((2,), p, outputs=p + 2)
    values = measured(probes.fourier_progress(p, threshold=0.1), apply, {"scale": 1.0, "table": table}, data)
    pair = np.asarray(x, int)
    logits = np.zeros((p, p, p + 2))
    logits[pair[:, 0], pair[:, 1]] = apply({"scale": 1.0, "table": table}, x)
    index = np.arange(p)
    angle = 2 * np.pi * (index[:, None] + index) / p

    def part(w):
        waves = [f(w * angle) / np.linalg.norm(f(w * angle)) for f in (np.cos, np.sin)]
        return sum(v[..., None] * np.einsum("ab,abc->c", v, logits) for v in waves)

    def loss(table, rows, labels):
        z = table[pair[rows, 0], pair[rows, 1]]
        return np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), np.asarray(labels)[rows]])

    everything, trained, others = slice(None), slice(num_train), [w for w in range(1, 6) if w != 2]
    assert list(values["is_key"]) == [0, 1, 0, 0, 0]
    expected = {
        "loss": loss(logits, everything, y),
        "train_loss": loss(logits, trained, told),
        "restricted_loss": loss(part(2) + logits.mean(axis=(0, 1)), everything, y),
        "excluded_loss": loss(logits - part(2), trained, told),
        "max_single_excluded_loss": loss(logits - part(2), trained, told),
        "single_excluded_loss": [np.nan, loss(logits - part(2), trained, told), *[np.nan] * 3],
        "ablated_key_loss": loss(logits - part(2), everything, y),
        "ablated_rest_loss": loss(logits - sum(part(w) for w in others), everything, y),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(values[name], value, rtol=1e-5, err_msg=name)


def test_products_and_quotients_are_sums_of_logarithms():
    p = 13
    elements = measure.group_elements(p, "multiplicative")
    log = np.zeros(p, int)
    log[elements] = np.arange(p - 1)
    # Frequency 6 = (p - 1) / 2 is the quadratic character.
    keys, apply = (5, 6), cosine_network((5, 6), p, p - 1, jnp.asarray(log))
    junk = jnp.zeros((p, p, p)).at[0].set(50.0).at[:, 0].set(-50.0).at[:, :, 0].add(-30.0)
    data = data_of(*pool_of(lambda a, b: a * b, p), num_train=80)
    probe = probes.fourier_progress(p, group="multiplicative")
    values = measured(probe, apply, {"scale": 4.0, "table": junk}, data)
    assert tuple(np.flatnonzero(values["is_key"]) + 1) == keys
    np.testing.assert_allclose(values["coefficients"][jnp.array([4, 5])], 4.0, rtol=1e-4)
    assert values["accuracy"] == 1.0
    # Quotients by the same network: b -> 1 / b.
    negative = jnp.asarray(-log % (p - 1))

    def divide(params, x):
        phase = 2 * jnp.pi * (jnp.asarray(log)[x[:, :1]] + negative[x[:, 2:3]] - jnp.asarray(log)) / (p - 1)
        waves = params * (jnp.cos(5 * phase) + jnp.cos(6 * phase))
        return jnp.concatenate([waves.at[:, 0].set(-30.0), jnp.full((len(x), 2), -30.0)], axis=1)

    inverse = np.array([0] + [pow(int(k), -1, p) for k in range(1, p)])
    x, y = pool_of(lambda a, b: a * inverse[b], p, first=1)
    equations = jnp.stack([x[:, 0], jnp.full(len(x), p), x[:, 1], jnp.full(len(x), p + 1)], axis=1)
    probe = probes.fourier_progress(p, group="multiplicative", invert_second=True, positions=(0, 2), batch_size=50)
    quotients = measured(probe, divide, jnp.float32(4.0), data_of(equations, y, num_train=80))
    assert tuple(np.flatnonzero(quotients["is_key"]) + 1) == keys
    np.testing.assert_allclose(quotients["ablated_key_loss"], np.log(p - 1), rtol=1e-3)
    assert quotients["accuracy"] == 1.0
    # The wrong operation does not see frequency 5.
    a, b = np.divmod(np.arange(p * p), p)
    rows = divide(4.0, jnp.asarray(np.stack([a, np.full(p * p, p), b], axis=1)))
    for invert, count in ((True, 1), (False, 0)):
        table = measure.group_table(rows, p, group="multiplicative", invert_second=invert)
        # The top frequency is left out: its character is its own inverse, so products and quotients agree there.
        found = measure.key_frequencies(measure.frequency_shares(table))[:5]
        assert jnp.sum(found) == count


def random_network(key, width=64):
    table, kernel = jax.random.split(key)
    return {"embedding": jax.random.normal(table, (P, width)), "kernel": jax.random.normal(kernel, (width, P)) / 8}


def mlp_apply(params, x):
    return jax.nn.relu(params["embedding"][x[:, 0]] + params["embedding"][x[:, 1]]) @ params["kernel"]


def test_every_key_frequency_is_excluded_alone_however_many_there_are():
    """Twelve of fifteen: more than a default of eight would show; and each loss is that without its own wave."""
    keys = tuple(w for w in range(1, 16) if w not in (2, 7, 11))
    sizes = 0.5 + 0.05 * jnp.arange(12)
    angle = 2 * jnp.pi * jnp.arange(P) / P

    def network(sizes, x):
        phase = angle[x[:, :1]] + angle[x[:, 1:]] - angle
        return sum(size * jnp.cos(w * phase) for size, w in zip(sizes, keys, strict=True))

    values = measured(probes.fourier_progress(P, contrast=1.0), network, sizes, SUMS)
    assert tuple(np.flatnonzero(values["is_key"]) + 1) == keys
    single = values["single_excluded_loss"]
    assert single.shape == (15,) and tuple(np.flatnonzero(np.isfinite(single)) + 1) == keys
    for place in (0, 11):
        without = network(sizes.at[place].set(0.0), SUMS.x_train[:300])
        expected = jnp.mean(cross_entropy(without, SUMS.targets[:300]))
        np.testing.assert_allclose(single[keys[place] - 1], expected, rtol=1e-4)


LAYOUTS = {
    "pair": lambda a, b: [a, b],
    "equals": lambda a, b: [a, b, np.full_like(a, P)],
    "equation": lambda a, b: [a, np.full_like(a, P + 1), b, np.full_like(a, P)],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_operands_are_found_in_every_layout_and_where_they_are_not_nothing_looks_like_a_result(layout):
    pair = np.asarray(SUMS.x_train)
    x = jnp.asarray(np.stack(LAYOUTS[layout](pair[:, 0], pair[:, 1]), axis=1))
    data = data_of(x, SUMS.targets)
    second = 2 if layout == "equation" else 1

    def network(scale, x):
        phase = 2 * jnp.pi * (x[:, :1] + x[:, second : second + 1] - jnp.arange(P)) / P
        return scale * sum(jnp.cos(w * phase) for w in KEYS)

    def run(probe):
        # Operation by operation: the ten runs of this test have most of their programs in common.
        return jax.tree.map(np.asarray, probe.fn(jax.random.key(0), network, jnp.float32(3.0), data))

    found = run(probes.fourier_progress(P))
    assert tuple(np.flatnonzero(found["is_key"]) + 1) == KEYS and found["accuracy"] == 1.0
    efficient = run(probes.circuit_efficiency(P))
    np.testing.assert_allclose(efficient["trigonometric_share"], 1.0, rtol=1e-4)
    if layout == "pair":
        return
    wrong = (0, 1) if layout == "equation" else (0, 2)  # the sign of the operation, or of equality
    for probe in (probes.fourier_progress(P, positions=wrong), probes.circuit_efficiency(P, positions=wrong)):
        values = run(probe)
        assert all(np.isnan(value).all() for value in values.values()), [n for n in values if not np.isnan(values[n])]


def test_random_and_memorising_networks_have_no_key_frequency():
    networks = jax.vmap(random_network)(jax.random.split(jax.random.key(0), 4))
    probe = probes.fourier_progress(P, spectrum=True)
    values = jax.jit(jax.vmap(lambda p: probe.fn(jax.random.key(0), mlp_apply, p, SUMS)))(networks)
    assert np.all(np.asarray(values["num_key_frequencies"]) == 0)
    assert np.all(np.asarray(values["gini"]) < 0.4)
    np.testing.assert_allclose(values["ablated_key_loss"], values["loss"])
    np.testing.assert_allclose(values["max_single_excluded_loss"], values["train_loss"])
    assert values["power"].shape == (4, 16, 16)
    # A look-up table that knows every training row and nothing else.
    rows = SUMS.x_train[:300]
    table = jnp.zeros((P, P, P)).at[rows[:, 0], rows[:, 1], SUMS.targets[:300]].set(20.0)
    known = sum_progress({"scale": 0.0, "table": table})
    assert known["train_loss"] < 1e-3
    assert known["num_key_frequencies"] == 0
    assert known["restricted_loss"] > np.log(P) - 0.1


def test_threshold_may_be_traced_and_other_losses_fit():
    table = 0.1 * jax.random.normal(jax.random.key(0), (P, P, P))

    def count(threshold):
        probe = probes.fourier_progress(P, threshold=threshold, contrast=0.0)
        return probe.fn(None, cosine_network(), {"scale": 1.0, "table": table}, one_hot)["num_key_frequencies"]

    one_hot = data_of(SUMS.x_train, jax.nn.one_hot(SUMS.targets, P), loss=squared_error)
    assert jax.jit(jax.vmap(count))(jnp.array([1e-7, 0.1, 0.9])).tolist() == [15.0, 3.0, 0.0]


def test_bad_input_is_named():
    with pytest.raises(ConfigError, match=r"positions = \(0, 0\) must be two different columns.*\[a, op, b, =\]"):
        probes.fourier_progress(7, positions=(0, 0))
    with pytest.raises(ConfigError, match=r"threshold = 0 must be in \(0, 1\]"):
        probes.fourier_progress(7, threshold=0)
    with pytest.raises(ConfigError, match=r"modulus = 9 must be a prime"):
        probes.circuit_efficiency(9, group="multiplicative")

    def traced(probe, data):
        params = {"scale": 1.0, "table": jnp.zeros((P, P, P))}
        jax.eval_shape(lambda: probe.fn(None, cosine_network(), params, data))

    with pytest.raises(ConfigError, match=r"needs integer tokens \[N, L\] with L above 2"):
        traced(probes.fourier_progress(P, positions=(0, 2)), SUMS)
    floats = SUMS._replace(x_train=SUMS.x_train.astype(jnp.float32))
    five = SUMS._replace(x_train=jnp.zeros((9, 5), int))
    with pytest.raises(ConfigError, match=r"positions = None needs integer tokens \[N, L\] with L 2, 3 or 4"):
        traced(probes.fourier_progress(P), five)
    with pytest.raises(ConfigError, match=r"the task has float32 inputs"):
        traced(probes.fourier_progress(P), floats)
    with pytest.raises(ConfigError, match=r"modulus = 37 needs as many classes; the network has outputs \(31,\)"):
        traced(probes.fourier_progress(37), SUMS)


def test_circuit_margins_add_up_and_tell_the_circuits_apart():
    rows, labels = SUMS.x_train[:300], SUMS.targets[:300]
    memory = jnp.zeros((P, P, P)).at[rows[:, 0], rows[:, 1], labels].set(5.0)
    # The mean lets through a little of a look-up table: its average over pairs with the same sum.
    params = {"scale": jnp.float32(2.0), "table": memory}
    values = measured(probes.circuit_efficiency(P), cosine_network(), params, SUMS)
    wave = 2.0 * 3 * (1 + 1 / (P - 1))
    total = values["trigonometric_margin"] + values["remainder_margin"]
    np.testing.assert_allclose(total, wave + 5.0, rtol=1e-4)
    leak = 300 / P**2 * 5.0
    np.testing.assert_allclose(values["trigonometric_margin"], wave + leak, rtol=0.01)
    np.testing.assert_allclose(values["test_trigonometric_margin"], values["trigonometric_margin"], rtol=1e-4)
    np.testing.assert_allclose(values["test_remainder_margin"], -leak, rtol=0.02)
    norm = np.sqrt(2.0**2 + 300 * 25)
    np.testing.assert_allclose(values["parameter_norm"], norm, rtol=1e-5)
    np.testing.assert_allclose(values["remainder_efficiency"], values["remainder_margin"] / norm, rtol=1e-5)
    pure = measured(probes.circuit_efficiency(P), cosine_network(), params | {"table": 0 * memory}, SUMS)
    np.testing.assert_allclose(pure["trigonometric_share"], 1.0, rtol=1e-4)
    np.testing.assert_allclose(pure["remainder_margin"], 0.0, atol=1e-3)
