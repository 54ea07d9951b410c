"""Ridge on prefixes of several feature draws against NumPy's least squares."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import feature_ensemble, random_relu_features

SIZES, PENALTIES = (3, 12), np.array([[0.0, 0.5], [0.1, 2.0]])


@pytest.mark.parametrize("one_hot", [False, True])
def test_scores_are_those_of_least_squares_and_of_the_average(one_hot):
    random = np.random.default_rng(0)
    x, y, x_test, targets = (random.normal(size=shape) for shape in ((9, 4), (9, 6), (7, 4), (7, 3)))
    keys = jax.random.split(jax.random.key(0), 2)
    with jax.enable_x64(True):
        draws = [[np.asarray(random_relu_features(key, points, 12)) for points in (x, x_test)] for key in keys]
        found = feature_ensemble(
            keys, random_relu_features, x, y, x_test, targets, sizes=SIZES, penalties=PENALTIES, one_hot=one_hot
        )

    def score(predicted):
        if one_hot:
            wrong = predicted.argmax(-1) != targets.argmax(-1)[:, None]
        else:
            wrong = np.mean(np.sign(predicted) != np.sign(targets)[:, None], -1)
        return np.sum((predicted - targets[:, None]) ** 2, -1).mean(-2), wrong.mean(-2)

    for place, size in enumerate(SIZES):
        for level, penalty in enumerate(PENALTIES[place]):
            stacked = [np.concatenate([train[:, :size], np.sqrt(penalty) * np.eye(size)]) for train, _ in draws]
            labels = np.concatenate([y, np.zeros((size, 6))])
            solved = [np.linalg.lstsq(design, labels, rcond=None)[0] for design in stacked]
            predicted = np.array(
                [(test[:, :size] @ w).reshape(7, 2, 3) for (_, test), w in zip(draws, solved, strict=True)]
            )
            norms = [np.sqrt(size * (w**2).reshape(size, 2, 3).sum((0, 2))) for w in solved]
            risk, error = score(predicted)
            expected = [risk.mean(0), error.mean(0), *score(predicted.mean(0)), np.mean(norms, 0)]
            for name, value in zip(found._fields[:5], expected, strict=True):
                np.testing.assert_allclose(getattr(found, name)[:, level, place], value, rtol=1e-6, err_msg=name)
        condition = max(np.linalg.cond(train[:, :size]) for train, _ in draws)
        np.testing.assert_allclose(found.condition_number[place], condition, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"penalties": np.zeros([1, 2])}, r"penalties \(1, 2\) must be \[2, L\], a row for each size"),
        ({"penalties": -np.ones([2, 1])}, "penalty = .* must be in"),
        ({"sizes": (0, 3)}, "sizes: each = 0 must be an integer"),
        ({"y": np.zeros([9, 4])}, r"and y \(9, 4\) hold whole versions of the 3 targets"),
    ],
)
def test_bad_arguments_are_refused(change, message):
    data = {"x": np.ones([9, 4]), "y": np.ones([9, 3]), "x_test": np.ones([7, 4]), "targets": np.ones([7, 3])}
    given = data | {"sizes": SIZES, "penalties": PENALTIES, "one_hot": True} | change
    with pytest.raises(ConfigError, match=message):
        feature_ensemble(jax.random.split(jax.random.key(0), 2), random_relu_features, **given)
