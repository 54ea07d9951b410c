"""Standardisation by the training split alone, checksums, and what is refused."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.tasks._build import classification, moments, standardise


def _splits(channels=3, num_train=5000, num_test=30):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (num_train + num_test, 4, 4, channels), np.uint8)
    x[..., -1] //= 3
    y = (np.arange(len(x)) % 5).astype(np.uint8)
    return (x[:num_train], y[:num_train]), (x[num_train:], y[num_train:])


def _build(train, test, **kwargs):
    arguments = {"num_classes": 5, "scale": 255.0, "split_seed": 0, "source": "test", **kwargs}
    return classification("pixels", train, test, **arguments)


def test_moments_are_per_channel_and_exact():
    (x, _), _ = _splits()
    mean, std = moments(x)
    flat = x.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(mean, flat.mean(0), rtol=1e-14)
    np.testing.assert_allclose(std, flat.std(0), rtol=1e-12)
    permuted = moments(x[np.random.default_rng(1).permutation(len(x))])
    np.testing.assert_array_equal(permuted, (mean, std))


def test_each_channel_of_the_training_split_has_mean_0_and_std_1():
    task = _build(*_splits())
    flat = task.x_train.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(flat.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(flat.std(0), 1, atol=1e-6)
    assert len(task.provenance["mean"].split(",")) == 3
    assert 0.45 < float(task.provenance["mean"].split(",")[0]) < 0.55


def test_the_test_split_changes_nothing_of_the_training_split():
    train, (x_test, y_test) = _splits()
    one, other = _build(train, (x_test, y_test)), _build(train, (255 - x_test // 2, y_test[::-1]))
    np.testing.assert_array_equal(one.x_train, other.x_train)
    np.testing.assert_array_equal(one.y_train, other.y_train)
    assert one.provenance["mean"] == other.provenance["mean"]
    assert one.provenance["std"] == other.provenance["std"]
    # ... while the training split does change how the test split is standardised.
    darker = _build((train[0] // 2, train[1]), (x_test, y_test))
    assert not np.array_equal(one.x_test, darker.x_test)


def test_one_changed_value_changes_the_checksum():
    train, test = _splits(num_train=50)
    before = _build(train, test).provenance["sha256"]
    for split, part in ((0, 0), (0, 1), (1, 0), (1, 1)):
        changed = [[x.copy(), y.copy()] for x, y in (train, test)]
        array = changed[split][part]
        array[0] = (array[0] + 1) % 5
        assert _build(tuple(changed[0]), tuple(changed[1])).provenance["sha256"] != before


def test_standardise_returns_contiguous_float32_of_any_input():
    x = np.arange(24, dtype=np.int64).reshape(2, 3, 4).transpose(1, 0, 2)
    out = standardise(x, np.array([1.0, 2, 3, 4]), np.array([2.0, 2, 2, 2]))
    assert out.dtype == np.float32 and out.flags.c_contiguous
    np.testing.assert_allclose(out, (x - [1, 2, 3, 4]) / 2)


def test_labels_outside_the_classes_are_refused():
    train, test = _splits()
    with pytest.raises(ConfigError, match=r"training example 3 has label 3, which must be in 0 \.\. 2.*3 classes"):
        _build(train, test, num_classes=3)


def test_a_class_without_training_examples_is_refused():
    train, test = _splits()
    with pytest.raises(ConfigError, match=r"holds 5 classes, must hold all 7; class 5 has no example"):
        _build(train, test, num_classes=7)


def test_a_constant_channel_is_refused():
    train, test = _splits()
    train[0][..., 1] = 7
    with pytest.raises(ConfigError, match="channel of the training inputs is constant"):
        _build(train, test)
