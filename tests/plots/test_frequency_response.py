"""The frequency response is drawn in decibels and degrees, and bad input is refused."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.plots import Response, frequency_response

FREQUENCIES = np.geomspace(1e-3, 0.5, 50)


def line(ax, label):
    return next(found for found in ax.get_lines() if str(found.get_label()).startswith(label))


def test_frequency_response_is_in_decibels_and_unwrapped_degrees():
    delay = np.exp(-2j * np.pi * FREQUENCIES * 3)
    one = Response("ten times, 3 steps late", FREQUENCIES, 10 * delay, FREQUENCIES[[40, -1]], 10 * delay[[40, -1]])
    made = frequency_response([one, Response("silent", FREQUENCIES, np.zeros(50, complex))])
    gain, phase = made.axes
    np.testing.assert_allclose(line(gain, "ten times").get_ydata(), 20.0)
    np.testing.assert_allclose(line(gain, "silent").get_ydata(), -80.0)
    np.testing.assert_allclose(phase.get_lines()[0].get_ydata(), -360 * 3 * FREQUENCIES, atol=1e-9)
    rings = [found.get_ydata() for found in phase.get_lines() if found.get_marker() == "o"]
    np.testing.assert_allclose(rings[0], -360 * 3 * FREQUENCIES[[40, -1]])
    assert "rings" in made.get_supxlabel()


@pytest.mark.parametrize(
    ("response", "match"),
    [
        (Response("a", np.array([0.1]), np.ones(2)), "a: frequencies and response must be two arrays"),
        (Response("a", np.array([0.0, 0.1]), np.ones(2)), r"a: frequencies must be in \(0, 0.5\]"),
        (Response("a", np.array([3.0]), np.ones(1)), "divide radians by 2 pi"),
        (Response("a", np.array([0.2, 0.1]), np.ones(2)), "a: frequencies must ascend"),
    ],
)
def test_frequency_response_refuses(response, match):
    with pytest.raises(ConfigError, match=match):
        frequency_response([response])
    with pytest.raises(ConfigError, match="responses is empty"):
        frequency_response([])
