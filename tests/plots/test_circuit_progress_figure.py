"""The figure of the progress measures: curves, leads and controls as passed; unknown ones are not drawn."""

import math

import numpy as np
import pytest

from gendyn.analysis import Interval
from gendyn.core import ConfigError
from gendyn.plots.circuit_progress import Measure, circuit_progress

STEPS = np.arange(0.0, 50.0, 10.0)
CURVES = {"train": np.tile(np.geomspace(1, 0.01, 5), (8, 1)), "test": np.tile(np.geomspace(2, 0.1, 5), (8, 1))}
KNOWN = Interval(20.0, 10.0, math.inf, 0.9, 1.0)
UNKNOWN = Interval(math.nan, -math.inf, math.inf, 0.9, 1.0)
MEASURES = [
    Measure("restricted loss", KNOWN, KNOWN._replace(estimate=30.0), {"random labels": UNKNOWN._replace(estimate=0.1)}),
    Measure("parameter norm", UNKNOWN, UNKNOWN, {"random labels": UNKNOWN}),
]


def test_every_part_is_drawn():
    made = circuit_progress(STEPS, CURVES, {"Gini": np.full((8, 5), 0.3)}, MEASURES, chance=3.0, note="a note")
    losses, shares, leads, controls = made.axes
    np.testing.assert_allclose(losses.get_lines()[0].get_ydata(), np.geomspace(1, 0.01, 5))
    assert [3.0, 3.0] in [list(line.get_ydata()) for line in losses.get_lines()]
    assert losses.get_yscale() == "log" and shares.get_lines()[0].get_ydata().tolist() == [0.3] * 5
    bars = [list(line.get_xdata()) for line in leads.get_lines()]
    assert [10.0, 40.0] in bars  # an open end runs to the last step
    assert [list(x) for x in bars if len(x) == 1] == [[20.0], [30.0]]  # nothing for the unknown measure
    assert [list(line.get_xdata()) for line in controls.get_lines()][:2] == [[-1.0, 2.0], [0.1]]
    assert [tick.get_text() for tick in leads.get_yticklabels()] == ["restricted loss", "parameter norm"]
    assert [text.get_text() for text in leads.get_legend().get_texts()] == ["to 50%", "to 95%"]
    assert "a note" in made.get_supxlabel()


def test_bad_input():
    with pytest.raises(ConfigError, match="measures is empty"):
        circuit_progress(STEPS, CURVES, {}, [])
    with pytest.raises(ConfigError, match=r"train has shape \(8, 5\); for 4 steps"):
        circuit_progress(STEPS[:4], CURVES, {}, MEASURES)
    with pytest.raises(ConfigError, match="7 curves in one panel; pass at most 6"):
        circuit_progress(STEPS, {str(i): CURVES["train"] for i in range(7)}, {}, MEASURES)
