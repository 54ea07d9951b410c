"""The verdict follows the data; closed forms against label draws and against the learner; the folder resumes."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.priors import benign_gp as config_file
from gendyn import regression
from gendyn.core import ConfigError, stream
from gendyn.experiments import plan
from gendyn.experiments.priors import benign_gp as experiment
from gendyn.tasks import INDEPENDENT_NOISE_KINDS, corrupted_samples, digits, label_probabilities, uniform_incorrect
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.made import made_redraws
from tests.experiments.smoke import smoke_config

program = importlib.import_module("gendyn.experiments.priors.benign_gp.program")
SEEDS = 12
(
    FIT,
    FALL,
    FIT_SCRAMBLED,
    STRUCTURE,
    ABOVE,
    EVIDENCE,
    EXACT_ANY,
    EXACT_INCORRECT,
    CHANCE,
    LEFT_OUT,
    FIT_RANDOM,
    CHOSEN,
    BETTER,
    LAPLACE_FIT,
    LAPLACE_FALL,
    COINS,
    FEW_IMAGES,
) = range(17)


def results(**changes):
    """Redraws of an ideal process; ``changes``: name -> function of its array ``[2, S, levels, ...]``."""
    config = config_file.get_config("").to_dict()
    rates = np.array(config["corruption"])
    random = np.random.default_rng(0)
    lines = np.stack([0.1 + 0.88 * (1 - rates**1.5), 0.05 + 0.93 * (1 - rates)])[:, None]
    true = np.broadcast_to(lines, (2, SEEDS, len(rates)))
    lucky = np.stack([np.full_like(true[0], 0.1), (1 - true[1]) / 9])
    evidence = np.broadcast_to(-1.0 - 20 * rates - 10 * rates**0.5, true.shape)
    two = {
        "train_accuracy": (np.ones_like(true), np.clip(true, 0.2, 1)),
        "test_accuracy": (true, np.where(rates == 1, true, true + 0.1)),
        "evidence": (evidence, evidence / 2),
        "mean_evidence": (evidence, evidence / 2),
        "expected_evidence": (evidence, evidence / 2),
        "left_out_true": (true, true),
        "left_out_told": ((1 - rates) * true + rates * lucky,) * 2,
        "jitter": (np.zeros_like(true),) * 2,
    }
    arrays = {name: np.stack(pair, axis=-1) for name, pair in two.items()} | {
        "laplace_train_accuracy": np.ones_like(true),
        "laplace_test_accuracy": true,
        "laplace_evidence": np.broadcast_to(-0.2 - 0.8 * rates, true.shape),
        "scrambled_train_accuracy": np.ones((2, SEEDS, 2)),
        "scrambled_test_accuracy": np.full((2, SEEDS, 2), 0.12),
        "few_accuracy": np.broadcast_to(np.array([0.6, 0.5, 0.55]), (2, SEEDS, 3, 3)),
    }
    variables = {}
    for name, array in arrays.items():
        exact = name.endswith("train_accuracy") or name in ("expected_evidence", "left_out_true")
        noise = 0.0 if exact else 1e-3 * random.normal(size=(2, SEEDS, *[1] * (array.ndim - 2)))
        array = changes.get(name, lambda same: same)(array * (1.0 + noise))
        variables[name] = array.reshape(2 * SEEDS, *array.shape[2:])
    points = {"noise_kind": np.repeat(INDEPENDENT_NOISE_KINDS, SEEDS), "seed": np.tile(np.arange(SEEDS), 2)}
    return made_redraws(points, variables, config)


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def shifted(index, by):
    def change(array):
        array[index] += by
        return array

    return change


def test_every_claim_is_conditional_on_the_pilots_priors():
    for found in experiment.verdict(results())[:FEW_IMAGES]:
        assert found.claim.endswith(", given this pilot's priors.")
        assert found.detail.startswith("Given the priors of pilot seed 0; intervals are over redraws, not over pilots.")


def test_an_ideal_process_supports_every_claim():
    assert verdicts(results()) == ["supported"] * 17


@pytest.mark.parametrize(
    ("refuted", "changes"),
    [
        # What does not fit random labels is no answer to whether what fits them generalises.
        ({FIT, STRUCTURE}, {"train_accuracy": shifted(np.s_[0, :, 7, 0], -0.05)}),
        ({FIT, STRUCTURE, FIT_RANDOM, CHOSEN}, {"train_accuracy": shifted(np.s_[0, :, -1, 0], -0.05)}),
        ({FIT_SCRAMBLED, STRUCTURE}, {"scrambled_train_accuracy": shifted(np.s_[0, :, 1], -0.05)}),
        ({STRUCTURE}, {"scrambled_test_accuracy": shifted(np.s_[0, :, 0], 0.5)}),
        ({FEW_IMAGES}, {"few_accuracy": shifted(np.s_[0, :, 1, 2], 0.1)}),
        ({CHOSEN}, {"train_accuracy": shifted(np.s_[0, :, -1, 1], 0.5)}),
        ({FALL}, {"test_accuracy": shifted(np.s_[0, :, 3, 0], -0.2)}),
        ({ABOVE}, {"test_accuracy": shifted(np.s_[0, ..., 0], -np.sin(np.pi * np.linspace(0, 1, 11)) / 4)}),
        ({CHANCE}, {"test_accuracy": shifted(np.s_[0, :, -1, 0], 0.03)}),
        ({BETTER}, {"test_accuracy": shifted(np.s_[0, :, 5, 1], -0.2)}),
        ({EVIDENCE}, {"evidence": shifted(np.s_[0, :, 3, 0], -9.0)}),
        ({EXACT_ANY}, {"mean_evidence": shifted(np.s_[0, :, -1, 0], 1.5)}),
        ({EXACT_INCORRECT}, {"mean_evidence": shifted(np.s_[1, :, -1, 0], 1.5)}),
        ({LEFT_OUT}, {"left_out_told": shifted(np.s_[1, :, -1, 0], 0.05)}),
        ({LAPLACE_FIT}, {"laplace_train_accuracy": shifted(np.s_[0, :, 7], -0.05)}),
        ({LAPLACE_FALL}, {"laplace_evidence": shifted(np.s_[0, :, 3], -0.2)}),
        ({COINS}, {"laplace_evidence": shifted(np.s_[0, :, :], 0.5)}),
    ],
)
def test_each_claim_is_refuted_by_its_own_numbers(refuted, changes):
    found = verdicts(results(**changes))
    assert {index for index, verdict in enumerate(found) if verdict == "refuted"} == refuted


def no_effect(random):
    """No level differs from the one before it, labels are fitted at the limit, and models are alike on few images."""

    def scattered(level, deviation=0.02):
        return lambda array: level + deviation * random.normal(size=array.shape)

    return results(
        train_accuracy=lambda array: np.where(np.arange(2), 0.5, 0.99) + 0.005 * random.normal(size=array.shape),
        test_accuracy=scattered(0.5),
        evidence=scattered(-10.0, 1.0),
        scrambled_test_accuracy=lambda array: scattered(0.02)(array),
        few_accuracy=scattered(0.5, 0.05),
    )


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_supports_no_primary_claim(count):
    assert too_often(false_support(experiment.verdict, no_effect, count), count) == {}


def test_scrambled_images_keep_their_pixels_and_lose_their_places():
    controls = importlib.import_module("gendyn.experiments.priors.benign_gp.controls")
    x = jnp.tile(jnp.arange(64.0), (5, 1))
    mixed = np.asarray(controls.scramble(jnp.uint32(3), x))
    np.testing.assert_allclose(np.sort(mixed, axis=1), x)
    assert len(np.unique(mixed, axis=0)) == 5
    np.testing.assert_array_equal(mixed, controls.scramble(jnp.uint32(3), x))


def test_class_means_and_few_models_are_measured_on_one_kind(finished):
    _, ds = finished("benign_gp")
    few, kinds = ds["few_accuracy"].values[:, 0], ds["noise_kind"].values
    assert np.isnan(few[kinds == "uniform_incorrect"]).all() and few.shape == (4, 2, 3)
    for row in np.flatnonzero(kinds == "uniform_any"):
        keys = [stream(jax.random.key(jnp.uint32(ds["seed"].values[row])), "redraw")]
        with jax.enable_x64(True):
            labels = {"rates": (0.0, 0.5, 1.0), "kind": "uniform_any", "num_draws": 1 + program.LABEL_DRAWS}
            drawn = corrupted_samples(digits(), keys, num_train=60, num_test=100, **labels)
        x, y, at, truth = (np.asarray(each[0]) for each in (drawn.x, drawn.labels, drawn.x_test, drawn.y_test))
        means = {label: x[:20][y[:20] == label].mean(axis=0) for label in np.unique(y[:20])}
        away = np.stack([np.sum((at - mean) ** 2, axis=1) for mean in means.values()])
        nearest = np.array(list(means))[away.argmin(axis=0)]
        assert few[row, 1, 2] == pytest.approx(np.mean(nearest == truth), abs=1e-6)


def test_two_redraws_decide_nothing_nor_do_scattered_ones():
    ds = results()
    few = ds.isel(run=np.flatnonzero(ds["seed"].values < 2))
    assert set(verdicts(few)) == {"undecided"}
    scatter = np.random.default_rng(1).normal(0.0, 0.05, SEEDS)
    assert verdicts(results(test_accuracy=shifted(np.s_[0, :, -1, 0], scatter)))[CHANCE] == "undecided"


@pytest.fixture(scope="module")
def small():
    """Two draws of digits, two priors, and their records; of the smoke variant's sizes, whose programs they share."""
    config = smoke_config("benign_gp")
    labels = {"rates": config.corruption, "kind": "uniform_incorrect", "num_draws": 1 + program.LABEL_DRAWS}
    with jax.enable_x64(True):
        keys = [stream(jax.random.key(seed), "redraw") for seed in jnp.uint32([3, 4])]
        redraws = corrupted_samples(digits(), keys, num_train=config.num_train, num_test=config.num_test, **labels)
        start = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), program.REGRESSION.init())
        priors = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf, leaf + 0.3]), start)
        records = program.regress(priors, redraws)
    return redraws, priors, {name: np.asarray(value) for name, value in records.items()}


def test_records_are_those_of_the_learner(small):
    redraws, priors, records = small

    @jax.jit
    def learn(params, x, told, x_test):
        posterior = regression.gp_label_regression(program.REGRESSION, params, x, told, 10)
        points = jnp.concatenate([x_test, x])
        return posterior.log_evidence, regression.gp_predict(program.REGRESSION, params, posterior, points).mean

    for level, prior in ((1, 0), (2, 1)):
        with jax.enable_x64(True):
            params = jax.tree.map(lambda leaf, at=prior * level: leaf[at], priors)
            told = redraws.told[1, level, 0]
            evidence, means = learn(params, redraws.x[1], told, redraws.x_test[1])
        found = np.asarray(means).argmax(axis=1)
        assert records["evidence"][1, level, prior] == pytest.approx(float(evidence) / 60, rel=1e-10)
        test, train = np.mean(found[:100] == np.asarray(redraws.y_test)[1]), np.mean(found[100:] == np.asarray(told))
        assert records["test_accuracy"][1, level, prior] == pytest.approx(test)
        assert records["train_accuracy"][1, level, prior] == pytest.approx(train)


def test_the_exact_mean_of_the_evidence_is_that_of_many_corruptions(small):
    redraws, priors, records = small
    labels, many = redraws.labels[1], jax.random.split(jax.random.key(0), 2000)

    @jax.jit
    def evidences(params, x):
        told = jax.vmap(lambda key: uniform_incorrect(key, labels, 0.5, 10, 60))(many)
        chances = label_probabilities("uniform_incorrect", labels, 0.5, 10)
        return regression.gp_corrupted_labels(program.REGRESSION, params, x, told, chances).log_evidence / 60

    with jax.enable_x64(True):
        each = np.asarray(evidences(jax.tree.map(lambda leaf: leaf[0], priors), redraws.x[1]))
    error = each.std() / np.sqrt(len(each))
    assert abs(each.mean() - records["expected_evidence"][1, 1, 0]) < 4 * error
    assert abs(records["evidence"][1, 0, 0] - records["expected_evidence"][1, 1, 0]) > 100 * error
    # Of labels that are certain it is the evidence itself.
    np.testing.assert_allclose(records["expected_evidence"][:, 0], records["evidence"][:, 0], rtol=1e-10)


def test_corruption_costs_accuracy_and_the_chosen_prior_has_more_evidence(finished):
    _, ds = finished("benign_gp")
    accuracy = ds["test_accuracy"].values[:, 0, :, 0]
    assert np.all(accuracy[:, 0] > 0.7) and np.all(accuracy[:, -1] < 0.4)
    assert np.all(ds["evidence"].values[:, 0, 1:, 1] > ds["evidence"].values[:, 0, 1:, 0])
    assert np.all(ds["prior"].values > 0) and ds["prior"].shape == (4, 1, 3, 4)


def test_variants_have_the_data_of_their_names():
    assert config_file.get_config("cifar10").classes == (0, 1) and config_file.get_config("mnist5k").data == "mnist5k"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_train": 0}, "config.num_train = 0 must be an integer of at least 1"),
        ({"num_train": 1001}, "asks for 1001 training and 100 test images; 'digits' has 1000 and 797"),
        ({"few": (10, 100)}, r"config.few = \(10, 100\) must not exceed num_train = 60"),
        ({"few": (20, 10)}, "must be ascending: more images"),
        ({"num_binary": 300}, "asks for 300 training and 50 test images of two classes"),
        ({"corruption": (0.0, 0.5, 1.2)}, r"config.corruption: each = 1.2 must be in \[0, 1\]"),
        ({"corruption": (0.0, 1.0)}, "must ascend from 0 to 1 and hold 0.5"),
        ({"corruption": (0.0, 1.0, 0.5)}, "must ascend from 0 to 1 and hold 0.5"),
        ({"classes": (3, 10)}, r"classes = \(3, 10\) must be at least two different ones of the 10 of 'digits'"),
        ({"binary_classes": (3, 5, 8)}, "must be two classes"),
        ({"data": "digit"}, "there is no 'digit'. Did you mean 'digits'"),
        ({"data": "modular_arithmetic"}, "has no images with classes"),
        ({"data": "cifar10"}, "no folder given"),
        ({"axes": (("noise_kind", ("uniform_any",)),)}, "noise_kind = .* must be uniform_any, uniform_incorrect: the"),
        ({"axes": (("noise_kind", ("uniform_an",)),)}, "Did you mean 'uniform_any'"),
    ],
)
def test_bad_configs_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        plan(smoke_config("benign_gp", **changes))
