"""The evidence is that of a Gaussian, its expectation that over label noise; the verdict follows the data."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.priors import evidence_vs_order as config_file
from gendyn.core import ConfigError
from gendyn.experiments import launch, plan
from gendyn.experiments.priors import evidence_vs_order as experiment
from gendyn.regression import law_average
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.made import made_redraws
from tests.experiments.smoke import smoke_config

PROGRAM = importlib.import_module("gendyn.experiments.priors.evidence_vs_order.program")
# Of each basis, then two checks.
PEAK, RISE, NO_FALL, PREFERS, CHANGES, LEVELS = range(6)
SEQUENTIAL, EXPECTED = -2, -1
ORDERS = np.arange(7)


def results(monkeypatch, folder, *, isotropic, dependent, sequential=1e-12, bias=0.0, seeds=12, basis="monomial"):
    """A dataset of given mean evidences over orders 0 to 6, written and read by the real store."""

    def redraw(sizes, chosen, *, basis, prior, noise):
        random = np.random.default_rng(len(prior))
        curve = np.asarray(isotropic if prior == "isotropic" else dependent, float)
        evidence = curve + 0.1 * random.normal(size=(len(chosen), 1))
        expected = evidence - bias * sizes[0] + 0.02 * random.normal(size=evidence.shape)
        rest = {"sequential_error": np.full_like(evidence, sequential), "test_rmse": np.ones_like(evidence)}
        return {"log_evidence": evidence, "expected_log_evidence": expected} | rest

    monkeypatch.setattr(PROGRAM, "_redraw", redraw)
    config = smoke_config("evidence_vs_order", runs_at_once=seeds)
    axes = dict(config.axes) | {"basis": (basis,), "seed": range(seeds)}
    return launch(config, folder / "made", axes=axes, quiet=True)


PEAKED = [-60, -30, 0, 10, 5, 0, -5]
FLAT = [-60, -30, 0, 10, 10, 10, 9.9]


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_a_peak_and_a_plateau_are_supported(monkeypatch, tmp_path):
    ds = results(monkeypatch, tmp_path, isotropic=PEAKED, dependent=FLAT)
    found = experiment.verdict(ds)
    assert [each.verdict for i, each in enumerate(found) if i != PREFERS] == ["supported"] * 7
    assert found[PREFERS].verdict == "refuted" and found[PREFERS].role == "exploratory"
    assert found[PEAK].effect == pytest.approx(15.0) and "3 at 0.1" in found[PEAK].detail
    assert len(experiment.figure(ds).axes) == 3


def test_the_curves_exchanged_are_refuted(monkeypatch, tmp_path):
    found = verdicts(results(monkeypatch, tmp_path, isotropic=FLAT, dependent=PEAKED))
    assert {found[i] for i in (PEAK, NO_FALL, CHANGES, LEVELS)} == {"refuted"} and found[RISE] == "supported"


def test_an_evidence_that_falls_and_then_levels_off_is_told_from_one_that_never_falls(monkeypatch, tmp_path):
    found = verdicts(results(monkeypatch, tmp_path, isotropic=PEAKED, dependent=[-60, 10, 5, 2, 0, 0, 0]))
    assert found[NO_FALL] == "refuted" and found[LEVELS] == "supported"


def test_an_evidence_levels_off_only_where_that_of_the_isotropic_prior_does_not(monkeypatch, tmp_path):
    flat = [-60, -30, 0, 10, 0, 0, 0.0]
    found = experiment.verdict(results(monkeypatch, tmp_path, isotropic=flat, dependent=FLAT))
    assert found[PEAK].verdict == "supported" and found[LEVELS].verdict == "refuted"


def test_the_largest_fourier_model_is_preferred_where_it_beats_the_isotropic_priors_best(monkeypatch, tmp_path):
    rising = {"isotropic": PEAKED, "basis": "fourier"}
    found = experiment.verdict(results(monkeypatch, tmp_path, dependent=[-60, -30, 0, 10, 14, 16, 17], **rising))
    assert (found[PREFERS].verdict, found[PREFERS].role) == ("supported", "primary")
    assert found[PREFERS].effect == pytest.approx(7.0)
    # The exact expectation is checked in polynomial bases alone.
    assert len(found) == 7
    flat = experiment.verdict(results(monkeypatch, tmp_path / "flat", dependent=FLAT, **rising))
    assert flat[PREFERS].verdict == "refuted"


def no_effect(random):
    """Evidences that rise to the order of the target; then the isotropic prior's is flat, and the other's falls."""
    config = config_file.get_config("").to_dict()
    axes = dict(config["axes"]) | {"seed": range(60)}
    shape = tuple(map(len, axes.values()))
    steps = 0.5 * random.normal(size=(*shape, 26))
    steps[..., :4] = 40.0
    # A fall of 1 nat is the least that is worth mentioning.
    steps[:, 1, ..., 4:] -= 1.0 / 22
    evidence = steps.cumsum(axis=-1) + 30.0 * random.normal(size=(*shape[:1], 1, *shape[2:], 1))
    points = dict(zip(axes, map(np.ravel, np.meshgrid(*map(list, axes.values()), indexing="ij")), strict=True))
    recorded = {
        "log_evidence": evidence,
        "expected_log_evidence": evidence + random.normal(size=evidence.shape),
        "sequential_error": np.full_like(evidence, 1e-12),
    }
    return made_redraws(points, {name: value.reshape(-1, 26) for name, value in recorded.items()}, config)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_supports_no_primary_claim(count):
    assert too_often(false_support(experiment.verdict, no_effect, count), count) == {}


def test_a_flat_evidence_does_not_saturate(monkeypatch, tmp_path):
    found = verdicts(results(monkeypatch, tmp_path, isotropic=PEAKED, dependent=[0.0] * 7))
    assert found[RISE] == found[NO_FALL] == found[LEVELS] == "refuted"


def test_wrong_sums_and_expectations_are_seen_and_few_redraws_decide_nothing(monkeypatch, tmp_path):
    found = verdicts(results(monkeypatch, tmp_path, isotropic=PEAKED, dependent=FLAT, sequential=1e-7, bias=0.1))
    assert found[SEQUENTIAL] == found[EXPECTED] == "refuted" and found[PEAK] == "supported"
    assert set(verdicts(results(monkeypatch, tmp_path / "few", isotropic=PEAKED, dependent=FLAT, seeds=2))) == {
        "undecided"
    }


def test_fourier_models_have_a_cosine_and_a_sine_of_each_order():
    at, orders = PROGRAM.functions(jnp.array([0.5]), 3, "fourier")
    np.testing.assert_allclose(at, [[1.0, 0.0, 1.0, -1.0]], atol=1e-6)
    assert orders.tolist() == [0, 1, 1, 2]
    wide, _ = PROGRAM.functions(jnp.array([1.0]), 2, "fourier_wide")
    np.testing.assert_allclose(wide, [[1.0, 0.0, 1.0]], atol=1e-6)


def test_evidence_and_expectation_are_those_of_a_gaussian(finished):
    from scipy.stats import multivariate_normal

    _, ds = finished("evidence_vs_order")
    with jax.enable_x64(True):
        # The seeds and nodes of the smoke variant, whose program this is.
        seeds, nodes = jnp.arange(3, dtype=jnp.uint32), jnp.asarray(law_average("uniform", 64)[0])
        data = PROGRAM._data((12, 6, 3), "chebyshev", seeds, jnp.float64(0.1), nodes)
        design, clean, y = (np.asarray(each[1]) for each in data[:3])
    variances = np.where(ORDERS <= 4, 0.5**ORDERS, 0.0)
    covariance = design * variances @ design.T + 0.01 * np.eye(12)
    direct = multivariate_normal(np.zeros(12), covariance).logpdf(y)
    # By the mean misfit and the trace, where the program whitens by a Cholesky factor.
    scatter = -0.5 * 0.01 * np.trace(np.linalg.inv(covariance))
    expected = multivariate_normal(np.zeros(12), covariance).logpdf(clean) + scatter
    chosen = (
        (ds["basis"] == "chebyshev") & (ds["prior"] == "order_dependent") & (ds["noise"] == 0.1) & (ds["seed"] == 1)
    )
    row = ds.isel(run=np.flatnonzero(chosen.values)[0], record=0)
    assert float(row["log_evidence"][4]) == pytest.approx(direct, rel=1e-10)
    assert float(row["expected_log_evidence"][4]) == pytest.approx(expected, rel=1e-10)
    noise = 0.1 * np.random.default_rng(0).normal(size=(40_000, 12))
    draws = multivariate_normal(np.zeros(12), covariance).logpdf(clean + noise)
    assert abs(draws.mean() - expected) < 4 * draws.std() / np.sqrt(len(draws))
    assert float(ds["sequential_error"].max()) < 1e-10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_points": 0}, "config.num_points = 0 must be an integer of at least 2"),
        ({"max_order": 3}, "teacher_order = 3 must be below max_order = 3"),
        ({"teacher_order": -1}, "config.teacher_order = -1 must be an integer of at least 0"),
        ({"noise": (0.0,)}, r"each noise = 0.0 must be in \(0, inf\)"),
        ({"basis": ("legendr",)}, "Did you mean 'legendre'"),
        ({"prior": ("isotropic",)}, "must be isotropic, order_dependent: the claims compare them"),
        ({"seed": (0, 0)}, "axis 'seed' repeats 0, 0"),
        ({"axes": (("seed", (0,)),)}, r"prior = \('isotropic',\) must be isotropic, order_dependent"),
    ],
)
def test_bad_configs_are_refused(changes, message):
    axes = dict(smoke_config("evidence_vs_order").axes)
    swapped = {name: changes[name] for name in changes if name in axes}
    leaves = {name: value for name, value in changes.items() if name not in axes}
    with pytest.raises(ConfigError, match=message):
        plan(smoke_config("evidence_vs_order", **leaves), axes=axes | swapped if swapped else None)
