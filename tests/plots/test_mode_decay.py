"""The figure of mode-wise decay: medians, predictions and rings where they belong."""

import numpy as np
import pytest

from gendyn.analysis import mean_interval
from gendyn.core import ConfigError
from gendyn.plots.mode_decay import Column, mode_decay

STEPS, RATES = np.array([0, 1, 3, 10, 30]), np.array([0.5, 0.1, 0.0])


def column(title="kernel", seeds=5, **changes):
    residuals = (1.0 - RATES) ** STEPS[:, None] * np.exp(0.01 * np.arange(seeds))[:, None, None]
    rates = mean_interval(RATES * np.linspace(0.9, 1.1, seeds)[:, None])
    made = Column(title, np.array([1, 2, 3]), STEPS, residuals, 1.0 - RATES, rates, RATES)
    return made._replace(**changes)


def test_measured_and_predicted_are_drawn_for_each_kernel():
    made = mode_decay([column("first"), column("second")], note="a note")
    assert [ax.get_title() for ax in made.axes] == ["first", "second", "", ""]
    upper, lower = made.axes[1], made.axes[3]
    measured = {line.get_label(): line.get_xydata() for line in upper.get_lines() if line.get_marker() != ","}
    np.testing.assert_allclose(measured["1"][:, 1], 0.5**STEPS * np.exp(0.02))
    np.testing.assert_allclose(measured["closed form"][:, 1], 1.0)  # the last mode is frozen
    rings = next(line for line in lower.get_lines() if line.get_label() == "closed form")
    np.testing.assert_array_equal(rings.get_xydata(), np.stack([[1, 2, 3], RATES], axis=1))
    low, high = lower.get_ylim()
    assert low < 0 and high > 0.55 and lower.get_yscale() == "symlog"
    text = made.get_supxlabel()
    assert "a note" in text and "median of 5 seeds and 94% interval" in text and "90% interval" in text


def test_rows_do_not_share_their_horizontal_axes():
    made = mode_decay([column()])
    upper, lower = made.axes
    assert upper.get_xlim() == (0.0, 30.0) and lower.get_xlim() == pytest.approx((0.3, 3.7))


def test_one_seed_says_so():
    with np.errstate(all="ignore"):
        assert "one seed, no interval" in mode_decay([column(seeds=1)]).get_supxlabel()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="columns is empty"):
        mode_decay([])
    with pytest.raises(ConfigError, match=r"kernel: factors has shape \(2,\); with 3 modes and 5 steps"):
        mode_decay([column(factors=np.ones(2))])
    with pytest.raises(ConfigError, match=r"residuals has shape \(0, 5, 3\)"):
        mode_decay([column(residuals=np.ones((0, 5, 3)))])
