"""The order of the data: a permutation for every key and size, of the quality of a shuffle, and a pure function."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gendyn.train import batch_indices, permute

MOST = 64


@jax.jit
def permutations(keys, size):
    """``[K, MOST]``: the first ``size`` columns are the permutation of each key; one program for all sizes."""
    index = jnp.minimum(jnp.arange(MOST), size - 1)
    return jax.vmap(lambda key: permute(key, index, size))(keys)


def keys_of(seed, count):
    return jnp.asarray(np.random.default_rng(seed).integers(2**32, size=count, dtype=np.uint32))


def chi_square(counts, expected):
    """Standardised: about normal with mean 0 and variance 1 if the cells are multinomial of equal probability."""
    freedom = counts.size - 1
    statistic = np.sum((counts - expected) ** 2 / expected)
    return (statistic - freedom) / np.sqrt(2 * freedom)


@settings(max_examples=200, deadline=None)
@given(key=st.integers(0, 2**32 - 1), size=st.integers(1, MOST))
def test_every_key_and_size_gives_a_permutation(key, size):
    order = np.asarray(permutations(jnp.asarray([key], jnp.uint32), size))[0, :size]
    np.testing.assert_array_equal(np.sort(order), np.arange(size))


@settings(max_examples=20, deadline=None)
@given(key=st.integers(0, 2**32 - 1), size=st.integers(1, 70_000))
def test_large_sizes_too(key, size):
    @jax.jit
    def order(key, size):
        index = jnp.minimum(jnp.arange(70_000), size - 1)
        return permute(key, index, size)

    found = np.asarray(order(jnp.uint32(key), size))[:size]
    np.testing.assert_array_equal(np.sort(found), np.arange(size))


def position_counts(orders):
    """``[n, n]``: how often value ``v`` stands at position ``i``."""
    size = orders.shape[1]
    cells = np.arange(size) * size + orders
    return np.bincount(cells.ravel(), minlength=size**2).reshape(size, size)


def pair_counts(orders, first, second):
    """``[n (n - 1)]``: how often each ordered pair of distinct values stands at two positions."""
    size = orders.shape[1]
    counts = np.bincount(orders[:, first] * size + orders[:, second], minlength=size**2).reshape(size, size)
    return counts[~np.eye(size, dtype=bool)]


def assert_uniform(orders):
    """Positions and pairs are uniform over keys, at five standard deviations of their chi-squares."""
    count, size = orders.shape
    positions = position_counts(orders)
    # Rows and columns sum to the number of keys: the statistic has (n - 1)^2 degrees of freedom.
    statistic = np.sum((positions - count / size) ** 2) / (count / size)
    freedom = (size - 1) ** 2
    assert abs(statistic - freedom) < 5 * np.sqrt(2 * freedom)
    for first, second in ((0, 1), (2, size - 1), (size // 2, size // 2 + 1)):
        assert abs(chi_square(pair_counts(orders, first, second), count / (size * (size - 1)))) < 5


def test_positions_and_pairs_are_uniform_over_keys():
    for size in (2, 7, 12):
        for keys in (keys_of(size, 40_000), jnp.arange(40_000, dtype=jnp.uint32)):
            orders = np.asarray(permutations(keys, size))[:, :size]
            if size > 2:
                assert_uniform(orders)
            else:
                assert abs(np.mean(orders[:, 0]) - 0.5) < 5 * 0.5 / np.sqrt(len(orders))


def test_a_rotation_and_a_bad_shuffle_fail_the_test_of_uniformity():
    """Negative controls: a random rotation has uniform positions and no uniform pairs; one swap has neither."""
    rng = np.random.default_rng(0)
    rotations = (np.arange(7) + rng.integers(7, size=(40_000, 1))) % 7
    assert abs(chi_square(position_counts(rotations), 40_000 / 7)) < 5
    assert abs(chi_square(pair_counts(rotations, 0, 1), 40_000 / 42)) > 100
    few_rounds = np.tile(np.arange(7), (40_000, 1))
    few_rounds[:, :2] = np.where(rng.random((40_000, 1)) < 0.5, few_rounds[:, :2], few_rounds[:, 1::-1])
    assert abs(chi_square(position_counts(few_rounds), 40_000 / 7)) > 100


def test_different_keys_give_unrelated_orders():
    """The number of positions on which two shuffles agree is about Poisson of mean 1."""
    orders = np.asarray(permutations(jnp.arange(2_000, dtype=jnp.uint32), MOST))
    agreements = (orders[:-1] == orders[1:]).sum(1)
    assert abs(agreements.mean() - 1.0) < 5 / np.sqrt(len(agreements))
    assert abs(agreements.var() - 1.0) < 0.2


STEPS = 160


@jax.jit
def rows_of_steps(order_key, num_train):
    """``[STEPS, 6]``: the batches of a run of that many steps."""
    return jax.vmap(lambda step: batch_indices(order_key, step, 6, num_train))(jnp.arange(STEPS))


def test_an_epoch_visits_each_row_at_most_once_and_epochs_differ():
    for num_train in (12, 23, 29):
        rows = np.asarray(rows_of_steps(jnp.asarray([3, 4], jnp.uint32), num_train))
        per_epoch = num_train // 6
        epochs = rows[: STEPS // per_epoch * per_epoch].reshape(-1, per_epoch * 6)
        assert rows.min() == 0
        # The rows left over at the end of an epoch are others each time, so that none is never seen.
        assert rows.max() == num_train - 1
        assert len(np.unique(rows)) == num_train
        assert all(len(np.unique(epoch)) == epoch.size for epoch in epochs)
        assert len({tuple(epoch) for epoch in epochs}) == len(epochs)


def test_runs_of_different_seeds_visit_different_orders():
    first, *others = (np.asarray(rows_of_steps(jnp.asarray(key, jnp.uint32), 29)) for key in ((3, 4), (3, 5), (4, 4)))
    np.testing.assert_array_equal(first, rows_of_steps(jnp.asarray((3, 4), jnp.uint32), 29))
    for other in others:
        # As many coincidences as between unrelated orders: one in 29.
        assert abs(np.mean(first == other) - 1 / 29) < 5 * np.sqrt(1 / 29 / first.size)


def test_batches_are_drawn_uniformly():
    """Each of 29 rows is as likely as another to be in the batch of step 3, over keys."""
    keys = jnp.asarray(np.random.default_rng(1).integers(2**32, size=(20_000, 2), dtype=np.uint32))
    rows = np.asarray(jax.jit(jax.vmap(lambda key: batch_indices(key, jnp.int32(3), 6, 29)))(keys))
    counts = np.bincount(rows.ravel(), minlength=29)
    # Sampling 6 of 29 without replacement: the variance of a count is p (1 - p) a key.
    p = 6 / 29
    assert np.abs(counts - 20_000 * p).max() < 5 * np.sqrt(20_000 * p * (1 - p))
