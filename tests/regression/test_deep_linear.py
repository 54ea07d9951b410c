"""Products of factors, balanced starts, and descent on factors against a loop, closed forms and matrix completion."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import theory
from gendyn.core import ConfigError, seeded_normals
from gendyn.linalg import haar_orthogonal
from gendyn.regression import balanced_factors, factor_product, factored_descent

DIRECTIONS = haar_orthogonal(seeded_normals((0, 1), "start", (3, 4, 4)))
LEFT, RIGHT = np.moveaxis(haar_orthogonal(seeded_normals((0, 1), "sides", (2, 4, 4))), 1, 0)


def test_the_first_factor_is_applied_first():
    expected = DIRECTIONS[:, 2] @ DIRECTIONS[:, 1] @ DIRECTIONS[:, 0]
    np.testing.assert_allclose(factor_product(DIRECTIONS), expected, atol=1e-12)
    np.testing.assert_allclose(factor_product(jnp.asarray(DIRECTIONS)), expected, atol=1e-5)


@pytest.mark.parametrize("depth", [1, 3])
def test_balanced_factors_have_equal_grams_and_the_directions_asked_for(depth):
    free = balanced_factors(DIRECTIONS[:, :depth], 0.5)
    aligned = balanced_factors(DIRECTIONS[:, :depth], 0.5, left=LEFT, right=RIGHT)
    for factors in (free, aligned):
        np.testing.assert_allclose(np.linalg.svd(factor_product(factors), compute_uv=False), 0.5, rtol=1e-12)
        for after, before in zip(factors[0, 1:], factors[0, :-1], strict=True):
            np.testing.assert_allclose(after.T @ after, before @ before.T, atol=1e-12)
    np.testing.assert_allclose(factor_product(aligned), 0.5 * LEFT @ np.swapaxes(RIGHT, 1, 2), atol=1e-12)
    np.testing.assert_array_equal(aligned[:, :-1], free[:, :-1])


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_aligned_descent_follows_the_closed_form_to_first_order(depth):
    strengths, initial, errors = np.array([2.0, 1.0, 0.5, 0.0]), 0.05, []
    start = balanced_factors(DIRECTIONS[:, :depth], initial, left=LEFT, right=RIGHT)
    exact = theory.deep_linear_trajectory(np.array([0.0, 1.0, 2.0]), strengths, depth=depth, initial=initial)
    for rate in (1e-2, 1e-3):
        with jax.enable_x64(True):
            steps = round(1 / rate) * np.arange(3)
            path = factored_descent(start, (LEFT * strengths) @ np.swapaxes(RIGHT, 1, 2), rate, steps)
        assert path.dtype == np.float64
        modes = np.einsum("rik,trij,rjk->trk", LEFT, np.asarray(path), RIGHT)
        errors.append(np.abs(modes - exact[:, None]).max())
    assert errors[1] < 2e-3 and errors[0] / errors[1] == pytest.approx(10.0, rel=0.1)


def test_completion_descends_on_the_observed_entries_alone():
    rng = np.random.default_rng(0)
    start, target = rng.normal(size=(2, 5, 5)) / 3, rng.normal(size=(5, 5))
    seen = rng.permutation(25).reshape(5, 5) < 12
    with jax.enable_x64(True):
        found = factored_descent(start, target, 0.1, (6,), observed=seen)[0]
        first, second = start
        for _ in range(6):
            errors = np.where(seen, second @ first - target, 0.0)
            first, second = first - 0.1 * second.T @ errors, second - 0.1 * errors @ first.T
        np.testing.assert_allclose(found, second @ first, rtol=1e-10)
        shallow = factored_descent(start[:1], target, 0.1, (0, 50), observed=seen)
    np.testing.assert_array_equal(np.asarray(shallow[1])[~seen], start[0][~seen])
    assert np.abs(np.asarray(shallow[1]) - target)[seen].max() < 0.02


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: factor_product(np.ones((2, 3))), r"must be \[\.\.\., N, n, n\]: one square matrix or more"),
        (lambda: balanced_factors(DIRECTIONS, -1.0), "initial = -1.0 must be in"),
        (lambda: balanced_factors(DIRECTIONS, 0.1, left=LEFT), "left and right belong together"),
        (lambda: factored_descent(DIRECTIONS, LEFT, 0.0, (1,)), "learning_rate = 0.0 must be in"),
        (lambda: factored_descent(DIRECTIONS, LEFT[0], 0.1, (1,)), "target and observed .* like it"),
        (lambda: factored_descent(DIRECTIONS, LEFT, 0.1, (1,), observed=LEFT[0]), "target and observed .* like it"),
        (lambda: factored_descent(DIRECTIONS, LEFT, 0.1, (2, 1)), "must be one or more numbers from 0 up"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
