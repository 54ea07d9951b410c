"""Tasks that need no folder: digits, MNIST-5k, MNIST-1D and the teacher-student problem."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.tasks import digits, mnist1d, mnist5k, teacher_student
from gendyn.tasks._build import moments
from gendyn.tasks._package import read_digits_csv
from gendyn.tasks.mnist1d import Draws, generate, signals, templates


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    task = digits(num_test=597)
    assert task.x_train.shape == (1200, 8, 8, 1)
    mean, std = (float(task.provenance[key]) * 16 for key in ("mean", "std"))
    pixels = np.concatenate([task.x_train, task.x_test])[..., 0] * std + mean
    found = np.concatenate([pixels.reshape(-1, 64), np.concatenate([task.y_train, task.y_test])[:, None]], axis=1)
    wanted = np.concatenate([bunch.data, bunch.target[:, None]], axis=1)
    found = np.round(found, 3)
    np.testing.assert_allclose(found[np.lexsort(found.T)], wanted[np.lexsort(wanted.T)], atol=1e-3)


def test_mnist5k_is_500_of_each_digit_with_the_moments_of_mnist():
    task = mnist5k()
    assert task.x_train.shape == (4000, 28, 28, 1) and task.x_test.shape == (1000, 28, 28, 1)
    np.testing.assert_array_equal(np.bincount(task.y_train), 400)
    np.testing.assert_array_equal(np.bincount(task.y_test), 100)
    # All of MNIST: 0.1307 and 0.3081.
    assert abs(float(task.provenance["mean"]) - 0.1307) < 0.003
    assert abs(float(task.provenance["std"]) - 0.3081) < 0.003


def test_train_and_test_of_a_split_do_not_overlap():
    task = digits(num_test=797)
    rows = {row.tobytes() for row in task.x_train}
    # The 1,797 images of the data set are all different.
    assert len(rows) == 1000
    assert not any(row.tobytes() in rows for row in task.x_test)


@pytest.mark.parametrize(("factory", "size"), [(digits, 1797), (mnist5k, 5000), (mnist1d, 5000)])
def test_num_test_is_checked(factory, size):
    for wrong in (0, -3, True, 10.0):
        with pytest.raises(ConfigError, match=r"^num_test = .* must be an integer of at least 1"):
            factory(num_test=wrong)
    with pytest.raises(ConfigError, match=rf"^num_test = {size} must be less than the {size} examples"):
        factory(num_test=size)


def test_a_package_that_is_absent_or_changed_is_named():
    with pytest.raises(ConfigError, match=r"package 'no_such_package', which is not installed"):
        read_digits_csv("no_such_package", "x.csv", (1, 1))
    with pytest.raises(ConfigError, match=r"sklearn no longer carries datasets/no\.csv"):
        read_digits_csv("sklearn", "datasets/no.csv", (1, 1))
    with pytest.raises(ConfigError, match=r"has shape \(1797, 65\), must have \(1797, 66\)"):
        read_digits_csv("sklearn", "datasets/data/digits.csv.gz", (1797, 66))


def test_mnist1d_is_the_published_data_set():
    # Published values: labels and, standardised by all 5,000 signals as published, some inputs and a sum of cubes.
    x, y = generate(5000, 42)
    x = (x - x.mean()) / x.std()
    assert y[:20].tolist() == [2, 6, 4, 5, 6, 6, 6, 0, 3, 1, 6, 9, 4, 3, 4, 5, 1, 9, 0, 3]
    assert y[4000:4020].tolist() == [2, 6, 3, 9, 4, 3, 1, 9, 5, 2, 0, 7, 7, 1, 4, 6, 1, 4, 3, 9]
    first = [-0.3320056673693902, -0.4719103656557236, -0.778697076293495, -1.0097408265367047]
    np.testing.assert_allclose(x[0, :4], first, rtol=1e-9)
    last = [0.4472328851428726, 0.6598756470890784, 0.8777343497528006, 1.193151836835276]
    np.testing.assert_allclose(x[-1, -4:], last, rtol=1e-9)
    np.testing.assert_allclose([(x[:4000] ** 3).sum(), (x[4000:] ** 3).sum()], [-10432.009923091, -2694.093905711])


def test_mnist1d_splits_are_the_published_ones_reordered_and_standardised():
    x, y = generate(5000, 42)
    task = mnist1d()
    mean, std = moments(x[:4000, :, None])
    np.testing.assert_allclose(task.x_test[..., 0], (x[4000:] - mean) / std, atol=1e-5)
    np.testing.assert_array_equal(task.y_test, y[4000:])
    published = (x[:4000] - mean) / std
    order = np.argsort(task.x_train[:, 0, 0], kind="stable")
    np.testing.assert_allclose(task.x_train[order, :, 0], published[np.argsort(published[:, 0])], atol=1e-5)


def test_mnist1d_signals_equal_a_signal_by_signal_reference():
    from scipy.ndimage import gaussian_filter1d

    rng, num_signals = np.random.default_rng(0), 40
    draws = Draws(
        padding=np.r_[36, 60, rng.integers(36, 61, num_signals - 2)],
        scale=rng.uniform(0.8, 1.2, num_signals),
        shift=np.r_[0, 47, rng.integers(0, 48, num_signals - 2)],
        correlated=rng.standard_normal((num_signals, 72)),
        independent=rng.standard_normal((num_signals, 72)),
        shear=rng.uniform(-0.375, 0.375, num_signals),
    )
    labels = rng.integers(0, 10, num_signals)
    found = signals(labels, draws)
    for i in range(num_signals):
        padded = np.concatenate([templates()[labels[i]] + 1e-8, np.zeros(draws.padding[i])])
        canvas = np.interp(np.linspace(0, 1, 72), np.linspace(0, 1, len(padded)), padded) * draws.scale[i]
        canvas = np.roll(canvas, draws.shift[i])
        canvas = np.where(canvas != 0, canvas, gaussian_filter1d(0.25 * draws.correlated[i], 2))
        canvas = canvas + 0.02 * draws.independent[i] - draws.shear[i] * np.linspace(-0.5, 0.5, 72)
        np.testing.assert_allclose(
            found[i], np.interp(np.linspace(0, 1, 40), np.linspace(0, 1, 72), canvas), atol=1e-12
        )


def test_mnist1d_arguments_are_checked():
    with pytest.raises(ConfigError, match=r"^num_examples = 5001 must be a multiple of 10"):
        mnist1d(num_examples=5001)
    with pytest.raises(ConfigError, match=r"^seed = 4294967296 must be less than 2\^32"):
        mnist1d(seed=2**32)
    with pytest.raises(ConfigError, match=r"class \d has no example"):
        mnist1d(num_examples=20, num_test=15)


def test_teacher_outputs_have_unit_variance_over_teachers():
    variances = [
        teacher_student(kind="regression", num_outputs=8, num_train=1, num_test=500, seed=seed)
        .y_test.var(axis=0)
        .mean()
        for seed in range(60)
    ]
    assert abs(np.mean(variances) - 1) < 4 * np.std(variances) / np.sqrt(60)


def test_teacher_noise_is_on_training_targets_alone_and_has_the_stated_size():
    kwargs = {"kind": "regression", "num_outputs": 2, "num_train": 4000}
    clean, noisy = teacher_student(**kwargs), teacher_student(**kwargs, noise=0.5)
    np.testing.assert_array_equal(clean.x_train, noisy.x_train)
    np.testing.assert_array_equal(clean.y_test, noisy.y_test)
    residual = noisy.y_train - clean.y_train
    assert abs(residual.std() - 0.5) < 5 * 0.5 / np.sqrt(2 * residual.size)
    assert abs(residual.mean()) < 5 * 0.5 / np.sqrt(residual.size)


def test_teacher_and_test_split_do_not_depend_on_the_training_split():
    one, other = teacher_student(num_train=50), teacher_student(num_train=400, noise=1.0, split_seed=3)
    np.testing.assert_array_equal(one.x_test, other.x_test)
    np.testing.assert_array_equal(one.y_test, other.y_test)
    assert not np.array_equal(one.x_test, teacher_student(num_train=50, seed=1).x_test)


def test_teacher_classes_are_the_argmax_of_the_regression_targets():
    kwargs = {"num_outputs": 5, "num_test": 300}
    classes, outputs = teacher_student(**kwargs), teacher_student(**kwargs, kind="regression")
    np.testing.assert_array_equal(classes.y_test, outputs.y_test.argmax(1))
    assert outputs.kind == "regression" and outputs.y_train.dtype == np.float32
    assert outputs.y_train.shape == (1000, 5) and outputs.num_outputs == 5
    assert outputs.provenance["sha256"] != classes.provenance["sha256"]


def test_teacher_student_arguments_are_checked():
    for name in ("num_train", "num_test", "input_size", "teacher_width", "num_outputs"):
        with pytest.raises(ConfigError, match=rf"^{name} = 0 must be an integer of at least 1"):
            teacher_student(**{name: 0})
    with pytest.raises(ConfigError, match=r"^kind = 'regresion' must be one of .* Did you mean 'regression'"):
        teacher_student(kind="regresion")
    with pytest.raises(ConfigError, match=r"^num_outputs = 1 must be at least 2 classes"):
        teacher_student(num_outputs=1)
    for noise in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match=r"^noise = .* must be in \[0, inf\)"):
            teacher_student(noise=noise)
    with pytest.raises(ConfigError, match=r"^seed = -1 must be"):
        teacher_student(seed=-1)
