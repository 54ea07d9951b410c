"""Figures of the grokking experiments: what is drawn is what was passed, and what is unknown looks unknown."""

import numpy as np
import pytest

from gendyn.analysis import GROKKING, IMMEDIATE, NO_GENERALISATION, mean_interval
from gendyn.core import ConfigError
from gendyn.plots import (
    Arm,
    Curves,
    LinearRuns,
    Response,
    frequency_response,
    grokking_curves,
    linear_grokking,
    phase_diagram,
    survival_curves,
)

SEEN = np.array([1, 1, 1, 1, 1, 1, 0, 0], bool)
TIMES = np.array([10.0, 20, 30, 40, 50, 60, 99, 99])
FREQUENCIES = np.geomspace(1e-3, 0.5, 50)


def line(ax, label):
    return next(found for found in ax.get_lines() if str(found.get_label()).startswith(label))


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_survival_curves_ticks_and_medians():
    made = survival_curves([Arm("slow", TIMES, SEEN), Arm("never", np.full(8, 99.0), np.zeros(8, bool))], note="a note")
    top, bottom = made.axes
    x, y = line(top, "slow (6 of 8)").get_data()
    np.testing.assert_allclose(y[1:-2], [0.875, 0.75, 0.625, 0.5, 0.375, 0.25])
    assert x[1:7].tolist() == [10, 20, 30, 40, 50, 60] and y[0] == 1 and y[-1] == 0.25
    ticks = [found.get_xydata().tolist() for found in top.get_lines() if found.get_marker() == "|"]
    assert ticks == [[[99.0, 0.25]], [[99.0, 1.0]]]
    assert texts(bottom) == ["45", "> 99"]
    assert bottom.get_xscale() == "log" and "a note" in made.get_supxlabel() and "90%" in bottom.get_xlabel()
    # An unreached median's interval starts where the runs were followed to, not at the left end of the axis.
    assert bottom.get_lines()[2].get_xdata()[0] == 99.0


def test_survival_curves_hold_runs_that_never_arrive():
    made = survival_curves([Arm("one", np.array([5.0, 9, np.inf]), np.array([True, True, False]))])
    assert line(made.axes[0], "one (2 of 3)").get_ydata()[-1] == pytest.approx(1 / 3)


def test_survival_curves_refuse():
    with pytest.raises(ConfigError, match="arms has 0 entries; pass 1 to 16"):
        survival_curves([])
    with pytest.raises(ConfigError, match="early: times must be positive"):
        survival_curves([Arm("early", np.zeros(2), np.ones(2, bool))])
    with pytest.raises(ConfigError, match="no finite time"):
        survival_curves([Arm("none", np.full(2, np.inf), np.zeros(2, bool))])


def test_phase_diagram_fills_cells_by_share_and_prints_delays():
    phases = np.array([[[GROKKING, GROKKING, IMMEDIATE, NO_GENERALISATION], [""] * 4], [[IMMEDIATE] * 4] * 2])
    delays = np.array([[4321.0, np.nan], [12.0, np.inf]])
    made = phase_diagram(np.array([0.3, 0.5]), np.array([0.0, 1.0]), phases, delays, note="10,000 steps")
    left, right = made.axes
    shares = [(round(p.get_x(), 2), round(p.get_width(), 2)) for p in left.patches if p.get_width() > 0]
    assert shares == [(-0.46, 0.23), (-0.23, 0.46), (0.23, 0.23), (0.54, 0.92), (0.54, 0.92)]
    assert sorted(texts(left)) == ["1", "1", "2", "4", "4"] and texts(right) == ["4.3k", "12", "–"]
    assert sum(patch.get_hatch() is not None for patch in right.patches) == 1
    assert [t.get_text() for t in left.get_legend().get_texts()] == [NO_GENERALISATION, GROKKING, IMMEDIATE]
    assert "10,000 steps" in made.get_supxlabel() and "4 seeds" in made.get_supxlabel()


def test_phase_diagram_where_nothing_generalises():
    made = phase_diagram(np.array([0.1]), np.array([0.0]), np.array([[[NO_GENERALISATION]]]), np.array([[np.inf]]))
    assert texts(made.axes[1]) == ["–"]


def test_phase_diagram_refuses():
    args = np.array([0.1]), np.array([0.0])
    with pytest.raises(ConfigError, match=r"phases has shape \(1, 1\)"):
        phase_diagram(*args, np.array([[GROKKING]]), np.ones((1, 1)))
    with pytest.raises(ConfigError, match=r"phases holds \['grokked'\]"):
        phase_diagram(*args, np.array([[["grokked"]]]), np.ones((1, 1)))


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


def test_grokking_curves_are_medians_where_all_seeds_are():
    steps = np.array([0, 1, 10, 100])
    test = np.array([[0, 0, 0.2, 1.0], [0, 0, 0.4, 0.9], [0, 0, 0.9, np.nan]])
    made = grokking_curves([Curves("arm", steps, np.ones((3, 4)), test)] * 4, chance=0.1)
    assert len(made.axes) == 4
    ax = made.axes[0]
    np.testing.assert_array_equal(line(ax, "test").get_xydata(), [[0, 0], [1, 0], [10, 0.4]])
    assert sum(found.get_linewidth() == 0.7 for found in ax.get_lines()) == 3 and ax.get_xlim() == (0, 100)
    assert "medians of 3 seeds, bands: 75% interval" in made.get_supxlabel()


def test_grokking_curves_refuse():
    with pytest.raises(ConfigError, match="arms is empty"):
        grokking_curves([])
    with pytest.raises(ConfigError, match=r"b: test has shape \(1, 3\); for 2 steps"):
        grokking_curves([Curves("b", np.array([0, 1]), np.ones((1, 2)), np.ones((1, 3)))])


def linear(**changes):
    steps = np.arange(1, 6.0)
    measured = np.linspace(0, 1, 5) * np.ones((6, 1))
    runs = LinearRuns(0.5, steps, measured, measured / 2, measured[0] * 0.9, measured[0] / 3)
    ratios = np.array([0.5, 2.0])
    arguments = {
        "runs": [runs, runs._replace(ratio=2.0)],
        "delay_ratios": ratios[:1],
        "delays": mean_interval(np.array([[9.0], [10], [11]])),
        "exact_delays": np.array([12.0]),
        "limit_delays": np.array([20.0]),
        "loss_ratios": ratios,
        "losses": mean_interval(np.array([[0.0, 0.5], [0.0, 0.6]])),
    }
    return linear_grokking(**{**arguments, **changes})


def test_linear_grokking_draws_measured_and_exact():
    made = linear(note="a note")
    assert [ax.get_title() for ax in made.axes] == ["ratio 0.5", "ratio 2", "", ""]
    first, _, delay, loss = made.axes
    np.testing.assert_allclose(line(first, "test").get_ydata(), np.linspace(0, 0.5, 5))
    np.testing.assert_allclose(line(first, "exact").get_ydata(), np.linspace(0, 1 / 3, 5))
    assert line(delay, "exact").get_xydata().tolist() == [[0.5, 12.0]]
    assert line(delay, "small").get_ydata().tolist() == [20.0]
    floor = line(loss, "floor").get_xydata()
    np.testing.assert_allclose(floor[:, 1], np.maximum(0, 1 - 1 / np.maximum(floor[:, 0], 1e-9)))
    assert "a note" in made.get_supxlabel() and "90% interval" in made.get_supxlabel()


def test_linear_grokking_refuses():
    with pytest.raises(ConfigError, match="runs holds 0 ratios; pass one to three"):
        linear(runs=[])
    with pytest.raises(ConfigError, match="delays and losses have shapes"):
        linear(exact_delays=np.ones(2))
    runs = LinearRuns(0.5, np.arange(3.0), np.ones((2, 3)), np.ones((2, 4)), np.ones(3), np.ones(3))
    with pytest.raises(ConfigError, match=r"ratio 0.5: test accuracy has shape \(2, 4\)"):
        linear(runs=[runs])
