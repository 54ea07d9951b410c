"""Phase panels: cells filled by share, delays as numbers, and what is unknown looks unknown."""

import numpy as np
import pytest

from gendyn.analysis import GROKKING, IMMEDIATE, NO_GENERALISATION
from gendyn.core import ConfigError
from gendyn.plots import draw_panels, phase_panels

LABELS = {"x_label": "fraction", "y_label": "decay"}


def test_cells_are_filled_by_share_and_delays_are_printed():
    phases = np.array([[[GROKKING, GROKKING, IMMEDIATE, NO_GENERALISATION], [""] * 4], [[IMMEDIATE] * 4] * 2])
    delays = np.array([[4321.0, np.nan], [12.0, np.inf]])
    x, y = np.array([0.3, 0.5]), np.array([0.0, 1.0])
    left, right = draw_panels(phase_panels(x, y, phases, delays, **LABELS)).axes
    filled = {(round(p.get_x(), 2), round(p.get_width(), 2), p.get_y() + 0.46) for p in left.patches if p.get_width()}
    assert filled == {(-0.46, 0.23, 0), (-0.23, 0.46, 0), (0.23, 0.23, 0), (0.54, 0.92, 0), (0.54, 0.92, 1)}
    assert sorted(text.get_text() for text in left.texts if text.get_text()) == ["1", "1", "2", "4", "4"]
    assert [text.get_text() for text in right.texts] == ["4.32k", "12", "–"]
    assert sum(patch.get_hatch() is not None for patch in right.patches) == 1
    assert [t.get_text() for t in left.get_legend().get_texts()] == [NO_GENERALISATION, GROKKING, IMMEDIATE]
    for ax in (left, right):
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.3", "0.5"] and ax.get_ylabel() == "decay"


def test_a_longer_delay_is_darker_and_those_up_to_a_step_are_alike():
    phases, delays = np.full((1, 4, 1), GROKKING), np.array([[-5.0, 1.0, 10.0, 1000.0]])
    ax = draw_panels(phase_panels(np.ones(1), np.arange(4), phases, delays, **LABELS)).axes[1]
    light = [sum(patch.get_facecolor()[:3]) for patch in ax.patches]
    assert light[0] == light[1] > light[2] > light[3]


def test_where_nothing_is_known_nothing_is_drawn():
    nothing = phase_panels(np.ones(1), np.ones(1), np.full((1, 1, 2), ""), np.full((1, 1), np.nan), **LABELS)
    made = draw_panels(nothing)
    assert not any(ax.patches or ax.texts or ax.get_legend() for ax in made.axes)


def test_one_cell_where_nothing_generalises_and_what_is_refused():
    axes = np.array([0.1]), np.array([0.0])
    never = draw_panels(phase_panels(*axes, np.array([[[NO_GENERALISATION]]]), np.array([[np.inf]]), **LABELS))
    assert [text.get_text() for text in never.axes[1].texts] == ["–"]
    with pytest.raises(ConfigError, match=r"phases has shape \(1, 1\)"):
        phase_panels(*axes, np.array([[GROKKING]]), np.ones((1, 1)), **LABELS)
    with pytest.raises(ConfigError, match=r"delays \(1, 2\)"):
        phase_panels(*axes, np.array([[[GROKKING]]]), np.ones((1, 2)), **LABELS)
    with pytest.raises(ConfigError, match=r"phases holds \['grokked'\]"):
        phase_panels(*axes, np.array([[["grokked"]]]), np.ones((1, 1)), **LABELS)
