"""Distances to the minimum norm and to the maximum margin, against descent itself and against scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import angle, max_margin, minimum_norm_gap


def descend(x, y, w, steps):
    rate = 1 / np.linalg.norm(x, 2) ** 2
    for _ in range(steps):
        w = w - rate * x.T @ (x @ w - y)
    return w


def test_descent_from_zero_reaches_the_minimum_norm_and_from_elsewhere_does_not():
    with jax.enable_x64(True):
        generator = np.random.default_rng(0)
        x, y, start = generator.standard_normal((6, 15)), generator.standard_normal(6), generator.standard_normal(15)
        gap = minimum_norm_gap(x, y, descend(x, y, np.zeros(15), 2000))
        assert gap.distance < 1e-6
        assert gap.outside_row_space < 1e-12
        assert gap.norm_ratio == pytest.approx(1, abs=1e-6)
        away = minimum_norm_gap(x, y, descend(x, y, start, 2000))
        assert away.residual < 1e-6
        outside = np.linalg.norm(start - np.linalg.pinv(x) @ x @ start)
        assert away.outside_row_space == pytest.approx(outside, rel=1e-9)
        shortest = np.linalg.norm(np.linalg.pinv(x) @ y)
        assert away.distance == pytest.approx(outside / shortest, rel=1e-6)
        assert away.norm_ratio > 1.5


def test_outputs_have_gaps_of_their_own_and_a_solution_of_zero_is_sound():
    x = jnp.eye(2, 3)
    y = jnp.array([[1.0, 0.0], [0.0, 0.0]])
    gap = minimum_norm_gap(x, y, jnp.array([[1.0, 0.0], [0.0, 0.0], [0.5, 2.0]]))
    np.testing.assert_allclose(gap.distance, [0.5, 2.0], rtol=1e-6)
    np.testing.assert_allclose(gap.norm_ratio, [1.25**0.5, np.inf], rtol=1e-6)
    with pytest.raises(ConfigError, match=r"coefficients \(3,\) must be \(3, 2\)"):
        minimum_norm_gap(x, y, jnp.zeros(3))


def separable(n, p, seed):
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((n, p))
    teacher = generator.standard_normal(p)
    x += 0.2 * np.sign(x @ teacher)[:, None] * teacher / np.linalg.norm(teacher)
    return x, np.sign(x @ teacher)


@pytest.mark.parametrize(("n", "p"), [(40, 2), (40, 5), (10, 30)])
def test_the_maximum_margin_is_scikit_learns_and_its_dual_proves_it(n, p):
    from sklearn.svm import SVC

    x, y = separable(n, p, seed=n + p)
    found = max_margin(x, y)
    svm = SVC(kernel="linear", C=1e8, tol=1e-8).fit(np.vstack([x, -x]), np.append(y, -y))
    theirs = svm.coef_[0] / np.linalg.norm(svm.coef_[0])
    assert angle(found.direction, theirs) < 1e-3
    # Optimality, to the last digits: feasible on both sides, complementary, without a gap.
    margins = y * (x @ found.direction)
    assert margins.min() == pytest.approx(found.margin, rel=1e-12)
    assert (found.dual >= 0).all()
    np.testing.assert_allclose(margins[found.dual > 0], found.margin, rtol=1e-9)
    np.testing.assert_allclose(found.direction / found.margin, (found.dual * y) @ x, rtol=1e-8, atol=1e-9)
    assert abs(found.gap) < 1e-9
    assert found.margin >= (y * (x @ theirs)).min()


def test_the_margin_scales_with_the_data_and_the_direction_does_not():
    x, y = separable(20, 3, seed=1)
    one, other = max_margin(x, y), max_margin(1e6 * x, y)
    np.testing.assert_allclose(one.direction, other.direction, atol=1e-9)
    assert other.margin == pytest.approx(1e6 * one.margin, rel=1e-9)
    np.testing.assert_allclose(other.dual, 1e-12 * one.dual, rtol=1e-6, atol=1e-20)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([[1.0, 0], [-1, 0], [0, 1]], [1, 1, 1], r"x \(3, 2\) is not separable by a hyperplane through the origin"),
        ([[1.0, 2], [1, 2]], [1, -1], "not separable"),
        ([[0.0, 0]], [1], "not separable"),
        ([[1.0, 2], [1, 2]], [1, 0], r"labels \[0.0, 1.0\]: each must be -1 or 1"),
        ([[1.0, np.inf]], [1], "x has 1 entries that are NaN"),
        (np.ones((0, 2)), [], r"x \(0, 2\) must be \[n, p\]"),
    ],
)
def test_data_without_a_margin_are_refused(x, y, message):
    with pytest.raises(ConfigError, match=message):
        max_margin(x, y)


def test_small_angles_keep_their_digits():
    with jax.enable_x64(True):
        angles = np.array([0.0, 1e-9, 1e-4, 1.0, np.pi / 2, np.pi - 1e-9, np.pi])
        others = 3 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        np.testing.assert_allclose(angle(np.array([2.0, 0]), others), angles, rtol=1e-12, atol=1e-15)
    assert angle(jnp.zeros(2), jnp.ones(2)) == pytest.approx(np.pi / 2)
    with pytest.raises(ConfigError, match="with the same p"):
        angle(jnp.zeros(2), jnp.ones(3))
