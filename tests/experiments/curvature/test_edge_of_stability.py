"""The verdict follows the data: runs that sit at the limit support the claim, runs below or above it refute it."""

import json

import numpy as np
import pytest
import xarray

import gendyn.sweep
from configs.curvature import edge_of_stability as config_file
from gendyn.core import ConfigError
from gendyn.experiments.curvature import edge_of_stability as experiment

RATES = (0.01, 0.04, 0.08)


def sweep(settles_at, *, free=80.0, seeds=8, records=21, rates=RATES):
    """Sharpness grows from 20 to ``free``, but no further than ``settles_at`` times the limit ``2 / rate``."""
    random = np.random.default_rng(0)
    points = [(rate, seed) for rate in rates for seed in range(seeds)]
    rate, seed = (np.array(column) for column in zip(*points, strict=True))
    grown = np.linspace(20.0, free, records)[None] * np.exp(0.02 * random.normal(size=(len(rate), 1)))
    sharpness = np.minimum(grown, settles_at * 2.0 / rate[:, None])
    loss = np.broadcast_to(np.geomspace(1.0, 0.01, records), sharpness.shape)
    runs = ("run", "record")
    return xarray.Dataset(
        {
            "sharpness/lambda_max": (runs, sharpness),
            "train_loss": (runs, loss),
            "test_loss": (runs, loss),
            "diverged": (runs, np.zeros(sharpness.shape, bool)),
        },
        coords={
            "optim.learning_rate": ("run", rate),
            "seed": ("run", seed),
            "step": ("record", np.arange(records) * 10),
        },
        attrs={"config": json.dumps({"experiment": "edge_of_stability"})},
    )


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_at_the_limit_is_supported_and_elsewhere_refuted():
    assert verdicts(sweep(1.0)) == ["supported"] * 3
    assert verdicts(sweep(0.8))[1:] == ["refuted"] * 2
    assert verdicts(sweep(1.3))[2] == "refuted"  # at rate 0.04 the control's sharpness is below 1.3 times the limit


def test_a_rate_whose_limit_the_control_never_reaches_must_stay_below_it():
    found = experiment.verdict(sweep(1.0, free=30.0))
    assert "stays below" in found[1].claim and found[1].verdict == "supported"
    assert "settles at" in found[2].claim and found[2].verdict == "supported"
    ds = sweep(1.0, free=30.0)
    ds["sharpness/lambda_max"].values[ds["optim.learning_rate"].values == 0.04] = 50.0
    assert experiment.verdict(ds)[1].verdict == "refuted"


def test_flat_sharpness_refutes_sharpening():
    assert verdicts(sweep(1.0, free=19.0))[0] == "refuted"


def test_few_seeds_decide_nothing_and_diverged_ones_are_left_out_in_pairs():
    assert set(verdicts(sweep(1.0, seeds=2))) == {"undecided"}
    ds = sweep(1.0)
    ds["sharpness/lambda_max"].values[3, -1] = np.nan
    assert "1 of 8 seeds are left out" in experiment.verdict(ds)[0].detail
    with pytest.raises(ConfigError, match="the smallest of at least two"):
        experiment.verdict(sweep(1.0, rates=(0.01,)))


def test_the_smoke_config_runs(tmp_path):
    config = config_file.get_config("smoke")
    ds = experiment.run(config, str(tmp_path))
    assert np.isfinite(ds["sharpness/lambda_max"].values).all()
    assert len(experiment.verdict(ds)) == 2
    assert gendyn.sweep.plan(config_file.get_config()).runs[-1].flat["seed"] == 7
