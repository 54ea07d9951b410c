"""The verdict follows the data; a redraw's parts add up."""

import json

import numpy as np
import pytest
import xarray

from configs.linear_models import bias_variance as config_file
from gendyn.core import ConfigError
from gendyn.experiments import plan
from gendyn.experiments.linear_models import bias_variance as experiment
from gendyn.experiments.linear_models._sphere import sphere_risk
from gendyn.experiments.linear_models.bias_variance.program import PARTS
from tests.experiments.false_support import FEW, MANY, SHAPES, curves, false_support, too_often
from tests.experiments.made import made_redraws
from tests.experiments.smoke import smoke_config

SUM, CLOSED_FORM, PEAK, RISE, PEAK_NETWORK, RISE_NETWORK = range(6)
PREDICTED, PREDICTED_NETWORK, ENSEMBLE, BAGGED, BAGGED_PLACE, WIDTH = range(6, 12)


def results(*, off=1.0, lost=0.0, by="noise:init:sample", ensemble=1.0, bagged=0.25, place=0.64, wide=0.0, redraws=12):
    """Parts that make up the closed form, with a peak in ``by``; a network alike; ensembles as predicted."""
    config = config_file.get_config().to_dict()
    members = config["members"]
    random = np.random.default_rng(0)
    empty = xarray.Dataset(attrs={"config": json.dumps(config), "axes": json.dumps(["learner", "seed"])})
    ratios = np.array(config["random_features"]["ratios"])
    exact = sphere_risk(ratios, config["random_features"], config["random_features"]["noise_variance"])
    exact[np.isinf(exact)] = 40.0
    widths = np.array(config["mlp"]["widths"])
    network = np.ones((3, 1)) * (0.4 + 2 * np.exp(-2 * np.log(widths / 5) ** 2))
    bump = np.exp(-(np.log(ratios / place) ** 2) / 0.02)
    rows = []
    for learner, curve in (("random_features", off * exact), ("mlp", network)):
        rest = 0.2 * np.ones_like(curve)
        for seed in range(redraws):
            scatter = np.exp(0.01 * random.normal(size=len(ratios)))
            parts = dict.fromkeys(PARTS, 0.0 * curve)
            parts["sample"], parts["init"] = rest * scatter, 1e-6 * curve
            parts[by] = parts[by] + (curve - 2 * rest) * scatter
            if wide and learner == "mlp":
                parts["init"] = wide * np.ones_like(curve)
            bias = rest * scatter
            averaged = sum(value / (members if "init" in name else 1) for name, value in parts.items())
            risk = (bias + sum(parts.values())) / (1 - lost)
            rows.append(
                {
                    "learner": learner,
                    "seed": seed,
                    "risk": risk,
                    "squared_bias": bias,
                    "components": np.stack([parts[name] for name in PARTS]),
                    "ensemble_risk": ensemble * (bias + averaged),
                    "bagged_risk": (0.2 + bagged * bump) * curve.max(axis=1, keepdims=True),
                    "training_error": 0.0 * curve,
                }
            )
    ds = empty.assign_coords({name: ("run", [row[name] for row in rows]) for name in ("learner", "seed")})
    ds = ds.assign_coords(committed=("run", np.ones(len(rows), int)), step=("record", [0]))
    for name in list(rows[0])[2:]:
        values = np.array([row[name] for row in rows])[:, None]
        ds[name] = (("run", "record", *(f"{name}_{i}" for i in range(values.ndim - 2))), values)
    return ds


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_parts_of_the_closed_form_are_supported():
    assert verdicts(results()) == ["supported"] * 12


@pytest.mark.parametrize(
    ("change", "refuted"),
    [
        ({"off": 1.15}, [CLOSED_FORM]),
        ({"lost": 0.01}, [SUM]),
        ({"by": "noise:sample"}, [RISE, RISE_NETWORK, ENSEMBLE]),
        ({"ensemble": 1.3}, [PREDICTED, PREDICTED_NETWORK]),
        ({"ensemble": 0.7}, [PREDICTED, PREDICTED_NETWORK]),
        # Signed errors that cancel over sizes.
        ({"ensemble": np.tile([0.7, 1.3], 6)}, [PREDICTED, PREDICTED_NETWORK]),
        ({"bagged": 0.6}, [BAGGED]),
        ({"place": 1.0}, [BAGGED_PLACE]),
        ({"wide": 8.0}, [PEAK_NETWORK, RISE_NETWORK, WIDTH]),
    ],
)
def test_each_claim_is_refuted_by_data_that_contradict_it(change, refuted):
    found = verdicts(results(**change))
    assert [found[i] for i in refuted] == ["refuted"] * len(refuted)
    assert "refuted" not in [found[i] for i in range(12) if i not in refuted]


def test_few_redraws_decide_nothing_and_none_is_an_error():
    assert set(verdicts(results(redraws=2))) == {"undecided"}
    ds = results(redraws=2)
    ds["committed"][:] = 0
    with pytest.raises(ConfigError, match=r"no run at .*random_features.* is finished"):
        experiment.figure(ds)


def test_parts_of_the_smoke_variant_add_up_and_the_widest_interpolates(finished):
    _, ds = finished("bias_variance")
    assert ds["components"].shape == (6, 1, 7, 3, 3)
    parts = ds["squared_bias"].values + ds["components"].values.sum(2)
    np.testing.assert_allclose(parts, ds["risk"].values, rtol=1e-9)
    # Without a ridge, twice as many features as examples interpolate.
    assert ds["training_error"].values[0, 0, 0, -1] < 1e-15


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": 1}, "config.members = 1 must be an integer of at least 2"),
        ({"num_test": 0}, "config.num_test = 0 must be an integer"),
        ({"mlp.num_train": 0}, "config.mlp.num_train = 0 must be an integer"),
        ({"mlp.dimension": 1}, "config.mlp.dimension = 1 must be an integer of at least 2"),
        ({"mlp.noise_variance": -0.1}, r"config.mlp.noise_variance = -0.1 must be in \[0"),
        ({"mlp.widths": (3, 1, 8)}, "config.mlp.widths = .* must be ascending"),
        ({"mlp.steps": (0, 30, 100)}, "config.mlp.steps: each = 0 must be an integer"),
        ({"mlp.learning_rate": 0.0}, "config.mlp.learning_rate = 0.0 must be in"),
        ({"mlp.widths": (1, 2, 3, 4)}, "config.mlp has 4 widths and 3 steps"),
        ({"random_features.ridges": (0.0, -0.1, 0.1)}, "config.random_features.ridges: each = -0.1 must be in"),
        ({"random_features.ridges": (0.01, 0.1, 1.0)}, "config.random_features.ridges = .* must begin with 0"),
        ({"random_features.ratios": (0.5, 1.5, 3.0)}, "config.random_features.ratios = .* hold 1.0 between others"),
        ({"mlp.steps": (10, 10, 100)}, "config.mlp.steps = .* must be ascending: the claims are about"),
        ({"random_features.ridges": (0.0, 0.1)}, "config.random_features.ridges = .* must hold at least 3 values"),
        ({"axes": (("learner", ("cnn",)), ("seed", (0,)))}, "each learner = 'cnn' must be one of random_fe"),
        ({"axes": (("learner", ("random_features", "mlp")), ("seed", (-1,)))}, "each seed = -1 must be an integer"),
    ],
)
def test_bad_configs_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        plan(smoke_config("bias_variance", **changes))


def test_one_learner_can_be_computed_alone():
    axes = {"learner": ("mlp",), "seed": (0, 1)}
    assert "2 runs in 1 chunks" in plan(config_file.get_config(), axes=axes).summary()


def no_effect(random, shape="flat", redraws=40):
    """Every part of the variance has one shape with the peak elsewhere, or none; averages are as good as one fit."""
    config = config_file.get_config().to_dict()
    levels, size = len(config["random_features"]["ridges"]), len(config["random_features"]["ratios"])
    runs = 2 * redraws
    parts = curves(random, shape, runs, len(PARTS), levels, size)
    bias = curves(random, shape, runs, levels, size)
    recorded = {"risk": bias + parts.sum(axis=1), "squared_bias": bias, "components": parts}
    names = ("ensemble_risk", "bagged_risk", "training_error")
    recorded |= {name: curves(random, shape, runs, levels, size, height=8.0) for name in names}
    points = {"learner": np.repeat(["random_features", "mlp"], redraws), "seed": np.tile(np.arange(redraws), 2)}
    return made_redraws(points, recorded, config)


COUNTS = [FEW, pytest.param(MANY, marks=pytest.mark.slow)]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_noise_alone_supports_no_primary_claim(shape, count):
    rates = false_support(experiment.verdict, lambda random: no_effect(random, shape), count)
    true = "nothing" if shape == "flat" else "falls with width"
    assert too_often(rates, count, but=true) == {}
