"""The evidence is that of a Gaussian, its expectation that over label noise; the verdict follows the data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.priors import evidence_vs_order as config_file
from gendyn.core import ConfigError
from gendyn.experiments.priors import evidence_vs_order as experiment
from tests.experiments.smoke import smoke_config

PEAK, RISE, NO_FALL, LEVELS, SEQUENTIAL, EXPECTED = 0, 1, 2, 3, -2, -1
ORDERS = np.arange(7)


def results(monkeypatch, folder, *, isotropic, dependent, sequential=1e-12, bias=0.0, seeds=12, scatter=0.1):
    """A dataset of given mean evidences over orders 0 to 6, written and read by the real store."""

    def redraw(setting, basis, prior, chosen, noise):
        random = np.random.default_rng(len(prior))
        curve = np.asarray(isotropic if prior == "isotropic" else dependent, float)
        evidence = curve + scatter * random.normal(size=(len(chosen), 1))
        expected = evidence - bias * setting.num_points + 0.02 * random.normal(size=evidence.shape)
        rest = {"sequential_error": np.full_like(evidence, sequential), "test_rmse": np.ones_like(evidence)}
        return {"log_evidence": evidence, "expected_log_evidence": expected} | rest

    monkeypatch.setattr(experiment, "_redraw", redraw)
    axes = (("basis", ("monomial",)), *config_file.get_config("smoke").axes[1:3], ("seed", tuple(range(seeds))))
    return experiment.run(smoke_config("evidence_vs_order", axes=axes, runs_at_once=seeds), str(folder / "made"))


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
    setting = experiment.Setting(num_points=12, max_order=6, teacher_order=3)
    with jax.enable_x64(True):
        seeds = jnp.array([0, 1], jnp.uint32)
        data, _ = experiment._data(setting, "chebyshev", seeds, jnp.float64(0.1), jnp.zeros(1))
        design, clean, y = (np.asarray(each[1]) for each in data)
        variances = np.where(ORDERS <= 4, 0.5**ORDERS, 0.0)
        covariance = design * variances @ design.T + 0.01 * np.eye(12)
        direct = multivariate_normal(np.zeros(12), covariance).logpdf(y)
        expected = float(
            experiment.expected_log_evidence(jnp.asarray(design), jnp.asarray(clean), jnp.asarray(variances), 0.01)
        )
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
        ({"axes": (("seed", (0,)),)}, "config.axes: seed must be basis, prior, noise, seed"),
        ({"noise": (0.0,)}, r"each noise = 0.0 must be in \(0, inf\)"),
        ({"basis": ("legendr",)}, "Did you mean 'legendre'"),
        ({"prior": ("isotropic",)}, "must be isotropic, order_dependent"),
        ({"seed": (0, 0)}, "seed = .* must be at least one value, each once"),
    ],
)
def test_bad_configs_are_refused_before_the_folder_is_made(changes, message, tmp_path):
    axes = dict(smoke_config("evidence_vs_order").axes)
    swapped = {name: changes.pop(name) for name in tuple(changes) if name in axes}
    changes |= {"axes": tuple((axes | swapped).items())} if swapped else {}
    config = smoke_config("evidence_vs_order", **changes)
    with pytest.raises(ConfigError, match=message):
        experiment.run(config, str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()
