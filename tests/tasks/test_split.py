"""Stratified orders: Tijdeman's bound on every prefix, for any class counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gendyn.tasks._split import hold_out, stratified_order


def _worst_deviation(ordered_labels, num_classes):
    one_hot = np.eye(num_classes)[ordered_labels]
    n = np.arange(1, len(one_hot) + 1)[:, None]
    return np.abs(np.cumsum(one_hot, axis=0) - n * one_hot.mean(axis=0)).max()


@settings(max_examples=150, deadline=None)
@given(counts=st.lists(st.integers(1, 60), min_size=1, max_size=12), seed=st.integers(0, 2**32 - 1))
def test_every_prefix_is_within_tijdemans_bound(counts, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    order = stratified_order(labels, seed)
    assert sorted(order) == list(range(len(labels)))
    bound = 1 - 1 / max(2 * len(counts) - 2, 1)
    assert _worst_deviation(labels[order], len(counts)) <= bound + 1e-9


def test_one_large_and_many_small_classes():
    # Sorting by ideal positions (i - 1/2) / share breaks the bound here: all small classes come due at once.
    labels = np.repeat(np.arange(101), [500] + [5] * 100)
    assert _worst_deviation(labels[stratified_order(labels, 0)], 101) < 1
    ideal = np.concatenate([(np.arange(count) + 0.5) / count for count in [500] + [5] * 100])
    assert _worst_deviation(labels[np.argsort(ideal, kind="stable")], 101) > 10


def test_a_random_order_is_not_stratified():
    labels = np.arange(1000) % 10
    assert _worst_deviation(labels[np.random.default_rng(0).permutation(1000)], 10) > 2


def test_label_values_and_input_order_do_not_matter_to_the_bound():
    labels = np.random.default_rng(0).choice([3, 7, 250], 200, p=[0.7, 0.2, 0.1]).astype(np.uint8)
    order = stratified_order(labels, 5)
    assert _worst_deviation(np.unique(labels[order], return_inverse=True)[1], 3) < 1


def test_prefixes_are_uniform_within_a_class_and_over_ties():
    # 10 of 40 examples are in the prefix of 10: each with probability 1/4, over seeds.
    labels, seeds = np.arange(40) % 4, 600
    hits = np.zeros(40)
    first = np.zeros(4)
    for seed in range(seeds):
        order = stratified_order(labels, seed)
        hits[order[:10]] += 1
        first[labels[order[0]]] += 1
    assert np.abs(hits / seeds - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / seeds)
    assert np.abs(first / seeds - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / seeds)


@settings(max_examples=50, deadline=None)
@given(counts=st.lists(st.integers(1, 40), min_size=2, max_size=8), data=st.data())
def test_both_splits_are_stratified_and_disjoint(counts, data):
    labels = np.repeat(np.arange(len(counts)), counts)
    num_test = data.draw(st.integers(1, len(labels) - 1))
    train, test = hold_out(labels, num_test, seed=3)
    assert len(test) == num_test
    assert sorted([*train, *test]) == list(range(len(labels)))
    shares = np.bincount(labels[test], minlength=len(counts)) - num_test * np.array(counts) / len(labels)
    assert np.abs(shares).max() < 1
    present = np.unique(labels[train], return_inverse=True)[1]
    assert _worst_deviation(present, present.max() + 1) < 1


@pytest.mark.parametrize("labels", [np.zeros(5, int), np.zeros(1, int)])
def test_a_single_class_is_a_permutation(labels):
    assert sorted(stratified_order(labels, 0)) == list(range(len(labels)))
