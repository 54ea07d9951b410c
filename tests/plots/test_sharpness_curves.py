"""The figure of sharpness along training: medians over seeds in units of the limit, a colour a learning rate."""

import numpy as np
import xarray

from gendyn.plots.sharpness_curves import sharpness_curves

RATES, SEEDS, STEPS = (0.01, 0.04), 3, np.arange(5) * 10


def test_medians_are_drawn_in_units_of_the_limit():
    rate = np.repeat(RATES, SEEDS)
    sharpness = np.linspace(20.0, 60.0, len(STEPS)) * np.tile([0.9, 1.0, 1.2], len(RATES))[:, None]
    loss = np.broadcast_to(np.geomspace(1.0, 0.01, len(STEPS)), sharpness.shape)
    ds = xarray.Dataset(
        {"sharpness/lambda_max": (("run", "record"), sharpness), "train_loss": (("run", "record"), loss)},
        coords={
            "optim.learning_rate": ("run", rate),
            "seed": ("run", np.tile(np.arange(SEEDS), len(RATES))),
            "step": ("record", STEPS),
        },
        attrs={"config": "{}"},
    )
    top, bottom = sharpness_curves(ds).axes
    drawn = [line.get_ydata() for line in top.lines if len(line.get_xdata()) == len(STEPS)]
    np.testing.assert_allclose(drawn, [np.linspace(20.0, 60.0, len(STEPS)) * eta / 2.0 for eta in RATES])
    assert {text.get_text() for text in bottom.get_legend().get_texts()} == {"0.01", "0.04"}
    assert top.get_ylim()[1] > 1.0 and bottom.get_yscale() == "log"
