"""The panels draw what they are given: band, closed form, marks; and refuse what does not fit."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.plots import Curve, Panel, theory_panels

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
    made = theory_panels([panel(*curves, marks=((3.0, "threshold"),), y_scale="log")] * 4, num_columns=3, note="n = 40")
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
        theory_panels([panel(curve)])


def test_no_panels_or_an_empty_one():
    for panels in ([], [panel()]):
        with pytest.raises(ConfigError, match="at least one"):
            theory_panels(panels)
