"""Every width in every panel, the borders where they are, and only seeds that are finished everywhere."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.plots.lazy_to_rich import Regimes, lazy_to_rich

WIDTHS, SCALES, SEEDS = np.array([16, 1024]), np.array([0.01, 0.1, 1.0, 10.0]), 5
BORDERS = np.array([0.2, np.nan])


def regimes():
    random = np.random.default_rng(0)
    table = np.exp(0.1 * random.normal(size=(len(WIDTHS), len(SCALES), SEEDS))) / SCALES[:, None] ** 2
    return Regimes(WIDTHS, SCALES, table, 0.1 * table, np.stack([0 * table, np.tanh(table)]), 0.01 * table, table)


def lines(ax):
    return [line for line in ax.lines if len(line.get_xdata()) == len(SCALES)]


def test_every_panel_draws_the_medians_of_every_width():
    found = regimes()
    made = lazy_to_rich(found, borders=BORDERS, threshold=0.1)
    expected = (found.movement, found.rotation, found.error, found.alignment[1], found.test_loss)
    for ax, values in zip(made.axes, expected, strict=True):
        drawn = [line.get_ydata() for line in lines(ax)]
        np.testing.assert_allclose(drawn, np.median(values, axis=2))
        assert 0.2 in [line.get_xdata()[0] for line in ax.lines]
    assert [text.get_text() for text in made.axes[1].get_legend().get_texts()] == ["16", "1,024"]
    # The guide has the predicted power.
    guide = next(line for line in made.axes[0].lines if len(line.get_xdata()) == 2 and line.get_xdata()[1] == 10.0)
    np.testing.assert_allclose(np.diff(np.log(guide.get_ydata())) / np.diff(np.log(guide.get_xdata())), -2.0)


def test_a_seed_unfinished_at_one_point_is_left_out_everywhere():
    found, holed = regimes(), regimes()
    holed.test_loss[0, 2, 3] = np.nan
    rest = lazy_to_rich(holed, borders=BORDERS, threshold=0.1)
    keep = np.arange(SEEDS) != 3
    np.testing.assert_allclose(lines(rest.axes[0])[1].get_ydata(), np.median(found.movement[1][:, keep], axis=1))
    assert "median of 4 seeds" in rest.get_supxlabel()
    with pytest.raises(ConfigError, match="no seed has finished"):
        lazy_to_rich(found._replace(test_loss=np.nan * found.test_loss), borders=BORDERS, threshold=0.1)
