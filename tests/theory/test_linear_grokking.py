"""Learning curves of the linear student: moments, simulation, limits, and what is asked at the published setting."""

import math

import numpy as np
import pytest

from gendyn import theory
from gendyn.core import ConfigError

SETTING = {"learning_rate": 0.01, "tolerance": 1e-3}


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9, 1.0, 1.25, 4.0])
def test_first_steps_are_moments_of_the_spectrum(ratio):
    """``E[(1 - 2 c v)^2]`` and ``E[v (1 - 2 c v)^2]`` by the closed moments; at time 0 they are 1."""
    rate = 0.03
    found = theory.linear_losses(np.array([0.0, 1.0]), ratio, learning_rate=rate)
    moments = [theory.marchenko_pastur_moment(order, ratio) for order in range(4)]
    weights = 1.0, -4.0 * rate, 4.0 * rate**2
    test = sum(w * m for w, m in zip(weights, moments[:3], strict=True))
    train = sum(w * m for w, m in zip(weights, moments[1:], strict=True))
    np.testing.assert_allclose(found.test, [1.0, test], rtol=1e-10)
    np.testing.assert_allclose(found.train, [1.0, train], rtol=1e-10)


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_curves_are_those_of_descent_on_the_loss_without_a_half(ratio):
    """A direct simulation of ``w -= rate * grad(|X (w - w*)|^2 / n)``, many teachers at once to average their draw."""
    random = np.random.default_rng(0)
    dimension, teachers, rate, steps = 500, 200, 0.02, 60
    num_train = int(dimension / ratio)
    x = random.normal(size=(num_train, dimension))
    student, teacher = random.normal(size=(2, dimension, teachers)) / math.sqrt(2 * dimension)
    for _ in range(steps):
        student = student - rate * 2.0 / num_train * (x.T @ (x @ (student - teacher)))
    train = np.mean(np.square(x @ (student - teacher)))
    test = np.mean(np.sum((student - teacher) ** 2, axis=0))
    found = theory.linear_losses(np.array(steps), ratio, learning_rate=rate)
    assert train == pytest.approx(found.train, rel=0.03) and test == pytest.approx(found.test, rel=0.03)
    halved = theory.linear_losses(np.array(steps), ratio, learning_rate=rate / 2)
    assert halved.train > 1.5 * train


def test_steps_tend_to_flow_and_are_faster():
    steps, flow = (theory.linear_losses(np.array([2e3]), 0.5, learning_rate=0.001, discrete=d) for d in (True, False))
    np.testing.assert_allclose(steps.test, flow.test, rtol=2e-3)
    assert steps.test < flow.test
    coarse = theory.linear_losses(np.array([20.0]), 0.5, learning_rate=0.1)
    assert abs(coarse.train / flow.train - 1) > 0.05


@pytest.mark.parametrize("discrete", [True, False])
def test_scaling_laws(discrete):
    """Losses are linear in the start; flow depends on learning rate times time alone."""
    times = np.geomspace(1, 1e4, 5)
    once = theory.linear_losses(times, 0.7, learning_rate=0.01, discrete=discrete)
    thrice = theory.linear_losses(times, 0.7, learning_rate=0.01, discrete=discrete, initial_loss=3.0)
    np.testing.assert_allclose(thrice.test, 3.0 * once.test)
    slower = theory.linear_losses(10 * times, 0.7, learning_rate=0.001, discrete=discrete)
    np.testing.assert_allclose(slower.test, once.test, rtol=1e-9 if not discrete else 0.3)
    assert np.all(np.diff(once.test) < 0) and np.all(np.diff(once.train) < 0) and np.all(once.train[1:] < once.test[1:])


@pytest.mark.parametrize("ratio", [1.25, 2.0, 10.0])
def test_above_one_the_test_loss_stops_at_its_floor_and_the_training_loss_does_not(ratio):
    losses = theory.linear_losses(np.array(1e6), ratio, learning_rate=0.01)
    assert losses.test == pytest.approx(1 - 1 / ratio, rel=1e-12) and losses.train < 1e-100
    times = theory.linear_time_to_accuracy(ratio, **SETTING)
    assert math.isfinite(times.train) and times.test == math.inf
    assert theory.linear_grokking_delay(ratio, **SETTING) == math.inf


def test_a_tolerance_as_wide_as_the_floor_is_reached_above_one():
    assert math.isfinite(theory.linear_time_to_accuracy(1.25, learning_rate=0.01, tolerance=1.0).test)


def test_published_delay_at_one_half():
    """431 steps at loss = tolerance / 4 (two standard deviations), by the flow; exactly 95 % comes 1.5 steps sooner."""
    two_sigma = math.erf(math.sqrt(2.0))
    delay = theory.linear_grokking_delay(0.5, accuracy=two_sigma, discrete=False, **SETTING)
    assert delay == pytest.approx(431.3, abs=0.1)
    assert theory.linear_grokking_delay(0.5, **SETTING) == pytest.approx(429.5, abs=0.1)


def test_the_small_tolerance_formula_is_a_limit_and_wrong_at_a_practical_one():
    limit = theory.linear_grokking_delay_limit(0.5, learning_rate=0.01)
    assert limit == pytest.approx(715.7, abs=0.1)
    errors = [
        1 - theory.linear_grokking_delay(0.5, learning_rate=0.01, tolerance=10.0**-k, discrete=False) / limit
        for k in (3, 30, 100, 280)
    ]
    assert errors[0] > 0.35 and np.all(np.diff(errors) < 0) and 0 < errors[-1] < 0.005


def test_time_to_accuracy_inverts_the_curve():
    times = theory.linear_time_to_accuracy(0.8, **SETTING)
    for time, index in ((times.train, 0), (times.test, 1)):
        loss = theory.linear_losses(np.array(time), 0.8, learning_rate=0.01)[index]
        assert theory.linear_accuracy(loss, tolerance=1e-3) == pytest.approx(0.95, abs=1e-6)
    at_once = theory.linear_time_to_accuracy(0.8, learning_rate=0.01, tolerance=100.0)
    assert at_once == (0.0, 0.0)


def test_accuracy_is_the_share_of_small_normal_errors():
    errors = np.random.default_rng(0).normal(size=200_000) * math.sqrt(4e-4)
    expected = np.mean(errors**2 < 1e-3)
    assert theory.linear_accuracy(np.array(4e-4), tolerance=1e-3) == pytest.approx(expected, abs=0.003)
    assert theory.linear_loss_at_accuracy(0.9, tolerance=1e-3) == pytest.approx(1e-3 / 1.6448536**2, rel=1e-6)


def test_quadrature_holds_near_one_and_at_long_times():
    for ratio in (1.0 + 1e-9, 1.0 - 1e-5, 1.003):
        near = theory.linear_losses(np.array([0.0, 1e3]), ratio, learning_rate=0.01)
        at = theory.linear_losses(np.array([0.0, 1e3]), 1.0, learning_rate=0.01)
        np.testing.assert_allclose(near.test, at.test, rtol=30 * abs(ratio - 1) + 1e-7)
        assert near.test[0] == pytest.approx(1.0, rel=1e-12)
    # At the hard edge the density is v^(-1/2) / pi, so E[exp(-s v)] tends to 1 / sqrt(pi s) with s = 4 rate t.
    late = theory.linear_losses(np.array(1e8), 1.0, learning_rate=0.01, discrete=False)
    assert late.test == pytest.approx(1 / math.sqrt(math.pi * 4e6), rel=1e-5)


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"ratio": 0.0}, r"ratio = 0.0 must be in \(0, inf\)"),
        ({"learning_rate": 0.4}, r"learning_rate = 0.4 must be below 1 / 2.914.*discrete=False"),
        ({"learning_rate": -0.1}, r"learning_rate = -0.1 must be in \(0, inf\)"),
        ({"times": np.array([-1.0])}, r"times = .* must be in \[0, inf\)"),
        ({"initial_loss": 0.0}, r"initial_loss = 0.0 must be in \(0, inf\)"),
    ],
)
def test_bad_arguments_of_the_losses(kwargs, match):
    with pytest.raises(ConfigError, match=match):
        theory.linear_losses(**{"times": np.zeros(1), "ratio": 0.5, "learning_rate": 0.01, **kwargs})


def test_other_bad_arguments():
    with pytest.raises(ConfigError, match=r"accuracy = 1.0 must be in \(0, 1\)"):
        theory.linear_time_to_accuracy(0.5, accuracy=1.0, **SETTING)
    with pytest.raises(ConfigError, match=r"tolerance = 0.0 must be in \(0, inf\)"):
        theory.linear_accuracy(np.ones(1), tolerance=0.0)
    with pytest.raises(ConfigError, match=r"ratio = 1.5 must be in \(0, 1\)"):
        theory.linear_grokking_delay_limit(1.5, learning_rate=0.01)
