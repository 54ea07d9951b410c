"""The frequency response that a linear filter has, and the one that its file states."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError, lookup, module, names
from gendyn.optim import frequency_response, half_power_frequency

FILTERS = tuple(name for name in names("optim") if module("optim", name).ROLE == "filter")
LINEAR = tuple(name for name in FILTERS if hasattr(module("optim", name), "response"))
ADDING = tuple(
    n for n in LINEAR if "lamb" in inspect.signature(lookup("optim", n)).parameters and n != "gradient_split"
)
FREQUENCIES = np.concatenate([[0.0], np.geomspace(1e-3, 0.5, 40)])


def test_the_globs_find_the_linear_filters():
    assert {"grokfast_ema", "grokfast_ma", "butterworth", "kalman", "gradient_split", "linear_filter"} <= set(LINEAR)
    assert "orthogonal_gradient" not in LINEAR
    assert {"grokfast_ema", "grokfast_ma", "butterworth", "kalman", "linear_filter"} == set(ADDING)


def impulse_response(transform, steps, begin):
    """Answers to a gradient of 1 at step ``begin``, before and after which there is none."""
    impulse = jnp.zeros((steps, 1)).at[begin].set(1.0)
    state = transform.init(jnp.zeros(1))
    program = jax.jit(lambda given: jax.lax.scan(lambda s, g: transform.update(g, s)[::-1], state, given)[1])
    return np.asarray(program(impulse), np.float64)[begin:, 0]


@pytest.mark.parametrize("name", LINEAR)
def test_measured_response_is_the_designed_one(name):
    """The Fourier transform of the impulse response against the formula, for the defaults and for the example."""
    for kwargs in ({}, module("optim", name).example().kwargs):
        # Moving averages that start at the first gradient, and warm-ups, are over when the impulse comes.
        answers = impulse_response(lookup("optim", name)(**kwargs), 2200, 100)
        phases = np.exp(-2j * np.pi * FREQUENCIES[:, None] * np.arange(len(answers)))
        designed = frequency_response(name, FREQUENCIES, **kwargs)
        np.testing.assert_allclose(phases @ answers, designed, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ADDING)
def test_the_gain_adds_to_one(name):
    one, two = (frequency_response(name, FREQUENCIES, lamb=lamb) for lamb in (1.0, 2.0))
    np.testing.assert_allclose(two - 1, 2 * (one - 1), atol=1e-12)
    assert np.ptp(np.abs(one)) > 0.5


def test_a_response_that_is_not_there_says_so():
    with pytest.raises(ConfigError, match=r"orthogonal_gradient has no frequency response.*grokfast_ema"):
        frequency_response("orthogonal_gradient", 0.1)
    with pytest.raises(ConfigError, match=r"grokfast_ema: got an unexpected keyword argument 'alhpa'"):
        frequency_response("grokfast_ema", 0.1, alhpa=0.9)
    with pytest.raises(ConfigError, match=r"frequencies = 0\.6 must be in \[0, 0\.5\]"):
        frequency_response("grokfast_ema", 0.6)
    with pytest.raises(ConfigError, match=r"^alpha = 1\.0 must be in \[0, 1\)"):
        frequency_response("grokfast_ema", 0.1, alpha=1.0, lamb=2.0)
    assert frequency_response("kalman", 0.1).shape == ()


def test_half_power_of_a_mean_over_a_window_and_of_a_filter_that_keeps_all_frequencies():
    assert half_power_frequency("grokfast_ma", window=1) == 0.5
    assert half_power_frequency("grokfast_ma", window=10) == pytest.approx(0.0443, abs=2e-4)
    with pytest.raises(ConfigError, match="has no frequency response"):
        half_power_frequency("orthogonal_gradient")
