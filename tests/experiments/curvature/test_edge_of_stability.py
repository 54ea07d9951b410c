"""The verdict follows the data: runs that sit at the limit support the claim, runs below or above it refute it."""

import json

import numpy as np
import pytest
import xarray

from configs.curvature import edge_of_stability as config_file
from gendyn.core import ConfigError
from gendyn.experiments.curvature import edge_of_stability as experiment
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.smoke import points_of

RATES = (0.01, 0.04, 0.08)


def sweep(settles_at, *, free=80.0, seeds=8, records=21, rates=RATES, random=None, scatter=0.02):
    """Sharpness grows from 20 to ``free``, but no further than ``settles_at`` times the limit ``2 / rate``."""
    random = np.random.default_rng(0) if random is None else random
    points = [(rate, seed) for rate in rates for seed in range(seeds)]
    rate, seed = (np.array(column) for column in zip(*points, strict=True))
    grown = np.linspace(20.0, free, records)[None] * np.exp(scatter * random.normal(size=(len(rate), 1)))
    sharpness = np.minimum(grown, settles_at * 2.0 / rate[:, None])
    loss = np.geomspace(1.0, 0.01, records) * np.ones(sharpness.shape)
    runs = ("run", "record")
    return xarray.Dataset(
        {
            "sharpness/lambda_max": (runs, sharpness),
            "train_loss": (runs, loss),
            "diverged": (runs, np.zeros(sharpness.shape, bool)),
        },
        coords={
            "optim.learning_rate": ("run", rate),
            "seed": ("run", seed),
            "step": ("record", np.arange(records) * 10),
        },
        attrs={"config": json.dumps({"experiment": "edge_of_stability"})},
    )


def diverge(ds, runs, record=-1):
    """These runs diverge at a record, after which nothing is finite."""
    for name, value in (("sharpness/lambda_max", np.nan), ("train_loss", np.nan), ("diverged", True)):
        ds[name].values[runs, record:] = value
    return ds


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_at_the_limit_is_supported_and_elsewhere_refuted():
    assert verdicts(sweep(1.0)) == ["supported"] * 5
    assert verdicts(sweep(0.8))[1:3] == ["refuted"] * 2
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


def test_roles():
    found = experiment.verdict(sweep(1.0, free=30.0))
    assert [each.role for each in found] == ["primary", "exploratory", "primary", "exploratory"]
    assert "starts at 20.6 and settles at 28.6" in found[1].detail


def test_a_loss_that_no_longer_falls_at_the_limit_is_seen():
    ds = sweep(1.0)
    assert verdicts(ds)[3:] == ["supported"] * 2
    ds["train_loss"].values[:, 12:] = 0.1
    assert verdicts(ds)[3:] == ["refuted"] * 2


def flat(random):
    """Sharpness is where it was, up to noise of seeds and of records."""
    ds = sweep(np.inf, free=20.0, random=random, scatter=0.2)
    ds["sharpness/lambda_max"].values *= np.exp(0.02 * random.normal(size=ds["sharpness/lambda_max"].shape))
    return ds


def no_effect(random):
    """Sharpness rises, and larger rates settle as far from their limit as is no longer called at it."""
    ds = sweep(1.0, random=random)
    ds["sharpness/lambda_max"].values[:] *= np.where(ds["optim.learning_rate"] == 0.01, 1.0, 1.1)[:, None]
    ds["sharpness/lambda_max"].values *= np.exp(0.05 * random.normal(size=(ds.sizes["run"], 1)))
    return ds


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("made", "but"), [(flat, "nothing"), (no_effect, "rises under")])
def test_noise_supports_no_primary_claim(made, but, count):
    assert too_often(false_support(experiment.verdict, made, count), count, but=but) == {}


def test_few_seeds_decide_nothing_and_unfinished_ones_are_left_out_in_pairs():
    assert set(verdicts(sweep(1.0, seeds=2))) == {"undecided"}
    ds = sweep(1.0)
    ds["sharpness/lambda_max"].values[3, -1] = np.nan
    found = experiment.verdict(ds)
    assert all("1 of 8 seeds are left out" in each.detail for each in found)
    rest = experiment.verdict(ds.isel(run=np.flatnonzero(ds["seed"] != 3)))
    assert [each[:5] for each in found] == [each[:5] for each in rest]
    with pytest.raises(ConfigError, match="the smallest of at least two"):
        experiment.verdict(sweep(1.0, rates=(0.01,)))


@pytest.mark.parametrize("record", [0, -1])
def test_diverged_runs_count_as_worst_at_their_learning_rate_and_change_nothing_elsewhere(record):
    ds = diverge(sweep(1.0), slice(16, 24), record)
    found = experiment.verdict(ds)
    assert [each.verdict for each in found[:3]] == ["supported", "supported", "refuted"] and found[2].effect == np.inf
    assert found[4].verdict == "refuted"
    assert "8 of 24 runs diverged and count as the worst outcome" in found[2].detail
    whole = experiment.verdict(sweep(1.0))
    assert found[:2] == [each._replace(detail=other.detail) for each, other in zip(whole[:2], found[:2], strict=True)]
    assert verdicts(diverge(sweep(1.0), slice(0, 8), record))[0] == "refuted"
    assert "8 of 24 runs diverged" in experiment.figure(ds).get_supxlabel()


def test_the_figure_draws_medians_in_units_of_the_limit():
    rates, seeds = (0.01, 0.04), 3
    ds = sweep(np.inf, seeds=seeds, records=5, rates=rates)
    sharpness = np.linspace(20.0, 60.0, 5) * np.tile([0.9, 1.0, 1.2], len(rates))[:, None]
    ds["sharpness/lambda_max"].values[:] = sharpness
    top, bottom = experiment.figure(ds).axes
    drawn = [line.get_ydata() for line in top.lines if len(line.get_xdata()) == 5]
    np.testing.assert_allclose(drawn, [np.linspace(20.0, 60.0, 5) * eta / 2.0 for eta in rates])
    assert {text.get_text() for text in bottom.get_legend().get_texts()} == {"0.01", "0.04"}
    assert top.get_ylim()[1] > 1.0 and bottom.get_yscale() == "log"


def test_a_first_record_above_the_axis_is_said():
    assert "above the axis" not in experiment.figure(sweep(1.0)).get_supxlabel()
    ds = sweep(1.0)
    ds["sharpness/lambda_max"].values[:, 0] = 80.0
    assert "begins at up to 3.2, above the axis" in experiment.figure(ds).get_supxlabel()


def test_each_of_ten_seeds_has_images_of_its_own():
    last = points_of(config_file.get_config())[-1].flat
    assert last["seed"] == last["task.split_seed"] == 9
