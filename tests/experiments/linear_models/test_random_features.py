"""The verdict follows the data; one redraw is least squares on the features it says."""

import json

import jax
import numpy as np
import pytest
import xarray

from configs.linear_models import random_features as config_file
from gendyn.core import ConfigError, stream
from gendyn.experiments import plan
from gendyn.experiments.linear_models import random_features as experiment
from gendyn.experiments.linear_models._sphere import sphere_risk
from gendyn.experiments.linear_models.random_features.program import DATA, problem, redraw
from tests.experiments.false_support import FEW, MANY, SHAPES, curves, false_support, too_often
from tests.experiments.made import made_redraws
from tests.experiments.smoke import smoke_config

RIDGELESS, RIDGE, PEAK, PLACE, NORM, NOISE, NO_PEAK, ENSEMBLE = range(8)
IMAGES = 6
"""Between the findings about the sphere and the same ones about images."""


def results(*, off=1.0, place=1.0, gain=1.0, ridge_peak=0.0, left=0.3, redraws=12, scatter=0.01):
    """Closed forms on the sphere and a like curve on images, scattered; ``place`` moves the ridgeless peak."""
    config = config_file.get_config().to_dict()
    ratios = np.array(config["ratios"])
    random = np.random.default_rng(0)
    empty = xarray.Dataset(attrs={"config": json.dumps(config), "axes": json.dumps(["data", "seed"])})
    exact = sphere_risk(ratios / place, config["sphere"], config["sphere"]["label_noise"])
    exact[:, 0, ratios == place] = np.array([[300.0], [500.0]])
    exact[:, -1] += ridge_peak * np.exp(-(np.log(ratios) ** 2) / 0.02)
    exact[-1, 0, ratios == 1] = exact[0, 0, ratios == 1] + gain * (exact[-1, 0] - exact[0, 0])[ratios == 1]
    points = [(data, seed) for data in DATA for seed in range(redraws)]
    risk = off * exact * np.exp(scatter * random.normal(size=(len(points), 1, 1, 1, len(ratios))))
    dims = ("run", "record", "noise", "ridge", "size")
    ds = empty.assign(
        risk=(dims, risk),
        ensemble_risk=(dims, left * risk),
        coefficient_norm=(dims, np.sqrt(risk)),
        test_error=(dims, risk / risk.max()),
        ensemble_test_error=(dims, left * risk / risk.max()),
        condition_number=(("run", "record", "size"), np.ones((len(points), 1, len(ratios)))),
    )
    data, seeds = zip(*points, strict=True)
    ones = ("run", np.ones(len(points), int))
    return ds.assign_coords(data=("run", list(data)), seed=("run", list(seeds)), committed=ones, step=("record", [0]))


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_closed_forms_are_supported():
    assert verdicts(results()) == ["supported"] * 14


@pytest.mark.parametrize(
    ("change", "refuted"),
    [
        ({"off": 1.1}, [RIDGELESS, RIDGE]),
        ({"place": 1.35}, [RIDGELESS, RIDGE, PLACE, NORM, PLACE + IMAGES, NORM + IMAGES]),
        ({"gain": 1e-5}, [NOISE, NOISE + IMAGES]),
        ({"ridge_peak": 1.0}, [RIDGE, NO_PEAK, NO_PEAK + IMAGES]),
        ({"left": 0.7}, [ENSEMBLE, ENSEMBLE + IMAGES]),
    ],
)
def test_each_claim_is_refuted_by_data_that_contradict_it(change, refuted):
    found = verdicts(results(**change))
    assert [found[i] for i in refuted] == ["refuted"] * len(refuted)
    if "place" not in change:
        others = set(range(14)) - set(refuted)
        assert {found[i] for i in others if i != ENSEMBLE} == {"supported"}


def test_too_few_or_too_different_redraws_decide_nothing():
    assert set(verdicts(results(redraws=2))) == {"undecided"}
    assert verdicts(results(scatter=0.07))[RIDGELESS] == "undecided"


def test_figure_has_the_closed_form_on_the_sphere_and_needs_a_finished_redraw():
    assert len(experiment.figure(results(redraws=3)).axes) == 6
    ds = results(redraws=3)
    ds["committed"][:] = 0
    with pytest.raises(ConfigError, match=r"no run at .*sphere.* is finished"):
        experiment.verdict(ds)


def test_one_redraw_is_minimum_norm_and_ridge_regression_on_prefixes_of_the_features(finished):
    _, stored = finished("random_features")
    config = smoke_config("random_features")
    sample, fits = problem(config, "images")
    with jax.enable_x64(True):
        key = jax.random.key(2)
        found = jax.jit(lambda key: redraw(config, key, "images"))(key)
        x, y, x_test, clean = jax.jit(sample)(stream(key, "data"))
        keys = jax.random.split(stream(key, "features"), config.members)
        draws = [
            tuple(np.asarray(fits["features"](k, points, max(fits["sizes"]))) for points in (x, x_test)) for k in keys
        ]
    y, clean = np.asarray(y), np.asarray(clean)
    outputs = clean.shape[1]
    for place, size in enumerate(fits["sizes"]):
        for level, penalty in enumerate(fits["penalties"][place]):
            predicted, norms = [], []
            for train, test in draws:
                augmented = np.concatenate([train[:, :size], np.sqrt(penalty) * np.eye(size)])
                solved = np.linalg.lstsq(augmented, np.concatenate([y, np.zeros((size, y.shape[1]))]), rcond=None)[0]
                predicted.append((test[:, :size] @ solved).reshape(len(test), -1, outputs))
                norms.append(np.sqrt(size * (solved**2).reshape(size, -1, outputs).sum((0, 2))))
            predicted = np.array(predicted)
            expected = {
                "risk": np.mean(np.sum((predicted - clean[:, None]) ** 2, -1), (0, 1)),
                "ensemble_risk": np.mean(np.sum((predicted.mean(0) - clean[:, None]) ** 2, -1), 0),
                "test_error": np.mean(predicted.argmax(-1) != clean.argmax(-1)[:, None], (0, 1)),
                "coefficient_norm": np.mean(norms, 0),
            }
            for name, value in expected.items():
                np.testing.assert_allclose(found[name][:, level, place], value, rtol=1e-6, err_msg=name)
                # The experiment stores the same: its runs are the sphere's three redraws, then those of images.
                np.testing.assert_allclose(stored[name][5, 0, :, level, place], value, rtol=1e-6, err_msg=name)
    assert np.argmax(found["condition_number"]) == 1


def test_penalties_are_in_the_units_of_their_closed_form_and_kernel():
    config = smoke_config("random_features")
    sphere, images = (problem(config, data)[1] for data in ("sphere", "images"))
    for place, size in enumerate((12, 24, 48)):
        np.testing.assert_allclose(sphere["penalties"][place], 24 * size * np.array(config.sphere.ridges) / 12)
        assert images["sizes"][place] == (15, 30, 60)[place]
        np.testing.assert_allclose(images["penalties"][place], images["sizes"][place] * np.array(config.images.ridges))


def test_images_have_both_kinds_of_features():
    # Of an input that is 0 only the bias is left.
    x = np.array([[1.0, 1.0], [0.0, 0.0]], np.float32)
    fourier, relu = (
        problem(smoke_config("random_features", **{"images.features": name}), "images")[1]["features"](
            jax.random.key(0), x, 50
        )
        for name in ("fourier", "relu")
    )
    assert float(fourier[0].min()) < 0 and float(relu.min()) == 0 and float(relu[1].max()) > 0


def test_the_smoke_variant_has_every_noise_penalty_and_size(finished):
    assert finished("random_features")[1]["risk"].shape == (6, 1, 2, 3, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": 1}, "config.members = 1 must be an integer of at least 2"),
        ({"sphere.num_train": 0}, "config.sphere.num_train = 0 must be an integer"),
        ({"sphere.ridges": (0.0, -1.0, 0.1)}, "config.sphere.ridges: each = -1.0 must be in"),
        ({"sphere.ridges": (0.1, 0.2, 0.3)}, "config.sphere.ridges = .* must begin with 0: the claims compare"),
        ({"sphere.ridges": (0.0, 0.2, 0.01)}, "config.sphere.ridges = .* must be ascending: the claims .* Sort them"),
        ({"images.label_noise": (0.2, 0.0)}, "config.images.label_noise = .* must be ascending"),
        ({"sphere.label_noise": (0.0, 0.5, 1.0)}, "as many label_noise as each other"),
        ({"images.label_noise": (0.0, 1.5)}, "config.images.label_noise: each = 1.5 must be in"),
        ({"images.num_train": 5000}, "config.images.num_train = 5000 must be in"),
        ({"images.features": "cosine"}, "config.images.features = 'cosine' must be one of fourier, relu"),
        ({"images.lengthscale": 0.0}, "config.images.lengthscale = 0.0 must be in"),
        ({"images.task": "linear_teacher"}, "config.images.task = 'linear_teacher' is a regression"),
        ({"ratios": (0.5, 2.0, 3.0)}, "config.ratios = .* hold 1.0 between others"),
        ({"sphere.ridges": (0.0,), "images.ridges": (0.0,)}, "config.sphere.ridges = .* must hold at least 2 values"),
        ({"axes": (("data", ("cube",)), ("seed", (0,)))}, "each data = 'cube' must be one of sphere, images"),
        ({"axes": (("data", ("sphere", "images")), ("seed", (0, -1)))}, "each seed = -1 must be an integer"),
        ({"ratios": (0.5, -1.0, 3.0)}, "config.ratios: each = -1.0 must be in"),
    ],
)
def test_bad_configs_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        plan(smoke_config("random_features", **changes))


def test_one_kind_of_data_can_be_computed_alone():
    config = smoke_config("random_features")
    assert "3 runs in 1 chunks" in plan(config, axes={"data": ("images",), "seed": (0, 1, 2)}).summary()
    assert "6 runs in 2 chunks" in plan(config).summary()


@pytest.mark.parametrize("variant", [name for name in config_file.get_config.functions if name != "smoke"])
def test_variants_are_sound(variant):
    plan(config_file.get_config(variant))


def no_effect(random, shape="flat", redraws=40):
    """Label noise, ridge and averages make no difference; curves have one shape with the peak elsewhere, or none."""
    config = config_file.get_config().to_dict()
    runs, sizes = redraws * len(DATA), (2, 3, len(config["ratios"]))
    names = ("risk", "ensemble_risk", "coefficient_norm", "test_error", "ensemble_test_error")
    recorded = {name: curves(random, shape, runs, *sizes) for name in names}
    recorded["condition_number"] = np.ones((runs, sizes[-1]))
    points = {"data": np.repeat(DATA, redraws), "seed": np.tile(np.arange(redraws), len(DATA))}
    return made_redraws(points, recorded, config)


COUNTS = [FEW, pytest.param(MANY, marks=pytest.mark.slow)]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_noise_alone_supports_no_primary_claim(shape, count):
    assert too_often(false_support(experiment.verdict, lambda random: no_effect(random, shape), count), count) == {}
