"""The figure of gradient spectra: densities of unit area, shares that end at 1, cutoffs where they were asked for."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.plots.gradient_spectrum import gradient_spectrum

FREQUENCIES = np.linspace(0.0, 0.5, 5)
LAYERS = {"slow": np.array([6.0, 2.0, 0.0, 0.0, 0.0]), "fast": np.tile([0.0, 0.0, 0.0, 0.0, 7.0], (3, 1))}


def curves(ax):
    return {line.get_label(): np.asarray(line.get_ydata()) for line in ax.get_lines()}


def test_shares_of_the_power_are_drawn_whatever_its_size():
    made = gradient_spectrum(FREQUENCIES, LAYERS, cutoffs={"a filter": 0.2}, note="a note")
    density, share = (curves(ax) for ax in made.axes)
    # Three quarters of the slow power are at frequency 0, which a logarithmic axis cannot show: the shares hold it.
    np.testing.assert_allclose(density["slow"], np.array([0.25, 0.0, 0.0, 0.0]) / 0.125)
    np.testing.assert_allclose(share["slow"], 1.0)
    np.testing.assert_allclose(share["fast"], [0.0, 0.0, 0.0, 1.0])
    assert list(share["a filter: 0.2000"]) == [0, 1] and made.axes[0].get_xscale() == "log"
    assert "a note" in made.get_supxlabel() and "medians of 3 runs" in made.get_supxlabel()


def test_what_has_no_power_is_left_out():
    layers = {"slow": np.stack([LAYERS["slow"], np.zeros(5)]), "none": np.zeros((2, 5))}
    share = curves(gradient_spectrum(FREQUENCIES, layers).axes[1])
    np.testing.assert_allclose(share["slow"], 1.0)
    assert "none" not in share


def test_bad_input():
    with pytest.raises(ConfigError, match=r"frequencies has shape \(5,\) and there are 0 layers"):
        gradient_spectrum(FREQUENCIES, {})
    with pytest.raises(ConfigError, match=r"frequencies has shape \(4,\)"):
        gradient_spectrum(FREQUENCIES[1:], LAYERS)
    with pytest.raises(ConfigError, match=r"slow has shape \(4,\); it must be \[R, F\] or \[F\] with F = 5"):
        gradient_spectrum(FREQUENCIES, {"slow": np.ones(4)})
    with pytest.raises(ConfigError, match=r"cutoff EMA = 3.1 must be in \(0, 0.5\]"):
        gradient_spectrum(FREQUENCIES, LAYERS, cutoffs={"EMA": 3.1})
