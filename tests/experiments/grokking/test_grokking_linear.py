"""The verdict follows the data; the program is gradient descent on the loss it says; the folder resumes."""

import functools
import json
import math
import shutil

import jax
import numpy as np
import pytest
import xarray

from configs.grokking import grokking_linear as config_file
from gendyn import theory
from gendyn.core import ConfigError, stream
from gendyn.experiments import launch
from gendyn.experiments.grokking import grokking_linear as experiment
from gendyn.experiments.grokking.grokking_linear import tables
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.smoke import smoke_config

RATIOS = (0.1, 0.5, 0.8, 1.25, 2.0)
LEARNT, GROWS, NEVER, FORMULA, HALF, ACROSS, FLOOR = range(7)


times_of = functools.cache(functools.partial(theory.linear_time_to_accuracy, learning_rate=0.01, tolerance=1e-3))


@pytest.fixture(autouse=True, scope="module")
def exact_delays_once():
    """The integrals of a ratio take longer than all the rest of a verdict, and are the same in every test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(theory, "linear_grokking_delay", functools.cache(theory.linear_grokking_delay))
        yield


def results(
    *, slower=1.0, at_half=1.0, floor=1.0, generalises=False, seeds=12, scatter=0.02, random=None, delay_of=None
):
    """Step-like accuracies at the exact times, test times stretched so that the delay is ``slower`` times exact."""
    random = np.random.default_rng(0) if random is None else random
    config = {"dimension": 1000, "learning_rate": 0.01, "tolerance": 1e-3}
    columns = {name: [] for name in ("ratio", "seed", "step", "train_error", "test_error", "test_loss")}
    for ratio in RATIOS:
        times = times_of(ratio)
        delay = (times.test - times.train) * slower * (at_half if ratio == 0.5 else 1.0)
        delay = delay if delay_of is None else delay_of(ratio)
        for seed in range(seeds):
            arrival = times.train + delay * math.exp(scatter * random.normal())
            last = 2 * (arrival if ratio < 1 else times.train)
            steps = np.linspace(0, last, 400)
            reached = 0.6 * last if generalises and ratio > 1 else arrival
            left = max(0.0, 1 - 1 / ratio) * floor * math.exp(scatter * random.normal())
            columns["ratio"].append(ratio)
            columns["seed"].append(seed)
            columns["step"].append(steps)
            columns["train_error"].append(np.clip(0.05 + 0.5 * (1 - steps / times.train), 0, 1))
            columns["test_error"].append(np.clip(0.05 + 0.5 * (1 - steps / reached), 0, 1))
            columns["test_loss"].append(1.7 * (left + (1 - left) * np.exp(-20 * steps / last)))
    arrays = {name: np.array(column) for name, column in columns.items()}
    dims = ("run", "record")
    ds = xarray.Dataset(
        {name: (dims, arrays[name]) for name in ("train_error", "test_error", "test_loss")},
        attrs={"config": json.dumps(config), "axes": json.dumps(["ratio", "seed"])},
    )
    ds["train_loss"], ds["diverged"] = ds["test_loss"], (dims, np.zeros(arrays["step"].shape, bool))
    return ds.assign_coords(ratio=("run", arrays["ratio"]), seed=("run", arrays["seed"]), step=(dims, arrays["step"]))


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_exact_delays_are_supported_and_recovered():
    ds = results()
    assert verdicts(ds) == ["supported"] * 7
    found = tables(results(scatter=0.0))
    assert found.ratios[found.ratios < 1].tolist() == [0.1, 0.5, 0.8] and found.delays.shape == (12, 3)
    np.testing.assert_allclose(found.delays, np.broadcast_to(found.exact, found.delays.shape), rtol=1e-3)


def test_other_delays_are_refuted():
    found = verdicts(results(slower=1.3))
    assert found[HALF] == found[ACROSS] == "refuted" and found[FLOOR] == "supported"


def test_one_ratio_off_is_seen_across_and_at_half_by_its_own_tolerance():
    found = verdicts(results(at_half=1.125))
    assert found[HALF] == "refuted" and found[ACROSS] == "supported"


def test_delays_of_the_formula_are_seen():
    found = verdicts(results(at_half=716 / 430))
    assert found[FORMULA] == "refuted" and found[HALF] == "refuted"


def test_another_floor_is_refuted_and_the_size_of_the_start_does_not_matter():
    assert verdicts(results(floor=1.2))[FLOOR] == "refuted"
    ds = results()
    ds["test_loss"] = ds["test_loss"] * np.random.default_rng(1).uniform(0.5, 2, (ds.sizes["run"], 1))
    assert verdicts(ds)[FLOOR] == "supported"


def test_runs_that_generalise_above_one_are_seen():
    assert verdicts(results(generalises=True))[NEVER] == "refuted"


def test_where_nothing_generalises_that_none_does_above_one_says_nothing():
    ds = results()
    ds["test_error"][:] = 0.5
    found = verdicts(ds)
    assert found[LEARNT] == found[NEVER] == found[GROWS] == found[FORMULA] == "refuted"


def test_agreement_with_the_theory_is_a_check():
    roles = [found.role for found in experiment.verdict(results())]
    assert roles == ["exploratory", *["primary"] * 3, *["check"] * 3]


def no_effect(random):
    """The delay is the same at every ratio, that of the formula, and runs above 1 generalise like all others."""
    formula = theory.linear_grokking_delay_limit(0.5, learning_rate=0.01)
    return results(scatter=0.15, seeds=20, generalises=True, random=random, delay_of=lambda ratio: formula)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_supports_no_primary_claim(count):
    rates = false_support(experiment.verdict, no_effect, count)
    assert len(rates) == 3 and too_often(rates, count) == {}


def test_runs_that_are_late_or_diverge_count_as_later_than_all_and_unfinished_ones_decide_nothing():
    ds = results()
    late = np.flatnonzero((ds["ratio"] == 0.8) & (ds["seed"] < 8))
    ds["test_error"][dict(run=late)] = 0.5
    assert verdicts(ds)[ACROSS] != "supported" and verdicts(ds)[HALF] == "supported"
    one = results()
    one["test_error"][dict(run=late[:1])] = 0.5
    assert verdicts(one)[ACROSS] == "supported"
    lost = np.flatnonzero((one["ratio"] == 0.8) & (one["seed"] == 8))
    for name in ("train_loss", "test_loss", "train_error", "test_error"):
        one[name][dict(run=lost, record=slice(-300, None))] = np.nan
    found = experiment.verdict(one)
    assert found[HALF].verdict == "supported" and "1 of 12 seeds are left out" in found[LEARNT].detail
    one["diverged"][dict(run=lost, record=-1)] = True
    assert "1 of 60 runs diverged and count as the worst outcome" in experiment.verdict(one)[LEARNT].detail
    assert np.isinf(tables(one).delays).sum() == 2
    unfinished = results()
    for name in ("train_loss", "test_loss", "train_error", "test_error"):
        unfinished[name][dict(record=slice(-3, None))] = np.nan
    assert set(verdicts(unfinished)) == {"undecided"}
    assert set(verdicts(results(seeds=2))[HALF:]) == {"undecided"}


def test_the_program_is_gradient_descent_on_the_mean_square_without_a_half():
    config = smoke_config("grokking_linear", dimension=12, num_test=50, num_records=8, tolerance=0.1)
    config.axes = (("ratio", (0.6,)), ("seed", (3, 4)))
    (group,) = experiment.program(config).groups
    assert group.steps[:2] == (0, 1) and group.steps[-1] > 7
    records = group.compute(group.points)
    key = stream(jax.random.key(4), "20 examples")
    x, x_test = (
        np.asarray(jax.random.normal(stream(key, name), (rows, 12)), float)
        for name, rows in (("train", 20), ("test", 50))
    )
    student, teacher = np.asarray(jax.random.normal(stream(key, "weights"), (2, 12)), float) / math.sqrt(24)
    w = student
    for step in range(group.steps[-1] + 1):
        if step in group.steps:
            at = group.steps.index(step)
            error, fresh = np.square(x @ (w - teacher)), np.square(x_test @ (w - teacher))
            assert records["train_loss"][1, at] == pytest.approx(error.mean(), rel=1e-3)
            assert records["test_loss"][1, at] == pytest.approx(np.sum((w - teacher) ** 2), rel=1e-3)
            assert records["train_error"][1, at] == pytest.approx(np.mean(error >= 0.1), abs=1e-6)
            assert records["test_error"][1, at] == pytest.approx(np.mean(fresh >= 0.1), abs=1e-6)
        # The gradient of the mean of squares, without a half.
        w = w - 0.05 * 2.0 / 20 * x.T @ (x @ (w - teacher))


def test_runs_are_long_enough_for_the_closed_form():
    config = config_file.get_config()
    config.axes = (("ratio", (0.5, 1.25)), ("seed", (0,)))
    half, above = experiment.program(config).groups
    assert half.steps[0] == 0 and half.steps[-1] > 1.5 * 1146
    last = above.steps[-1]
    losses = theory.linear_losses(np.array([last / 2, last]), 1.25, learning_rate=0.01).test
    assert losses[1] <= 0.2 * 1.005 < losses[0]
    assert last > theory.linear_time_to_accuracy(1.25, learning_rate=0.01, tolerance=1e-3).train


def test_curves_of_the_smoke_variant_are_near_the_exact_ones(finished):
    _, ds = finished("grokking_linear")
    half = np.flatnonzero(ds["ratio"].values == 0.5)
    at = np.arange(ds.sizes["record"])[np.isfinite(ds["step"].values[half[0]])]
    exact = theory.linear_losses(ds["step"].values[half[0], at], 0.5, learning_rate=0.05)
    early = at[exact.train > 0.02]
    measured = ds["train_loss"].values[half][:, early] / ds["test_loss"].values[half][:, :1]
    np.testing.assert_allclose(np.log(measured.mean(axis=0)), np.log(exact.train[: len(early)]), atol=0.5)
    found = tables(ds)
    assert (ds["train_error"] <= 0.05).any("record").all()
    assert np.all(found.delays > 0) and np.isfinite(found.delays).all() and not found.reached[:, found.ratios > 1].any()


def test_another_config_in_the_same_folder_is_refused(finished, tmp_path):
    folder = shutil.copytree(finished("grokking_linear")[0], tmp_path / "copy")
    with pytest.raises(ConfigError, match="holds other runs than this config asks for"):
        launch(smoke_config("grokking_linear", tolerance=0.1), folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dimension": 1}, "config.dimension = 1 must be an integer of at least 2"),
        ({"num_records": 2}, "config.num_records = 2 must be an integer of at least 8"),
        ({"tolerance": 0.0}, r"config.tolerance = 0.0 must be in \(0, inf\)"),
        ({"extra_steps": -0.5}, r"config.extra_steps = -0.5 must be in \[0, inf\)"),
        ({"learning_rate": 0.5}, "learning_rate = 0.5 must be below 1 / "),
        ({"axes": (("seed", (0,)),)}, r"ratio = \(0.5,\) must hold 0.5 and one above 1, each once, and not 1"),
        ({"axes": (("ratio", (0.5, 0.9)), ("seed", (0,)))}, "must hold 0.5 and one above 1"),
        ({"axes": (("ratio", (0.5, 1, 2)), ("seed", (0,)))}, "must hold 0.5 and one above 1, each once, and not 1"),
    ],
)
def test_bad_configs_are_refused_before_the_folder_is_made(changes, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        launch(smoke_config("grokking_linear", **changes), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_default_has_a_thousand_dimensions():
    assert config_file.get_config().dimension == 1000


def line(ax, label):
    return next(found for found in ax.get_lines() if str(found.get_label()).startswith(label))


def test_the_figure_draws_measured_and_exact():
    ds = results()
    made, found = experiment.figure(ds), tables(ds)
    assert [ax.get_title() for ax in made.axes] == ["ratio 0.5", "ratio 0.8", "ratio 1.25", "", ""]
    first, _, _, delay, loss = made.axes
    runs = np.flatnonzero(ds["ratio"].values == 0.5)
    np.testing.assert_allclose(line(first, "test").get_ydata(), 1 - np.median(ds["test_error"].values[runs], axis=0))
    steps = ds["step"].values[runs[0]]
    exact = theory.linear_losses(steps, 0.5, learning_rate=0.01).train
    drawn = line(first, "closed form").get_xydata().T
    np.testing.assert_allclose(drawn, [steps, theory.linear_accuracy(exact, tolerance=1e-3)])
    rings = line(delay, "closed form").get_xydata()
    np.testing.assert_allclose(rings, np.stack([[0.1, 0.5, 0.8], found.exact], axis=1))
    np.testing.assert_allclose(line(delay, "small").get_ydata(), found.formula)
    floor = line(loss, "floor").get_xydata()
    np.testing.assert_allclose(floor[:, 1], np.maximum(0, 1 - 1 / np.maximum(floor[:, 0], 1e-9)))
    assert "d = 1,000" in made.get_supxlabel() and "90% intervals" in made.get_supxlabel()


def test_a_figure_without_a_finished_seed_is_refused():
    ds = results(seeds=2)
    ds["train_loss"].values[:, -1] = np.nan
    with pytest.raises(ConfigError, match="no seed is finished at every ratio"):
        experiment.figure(ds)
