"""The three kinds of label noise: exact counts, laws over keys, nested in the rate, traceable."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gendyn.core import ConfigError
from gendyn.tasks import (
    INDEPENDENT_NOISE_KINDS,
    LABEL_NOISE_KINDS,
    flip_exact,
    label_probabilities,
    uniform_any,
    uniform_incorrect,
)

KINDS = tuple(LABEL_NOISE_KINDS)
N, K = 240, 6
LABELS = np.arange(N, dtype=np.int32) % K


def _over_keys(kind, rate, num_keys, num_train=N):
    """Noisy labels ``[num_keys, N]``."""
    noise = LABEL_NOISE_KINDS[kind]
    keys = jax.random.split(jax.random.key(1), num_keys)
    return np.asarray(jax.jit(jax.vmap(lambda key: noise(key, LABELS, rate, K, num_train)))(keys))


def test_names_are_those_of_the_functions():
    assert KINDS == ("uniform_incorrect", "uniform_any", "flip_exact")
    assert all(function.__name__ == name for name, function in LABEL_NOISE_KINDS.items())


@pytest.mark.parametrize("kind", KINDS)
def test_rate_zero_is_the_identity(kind):
    noisy = LABEL_NOISE_KINDS[kind](jax.random.key(0), LABELS, 0.0, K, N)
    assert noisy.dtype == jnp.int32
    np.testing.assert_array_equal(noisy, LABELS)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_labels_in_use_are_touched_and_they_stay_classes(kind):
    noisy = _over_keys(kind, 1.0, 20, num_train=100)
    np.testing.assert_array_equal(noisy[:, 100:], np.broadcast_to(LABELS[100:], (20, N - 100)))
    assert noisy.min() >= 0 and noisy.max() < K
    assert (noisy[:, :100] != LABELS[:100]).any(axis=1).all()


@pytest.mark.parametrize("kind", ["uniform_incorrect", "flip_exact"])
def test_the_true_class_never_replaces_itself(kind):
    assert (_over_keys(kind, 1.0, 50) != LABELS).all()


@pytest.mark.parametrize(("kind", "wrong"), [("uniform_incorrect", 0.3), ("uniform_any", 0.3 * (K - 1) / K)])
def test_the_share_of_wrong_labels_is_binomial(kind, wrong):
    num_keys = 500
    counts = (_over_keys(kind, 0.3, num_keys) != LABELS).sum(axis=1)
    deviation = np.sqrt(N * wrong * (1 - wrong))
    assert abs(counts.mean() - N * wrong) < 4 * deviation / np.sqrt(num_keys)
    # The variance too: labels are hit independently. Its relative standard error is sqrt(2 / num_keys).
    assert abs(counts.var() / deviation**2 - 1) < 4 * np.sqrt(2 / num_keys)


@pytest.mark.parametrize("kind", KINDS)
def test_the_new_class_is_uniform(kind):
    # Chi-square of the confusion matrix at rate 1; uniform_any may draw the true class, the others may not.
    noisy = _over_keys(kind, 1.0, 200)
    confusion = np.zeros((K, K))
    np.add.at(confusion, (np.broadcast_to(LABELS, noisy.shape), noisy), 1)
    expected = np.full((K, K), 1 / K) if kind == "uniform_any" else (1 - np.eye(K)) / (K - 1)
    expected = expected * confusion.sum(1, keepdims=True)
    cells = expected > 0
    assert confusion[~cells].sum() == 0
    statistic = ((confusion - expected)[cells] ** 2 / expected[cells]).sum()
    freedom = cells.sum() - K
    assert abs(statistic - freedom) < 5 * np.sqrt(2 * freedom)


@settings(max_examples=60, deadline=None)
@given(rate=st.floats(0, 1, width=32), num_train=st.integers(0, N), seed=st.integers(0, 2**31 - 1))
def test_flip_exact_flips_exactly(rate, num_train, seed):
    noisy = np.asarray(_FLIP(jax.random.key(seed), rate, num_train))
    wanted = int(np.round(np.float32(rate) * np.float32(num_train)))
    assert (noisy != LABELS).sum() == wanted
    assert (noisy[:num_train] != LABELS[:num_train]).sum() == wanted


_FLIP = jax.jit(lambda key, rate, num_train: flip_exact(key, LABELS, rate, K, num_train))


def test_flip_exact_counts_as_python_does():
    for rate in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.7):
        noisy = flip_exact(jax.random.key(0), LABELS, rate, K, 200)
        assert int((noisy != LABELS).sum()) == round(rate * 200)


def test_flip_exact_is_exact_where_float32_scores_tie():
    # 2^23 distinct scores: among 100,000 draws some 600 pairs tie.
    labels = np.zeros(100_000, np.int32)
    for seed in range(2):
        assert int((flip_exact(jax.random.key(seed), labels, 0.5, 3, 100_000) != 0).sum()) == 50_000


def test_flip_exact_chooses_uniformly():
    hits = (_over_keys("flip_exact", 0.25, 800, num_train=80) != LABELS)[:, :80].mean(axis=0)
    assert np.abs(hits - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 800)


@pytest.mark.parametrize("kind", KINDS)
def test_a_higher_rate_keeps_the_corruption_of_a_lower_one(kind):
    noise, rates = LABEL_NOISE_KINDS[kind], jnp.linspace(0, 1, 21)
    at_rates = jax.jit(jax.vmap(lambda key, rate: noise(key, LABELS, rate, K, N), in_axes=(None, 0)))
    for seed in range(5):
        by_rate = np.asarray(at_rates(jax.random.key(seed), rates))
        for low, high in itertools.pairwise(by_rate):
            changed = low != LABELS
            # uniform_any may have hit a label without changing it; every changed one must stay as it is.
            np.testing.assert_array_equal(low[changed], high[changed])
        assert (by_rate[10] != LABELS).sum() > (by_rate[2] != LABELS).sum()


@pytest.mark.parametrize("kind", KINDS)
def test_vmap_over_traced_key_rate_and_num_train_equals_a_loop(kind):
    noise = LABEL_NOISE_KINDS[kind]
    keys = jax.random.split(jax.random.key(7), 4)
    rates = jnp.asarray([0.0, 0.2, 0.5, 1.0])
    sizes = jnp.asarray([100, N, 17, 100])
    packed = jax.jit(jax.vmap(lambda key, rate, size: noise(key, LABELS, rate, K, size)))(keys, rates, sizes)
    for i in range(4):
        alone = noise(keys[i], LABELS, float(rates[i]), K, int(sizes[i]))
        np.testing.assert_array_equal(packed[i], alone)


@pytest.mark.parametrize("kind", KINDS)
def test_other_keys_give_other_noise(kind):
    noisy = _over_keys(kind, 0.5, 2)
    assert (noisy[0] != noisy[1]).mean() > 0.2


def test_the_kinds_differ():
    key = jax.random.key(3)
    wrong = [int((noise(key, LABELS, 1.0, K, N) != LABELS).sum()) for noise in (uniform_incorrect, uniform_any)]
    assert wrong[0] == N and wrong[1] < N


@pytest.mark.parametrize("kind", KINDS)
def test_bad_arguments_are_refused(kind):
    noise, key = LABEL_NOISE_KINDS[kind], jax.random.key(0)
    for rate in (-0.1, 1.5, float("nan")):
        with pytest.raises(ConfigError, match=r"^rate = .* must be in \[0, 1\]"):
            noise(key, LABELS, rate, K, N)
    for num_train in (-1, N + 1):
        with pytest.raises(ConfigError, match=rf"num_train = {num_train} must be in \[0, {N}\]"):
            noise(key, LABELS, 0.1, K, num_train)
    with pytest.raises(ConfigError, match=r"num_classes = 1 must be an integer of at least 2"):
        noise(key, LABELS, 0.1, 1, N)
    for labels in (np.zeros((4, 3), np.float32), np.zeros(4, np.float32), np.zeros((4, 2), np.int32)):
        with pytest.raises(ConfigError, match="label noise is for classification tasks"):
            noise(key, labels, 0.1, K, 4)


@pytest.mark.parametrize("kind", INDEPENDENT_NOISE_KINDS)
def test_probabilities_are_the_shares_of_many_draws(kind):
    probabilities = np.asarray(label_probabilities(kind, LABELS, 0.5, K))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)
    shares = np.mean(_over_keys(kind, 0.5, 2000)[..., None] == np.arange(K), axis=0)
    np.testing.assert_allclose(shares, probabilities, atol=5 * 0.5 / np.sqrt(2000))


def test_probabilities_of_labels_that_are_not_independent_are_refused():
    with pytest.raises(ConfigError, match="kind = 'flip_exact' must be one of uniform_any, uniform_incorrect"):
        label_probabilities("flip_exact", LABELS, 0.5, K)
