"""Trajectories against gradient descent on the factors and each other; ranks of Gaussian products against draws."""

import numpy as np
import pytest

from gendyn import theory
from gendyn.core import ConfigError


def descend(target, initial, depth, learning_rate, steps):
    """Gradient descent on ``|target - W_N ... W_1|^2 / 2`` for balanced scalar factors."""
    factors = np.full(depth, initial ** (1 / depth))
    path = [initial]
    for _ in range(steps):
        product = np.prod(factors)
        factors = factors + learning_rate * (target - product) * product / factors
        path.append(np.prod(factors))
    return np.array(path)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_gradient_descent_tends_to_the_trajectory_to_first_order(depth):
    target, initial, end = 1.5, 0.05, 4.0
    errors = []
    for learning_rate in (1e-2, 1e-3, 1e-4):
        steps = round(end / learning_rate)
        path = descend(target, initial, depth, learning_rate, steps)
        expected = theory.deep_linear_trajectory(
            learning_rate * np.arange(steps + 1), target, depth=depth, initial=initial
        )
        errors.append(np.max(np.abs(path - expected)))
    assert errors[1] / errors[2] == pytest.approx(10.0, abs=0.5)
    assert errors[0] / errors[1] == pytest.approx(10.0, abs=1.5) and errors[0] < 0.05


def test_matrix_factors_learn_their_modes_one_by_one():
    values, start, rate, steps = np.array([3.0, 1.5, 0.5]), 1e-3, 1e-3, 8000
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(2))
    target = left @ np.diag(values) @ right.T
    first, second = np.sqrt(start) * right.T, np.sqrt(start) * left
    times = np.arange(0, steps + 1, 100)
    found = []
    for step in range(steps + 1):
        if step % 100 == 0:
            found.append(np.diag(left.T @ second @ first @ right))
        error = target - second @ first
        first, second = first + rate * second.T @ error, second + rate * error @ first.T
    expected = theory.deep_linear_trajectory(rate * times, values, depth=2, initial=start)
    assert expected.shape == (81, 3)
    np.testing.assert_allclose(found, expected, atol=0.012)
    halves = [theory.deep_linear_time(s / 2, s, depth=2, initial=start) for s in values]
    np.testing.assert_allclose(halves, np.log(values / start - 1) / (2 * values), rtol=1e-10)
    assert halves == sorted(halves)


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 8])
@pytest.mark.parametrize(("target", "initial"), [(3.0, 1e-3), (1.0, 1e-5), (0.1, 0.04)])
def test_times_are_the_inverse_of_the_trajectory(depth, target, initial):
    levels = target * np.array([0.5, 0.9, 0.9999])
    times = [theory.deep_linear_time(float(level), target, depth=depth, initial=initial) for level in levels]
    found = theory.deep_linear_trajectory(times, target, depth=depth, initial=initial)
    np.testing.assert_allclose(found, levels, rtol=2e-6)


def test_plateau_grows_as_a_power_beyond_depth_two():
    small = np.array([1e-4, 1e-6, 1e-8])
    for depth in (3, 4):
        times = np.array([theory.deep_linear_time(1.0, 2.0, depth=depth, initial=u) for u in small])
        np.testing.assert_allclose(times, small ** (2 / depth - 1) / ((depth - 2) * 2.0), rtol=0.15)
    logarithmic = [theory.deep_linear_time(1.0, 2.0, depth=2, initial=u) for u in small]
    np.testing.assert_allclose(np.diff(logarithmic), np.log(100) / 4, rtol=1e-3)


def test_fixed_points_scaling_and_order_of_times():
    for depth in (1, 2, 3, 4):
        at = np.array([5.0, 0.0, 1.0])
        found = theory.deep_linear_trajectory(at, [2.0, 2.0, 0.0], depth=depth, initial=[2.0, 0.3, 0.5])
        np.testing.assert_allclose(found[:, 0], 2.0, rtol=1e-10)
        np.testing.assert_allclose(found[1], [2.0, 0.3, 0.5], rtol=1e-15)
        assert np.all(found[0, 1:] != found[2, 1:]) and found[0, 2] < found[2, 2] < 0.5
        if depth > 1:
            assert theory.deep_linear_trajectory(9.0, 2.0, depth=depth, initial=0.0) == 0.0
        # u / c obeys the same law at a time longer by c^(2 - 2 / depth).
        factor = 3.0
        scaled = theory.deep_linear_trajectory(
            at / factor ** (2 - 2 / depth), factor * 2.0, depth=depth, initial=factor * 0.3
        )
        np.testing.assert_allclose(scaled, factor * found[:, 1], rtol=1e-7)
    # Without a target: du/dt = -N u^(3 - 2 / N) has a closed form.
    decay = theory.deep_linear_trajectory(7.0, 0.0, depth=3, initial=0.5)
    power = 4 / 3
    assert decay == pytest.approx((0.5**-power + 3 * power * 7.0) ** (-1 / power), rel=1e-8)


def effective_rank(matrix):
    share = np.linalg.svd(matrix, compute_uv=False)
    share = share / share.sum()
    share = share[share > 0]
    return np.exp(-np.sum(share * np.log(share)))


@pytest.mark.parametrize("factors", [1, 2, 4])
def test_effective_rank_of_gaussian_products(factors):
    n, rng = 200, np.random.default_rng(factors)
    ranks, stable = [], []
    for _ in range(6):
        product = np.eye(n)
        for _ in range(factors):
            product = product @ (rng.normal(size=(n, n)) / np.sqrt(n))
        ranks.append(effective_rank(product) / n)
        stable.append(np.sum(product**2) / np.linalg.norm(product, 2) ** 2 / n)
    assert np.mean(ranks) == pytest.approx(theory.gaussian_product_effective_rank(factors), rel=0.01)
    # The largest singular value is low by some n^(-2/3).
    assert np.mean(stable) == pytest.approx(theory.gaussian_product_stable_rank(factors), rel=0.1)
    orthogonal = np.linalg.qr(rng.normal(size=(n, n)))[0]
    assert effective_rank(orthogonal @ orthogonal) == pytest.approx(n)


def test_rank_of_one_factor_and_its_fall():
    assert theory.gaussian_product_effective_rank(1) == pytest.approx(2 * np.exp(4 / 3) / (3 * np.pi), rel=1e-12)
    falling = [theory.gaussian_product_effective_rank(n) for n in (1, 2, 3, 8, 30, 1000)]
    assert falling == sorted(falling, reverse=True) and falling[-1] < 0.01
    assert theory.gaussian_product_stable_rank(2) == pytest.approx(4 / 27)


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match="depth = 0 must be an integer of at least 1"):
        theory.deep_linear_trajectory(1.0, 1.0, depth=0, initial=0.1)
    with pytest.raises(ConfigError, match=r"initial = -0.1 must be in \[0, inf\)"):
        theory.deep_linear_trajectory(1.0, 1.0, depth=2, initial=-0.1)
    with pytest.raises(ConfigError, match=r"target = -1.0 must be in \[0, inf\)"):
        theory.deep_linear_trajectory(1.0, -1.0, depth=2, initial=0.1)
    with pytest.raises(ConfigError, match=r"times of shape \(1, 1\) must be a number or a vector"):
        theory.deep_linear_trajectory([[1.0]], 1.0, depth=2, initial=0.1)
    with pytest.raises(ConfigError, match=r"level = 2.0 must be in \[0.1, 1\)"):
        theory.deep_linear_time(2.0, 1.0, depth=2, initial=0.1)
    with pytest.raises(ConfigError, match="num_factors = 0 must be"):
        theory.gaussian_product_effective_rank(0)
