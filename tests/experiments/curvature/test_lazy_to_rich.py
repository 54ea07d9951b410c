"""The verdict follows the data; a linear model is its linearisation; halves that part move their kernel by squares."""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray

from configs.curvature import lazy_to_rich as config_file
from gendyn.core import ConfigError
from gendyn.experiments import launch, plan
from gendyn.experiments.curvature import lazy_to_rich as experiment
from gendyn.measure import empirical_ntk
from gendyn.models import antisymmetric_mlp, from_flax, mlp
from gendyn.types import Variables
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.smoke import points_of, smoke_config

WIDTHS, SCALES, STEPS = (16, 64), (0.01, 0.1, 1.0, 10.0), (0, 1, 5, 50)
BY_SCALE, BY_WIDTH, HOLDS, FAILS, BORDER, ALIGNS, LOST, BETTER = range(8)
TRAIN, TEST = 4, 3


def descend(kernel, targets, rate):
    """Outputs ``[T, m]`` of gradient descent on the mean squared error of a linear model, step after step."""
    outputs, recorded = np.zeros(len(kernel)), []
    for step in range(STEPS[-1] + 1):
        if step in STEPS:
            recorded.append(outputs.copy())
        residual = 2.0 / TRAIN * (outputs - targets)[:TRAIN]
        outputs = outputs - rate * kernel[:, :TRAIN] @ residual
    return np.array(recorded)


def results(
    *,
    by_scale=-2.0,
    by_width=-1.0,
    error=2.5e-3,
    border=-0.5,
    turns=1,
    lost=True,
    loss=0.5,
    seeds=7,
    scatter=0.02,
    random=None,
):
    """Runs that follow their linearisation up to an error, with kernels that move by the given powers."""
    random = np.random.default_rng(0) if random is None else random
    points = [(w, s, e) for w in WIDTHS for s in SCALES for e in range(seeds)]
    rows = {"kernel": [], "outputs": [], "targets": []}
    losses, rates = [], []
    for width, scale, _ in points:
        features = random.normal(size=(TRAIN + TEST, 9))
        first, targets = scale**2 * features @ features.T, random.normal(size=TRAIN + TEST)
        rate = 0.05 / np.linalg.norm(first[:TRAIN, :TRAIN], 2)
        outputs = descend(first, targets, rate)
        # Rotation towards the labels, of the size that the powers ask for.
        direction = np.outer(targets, targets)[:TRAIN, :TRAIN]
        direction *= np.linalg.norm(first[:TRAIN, :TRAIN]) / np.linalg.norm(direction)
        size = 0.01 * scale**by_scale * (width / 16) ** by_width * np.exp(scatter * random.normal())
        if lost and scale == SCALES[0]:
            direction = first[:TRAIN, :TRAIN]  # growth alone
        last = first.copy()
        last[:TRAIN, :TRAIN] += size * turns * direction
        reached = scale * (width / 16) ** -border
        off = error * 10.0 / reached * np.exp(scatter * random.normal())
        outputs[-1, TRAIN:] += off * np.linalg.norm(targets[TRAIN:]) / np.sqrt(TEST)
        rows["kernel"].append(np.stack([first, first, first, last]))
        rows["outputs"].append(outputs[..., None])
        rows["targets"].append(np.broadcast_to(targets[:, None], (len(STEPS), TRAIN + TEST, 1)))
        power = loss if scale < 10.0 else 1.0
        losses.append(power * np.mean(targets[TRAIN:] ** 2) * np.exp(scatter * random.normal()))
        rates.append(rate)
    width, scale, seed = (np.array(column) for column in zip(*points, strict=True))
    ds = xarray.Dataset(attrs={"config": json.dumps(STORED), "axes": "[]"})
    for name, values in rows.items():
        dims = ("run", "record", f"{name}_0", f"{name}_1")
        ds[f"kernel_snapshot/{name}"] = (dims, np.array(values))
    curves = np.repeat(np.array(losses)[:, None], len(STEPS), axis=1)
    ds["test_loss"] = ds["train_loss"] = (("run", "record"), curves)
    ds["diverged"] = (("run", "record"), np.zeros(curves.shape, bool))
    coords = {"model.width": width, "model.output_scale": scale, "seed": seed, "optim.learning_rate": np.array(rates)}
    return ds.assign_coords({k: ("run", v) for k, v in coords.items()} | {"step": ("record", np.array(STEPS))})


STORED = {**experiment.REQUIRED, "task.num_train": TRAIN, "probes": [f"kernel_snapshot(num_examples={TRAIN})"]}


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_the_claims_are_supported_where_they_hold():
    found = experiment.verdict(results())
    assert [f.verdict for f in found] == ["supported"] * 8
    np.testing.assert_allclose([found[BY_SCALE].effect, found[BY_WIDTH].effect], [-2.0, -1.0], atol=0.05)
    # By construction: 0.0025 at scale 10 and width 16, and half of it at width 64; both as 1 / scale.
    np.testing.assert_allclose(found[HOLDS].effect, 2.5e-3, rtol=0.05)
    np.testing.assert_allclose(found[FAILS].effect, 1.25, rtol=0.05)
    np.testing.assert_allclose(found[BORDER].effect, -0.5, atol=0.05)


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"by_scale": -1.0}, BY_SCALE),
        ({"by_width": -0.5}, BY_WIDTH),
        ({"error": 0.05}, HOLDS),
        ({"error": 5e-5}, FAILS),
        ({"border": 0.0}, BORDER),
        ({"turns": -1}, ALIGNS),
        ({"lost": False}, LOST),
        ({"loss": 1.5}, BETTER),
    ],
)
def test_each_claim_is_refuted_where_it_does_not_hold(changes, claim):
    assert verdicts(results(seeds=8, **changes))[claim] == "refuted"


def test_a_prediction_that_fails_everywhere_is_no_control():
    """The kernel did not move out of a lazy regime that is not there."""
    assert verdicts(results(error=5.0))[FAILS] == "refuted"


def test_roles():
    roles = [found.role for found in experiment.verdict(results())]
    assert [i for i, role in enumerate(roles) if role == "exploratory"] == [FAILS, LOST, BETTER]
    assert roles.count("primary") == 5


def no_effect(random):
    """The kernel moves alike at every scale and width, and the border as little as is no longer called its law."""
    return results(by_scale=0.0, by_width=0.0, border=-0.25, lost=False, scatter=0.3, seeds=8, random=random)


def nowhere_lazy(random):
    """The linearised network is 1 % off at its best, and powers are those that are no longer called the law's."""
    return results(by_scale=-1.75, by_width=-0.75, error=0.01, scatter=0.3, seeds=8, random=random)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("made", "true"), [(no_effect, "linearised network predicts"), (nowhere_lazy, "nothing")])
def test_noise_supports_no_primary_claim(made, true, count):
    assert too_often(false_support(experiment.verdict, made, count), count, but=true) == {}


def test_few_seeds_decide_nothing_and_unfinished_ones_are_left_out_in_pairs():
    assert "supported" not in verdicts(results(seeds=2))
    ds = results(seeds=7)
    ds["train_loss"].values[np.flatnonzero(ds["seed"] == 3)[2], -1] = np.nan
    whole = experiment.verdict(ds)
    assert "1 of 7 seeds are left out" in whole[0].detail
    rest = experiment.verdict(ds.isel(run=np.flatnonzero(ds["seed"] != 3)))
    np.testing.assert_allclose([f.effect for f in whole], [f.effect for f in rest], rtol=1e-9)


def test_the_claims_are_about_runs_that_converge_and_say_how_many_do_not():
    ds = results(seeds=7)
    ds["diverged"].values[np.flatnonzero(ds["seed"] == 3)[2], -1] = True
    whole = experiment.verdict(ds)
    assert "1 of 7 seeds are left out. 1 of 56 runs diverged; this is about seeds that converge." in whole[0].detail
    assert all("where training converges" in found.claim for found in whole)
    rest = experiment.verdict(ds.isel(run=np.flatnonzero(ds["seed"] != 3)))
    np.testing.assert_allclose([f.effect for f in whole], [f.effect for f in rest], rtol=1e-9)


def test_the_figure_draws_the_medians_of_complete_seeds_and_the_borders():
    def lines(ax):
        return [line for line in ax.lines if len(line.get_xdata()) == len(SCALES)]

    ds = results(seeds=5)
    ds["train_loss"].values[np.flatnonzero(ds["seed"] == 3)[2], -1] = np.nan
    found = experiment.regimes(ds)
    made = experiment.figure(ds)
    expected = (found.movement, found.rotation, found.error, found.growth, found.test_loss)
    for ax, values in zip(made.axes, expected, strict=True):
        np.testing.assert_allclose([line.get_ydata() for line in lines(ax)], np.median(values, axis=0))
        assert set(found.borders) <= {line.get_xdata()[0] for line in ax.lines}
    assert [text.get_text() for text in made.axes[0].get_legend().get_texts()][:2] == ["16", "64"]
    assert "4 seeds" in made.get_supxlabel()
    # The guide has the predicted power.
    guide = next(line for line in made.axes[0].lines if len(line.get_xdata()) == 2 and line.get_xdata()[1] == 10.0)
    np.testing.assert_allclose(np.diff(np.log(guide.get_ydata())) / np.diff(np.log(guide.get_xdata())), -2.0)
    ds["train_loss"].values[:] = np.nan
    with pytest.raises(ConfigError, match="no seed has finished"):
        experiment.figure(ds)


def test_the_border_is_interpolated_in_logarithms():
    scales, errors = np.array([0.1, 1.0, 10.0]), np.array([[1.0, 0.01, 1e-4], [0.05, 0.02, 0.01], [1.0, 0.5, 0.2]])
    np.testing.assert_allclose(experiment.border(scales, np.log(errors)), [np.sqrt(0.1), np.nan, np.nan])


@pytest.fixture(scope="module")
def linear(tmp_path_factory):
    config = smoke_config("lazy_to_rich", model__depth=0)
    config.axes = (*config.axes[1:3], ("seed", (0,)))
    config.zip_axes = config.zip_axes[:1]
    return launch(config, tmp_path_factory.mktemp("linear"), quiet=True)


def test_a_linear_network_is_its_linearisation_at_every_scale(linear):
    """End to end: rate, factor 2, step count and kernel of the prediction are those of the training program."""
    found = experiment.regimes(linear)
    assert float(linear["train_loss"][:, -1].max()) < 0.9 * float(linear["train_loss"][:, 0].min())
    assert found.error.max() < 1e-5 and found.movement.max() < 1e-5
    wrong = linear.assign_coords({"optim.learning_rate": 1.1 * linear["optim.learning_rate"]})
    assert experiment.regimes(wrong).error.min() > 1e-3


def test_laziness_grows_with_scale_in_the_smoke_variant(finished):
    found = experiment.regimes(finished("lazy_to_rich")[1])
    assert found.error.shape == (2, 2, 3)
    assert (np.diff(found.movement, axis=2) < 0).all() and (np.diff(found.error, axis=2) < 0).all()


@pytest.mark.parametrize(("make", "order"), [(antisymmetric_mlp, 2.0), (mlp, 1.0)])
def test_halves_that_part_move_their_kernel_by_the_square(make, order):
    """Why movement goes as ``scale^-2`` here and not as ``scale^-1``: gradient steps on equal halves are opposite."""
    kwargs = {"num_outputs": 1, "width": 32, "depth": 1, "activation": "tanh", "parametrisation": "ntk"}
    model = make(**kwargs) if make is antisymmetric_mlp else from_flax(make(**kwargs))
    x = jax.random.normal(jax.random.key(1), (6, 3))

    def apply(params, x):
        return model.apply(Variables(params, {}), x)[0]

    with jax.enable_x64(True):
        x = x.astype(jnp.float64)
        params = jax.tree.map(lambda p: p.astype(jnp.float64), model.init(jax.random.key(0), x[:1]).params)
        gradient = jax.grad(lambda p: jnp.sum((apply(p, x) - jnp.sin(x[:, :1])) ** 2))(params)

        def moved(size):
            there = jax.tree.map(lambda p, g: p - size * g, params, gradient)
            return float(jnp.linalg.norm(empirical_ntk(apply, there, x) - empirical_ntk(apply, params, x)))

        assert np.log2(moved(2e-4) / moved(1e-4)) == pytest.approx(order, abs=0.02)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "cross_entropy"}, "config.loss = 'cross_entropy' must be 'squared_error'"),
        ({"optim__momentum": 0.9}, "config.optim.momentum = 0.9 must be 0.0"),
        ({"task__num_outputs": 2}, "config.task.num_outputs = 2 must be 1"),
        ({"task__num_train": 20}, "must hold 'kernel_snapshot.num_examples=20.'"),
        ({"probes": ("sharpness",)}, "must hold 'kernel_snapshot"),
    ],
)
def test_what_the_prediction_cannot_judge_is_refused_before_anything_runs(changes, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        launch(smoke_config("lazy_to_rich", **changes), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_one_width_or_one_lazy_scale_has_no_slope():
    ds = results()
    with pytest.raises(ConfigError, match="needs two of each"):
        experiment.verdict(ds.isel(run=np.flatnonzero(ds["model.width"] == 16)))


def test_the_command_line_refuses_momentum_too(root, tmp_path):
    with pytest.raises(ConfigError, match=r"config\.optim\.momentum = 0\.9 must be 0\.0"):
        plan(smoke_config("lazy_to_rich"), axes={"optim.momentum": (0.0, 0.9)}, zip_axes=())
    folder = tmp_path / "none"
    arguments = ["--config=configs/curvature/lazy_to_rich.py:smoke", "--config.optim.momentum=0.9"]
    done = subprocess.run(
        [sys.executable, "scripts/sweep.py", *arguments, f"--workdir={folder}"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2 and "config.optim.momentum = 0.9 must be 0.0" in done.stderr, done.stderr
    assert not folder.exists()


def test_each_scale_has_its_learning_rate_and_each_seed_its_own_data():
    points = points_of(config_file.get_config())
    assert len(points) == 168 and points[-1].flat["task.seed"] == points[-1].flat["seed"] == 17
    rates = {point.flat["model.output_scale"]: point.flat["optim.learning_rate"] for point in points}
    assert rates[10.0] == pytest.approx(0.2 / 102.5) and len(rates) == 7
