"""The kernel is the sum it stands for, the fit is the penalised one; the verdict follows the data."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.priors import benign_polynomial as config_file
from gendyn.core import ConfigError
from gendyn.experiments import launch, plan
from gendyn.experiments.priors import benign_polynomial as experiment
from gendyn.experiments.priors.benign_polynomial import drawing, tables
from gendyn.regression import order_penalty
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.made import made_redraws
from tests.experiments.smoke import smoke_config

PROGRAM = importlib.import_module("gendyn.experiments.priors.benign_polynomial.program")
# Three findings for each law of the inputs and basis, then all three at the reference, anywhere, kernel, expectation.
SIMPLE, COMPLEX, NOISE, REFERENCE, ANYWHERE, KERNEL, EXPECTED = 0, 1, 2, 12, 13, 14, 15


def results(monkeypatch, folder, *, simple=0.01, noise=0.01, at_smallest=None, gap=1e-9, expected=1.0, seeds=12):
    """Errors as told, the same everywhere but ``at_smallest``, what is left of noise at the last sigma."""

    def redraw(config, chosen, *, inputs, basis, half_width, num_train):
        random = np.random.default_rng(int(10 * half_width))
        scatter = np.exp(0.05 * random.normal(size=(len(chosen), 1)))
        left = np.full((len(chosen), len(config.sigmas)), noise)
        left[:, -1] = noise if at_smallest is None else at_smallest
        test = scatter * simple
        rows = np.stack([np.broadcast_to(test, left.shape), np.broadcast_to(0.5 * test, left.shape), left * scatter], 1)
        exact = np.sqrt(np.mean((left * scatter) ** 2, axis=0, keepdims=True)) * np.ones_like(left) * expected
        rest = {"kernel_gap": np.full(len(chosen), gap), "smallest_singular_value": np.ones(len(chosen))}
        return {"train_rmse": rows, "test_rmse": rows, "expected_rmse": exact} | rest

    monkeypatch.setattr(PROGRAM, "_redraw", redraw)
    config = smoke_config("benign_polynomial", runs_at_once=seeds)
    axes = dict(config.axes) | {"num_train": (5,), "seed": range(seeds)}
    return launch(config, folder / "made", axes=axes, quiet=True)


def drawn_inputs(inputs, half_width, count):
    with jax.enable_x64(True):
        arrays = (jnp.float64(half_width), jnp.float64(count))
        drawn = PROGRAM.draw(jnp.uint32(2), inputs, *arrays, 5, jnp.linspace(-1, 1, 3))
        return PROGRAM.Drawn(*(np.asarray(each) for each in drawn))


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_benign_overfitting_is_supported_and_its_parts_refuted_one_by_one(monkeypatch, tmp_path):
    assert verdicts(results(monkeypatch, tmp_path / "all")) == ["supported"] * 16
    found = verdicts(results(monkeypatch, tmp_path / "noise", noise=0.5))
    assert (found[SIMPLE], found[COMPLEX], found[NOISE]) == ("supported", "supported", "refuted")
    assert found[REFERENCE] == found[ANYWHERE] == "refuted"
    found = verdicts(results(monkeypatch, tmp_path / "simple", simple=0.08))
    assert (found[SIMPLE], found[COMPLEX], found[NOISE]) == ("refuted", "supported", "supported")


def test_noise_that_only_a_smaller_sigma_fits_is_told_from_noise_that_the_reference_fits(monkeypatch, tmp_path):
    ds = results(monkeypatch, tmp_path, noise=0.5, at_smallest=0.001)
    found = experiment.verdict(ds)
    assert (found[REFERENCE].verdict, found[ANYWHERE].verdict) == ("refuted", "supported")
    assert "sigma 1e-08" in found[ANYWHERE].detail
    made = experiment.figure(ds)
    assert len(made.axes) == 6 and "sigma 0.001" in made._supxlabel.get_text()


def test_the_best_place_is_chosen_on_redraws_that_do_not_judge_it(monkeypatch, tmp_path):
    """Noise that is fitted by the redraws that choose and not by the others: the best place does not have all three."""
    ds = results(monkeypatch, tmp_path)
    assert experiment.verdict(ds)[ANYWHERE].detail.startswith("Best on 6 redraws:")
    ds["train_rmse"].values[ds["seed"].values % 2 == 1] = 0.5
    found = experiment.verdict(ds)
    assert (found[REFERENCE].verdict, found[ANYWHERE].verdict) == ("refuted", "refuted")
    assert found[ANYWHERE].effect == pytest.approx(0.5 / tables.FITTED)


def test_wrong_closed_forms_are_seen_and_few_redraws_decide_nothing(monkeypatch, tmp_path):
    found = verdicts(results(monkeypatch, tmp_path, gap=1e-3, expected=1.5))
    assert found[KERNEL] == found[EXPECTED] == "refuted" and found[NOISE] == "supported"
    assert set(verdicts(results(monkeypatch, tmp_path / "few", seeds=2))) == {"undecided"}


def test_the_basis_of_the_source_is_primary_and_a_fit_without_noise_has_no_interval(monkeypatch, tmp_path):
    found = experiment.verdict(results(monkeypatch, tmp_path))
    assert {each.role for each in found if "monomial basis" in each.claim} == {"primary"}
    assert {each.role for each in found if "chebyshev basis" in each.claim} == {"exploratory"}
    assert [found[i].role for i in (KERNEL, EXPECTED)] == ["check", "check"]
    assert "One data set" not in found[SIMPLE].detail


def no_effect(random):
    """Errors of the default's redraws whose medians, and what is left of noise, are at the limits."""
    config = config_file.get_config("").to_dict()
    seeds, places = 150, [(inputs, basis) for inputs in ("equispaced", "random") for basis in ("chebyshev", "monomial")]
    runs = len(places) * seeds
    rows = np.exp(0.5 * random.normal(size=(runs, 3, 8))) * tables.LIMITS[:, None]
    rows[:, 2] = tables.FITTED * np.exp(0.5 * random.normal(size=(runs, 8)) - 0.25)
    points = {
        "inputs": np.repeat([place[0] for place in places], seeds),
        "basis": np.repeat([place[1] for place in places], seeds),
        "half_width": np.full(runs, 1.4),
        "num_train": np.full(runs, 20),
        "seed": np.tile(np.arange(seeds), len(places)),
    }
    exact = {"expected_rmse": np.full((runs, 8), tables.FITTED), "kernel_gap": np.full(runs, 1e-9)}
    return made_redraws(points, {"train_rmse": rows, "test_rmse": rows} | exact, config)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_supports_no_primary_claim(count):
    assert too_often(false_support(experiment.verdict, no_effect, count), count) == {}


@pytest.mark.parametrize("count", [4, 5])
def test_the_program_is_the_penalised_fit_and_the_expectation_is_over_noise(finished, count):
    """With 4 of 5 rows used too: the last one is padding."""
    _, ds = finished("benign_polynomial")
    chosen = (ds["inputs"] == "random") & (ds["basis"] == "monomial") & (ds["seed"] == 2)
    row = ds.isel(run=np.flatnonzero((chosen & (ds["num_train"] == count)).values)[0], record=0)
    drawn = drawn_inputs("random", 1.4, count)
    x, y = drawn.x[:count], drawn.y[:count]
    powers = x[:, None] ** np.arange(21)
    gram = powers / order_penalty(20) @ powers.T
    for index, sigma in enumerate((0.1, 0.01)):
        hat = np.linalg.solve(gram + sigma**2 * np.eye(count), gram)
        left = np.sqrt(np.mean((y - hat @ y) ** 2, axis=0)) / drawn.size
        np.testing.assert_allclose(row["train_rmse"][:, index], left, rtol=1e-6)
        expected = np.sqrt(np.mean(np.sum((np.eye(count) - hat) ** 2, axis=1)))
        assert float(row["expected_rmse"][index]) == pytest.approx(expected, rel=1e-6)
    assert float(row["smallest_singular_value"]) ** 2 == pytest.approx(np.linalg.eigvalsh(gram)[0], rel=1e-3)
    assert float(ds["kernel_gap"].max()) < 1e-6


def test_equispaced_inputs_have_both_ends_and_targets_are_as_said():
    drawn = drawn_inputs("equispaced", 1.2, 4)
    np.testing.assert_allclose(drawn.x[:4], 1.2 * np.linspace(-1, 1, 4), atol=1e-12)
    np.testing.assert_allclose(drawn.y[:, 0], drawn.x + np.cos(np.pi * drawn.x))
    np.testing.assert_allclose(drawn.y[:, 1], np.sin(drawn.x) * np.cos(drawn.x**2))
    assert np.all(drawn.truth[:, 2] == 0) and drawn.size[2] == pytest.approx(1.0)


def test_the_shown_fit_is_the_kernels_and_its_band_narrows_at_the_data():
    smoke = smoke_config("benign_polynomial")
    config = {name: smoke[name] for name in ("order", "sigma", "half_width", "num_train", "inputs")}
    grid, drawn, fits = drawing.shown_fits(config)
    near = np.abs(grid[:, None] - np.asarray(drawn.x)).min(axis=1)
    for means, deviation, by_kernel in fits.values():
        np.testing.assert_allclose(means, by_kernel, atol=1e-4)
        assert deviation[near < 1e-9].max() < 0.01 < deviation[near > 0.2].min()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order": 0}, "config.order = 0 must be an integer of at least 1"),
        ({"sigmas": (0.0, 1e-3)}, r"each = 0.0 must be in \(0, inf\)"),
        ({"sigma": 1e-9}, r"config.sigma = 1e-09 must be in \[1e-06, inf\)"),
        ({"sigma": 0.5}, "config.sigma = 0.5, the reference, must be one of"),
        ({"half_width": 0.3}, "config.half_width = 0.3, the reference, must be one of"),
        ({"inputs": "gaussian"}, "config.inputs = 'gaussian' must be one of equispaced, random"),
        ({"num_train": 3}, "config.num_train = 3, the reference, must be one of"),
        ({"axes": {"num_train": (1,)}}, "each num_train = 1 must be an integer of at least 2"),
        ({"axes": {"half_width": (1.4, 3.0)}}, r"each half_width = 3.0 must be in \(0, 2\]"),
        ({"axes": {"basis": ("monomial",)}}, "basis = .* must be chebyshev, monomial: the claims compare them"),
        ({"axes": {"inputs": ("equispaced",)}}, "inputs = .* must be equispaced, random: the claims compare them"),
    ],
)
def test_bad_configs_are_refused(changes, message):
    config = smoke_config("benign_polynomial")
    config.update(changes | {"axes": tuple((dict(config.axes) | changes.get("axes", {})).items())})
    with pytest.raises(ConfigError, match=message):
        plan(config)


def test_a_reference_is_a_leaf_beside_its_axis():
    config = smoke_config("benign_polynomial", half_width=1.0)
    axes = dict(config.axes) | {"half_width": (1.0, 1.2)}
    planned = plan(config, axes=axes).summary()
    assert "half_width 1.0" in planned and "half_width 1.2" in planned
    assert set(dict(config.axes)) & set(config) == {"inputs", "half_width", "num_train"}
