"""Filters given by coefficients against SciPy, a Riccati recursion and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from gendyn.core import ConfigError
from gendyn.optim import butterworth, frequency_response, grokfast_ma, kalman, linear_filter
from gendyn.optim.filters._sections import Section, from_polynomials, transfer


def signal(steps=300):
    rng = np.random.default_rng(0)
    return (np.cumsum(rng.normal(size=(steps, 3)), 0) * 0.05 + rng.normal(size=(steps, 3))).astype(np.float32)


def run(transform, given):
    def step(state, gradient):
        updates, state = transform.update(gradient, state)
        return state, updates

    program = jax.jit(lambda given: jax.lax.scan(step, transform.init(given[0]), given)[1])
    return np.asarray(program(jnp.asarray(given)), np.float64)


def assert_filters_like(transform, b, a, lamb, given, tolerance=1e-6):
    given = given.astype(np.float64)
    expected = given + lamb * scipy.signal.lfilter(b, a, given, axis=0)
    assert np.abs(run(transform, given.astype(np.float32)) - expected).max() <= tolerance * np.abs(expected).max()


COEFFICIENTS = {
    "average": ([0.02], [1, -0.98]),
    "finite": ([0.5, -0.25, 0.125, 1.0], [2.0]),
    "delay of a recursion": ([0.0, 0.0, 0.1], [1, -0.9]),
    "complex poles": ([0.1, 0.2], [1, -1.6, 0.8]),
    "near -1": ([1.0, 0.5], [1, 1.8, 0.81]),
    "order 5": scipy.signal.cheby1(5, 1.0, 0.2),
    "long numerator": (np.linspace(1, 0, 6), [1, -0.5]),
}


@pytest.mark.parametrize("case", COEFFICIENTS)
def test_linear_filter_is_scipys(case):
    b, a = COEFFICIENTS[case]
    assert_filters_like(linear_filter(b, a, 3.0), b, a, 3.0, signal())


@pytest.mark.parametrize(("order", "cutoff"), [(1, 0.05), (2, 0.01), (3, 0.2), (4, 0.002)])
def test_butterworth_is_scipys(order, cutoff):
    b, a = scipy.signal.butter(order, cutoff, fs=1)
    assert_filters_like(butterworth(cutoff, order, 2.0), b, a, 2.0, signal())
    frequencies = np.linspace(0, 0.49, 30)
    expected = (
        1 + 2 * scipy.signal.freqz_sos(scipy.signal.butter(order, cutoff, fs=1, output="sos"), frequencies, fs=1)[1]
    )
    np.testing.assert_allclose(
        frequency_response("butterworth", frequencies, cutoff=cutoff, order=order, lamb=2.0), expected, atol=1e-9
    )
    half = abs(frequency_response("butterworth", cutoff, cutoff=cutoff, order=order, lamb=1.0) - 1)
    assert half == pytest.approx(np.sqrt(0.5))


def test_low_cutoffs_keep_their_digits():
    """At 0.0003 cycles per update, coefficients of the direct form rounded to float32 move the response by 0.8 %."""
    cutoff, frequencies = 0.0003, np.linspace(0, 0.0006, 50)
    b, a = scipy.signal.butter(2, cutoff, fs=1)
    exact = scipy.signal.freqz(b, a, frequencies, fs=1)[1]
    low_b, low_a = (side.astype(np.float32).astype(np.float64) for side in (b, a))
    direct = scipy.signal.freqz(low_b, low_a, frequencies, fs=1)[1]
    section = from_polynomials(b, a)
    low = Section(*(np.asarray(side, np.float32) for side in section[:2]), section.shift)
    assert section.shift == 1.0
    assert np.abs(transfer([low], frequencies) - exact).max() < 1e-6
    assert np.abs(direct - exact).max() > 5e-3
    # And the filter as it runs, at the end of a step.
    ones = np.ones((12_000, 1), np.float32)
    assert run(butterworth(cutoff, 2, 1.0), ones)[-1, 0] - 1 == pytest.approx(1.0, abs=5e-5)


@pytest.mark.parametrize("q", [1e-6, 4e-4, 0.3, 50.0])
def test_kalman_gains_are_the_fixed_point_of_the_recursion(q):
    """The covariance recursion in float64, iterated to its end, and the filter that its gain makes."""
    for model, transition, noise in (
        ("level", np.eye(1), np.array([[1.0]])),
        ("trend", np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[0.25, 0.5], [0.5, 1.0]])),
    ):
        covariance = np.eye(len(noise))
        for _ in range(20_000):
            predicted = transition @ covariance @ transition.T + q * noise
            gain = predicted[:, 0] / (predicted[0, 0] + 1.0)
            covariance = predicted - np.outer(gain, predicted[0])
        state, expected = np.zeros((len(noise), 3)), []
        for gradient in signal(100).astype(np.float64):
            state = transition @ state
            state = state + np.outer(gain, gradient - state[0])
            expected.append(gradient + 2.0 * state[0])
        found = run(kalman(q, model, 2.0), signal(100))
        assert np.abs(found - expected).max() <= 2e-6 * np.abs(expected).max()


def test_kalman_trend_follows_a_ramp_without_a_lag():
    ramp = np.arange(400, dtype=np.float32)[:, None] * 0.1
    trend, level = (run(kalman(1e-2, model, 1.0), ramp)[-1, 0] - ramp[-1, 0] for model in ("trend", "level"))
    assert trend == pytest.approx(ramp[-1, 0], rel=1e-4)
    assert level < ramp[-1, 0] - 0.5


def test_a_finite_mean_is_the_moving_average():
    mean = run(linear_filter(np.full(20, 1 / 20), "1", 5.0), signal())
    ring = run(grokfast_ma(20, 5.0), signal())
    np.testing.assert_allclose(mean[19:], ring[19:], atol=2e-6)
    assert np.abs(mean[:19] - ring[:19]).max() > 5e-3


def test_any_sequence_of_numbers_is_a_filter():
    text, numbers = (
        run(linear_filter(*given), signal(5)) for given in (("0.1, 0.2", "1 -0.5"), ((0.1, 0.2), np.array([1.0, -0.5])))
    )
    np.testing.assert_array_equal(text, numbers)


def test_bad_coefficients_are_named():
    with pytest.raises(ConfigError, match=r"^denominator = '1 -1\.02' has a root of size 1\.02: .* unstable"):
        linear_filter("1", "1 -1.02")
    with pytest.raises(ConfigError, match=r"root of size 1: the filter is unstable"):
        linear_filter([1.0], [1.0, -1.0])
    with pytest.raises(ConfigError, match=r"^denominator = '0 1' must not begin with 0"):
        linear_filter("1", "0 1")
    with pytest.raises(ConfigError, match=r"^numerator = 'one' must be numbers"):
        linear_filter("one")
    with pytest.raises(ConfigError, match=r"^numerator = '' must be numbers"):
        linear_filter("")
    with pytest.raises(ConfigError, match=r"^cutoff = 0\.5 must be in \(0, 0\.5\)"):
        butterworth(0.5)
    with pytest.raises(ConfigError, match=r"^state_dtype = 'int8' must be a floating-point type"):
        kalman(state_dtype="int8")


def test_an_ill_conditioned_filter_is_refused():
    """Twelve poles at 0.99 leave no digits in the coefficients: either a root is unstable, or the factors are off."""
    with pytest.raises(ConfigError, match=r"unstable|ill-conditioned"):
        linear_filter([1e-20], np.poly(np.full(12, 0.99)))
