"""What is drawn is what was given: curves, stems and captions, and refusals of what does not fit."""

import io

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.plots.eigenvalue_spectrum import eigenvalue_spectrum
from gendyn.plots.spectral_density import spectral_density
from gendyn.theory import marchenko_pastur_density

GRID = np.linspace(0.01, 3.0, 50)


def lines(ax):
    return {line.get_label(): line.get_xydata() for line in ax.get_lines()}


def caption(made):
    return made.get_supxlabel()


def draws(made):
    buffer = io.BytesIO()
    made.savefig(buffer, format="png", dpi=40)
    return buffer.getvalue().startswith(b"\x89PNG")


def test_density_is_the_mean_of_its_probes_and_the_law_is_dashed_beside_it():
    curves = np.stack([np.exp(-GRID), 3.0 * np.exp(-GRID)])
    made = spectral_density(GRID, curves, ratio=0.25, note="a note")
    (ax,) = made.axes
    drawn = lines(ax)
    np.testing.assert_allclose(drawn["measured"], np.stack([GRID, 2.0 * np.exp(-GRID)], axis=1))
    law = drawn["Marchenko–Pastur, p / n = 0.25"]
    visible = np.isfinite(law[:, 1])
    np.testing.assert_allclose(law[visible, 1], marchenko_pastur_density(GRID[visible], 0.25))
    assert visible.any() and not visible.all() and ax.get_yscale() == "log"
    assert "a note" in caption(made) and "2 probes" in caption(made) and draws(made)


def test_law_of_other_variance_keeps_its_mass():
    made = spectral_density(GRID, np.ones(50), ratio=0.25, variance=0.5)
    law = next(data for label, data in lines(made.axes[0]).items() if "Marchenko" in label)
    assert np.trapezoid(np.nan_to_num(law[:, 1]), GRID) == pytest.approx(1.0, abs=0.02)


def test_stems_are_as_high_as_the_weights_and_padding_is_left_out():
    made = spectral_density(GRID, np.ones(50), nodes=[[1.0, 2.0, 9.0]], weights=[[0.25, 0.75, 0.0]])
    upper, lower = made.axes
    (line,) = lower.get_lines()
    np.testing.assert_array_equal(line.get_xydata(), [[1.0, 0.25], [2.0, 0.75]])
    assert len(lower.collections[0].get_segments()) == 2 and draws(made)
    np.testing.assert_array_equal(upper.get_xlim(), lower.get_xlim())


def test_spectrum_draws_the_median_of_each_rank_shown():
    x, ranks = np.array([0, 10, 100]), np.arange(1, 41)
    values = (1.0 / ranks) * np.array([1.0, 2.0, 3.0])[:, None] * np.array([1.0, 2.0, 9.0])[:, None, None]
    made = eigenvalue_spectrum(x, values, note="kernel")
    drawn = lines(made.axes[0])
    assert list(drawn) == ["1", "2", "3", "5", "8", "14", "24", "40"]
    np.testing.assert_allclose(drawn["40"][:, 1], 2.0 * np.array([1, 2, 3]) / 40)
    assert made.axes[0].get_yscale() == "log" and made.axes[0].get_xscale() == "symlog"
    assert "median of 3 seeds, band: 75% interval" in caption(made) and draws(made)


def test_negative_eigenvalues_stay_on_the_page():
    made = eigenvalue_spectrum(np.array([2.0, 4.0]), np.array([[3.0, -1.0], [2.0, -2.0]]), x_name="width")
    (ax,) = made.axes
    low, high = ax.get_ylim()
    assert ax.get_yscale() == "symlog" and ax.get_xscale() == "log" and low < -2.0 and high > 3.0
    assert "one seed, no interval" in caption(made)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectral_density(GRID, np.ones(3)), r"density must be \[grid\] or \[probes, grid\]"),
        (lambda: spectral_density(GRID, np.zeros(50)), "somewhere positive"),
        (lambda: spectral_density(GRID, np.ones(50), nodes=[1.0]), "1 nodes and 0 weights; pass both"),
        (lambda: eigenvalue_spectrum(np.array([2.0, 1.0]), np.ones((2, 3))), "x must be ascending"),
        (lambda: eigenvalue_spectrum(np.arange(3), np.ones((2, 3))), r"eigenvalues \(2, 3\)"),
        (lambda: eigenvalue_spectrum(np.arange(2), np.full((2, 3), np.nan)), "nothing finite"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
