"""Tasks of one's own arrays: shares, standardisation, and what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.tasks import check_task, from_arrays

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4)) * (1, 10, 100, 0) + (0, 5, 1e6, 3)
Y = np.arange(90) % 3


def test_classes_are_split_in_equal_shares_and_every_prefix_is_stratified():
    task = from_arrays(X, Y, num_test=30, seed=1, name="mine")
    assert (task.name, task.kind, task.num_outputs) == ("mine", "classification", 3)
    assert np.bincount(task.y_test).tolist() == [10, 10, 10]
    counts = np.eye(3)[task.y_train].cumsum(0)
    assert np.abs(counts - np.arange(1, 61)[:, None] / 3).max() < 1
    assert check_task(task) is task
    other = from_arrays(X, Y, num_test=30, seed=2, name="mine")
    assert not np.array_equal(other.x_train, task.x_train)
    assert other.provenance["sha256"] != task.provenance["sha256"]
    assert task.provenance["seed"] == "1"


def test_inputs_are_standardised_by_the_training_split_and_stay_with_their_targets():
    task = from_arrays(X, Y + X[:, 1], num_test=30)
    assert task.x_train.dtype == task.x_test.dtype == np.float32
    np.testing.assert_allclose(task.x_train.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(task.x_train.std(0), [1, 1, 1, 0], rtol=1e-6)
    mean, std = (np.array(task.provenance[key].split(","), float) for key in ("mean", "std"))
    back = np.concatenate([task.x_train, task.x_test]) * std + mean
    order = [int(np.argmin(np.abs(X[:, 1] - row[1]))) for row in back]
    assert sorted(order) == list(range(90))
    np.testing.assert_allclose(back, X[order], rtol=1e-6, atol=1e-6)
    targets = np.concatenate([task.y_train, task.y_test])[:, 0]
    np.testing.assert_allclose(targets, (Y + X[:, 1])[order], rtol=1e-6)
    # A large mean costs no digits: in float32, 1e6 + noise of 100 has three.
    np.testing.assert_allclose(task.x_train[:, 2], ((X[order[:60]] - mean) / std)[:, 2], atol=1e-5)


def test_float_targets_are_a_regression():
    task = from_arrays(X, X[:, :2], num_test=30)
    assert (task.kind, task.num_outputs, task.y_train.shape, task.y_train.dtype) == (
        "regression",
        2,
        (60, 2),
        "float32",
    )
    assert from_arrays(X.tolist(), X[:, 0].tolist(), num_test=30).num_outputs == 1


def test_numbers_of_every_kind_are_taken():
    images = RNG.integers(0, 256, (90, 3, 3, 2), np.uint8)
    task = from_arrays(images, jnp.asarray(Y), num_test=30)
    np.testing.assert_allclose(task.x_train.mean((0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(task.x_train.std((0, 1, 2)), 1, rtol=1e-6)
    tokens = from_arrays(images[:, :, 0, 0], Y == 1, num_test=30, standardise=False)
    assert tokens.x_train.dtype == np.int32 and tokens.num_outputs == 2
    raw = from_arrays(X, Y, num_test=30, standardise=False)
    assert np.isin(raw.x_train[:, 1], X[:, 1].astype(np.float32)).all()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"x": X[:, 0]}, r"x has shape \(90,\), must be examples \[N, ...\]; for one feature give x\[:, None\]"),
        ({"x": np.full((90, 2), "a")}, r"x has dtype <U1, must be numbers"),
        ({"x": np.where(np.arange(90)[:, None] == 70, np.nan, X)}, r"x is not finite in row 70"),
        ({"x": -np.ones((90, 2), int), "standardise": False}, r"x has tokens from -1 to -1"),
        ({"y": Y[1:]}, r"x has 90 examples and y has 89"),
        ({"y": Y.astype(str)}, r"y has dtype <U\d+, must be integer classes.*np.unique\(y, return_inverse=True\)\[1\]"),
        ({"y": Y + 1}, r"y has classes up to 3, and none of 0"),
        ({"y": Y - 1}, r"y has classes from -1 to 1"),
        ({"y": Y * 10**9}, r"y has classes from 0 to 2000000000"),
        ({"y": np.eye(3, dtype=int)[Y]}, r"of one-hot rows give y.argmax\(1\)"),
        ({"y": np.where(np.arange(90) == 3, 1e39, 0.5)}, r"y is not finite in row 3"),
        ({"y": np.where(np.arange(90) == 3, 1, 0), "num_test": 89}, r"class 1 has 1 of 90 examples"),
        ({"num_test": 90}, r"num_test = 90 must be less than the 90 examples"),
        ({"num_test": 0}, r"num_test = 0"),
        ({"seed": -1}, r"seed = -1"),
        ({"name": ""}, r"name = '' must be a text"),
    ],
)
def test_bad_arrays_are_refused(change, match):
    with pytest.raises(ConfigError, match=match):
        from_arrays(**({"x": X, "y": Y, "num_test": 30} | change))
