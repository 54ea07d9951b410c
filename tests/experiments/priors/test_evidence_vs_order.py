"""The evidence is that of a Gaussian, its expectation that over label noise; the verdict follows the data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.experiments import launch, plan
from gendyn.experiments.priors import evidence_vs_order as experiment
from gendyn.regression import law_average
from tests.experiments.smoke import smoke_config

PEAK, RISE, NO_FALL, LEVELS, SEQUENTIAL, EXPECTED = 0, 1, 2, 3, -2, -1
ORDERS = np.arange(7)


def results(monkeypatch, folder, *, isotropic, dependent, sequential=1e-12, bias=0.0, seeds=12, scatter=0.1):
    """A dataset of given mean evidences over orders 0 to 6, written and read by the real store."""

    def redraw(sizes, chosen, *, basis, prior, noise):
        random = np.random.default_rng(len(prior))
        curve = np.asarray(isotropic if prior == "isotropic" else dependent, float)
        evidence = curve + scatter * random.normal(size=(len(chosen), 1))
        expected = evidence - bias * sizes[0] + 0.02 * random.normal(size=evidence.shape)
        rest = {"sequential_error": np.full_like(evidence, sequential), "test_rmse": np.ones_like(evidence)}
        return {"log_evidence": evidence, "expected_log_evidence": expected} | rest

    monkeypatch.setattr(experiment, "_redraw", redraw)
    config = smoke_config("evidence_vs_order", runs_at_once=seeds)
    axes = dict(config.axes) | {"basis": ("monomial",), "seed": range(seeds)}
    return launch(config, folder / "made", axes=axes, quiet=True)


PEAKED = [-60, -30, 0, 10, 5, 0, -5]
FLAT = [-60, -30, 0, 10, 10, 10, 9.9]


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_a_peak_and_a_plateau_are_supported(monkeypatch, tmp_path):
    ds = results(monkeypatch, tmp_path, isotropic=PEAKED, dependent=FLAT)
    assert verdicts(ds) == ["supported"] * 6
    found = experiment.verdict(ds)
    assert found[PEAK].effect == pytest.approx(15.0) and "3 at 0.1" in found[PEAK].detail
    assert len(experiment.figure(ds).axes) == 3


def test_the_curves_exchanged_are_refuted(monkeypatch, tmp_path):
    found = verdicts(results(monkeypatch, tmp_path, isotropic=FLAT, dependent=PEAKED))
    assert found[PEAK] == found[NO_FALL] == found[LEVELS] == "refuted" and found[RISE] == "supported"


def test_an_evidence_that_falls_and_then_levels_off_is_told_from_one_that_never_falls(monkeypatch, tmp_path):
    found = verdicts(results(monkeypatch, tmp_path, isotropic=PEAKED, dependent=[-60, 10, 5, 2, 0, 0, 0]))
    assert found[NO_FALL] == "refuted" and found[LEVELS] == "supported"


def test_a_flat_evidence_does_not_saturate(monkeypatch, tmp_path):
    found = verdicts(results(monkeypatch, tmp_path, isotropic=PEAKED, dependent=[0.0] * 7))
    assert found[RISE] == found[NO_FALL] == found[LEVELS] == "refuted"


def test_wrong_sums_and_expectations_are_seen_and_few_redraws_decide_nothing(monkeypatch, tmp_path):
    found = verdicts(results(monkeypatch, tmp_path, isotropic=PEAKED, dependent=FLAT, sequential=1e-7, bias=0.1))
    assert found[SEQUENTIAL] == found[EXPECTED] == "refuted" and found[PEAK] == "supported"
    assert set(verdicts(results(monkeypatch, tmp_path / "few", isotropic=PEAKED, dependent=FLAT, seeds=2))) == {
        "undecided"
    }


def test_evidence_and_expectation_are_those_of_a_gaussian(finished):
    from scipy.stats import multivariate_normal

    _, ds = finished("evidence_vs_order")
    with jax.enable_x64(True):
        # The seeds and nodes of the smoke variant, whose program this is.
        seeds, nodes = jnp.arange(3, dtype=jnp.uint32), jnp.asarray(law_average("uniform", 64)[0])
        data = experiment._data((12, 6, 3), "chebyshev", seeds, jnp.float64(0.1), nodes)
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
