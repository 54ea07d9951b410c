"""The verdict follows the data; the programs descend on the losses they say."""

import jax
import numpy as np
import pytest

from configs.linear_models import implicit_bias as config_file
from gendyn.core import ConfigError
from gendyn.experiments import plan
from gendyn.experiments.linear_models import implicit_bias as experiment
from gendyn.experiments.linear_models.implicit_bias.program import (
    descend_logistic,
    descend_squared,
    network_steps,
    steps_of,
)
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.made import made_redraws
from tests.experiments.smoke import smoke_config

SEEDS = 12
DESCENT, MOMENTUM, FITTED, ADAM, START, STOCHASTIC, STOCHASTIC_MOVED, SAME_NORM, DECAYS = range(9)
FLOW, AT_EVERY_TIME, STOPS, AT_BEST, LATE, LATE_MOMENTUM, RATE, KEEPS, PREFERS = range(9, 18)
GROWS, LEVEL, BENIGN, HARMFUL = range(18, 22)


def results(**changes):
    """Redraws that follow the closed forms to 0.1 %; ``changes``: name -> function of its array."""
    config = config_file.get_config("").to_dict()
    linear, late = steps_of(config)
    scales, random = np.array(config["initial_scales"]), np.random.default_rng(0)
    plain, methods = len(scales), len(scales) + 4 + len(config["adam_learning_rates"])
    distance = np.full((SEEDS, methods, len(linear)), 1e-9)
    distance[:, 1:plain] = 0.5
    distance[:, plain + 1 :] = 0.6
    distance[:, -2] = 1e-9
    networks = np.array(network_steps(config), float)
    fits = np.exp(-np.arange(len(linear)) / 2.0)
    norm = np.tile(np.linspace(0.5, 1.0, len(linear)), (SEEDS, methods, 1))
    norm[:, plain - 1], norm[:, -3] = 1.2, np.linspace(1.2, 0.6, len(linear))
    share = config["mixture"]["num_flipped"] / config["mixture"]["num_examples"]
    logs = np.stack([np.log(config[problem]["learning_rate"] * late) for problem in ("wide", "narrow")])
    late_angle = np.broadcast_to(1.0 / (5.0 * logs + 7.0), (SEEDS, *logs.shape))
    angle = np.stack([np.arctan(late_angle), np.arctan(late_angle), np.full_like(late_angle, 0.6)], axis=2)
    late_share = np.broadcast_to(0.98, late_angle.shape)
    risk = 1.0 + 0.1 * (np.log10(linear) - 2) ** 2
    arrays = {
        "distance": distance,
        "final_distance": np.tile(np.append(0.8 * scales, np.ones(methods - plain)), (SEEDS, 1)),
        "residual": np.full((SEEDS, methods), 1e-9),
        "fit": np.tile(fits, (SEEDS, methods, 1)),
        "norm": norm,
        "relu_loss": np.tile(np.geomspace(10.0, 1e-6, len(networks)), (SEEDS, 2, 1)),
        "relu_margin": np.stack(
            [np.tile(curve, (SEEDS, 1)) for curve in (np.log1p(networks), np.ones_like(networks))], 1
        ),
        "mixture_error": np.tile(share * np.array([0.9, 0.2, 0.05]), (SEEDS, 1)),
        "start_outside": np.tile(0.8 * scales, (SEEDS, 1)),
        "flow_distance": distance[:, 0],
        "flow_gap": np.full(SEEDS, 0.005),
        "flow_risk": np.tile(risk, (SEEDS, 1)),
        "descent_risk": np.tile(risk, (SEEDS, 1)),
        "ridge_risk": np.tile(risk, (SEEDS, 1)),
        "angle": angle,
        "late_angle": np.arctan(late_angle),
        "margin_share": np.stack([late_share, late_share, late_share - 0.3], axis=2),
        "late_margin_share": late_share,
        "sup_margin_share": np.stack([late_share - 0.5, late_share - 0.5, late_share], axis=2),
        "complete": np.ones((SEEDS, 2)),
    }
    variables = {}
    for name, array in arrays.items():
        jitter = 1.0 + (0.0 if name in ("final_distance", "start_outside", "complete") else 1e-3) * random.normal(
            size=(SEEDS, *[1] * (array.ndim - 1))
        )
        variables[name] = changes.get(name, lambda same: same)(array.copy() * jitter)
    return made_redraws({"seed": np.arange(SEEDS)}, variables, config)


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def at(index, factor):
    def change(array):
        array[index] *= factor
        return array

    return change


def by_a_power(angles):
    """The narrow problem's angles fall as a power of the step instead."""
    angles[:, 1] *= np.geomspace(1.0, 0.1, angles.shape[-1])
    return angles


def test_redraws_on_the_closed_forms_support_every_claim():
    assert verdicts(results()) == ["supported"] * 22


@pytest.mark.parametrize(
    ("refuted", "changes"),
    [
        ({DESCENT}, {"distance": at(np.s_[:, 0], 1e6)}),
        ({MOMENTUM}, {"distance": at(np.s_[:, 5], 1e6)}),
        ({ADAM}, {"distance": at(np.s_[:, 8], 0.1)}),
        ({FITTED, ADAM}, {"residual": at(np.s_[:, 6:8], 1e8)}),
        ({STOCHASTIC}, {"distance": at(np.s_[:, -2], 1e6)}),
        ({STOCHASTIC, STOCHASTIC_MOVED}, {"distance": at(np.s_[:, -1], 0.01)}),
        ({SAME_NORM}, {"norm": at(np.s_[:, 4, -1], 0.9)}),
        ({SAME_NORM, DECAYS}, {"norm": at(np.s_[:, -3, -1], 2.0)}),
        (
            {STOPS, AT_BEST},
            {"descent_risk": lambda risk: np.ones_like(risk), "ridge_risk": lambda risk: np.ones_like(risk)},
        ),
        (
            {GROWS, LEVEL},
            {
                "relu_margin": lambda same: (
                    same * np.stack([np.geomspace(1, 0.02, same.shape[-1]), np.ones(same.shape[-1])])
                )
            },
        ),
        (
            {LEVEL},
            {
                "relu_margin": lambda same: (
                    same * np.stack([np.ones(same.shape[-1]), np.geomspace(1, 3, same.shape[-1])])
                )
            },
        ),
        ({BENIGN}, {"mixture_error": at(np.s_[:, -1], 10.0)}),
        ({BENIGN, HARMFUL}, {"mixture_error": at(np.s_[:, 0], 0.1)}),
        ({START}, {"final_distance": at(np.s_[:, 2], 1.001)}),
        ({FLOW}, {"flow_gap": at(np.s_[:], 10.0)}),
        ({AT_EVERY_TIME}, {"descent_risk": at(np.s_[:, -1:], 2.0)}),
        ({AT_BEST}, {"descent_risk": at(np.s_[:], 1.1)}),
        ({LATE, KEEPS}, {"angle": at(np.s_[:, 0, 0], 1.04)}),
        ({LATE_MOMENTUM}, {"angle": at(np.s_[:, 0, 1], 0.96)}),
        ({RATE}, {"angle": by_a_power}),
        ({KEEPS}, {"angle": at(np.s_[:, 0, 2], 0.1)}),
        ({PREFERS}, {"sup_margin_share": at(np.s_[:, 0, 2], 0.3)}),
    ],
)
def test_each_claim_is_refuted_by_its_own_numbers(refuted, changes):
    found = verdicts(results(**changes))
    assert {index for index, verdict in enumerate(found) if verdict == "refuted"} == refuted


def test_few_redraws_and_wide_scatter_decide_nothing():
    ds = results()
    assert set(verdicts(ds.isel(run=slice(0, 2)))) == {"undecided"}
    scatter = np.random.default_rng(1).normal(1.02, 0.05, (SEEDS, 1))
    assert verdicts(results(angle=at(np.s_[:, 0, 0], scatter)))[LATE] == "undecided"
    assert verdicts(results(complete=at(np.s_[: SEEDS - 2], 0.0)))[LATE] == "undecided"


def test_redraws_whose_support_vectors_never_span_the_examples_are_refused():
    with pytest.raises(ConfigError, match=r"in none of 12 redraws.*Raise config.wide.num_features = 200, or add seeds"):
        experiment.verdict(results(complete=at(np.s_[:, 0], 0.0)))


def test_the_claim_about_adam_names_its_learning_rates():
    assert "at each of the learning rates 0.1, 0.01, 0.001." in experiment.verdict(results())[ADAM].claim


def test_the_linear_program_is_descent_on_half_the_mean_square():
    config = smoke_config("implicit_bias", num_examples=3, num_features=6, learning_rate=0.05, num_steps=7)
    config.initial_scales, config.adam_learning_rates = (0.0, 2.0), (0.01,)
    with jax.enable_x64(True):
        (x, y, teacher, shortest, path), found = jax.jit(lambda seed: descend_squared(config, seed))(5)
        x, y, teacher, shortest, path = map(np.asarray, (x, y, teacher, shortest, path))
    assert steps_of(config)[0].tolist() == list(range(1, 8))
    np.testing.assert_allclose(shortest, np.linalg.pinv(x) @ y, rtol=1e-9)
    w, velocity, heavy = np.zeros(6), np.zeros(6), np.zeros(6)
    for step in range(7):
        w = w - 0.05 * x.T @ (x @ w - y) / 3
        velocity = 0.9 * velocity + x.T @ (x @ heavy - y) / 3
        heavy = heavy - 0.05 * velocity
        np.testing.assert_allclose(path[step], w, rtol=1e-12)
    # The first step of Adam is the sign of the gradient.
    gap = 0.01 * np.sign(x.T @ y) - shortest
    assert found["distance"][3, 0] == pytest.approx(np.linalg.norm(gap) / np.linalg.norm(shortest), rel=1e-5)
    assert found["final_distance"][2] == pytest.approx(np.linalg.norm(heavy - shortest), rel=1e-10)
    ridge = np.linalg.solve(x.T @ x + 3 / 0.35 * np.eye(6), x.T @ y)
    assert found["ridge_risk"][-1] == pytest.approx(np.sum((ridge - teacher) ** 2), rel=1e-10)


def test_the_logistic_program_is_descent_on_the_summed_loss():
    config = smoke_config("implicit_bias", logistic_steps=8)
    config.wide.update(num_examples=3, num_features=8, margin=0.1, learning_rate=0.5, adam_learning_rate=0.01)
    with jax.enable_x64(True):
        signed, path = map(np.asarray, jax.jit(lambda seed: descend_logistic(config, "wide", seed))(4))
        w = np.zeros(8)
        for _ in range(8):
            w = w - 0.5 * np.asarray(jax.grad(lambda v: jax.numpy.sum(jax.nn.softplus(-signed @ v)))(w))
    np.testing.assert_allclose(path[-1, :, 0], w, rtol=1e-12)
    # Damped: a first step of a tenth; Adam's has the size of its rate.
    np.testing.assert_allclose(path[0, :, 1], 0.1 * path[0, :, 0], rtol=1e-12)
    np.testing.assert_allclose(np.abs(path[0, :, 2]), 0.01, rtol=1e-9)


def test_the_smoke_variant_is_near_its_closed_forms(finished):
    _, ds = finished("implicit_bias")
    np.testing.assert_allclose(ds["final_distance"][:, 0, 1:5], ds["start_outside"][:, 0, 1:], rtol=1e-2)
    angles = ds["angle"].values[:, 0, 0, 0, -1]
    np.testing.assert_allclose(angles, ds["late_angle"].values[:, 0, 0, -1], rtol=0.1)
    assert np.all(ds["margin_share"].values <= 1 + 1e-6) and np.all(ds["sup_margin_share"].values <= 1 + 1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_examples": 0}, "config.num_examples = 0 must be an integer of at least 1"),
        ({"num_features": 7}, "must exceed num_examples = 6 by at least 2"),
        ({"noise": -0.1}, r"config.noise = -0.1 must be in \[0, inf\)"),
        ({"momentum": 1.0}, r"config.momentum = 1.0 must be in \[0, 1\)"),
        ({"learning_rate": 0.0}, r"config.learning_rate = 0.0 must be in \(0, inf\)"),
        ({"initial_scales": (0.5, 1.0)}, "must begin with 0: each is compared with it"),
        ({"initial_scales": (0.0, 0.0)}, "must hold each value once"),
        ({"adam_learning_rates": (-1.0,)}, "config.adam_learning_rates: each = -1.0 must be in"),
        ({"num_records": 3}, "config.num_records = 3 must be an integer of at least 8"),
        ({"wide.num_features": 3}, "config.wide.num_features = 3 must be at least wide.num_examples = 4.* Raise it"),
        ({"wide.margin": -1.0}, "config.wide.margin = -1.0 must be in"),
        ({"axes": (("noise", (0.1,)),)}, "axis 'noise' is none of implicit_bias, .* Set --config.noise instead"),
    ],
)
def test_bad_configs_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        plan(smoke_config("implicit_bias", **changes))


def no_effect(random):
    """All methods end alike: at one solution, at one angle, with the same margins; nothing is gained by stopping."""
    ds = results(
        distance=lambda array: 0.05 * np.exp(0.3 * random.normal(size=array.shape)),
        angle=lambda array: 1.0 + 0.1 * random.normal(size=array.shape),
        margin_share=lambda array: 0.5 + 0.1 * random.normal(size=array.shape),
        sup_margin_share=lambda array: 0.5 + 0.1 * random.normal(size=array.shape),
        descent_risk=lambda array: (
            np.exp(0.1 * random.normal(size=(SEEDS, 1))) * (1 + 1e-3 * random.normal(size=array.shape))
        ),
        ridge_risk=lambda array: (
            np.exp(0.1 * random.normal(size=(SEEDS, 1))) * (1 + 1e-3 * random.normal(size=array.shape))
        ),
    )
    return ds


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_alone_supports_no_primary_claim(count):
    assert too_often(false_support(experiment.verdict, no_effect, count), count) == {}
