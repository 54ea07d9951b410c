"""The figure of learning speeds: accuracies at the largest width, rises over ratios, delays over widths."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.plots.learning_speeds import LearningRegime, learning_speeds

STEPS = np.array([0, 1, 10, 100])
WIDTHS = np.array([8, 16])
SEEDS = 5


def regime(arm, noise, ratio, rise=0.1):
    train = np.linspace(0, 1, 4) * np.ones((2, SEEDS, 1))
    ratios = np.asarray(ratio)[:, None] * np.ones(SEEDS)
    return LearningRegime(arm, noise, STEPS, train, train / 2, ratios, np.full((2, SEEDS), rise))


def test_what_is_drawn_is_what_was_passed():
    regimes = [regime("slow", 0.0, (0.5, 0.1)), regime("slow", 0.2, (0.5, 0.0)), regime("fast", 0.0, (4.0, 2.0))]
    made = learning_speeds(regimes, WIDTHS, delay=2.0)
    titles = [ax.get_title() for ax in made.axes]
    assert titles == ["slow, no noise", "slow, 20% noise", "fast, no noise", "", ""]
    panel, rise, delay = made.axes[0], *made.axes[3:]
    curves = {line.get_label(): line.get_ydata() for line in panel.get_lines()}
    np.testing.assert_allclose(curves["train"], np.linspace(0, 1, 4))
    np.testing.assert_allclose(curves["test"], np.linspace(0, 0.5, 4))
    assert sum(line.get_linewidth() == 0.7 for line in panel.get_lines()) == SEEDS
    points = sorted(float(bar.lines[0].get_xdata()[0]) for bar in rise.containers)
    assert points == [0.1, 0.5, 0.5, 2.0, 4.0] and "points without a finite ratio: 1" in made.get_supxlabel()
    drawn = {line.get_label(): line.get_ydata() for line in delay.get_lines()}
    np.testing.assert_allclose(drawn["slow"], [2.0, 10.0])
    np.testing.assert_allclose(drawn["fast"], [0.25, 0.5])
    assert [tick.get_text() for tick in delay.get_xticklabels()] == ["8", "16"]


def test_nothing_known_is_nothing_drawn():
    made = learning_speeds([regime("slow", 0.0, (np.nan, np.nan))], WIDTHS)
    assert "points without a finite ratio: 2" in made.get_supxlabel()


def test_refuses():
    with pytest.raises(ConfigError, match="regimes is empty"):
        learning_speeds([], WIDTHS)
    with pytest.raises(ConfigError, match=r"slow: ratio has shape \(2, 5\) and rise \(2, 5\); for 1 widths"):
        learning_speeds([regime("slow", 0.0, (1.0, 1.0))], WIDTHS[:1])
    with pytest.raises(ConfigError, match="slow: train and test must be"):
        learning_speeds([regime("slow", 0.0, (1.0, 1.0))._replace(test=np.ones((2, SEEDS, 3)))], WIDTHS)
