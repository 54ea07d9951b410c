"""Measured quantities are drawn as they were recorded; what is no quantity of one number a record is not."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.plots import probe_names, probe_series
from tests.plots.test_learning_curves import sweep


@pytest.fixture
def measured():
    ds = sweep()
    shape = ds["test_loss"].shape
    rng = np.random.default_rng(0)
    return ds.assign(
        {
            "weight_rank/layer_0": (("run", "record"), ds["model.width"].values[:, None] * np.ones(shape)),
            "sharpness": (("run", "record"), np.exp(rng.normal(size=shape) * 4)),
            "spectrum": (("run", "record", "k"), np.ones((*shape, 3))),
            "nothing": (("run", "record"), np.full(shape, np.nan)),
            "diverged_step": (("run", "record"), np.full(shape, -1)),
        }
    )


def test_only_what_was_measured_as_numbers_has_a_panel(measured):
    assert probe_names(measured) == ["weight_rank/layer_0", "sharpness"]
    assert probe_names(sweep()) == []


def test_the_lines_are_the_medians_at_each_value_of_the_largest_axis(measured):
    made = probe_series(measured)
    rank, sharpness = made.axes
    assert [line.get_ydata().tolist() for line in rank.lines] == [[width] * 4 for width in (2, 8, 32, 64, 256)]
    assert rank.get_title() == "weight rank: layer 0" and rank.get_yscale() == "log"
    wide = measured["sharpness"].values[measured["model.width"].values == 256]
    np.testing.assert_allclose(sharpness.lines[-1].get_ydata(), np.median(wide, 0))
    assert made.legends[0].get_title().get_text() == "model.width"


def test_names_that_were_not_recorded_are_refused(measured):
    with pytest.raises(
        ConfigError, match=r"names = \['spectrum'\] must be quantities .* weight_rank/layer_0, sharpness"
    ):
        probe_series(measured, names=["spectrum"])
    with pytest.raises(ConfigError, match="There are: none"):
        probe_series(sweep())
