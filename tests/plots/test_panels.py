"""The panels draw what they are given: band, closed form, marks; and refuse what does not fit."""

import numpy as np
import pytest

from gendyn.analysis import Band, Interval
from gendyn.core import ConfigError
from gendyn.plots import Cell, Curve, Panel, Rows, Table, draw_panels, style

X = np.arange(1.0, 6.0)
REDRAWS = X + np.random.default_rng(0).normal(0.0, 0.1, [50, 5])


def panel(*curves, **options):
    return Panel("risk", "features", "risk", curves, **options)


def test_lines_bands_and_closed_forms():
    exact = np.where(X == 3.0, np.inf, X)
    curves = (
        Curve("a", X, REDRAWS, X, exact),
        Curve("b", X, 2 * REDRAWS, statistic="median"),
        Curve("c", exact_x=X, exact=X),
    )
    made = draw_panels([panel(*curves, marks=((3.0, "threshold"),), y_scale="log")] * 4, num_columns=3, note="n = 40")
    assert len(made.axes) == 4
    ax = made.axes[0]
    assert len(ax.lines) == 5 and len(ax.collections) == 2
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "closed form", "b", "c", "threshold"]
    assert np.isnan(ax.lines[1].get_ydata()[2])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), REDRAWS.mean(axis=0))
    assert "n = 40" in made._supxlabel.get_text() and "mean or median" in made._supxlabel.get_text()


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        (Curve("a", X, REDRAWS[:, :3]), "needs redraws"),
        (Curve("a", X, REDRAWS, X, X[:2]), "needs an exact value each"),
        (Curve("a"), "neither"),
        (Curve("a", X, REDRAWS, statistic="mode"), "must be one of mean, median"),
    ],
)
def test_what_does_not_fit_is_refused(curve, message):
    with pytest.raises(ConfigError, match=message):
        draw_panels([panel(curve)])


def test_no_panels_or_an_empty_one():
    for panels in ([], [panel()]):
        with pytest.raises(ConfigError, match="at least one"):
            draw_panels(panels)


def test_a_ready_band_is_drawn_with_the_data():
    band = Band(X, X - 1.0, X + 1.0, 0.9)
    made = draw_panels([panel(Curve("posterior", X, exact_x=X, exact=X, band=band), dots=(X[:2], X[:2]))])
    ax = made.axes[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), X)
    assert len(ax.collections) == 1 and ax.lines[2].get_marker() == "o" and len(ax.lines[2].get_xdata()) == 2
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["posterior", "closed form", "data"]
    for wrong in (Curve("a", X, REDRAWS, band=band), Curve("a", X[:3], band=band)):
        with pytest.raises(ConfigError, match="a band needs a value for each"):
            draw_panels([panel(wrong)])


def test_a_table_takes_the_place_of_a_panel():
    cells = ((Cell("1.00", "supported"), Cell("2.00", "refuted")),)
    made = draw_panels([panel(Curve("a", X, REDRAWS)), Table("ratios", ("uniform",), ("low", "high"), cells)])
    drawn = made.axes[1].tables[0].get_celld()
    assert {drawn[at].get_text().get_text() for at in drawn} == {"low", "high", "uniform", "1.00", "2.00"}
    assert drawn[1, 0].get_facecolor() != drawn[1, 1].get_facecolor()
    with pytest.raises(ConfigError, match="1 rows and 1 columns need a cell each"):
        draw_panels([Table("ratios", ("uniform",), ("low",), cells)])
    with pytest.raises(ConfigError, match="verdict = 'true' must be one of"):
        draw_panels([Table("ratios", ("uniform",), ("low",), ((Cell("1", "true"),),))])


def test_a_curve_in_steps_holds_each_value_until_the_next():
    band = Band(X, X - 1.0, X + 1.0, 0.9)
    ax = draw_panels([panel(Curve("share", X, band=band, steps=True), legend="")]).axes[0]
    assert ax.lines[0].get_drawstyle() == "steps-post"
    corners = ax.collections[0].get_paths()[0].vertices
    assert [2.0, 2.0] in corners.tolist() and [2.0, 1.0] in corners.tolist()  # the upper end of the first value


def test_rows_may_look_each_their_own_way_and_keep_the_labels_of_a_panel_beside_its_axis():
    intervals = [Interval(2.0, 1.0, 3.0, 0.9, 1.0), Interval(4.0, 3.0, 5.0, 0.9, 1.0)]
    looks = [{"color": "red", "linestyle": "--"}, {"color": "blue"}]
    rows = Rows("", "step", ("a long name of a row", "b"), {"": intervals}, looks=looks)
    made = draw_panels([panel(Curve("a", X, REDRAWS)), rows], num_columns=1)
    bars = [found for found in made.axes[1].get_lines() if found.get_linewidth() == 2.2]
    assert [(bar.get_color(), bar.get_linestyle()) for bar in bars] == [("red", "--"), ("blue", "-")]
    points = [found for found in made.axes[1].get_lines() if found.get_marker() == "o" and len(found.get_xdata())]
    assert [point.get_color() for point in points] == ["red", "blue"]
    made.draw_without_rendering()
    label, frame = (part.get_window_extent() for part in (made.axes[0].yaxis.label, made.axes[0]))
    assert frame.x0 - label.x1 < 60  # not beyond the names of the rows below


def test_lines_are_named_beside_them_and_an_axis_on_top_leaves_out_what_would_touch():
    x = np.array([1.0, 10.0, 11.0, 100.0])

    def mark(ax):
        lines = [(50.0, "later", {"color": "k"}), (5.0, "first", {"color": "k"}), (np.nan, "never", {"color": "k"})]
        style.named_lines(ax, lines)
        style.named_lines(ax, [(7.0, "unnamed", {"color": "k"})], named=False)
        style.axis_on_top(ax, x, 2 * x, "width")

    curve = Curve("a", x, np.tile(x, (3, 1)))
    ax = draw_panels([panel(curve, x_scale="log", draw=mark)]).axes[0]
    assert [float(line.get_xdata()[0]) for line in ax.lines[1:]] == [5.0, 50.0, 7.0]
    assert [(text.get_text(), text.get_ha()) for text in ax.texts] == [("first", "right"), ("later", "left")]
    (top,) = ax.child_axes
    assert top.get_xlabel() == "width"
    assert [label.get_text() for label in top.get_xticklabels()] == ["2", "20", "200"]


def test_a_short_logarithmic_axis_has_plain_numbers_that_do_not_touch():
    def labels(factor, name="y"):
        limits = {f"{name}_scale": "log", f"{name}_limits": (0.1, 0.1 * factor)}
        made = draw_panels([panel(Curve("a", X, REDRAWS), **limits)])
        made.canvas.draw()
        axis = getattr(made.axes[0], f"{name}axis")
        ticks = [*axis.get_ticklabels(), *axis.get_ticklabels(minor=True)]
        return {text.get_text() for text in ticks} - {""}

    assert {"0.1", "0.2", "0.5", "1"} <= labels(10.0, "x")
    assert {"0.1", "0.2", "0.5", "1"} <= labels(10.0) and not any("10^" in text for text in labels(10.0))
    assert "0.2" not in labels(1000.0) and any("10^" in text for text in labels(1000.0))
