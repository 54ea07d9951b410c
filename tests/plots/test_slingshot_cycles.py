"""The figure of slingshots: marks where cycles begin, intervals of shares, and losses down to the floor."""

import numpy as np
import pytest
from matplotlib.colors import same_color

from gendyn.analysis import Interval
from gendyn.core import ConfigError
from gendyn.plots import style
from gendyn.plots.slingshot_cycles import ArmShares, ShownRun, slingshot_cycles

STEPS = np.arange(5) * 10
RUN = ShownRun("one", STEPS, np.array([1.0, 1e-9, 1e-9, 1.0, 1e-3]), np.arange(5.0), np.array([30]))
ARM = ArmShares("small", Interval(0.75, 0.4, 0.95, 0.9, 1.0), 0.5, np.array([0.5, 0.7, np.nan]), np.array([1e-9, 1e-2]))


def test_what_is_drawn_is_what_was_passed():
    made = slingshot_cycles([RUN], [ARM, ARM._replace(label="large")], floor=1e-7, note="a note")
    loss, norm, shares, lowest, accuracy = made.axes
    curve, marks = loss.get_lines()
    np.testing.assert_allclose(curve.get_ydata(), [1.0, 1e-7, 1e-7, 1.0, 1e-3])
    assert marks.get_xydata().tolist() == [[30.0, 1.0]] and loss.get_yscale() == "log"
    assert same_color(curve.get_color(), norm.get_lines()[0].get_color())
    (bars,) = [container for container in shares.containers if container.has_xerr]
    segments = bars.lines[2][0].get_segments()
    np.testing.assert_allclose(segments[1], [[0.4, 1.0], [0.95, 1.0]])
    repeated = [line for line in shares.get_lines() if same_color(line.get_color(), style.THEORY)]
    assert repeated[0].get_xydata().tolist() == [[0.5, 0.0], [0.5, 1.0]]
    dots, median = accuracy.get_lines()[:2]
    assert dots.get_xydata().tolist() == [[0.5, 0.0], [0.7, 0.0]]
    np.testing.assert_allclose(median.get_xdata(), [0.6, 0.6])
    np.testing.assert_allclose(lowest.get_lines()[0].get_xdata(), [1e-7, 1e-2])
    # A row for each arm, the first on top, with its name on the left alone.
    assert [tick.get_text() for tick in shares.get_yticklabels()] == ["small", "large"]
    assert not any(tick.get_text() for ax in (lowest, accuracy) for tick in ax.get_yticklabels())
    assert {ax.get_ylim() for ax in (shares, lowest, accuracy)} == {(1.6, -0.6)}
    assert "a note" in made.get_supxlabel() and "exact 90% intervals" in made.get_supxlabel()


def test_refuses():
    with pytest.raises(ConfigError, match="shown has 0 runs; pass 1 to 4"):
        slingshot_cycles([], [ARM], floor=1e-7)
    with pytest.raises(ConfigError, match="arms is empty"):
        slingshot_cycles([RUN], [], floor=1e-7)
    with pytest.raises(ConfigError, match="one: steps, train_loss and last_layer_norm must be of one shape"):
        slingshot_cycles([RUN._replace(last_layer_norm=np.ones(4))], [ARM], floor=1e-7)
