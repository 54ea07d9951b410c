"""Late times of logistic regression on separable data: the flow itself, integrated, and what the constant must obey."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.regression import max_margin
from gendyn.theory import max_margin_path


def flow(signed, times):
    """Gradient flow from 0 by an integrator of high order in the logarithm of time."""
    from scipy.integrate import solve_ivp

    def rate(log_time, w):
        return np.exp(log_time) * signed.T @ (1.0 / (1.0 + np.exp(signed @ w)))

    logs = np.log(times)
    found = solve_ivp(rate, (-12.0, logs[-1]), np.zeros(signed.shape[1]), "LSODA", logs, rtol=1e-10, atol=1e-12)
    return found.y.T


def test_one_point_has_the_exact_solution_of_its_equation():
    # w = |z| direction * u: du/dt = |z|^2 / (1 + exp(u)) has u + exp(u) = |z|^2 t + 1.
    path = max_margin_path(np.array([1e6]), np.array([[3.0, 4.0]]), np.array([1 / 25]))
    assert path.complete
    np.testing.assert_allclose(path.coefficients[0] @ [3.0, 4.0], np.log(25e6), rtol=1e-12)


def test_the_flow_gets_there_where_support_vectors_span_the_examples():
    generator = np.random.default_rng(0)
    signed = generator.standard_normal((4, 60)) / np.sqrt(60)
    best = max_margin(signed, np.ones(4))
    times = np.array([1e2, 1e4, 1e6])
    path = max_margin_path(times, signed, best.dual)
    assert path.complete and (best.dual > 0).all()
    gaps = np.linalg.norm(flow(signed, times) - path.coefficients, axis=1)
    assert gaps[2] < 1e-3 and gaps[2] < gaps[1] / 10 < gaps[0] / 100
    # At unequal duals the constant is not along the direction: without it the angle would be 0.
    direction = path.coefficients / np.linalg.norm(path.coefficients, axis=1, keepdims=True)
    assert np.all(direction @ best.direction < 1 - 1e-5)


def test_a_constant_is_missing_elsewhere_and_said_to_be():
    signed = np.array([[1.0, 0.0], [3.0, 1.0]])
    best = max_margin(signed, np.ones(2))
    path = max_margin_path(1e8, signed, best.dual)
    assert not path.complete and path.coefficients.shape == (2,)
    end = flow(signed, np.array([1e4, 1e6]))
    assert abs(end[1, 1] - end[0, 1]) < 1e-3 < abs(end[1, 1] - path.coefficients[1])


@pytest.mark.parametrize(
    ("times", "signed", "dual", "message"),
    [
        (0.0, [[1.0]], [1.0], "times = 0.0 must be in"),
        (1.0, [[1.0]], [-1.0], "dual = .* must be in"),
        (1.0, [[1.0]], [0.0], "at least one of them positive"),
        (1.0, [1.0], [1.0], r"signed \(1,\) must be \[n, p\]"),
        (1.0, [[1.0]], [1.0, 2.0], r"dual \(2,\) its n variables"),
    ],
)
def test_bad_arguments_are_refused(times, signed, dual, message):
    with pytest.raises(ConfigError, match=message):
        max_margin_path(times, signed, dual)
