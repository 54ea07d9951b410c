"""Sparse parity and the linear, erf and tanh teachers; spurious dimensions conceal and change nothing else."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.tasks import linear_teacher, sparse_parity, tanh_teacher, teacher_student


def bits_of(task):
    return [int(bit) for bit in task.provenance["relevant_bits"].split(",")]


def test_classes_are_the_parity_of_the_relevant_bits_alone():
    task = sparse_parity(num_bits=12, num_examples=600, num_test=200)
    relevant = bits_of(task)
    assert len(relevant) == 3 and max(relevant) < 12
    for x, y in ((task.x_train, task.y_train), (task.x_test, task.y_test)):
        assert set(np.unique(x)) == {-1.0, 1.0}
        negatives = (x[:, relevant] < 0).sum(axis=1)
        np.testing.assert_array_equal(y, negatives % 2 == 0)
    # No other product of as many bits, and no single bit, tells the classes.
    signs = 2 * task.y_train - 1
    assert np.abs(task.x_train.T @ signs).max() / len(signs) < 0.25
    others = [bit for bit in range(12) if bit not in relevant][:3]
    assert abs((task.x_train[:, others].prod(axis=1) * signs).mean()) < 0.25


def test_examples_of_a_parity_are_distinct():
    """Both ways of drawing them: from an enumeration, and with rejection."""
    whole = sparse_parity(num_bits=6, num_relevant=2, num_examples=64, num_test=10)
    half = sparse_parity(num_bits=11, num_examples=1024, num_test=300)
    for task, count in ((whole, 64), (half, 1024)):
        rows = np.concatenate([task.x_train, task.x_test])
        assert len(np.unique(rows, axis=0)) == len(rows) == count
    assert np.bincount(np.concatenate([whole.y_train, whole.y_test])).tolist() == [32, 32]
    # With rejection, bits are still fair coins.
    assert np.abs(np.concatenate([half.x_train, half.x_test]).mean(axis=0)).max() < 5 / np.sqrt(1024)


def test_defaults_of_the_parity_are_the_published_size():
    task = sparse_parity()
    assert task.x_train.shape == (1000, 40) and task.x_test.shape == (1000, 40)
    assert abs(int(task.y_train.sum()) - 500) < 100


def test_another_seed_is_another_parity():
    assert len({tuple(bits_of(sparse_parity(num_examples=20, num_test=10, seed=seed))) for seed in range(5)}) > 1


@pytest.mark.parametrize(
    ("factory", "kwargs", "size"),
    [
        (sparse_parity, {"num_examples": 300, "num_test": 100}, 40),
        (linear_teacher, {"num_train": 200, "num_test": 100, "noise": 0.1}, 100),
        (teacher_student, {"num_train": 200, "num_test": 100, "noise": 0.1}, 20),
        (teacher_student, {"num_train": 200, "num_test": 100, "kind": "regression", "split_seed": 1}, 20),
        (tanh_teacher, {"num_train": 200, "num_test": 100}, 5),
    ],
)
def test_spurious_dimensions_leave_the_problem_as_it_is(factory, kwargs, size):
    plain, concealed = factory(**kwargs), factory(**kwargs, spurious=7)
    for split in ("train", "test"):
        x, wide = getattr(plain, f"x_{split}"), getattr(concealed, f"x_{split}")
        assert wide.shape == (len(x), size + 7)
        np.testing.assert_array_equal(wide[:, :size], x)
        np.testing.assert_array_equal(getattr(plain, f"y_{split}"), getattr(concealed, f"y_{split}"))
        extra = wide[:, size:]
        assert np.abs(extra.mean(axis=0)).max() < 5 / np.sqrt(len(x))
        assert np.square(extra).mean() == pytest.approx(1.0, rel=0.2)
        # Independent of each other and of the inputs.
        correlation = np.corrcoef(wide.T)[size:] - np.eye(size + 7)[size:]
        assert np.abs(correlation).max() < 6 / np.sqrt(len(x))


def test_the_linear_teacher_is_linear_of_unit_variance():
    task = linear_teacher(num_train=300, num_test=50, input_size=20, num_outputs=3)
    solution, *_ = np.linalg.lstsq(task.x_train, task.y_train, rcond=None)
    np.testing.assert_allclose(task.x_test @ solution, task.y_test, atol=1e-4)
    second_moments = [
        np.square(linear_teacher(num_train=1, num_test=200, seed=seed).y_test).mean() for seed in range(60)
    ]
    assert abs(np.mean(second_moments) - 1) < 4 * np.std(second_moments) / np.sqrt(60)


def test_noise_of_the_linear_teacher_is_on_training_targets_alone():
    clean, noisy = linear_teacher(num_train=2000), linear_teacher(num_train=2000, noise=0.5)
    np.testing.assert_array_equal(clean.y_test, noisy.y_test)
    np.testing.assert_array_equal(clean.x_train, noisy.x_train)
    residual = noisy.y_train - clean.y_train
    assert residual.std() == pytest.approx(0.5, rel=0.1)


def test_teacher_and_test_set_do_not_depend_on_the_training_set():
    for factory in (linear_teacher, tanh_teacher):
        one, other = factory(num_train=20), factory(num_train=50, split_seed=2)
        np.testing.assert_array_equal(one.x_test, other.x_test)
        np.testing.assert_array_equal(one.y_test, other.y_test)
        assert not np.array_equal(one.y_test, factory(num_train=20, seed=1).y_test)


@pytest.mark.parametrize(("factory", "size"), [(linear_teacher, 100), (teacher_student, 20), (tanh_teacher, 5)])
def test_the_spurious_scale(factory, size):
    task = factory(num_train=1000, spurious=50, spurious_scale=0.1)
    for x in (task.x_train, task.x_test):
        assert x[:, size:].std() == pytest.approx(0.1, rel=0.05)
        assert x[:, :size].std() == pytest.approx(1.0, rel=0.1)


def test_the_tanh_teacher_is_a_bounded_function_of_the_input():
    """Not linear, equal at equal inputs, and within the bound of its readout."""
    task = tanh_teacher(num_train=2000, teacher_width=30)
    assert task.x_train.shape == (2000, 5) and task.y_train.shape == (2000, 5)
    # |readout| <= 30 weights and a bias of at most 1 / sqrt(30) each.
    assert np.abs(task.y_train).max() <= 31 / np.sqrt(30)
    inputs = np.concatenate([task.x_train, np.ones((2000, 1))], axis=1)
    fit, *_ = np.linalg.lstsq(inputs, task.y_train, rcond=None)
    residual = (task.y_train - inputs @ fit).var(axis=0) / task.y_train.var(axis=0)
    assert residual.min() > 1e-3
    large = tanh_teacher(num_train=2000, teacher_width=30, teacher_scale=4.0)
    assert large.y_train.std() > 3 * task.y_train.std()
    # Two units in the last hidden layer: outputs lie in a plane, whatever is below.
    narrow = tanh_teacher(num_train=200, teacher_width=2, teacher_depth=3).y_train
    assert np.linalg.matrix_rank(narrow - narrow.mean(axis=0), tol=1e-4) == 2
    # A teacher of no scale says 0.
    assert not tanh_teacher(teacher_scale=0.0).y_train.any()


@pytest.mark.parametrize(
    ("factory", "kwargs", "message"),
    [
        (sparse_parity, {"num_relevant": 41}, r"^num_relevant = 41 must be at most num_bits = 40"),
        (sparse_parity, {"num_bits": 8}, r"^num_examples = 2000 must be at most 2\^num_bits = 256"),
        (sparse_parity, {"num_test": 2000}, r"^num_test = 2000 must be less than the 2000 examples"),
        (sparse_parity, {"spurious": -1}, r"^spurious = -1 must be an integer of at least 0"),
        (sparse_parity, {"num_examples": 4, "num_test": 3}, r"the training split holds one class only"),
        (linear_teacher, {"input_size": 0}, r"^input_size = 0 must be an integer of at least 1"),
        (linear_teacher, {"noise": -0.1}, r"^noise = -0\.1 must be in \[0, inf\)"),
        (linear_teacher, {"spurious_scale": -1.0}, r"^spurious_scale = -1\.0 must be in \[0, inf\)"),
        (linear_teacher, {"spurious": 1.5}, r"^spurious = 1\.5 must be an integer"),
        (teacher_student, {"spurious": -1}, r"^spurious = -1 must be an integer of at least 0"),
        (teacher_student, {"spurious_scale": -1.0}, r"^spurious_scale = -1\.0 must be in \[0, inf\)"),
        (tanh_teacher, {"spurious": True}, r"^spurious = True must be an integer"),
        (tanh_teacher, {"spurious_scale": -1.0}, r"^spurious_scale = -1\.0 must be in \[0, inf\)"),
        (tanh_teacher, {"teacher_depth": 0}, r"^teacher_depth = 0 must be an integer of at least 1"),
        (tanh_teacher, {"teacher_scale": float("nan")}, r"^teacher_scale = nan must be in \[0, inf\)"),
    ],
)
def test_bad_arguments(factory, kwargs, message):
    with pytest.raises(ConfigError, match=message):
        factory(**kwargs)
