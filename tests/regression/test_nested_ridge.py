"""Ridge and singular values on nested parts of a design against NumPy on each part alone."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import nested_ridge, nested_singular_values

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(6, 9)), RANDOM.normal(size=(6, 2))
OWN = np.array([[0.3, 2.0], [1.0, 0.1], [5.0, 0.7]])


def solve(x, y, penalty):
    if not penalty:
        return np.linalg.lstsq(x, y, rcond=None)[0]
    return np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y)


@pytest.mark.parametrize(("axis", "sizes"), [("features", (2, 6, 9)), ("examples", (1, 4, 6))])
def test_every_part_is_solved_alone(axis, sizes):
    with jax.enable_x64(True):
        found = nested_ridge(jax.numpy.asarray(X), Y, sizes, [0.0, 0.5], OWN, axis=axis)
    for place, size in enumerate(sizes):
        x, y = (X[:, :size], Y) if axis == "features" else (X[:size], Y[:size])
        used = x.shape[1]
        for level, penalty in enumerate((0.0, 0.5)):
            np.testing.assert_allclose(found.fixed[place, level, :used], solve(x, y, penalty), rtol=1e-9, atol=1e-12)
        for output in range(2):
            expected = solve(x, y, OWN[place, output])[:, output]
            np.testing.assert_allclose(found.own[place, :used, output], expected, rtol=1e-9, atol=1e-12)
        assert not np.any(found.fixed[place, :, used:]) and not np.any(found.own[place, used:])


def test_singular_values_of_every_prefix():
    with jax.enable_x64(True):
        found = np.asarray(nested_singular_values(jax.numpy.asarray(X), (2, 6, 9)))
    for row, size in zip(found, (2, 6, 9), strict=True):
        expected = np.linalg.svd(X[:, :size], compute_uv=False) / np.sqrt(6)
        np.testing.assert_allclose(row[: len(expected)], expected, rtol=1e-12)
        np.testing.assert_allclose(row[len(expected) :], 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axis": "columns"}, "axis = 'columns' must be one of features, examples"),
        ({"sizes": (2, 6, 10)}, "sizes holds 10, but x has 9"),
        ({"sizes": (0, 6, 9)}, "sizes: each = 0 must be an integer"),
        ({"sizes": (2, 6)}, r"own \(3, 2\) must be \[2, 2\], a penalty for each size and output"),
        ({"axis": "examples"}, "sizes holds 9, but x has 6"),
    ],
)
def test_bad_arguments_are_refused(change, message):
    given = {"sizes": (2, 6, 9), "axis": "features"} | change
    with pytest.raises(ConfigError, match=message):
        nested_ridge(jax.numpy.asarray(X), Y, given["sizes"], [0.5], OWN, axis=given["axis"])
    with pytest.raises(ConfigError, match="sizes holds 10"):
        nested_singular_values(jax.numpy.asarray(X), (10,))
