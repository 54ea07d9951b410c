"""Fourier analysis on cyclic groups: against dense cosines and sines in float64, and in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gendyn import measure
from gendyn.core import ConfigError

# Compiled whole: operation by operation every size would compile each of them.
frequency_shares, sum_component = jax.jit(measure.frequency_shares), jax.jit(measure.sum_component)
trigonometric_coefficients = jax.jit(measure.trigonometric_coefficients)
trigonometric_component = jax.jit(measure.trigonometric_component)
logit_spectrum, fourier_norms = jax.jit(measure.logit_spectrum), jax.jit(measure.fourier_norms)


def dense_shares(table: np.ndarray) -> np.ndarray:
    """Shares of variance by explicit projection on normalised cos and sin of w (a + b)."""
    size = table.shape[0]
    centred = table - table.mean(axis=2, keepdims=True)
    centred = centred - centred.mean(axis=(0, 1))
    angle = 2 * np.pi * (np.arange(size)[:, None] + np.arange(size)) / size
    found = []
    for w in range(1, size // 2 + 1):
        waves = [np.cos(w * angle)] + ([] if 2 * w == size else [np.sin(w * angle)])
        found.append(sum(np.sum(np.einsum("ab,abc->c", v / np.linalg.norm(v), centred) ** 2) for v in waves))
    return np.array(found) / np.sum(centred**2)


@pytest.mark.parametrize("size", [7, 8])
def test_shares_and_components_equal_dense_projections(size):
    table = np.random.default_rng(size).normal(size=(size, size, 5)) + 3.0
    np.testing.assert_allclose(frequency_shares(table), dense_shares(table), rtol=1e-4)
    chosen = np.arange(size // 2) % 2 == 0
    angle = 2 * np.pi * (np.arange(size)[:, None] + np.arange(size)) / size
    expected = np.zeros_like(table)
    for w in np.flatnonzero(chosen) + 1:
        for wave in [np.cos(w * angle)] + ([] if 2 * w == size else [np.sin(w * angle)]):
            unit = wave / np.linalg.norm(wave)
            expected += unit[..., None] * np.einsum("ab,abc->c", unit, table)
    np.testing.assert_allclose(sum_component(table, chosen), expected, atol=1e-5)


@pytest.mark.parametrize("size", [7, 8])
def test_coefficients_are_those_of_a_least_squares_fit(size):
    table = np.random.default_rng(1).normal(size=(size, size, size))
    index = np.arange(size)
    phase = 2 * np.pi * (index[:, None, None] + index[:, None] - index) / size
    design = np.stack([np.cos(w * phase).ravel() for w in range(1, size // 2 + 1)], axis=1)
    fitted = np.linalg.lstsq(design, table.ravel(), rcond=None)[0]
    np.testing.assert_allclose(trigonometric_coefficients(table), fitted, atol=1e-5)
    part = trigonometric_component(table)
    np.testing.assert_allclose(part, (design @ fitted).reshape(table.shape), atol=1e-5)


@settings(max_examples=8, deadline=None)
@given(size=st.sampled_from([3, 8]), seed=st.integers(0, 1000))
def test_powers_add_up(size, seed):
    rng = np.random.default_rng(seed)
    table, matrix = rng.normal(size=(size, size, 2)), rng.normal(size=(size, 3))
    power = logit_spectrum(table)
    np.testing.assert_allclose(power.sum(), np.mean(np.sum(table**2, axis=2)), rtol=1e-5)
    assert power.shape == (size // 2 + 1, size // 2 + 1)
    norms = np.asarray(fourier_norms(matrix))
    np.testing.assert_allclose(np.sum(norms**2) + size * np.sum(matrix.mean(0) ** 2), np.sum(matrix**2), rtol=1e-5)


def test_a_function_of_the_sum_has_power_on_the_diagonal_only():
    index = np.arange(9)
    table = np.cos(2 * np.pi * 4 * (index[:, None, None] + index[:, None] - index) / 9)
    power = np.array(logit_spectrum(table))
    np.testing.assert_allclose(power[4, 4], 4.5, rtol=1e-5)
    power[4, 4] = 0.0
    np.testing.assert_allclose(power, 0.0, atol=1e-6)


def test_constant_logits_have_no_share():
    np.testing.assert_array_equal(frequency_shares(jnp.ones((5, 5, 5))), 0.0)


def test_key_frequencies_must_stand_out():
    even = jnp.full(15, 0.02).at[4].set(0.021)
    assert not measure.key_frequencies(even).any()
    assert measure.key_frequencies(even, contrast=0.0).all()
    assert np.flatnonzero(measure.key_frequencies(even.at[14].set(0.07))).tolist() == [14]
    assert not measure.key_frequencies(even.at[14].set(0.07), threshold=0.1).any()
    with pytest.raises(ConfigError, match=r"shares has shape \(2, 3\)"):
        measure.key_frequencies(jnp.ones((2, 3)))


def test_gini_in_closed_form():
    m = 20
    np.testing.assert_allclose(measure.gini(np.eye(m)[3]), (m - 1) / m, rtol=1e-6)
    np.testing.assert_allclose(measure.gini(np.full(m, 2.5)), 0.0, atol=1e-6)
    # 1, …, m: (m - 1) / (3 m).
    np.testing.assert_allclose(measure.gini(np.arange(1, m + 1)[::-1]), (m - 1) / (3 * m), rtol=1e-5)
    np.testing.assert_array_equal(measure.gini(jnp.zeros((2, 3))), 0.0)
    values = np.random.default_rng(0).exponential(size=(2, 50))
    pairs = np.abs(values[:, :, None] - values[:, None]).mean(axis=(1, 2)) / (2 * values.mean(axis=1))
    np.testing.assert_allclose(measure.gini(values), pairs, rtol=1e-5)


@pytest.mark.parametrize("prime", [5, 13, 113])
def test_discrete_logarithms_turn_products_into_sums(prime):
    elements = measure.group_elements(prime, "multiplicative")
    assert sorted(elements) == list(range(1, prime))
    i, j = np.meshgrid(np.arange(prime - 1), np.arange(prime - 1))
    np.testing.assert_array_equal(elements[i] * elements[j] % prime, elements[(i + j) % (prime - 1)])


@pytest.mark.parametrize("group", ["additive", "multiplicative"])
@pytest.mark.parametrize("invert", [False, True])
def test_in_a_group_table_the_answer_stands_at_the_sum_of_places(group, invert):
    p = 7
    a, b = np.divmod(np.arange(p * p), p)
    inverse = np.array([0] + [pow(int(k), -1, p) for k in range(1, p)])
    answer = {
        ("additive", False): (a + b) % p,
        ("additive", True): (a - b) % p,
        ("multiplicative", False): a * b % p,
        ("multiplicative", True): a * inverse[b] % p,
    }[group, invert]
    # One column more than there are numbers, as with a token for "=".
    table = measure.group_table(np.eye(p + 1)[answer], p, group=group, invert_second=invert)
    size = table.shape[0]
    assert table.shape == (size, size, size)
    places = np.arange(size)
    np.testing.assert_array_equal(np.argmax(table, axis=2), (places[:, None] + places) % size)


def test_shapes_are_checked():
    with pytest.raises(ConfigError, match=r"table has shape \(4, 5, 2\); it must be \[n, n, C\].*group_table"):
        frequency_shares(jnp.ones((4, 5, 2)))
    with pytest.raises(ConfigError, match=r"frequencies has shape \(3,\); it must be \[2\]"):
        sum_component(jnp.ones((5, 5, 5)), jnp.ones(3))
    with pytest.raises(ConfigError, match=r"a class for each element"):
        trigonometric_coefficients(jnp.ones((5, 5, 6)))
    with pytest.raises(ConfigError, match=r"logits has shape \(24, 5\); it must be \[25, C\]"):
        measure.group_table(jnp.ones((24, 5)), 5)
    with pytest.raises(ConfigError, match=r"modulus = 9 must be a prime"):
        measure.group_elements(9, "multiplicative")
    with pytest.raises(ConfigError, match=r"group = 'add' must be one of additive, multiplicative"):
        measure.group_elements(9, "add")
    with pytest.raises(ConfigError, match=r"matrix has shape \(5,\)"):
        fourier_norms(jnp.ones(5))
    with pytest.raises(ConfigError, match=r"values has shape \(0,\)"):
        measure.gini(jnp.ones(0))


def test_components_are_vmappable():
    tables = jax.random.normal(jax.random.key(0), (3, 5, 5, 4))
    chosen = jnp.array([[1, 0], [0, 1], [1, 1]])
    together = jax.jit(jax.vmap(measure.sum_component))(tables, chosen)
    np.testing.assert_allclose(together[1], sum_component(tables[1], chosen[1]), atol=1e-6)
