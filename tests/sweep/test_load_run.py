"""A saved run comes back in its own shapes, with everything that its recorded numbers were computed from."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import gendyn.sweep
from gendyn import optim, store
from gendyn.core import ConfigError, StoreError
from gendyn.sweep import LoadedRun, load_run
from gendyn.sweep.execute.progress import Progress

AXES = {"model.width": (3, 7), "seed": (0, 1)}


@pytest.fixture(scope="module")
def trained(small, tmp_path_factory):
    """Both widths in one program, with moments, an average, label noise and mini-batches."""
    leaves = {"train__ema_decay": 0.5, "data__label_noise": 0.3, "train__batch_size": 5, "data__num_train": 20}
    config = small.config(optim="adam", sweep__buckets="max", **leaves)
    workdir = tmp_path_factory.mktemp("loaded")
    return workdir, gendyn.sweep.run(config, axes=AXES, workdir=workdir, quiet=True)


def recorded(ds, name, **where):
    """The last record of the run at these places."""
    here = np.all([ds[axis].values == value for axis, value in where.items()], axis=0)
    return float(ds[name].values[here, -1].item())


def loss(run: LoadedRun, x, targets, params=None):
    variables = run.variables if params is None else run.variables._replace(params=params)
    return float(jnp.mean(optim.cross_entropy(run.model.apply(variables, x)[0], targets)))


@pytest.mark.parametrize("width", AXES["model.width"])
def test_a_padded_run_comes_back_at_its_own_width_and_gives_its_recorded_losses(trained, width):
    workdir, ds = trained
    assert len(store.read_plan(workdir)["chunks"]) == 1  # so the narrow runs are padded
    run = load_run(workdir, {"model.width": width, "seed": np.int64(1)})
    assert run.coords == {"model.width": width, "seed": 1}
    assert (run.step, run.diverged_step, run.num_train) == (20, -1, 20)
    assert run.variables.params["dense_0"]["kernel"].shape == (5, width)
    task, seen = run.task, run.task.x_train[: run.num_train]
    at = {"model.width": width, "seed": 1}
    assert loss(run, task.x_test, task.y_test) == pytest.approx(recorded(ds, "test_loss", **at), rel=1e-5)
    assert loss(run, seen, run.targets) == pytest.approx(recorded(ds, "train_loss", **at), rel=1e-5)
    average = loss(run, task.x_test, task.y_test, run.ema)
    assert average == pytest.approx(recorded(ds, "ema_test_loss", **at), rel=1e-5)
    assert run.number == int(ds["run"].values[(ds["model.width"] == width) & (ds["seed"] == 1)].item())
    assert not np.array_equal(run.targets, task.y_train[:20])  # the noise is in them


def test_its_state_is_that_of_the_run_trained_alone_by_its_config(trained, tmp_path):
    workdir, _ = trained
    run = load_run(workdir, {"model.width": 3, "seed": 1})
    gendyn.sweep.run(run.config, axes={"model.width": (3,)}, workdir=tmp_path, quiet=True)
    alone = load_run(tmp_path, {"model.width": 3})
    identities = {entry["identity"] for chunk in store.read_plan(workdir)["chunks"] for entry in chunk["runs"]}
    assert {entry["identity"] for entry in store.read_plan(tmp_path)["chunks"][0]["runs"]} <= identities
    for name in ("variables", "opt_state", "ema"):
        one, two = getattr(run, name), getattr(alone, name)
        assert jax.tree.structure(one) == jax.tree.structure(two)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), one, two)


def test_its_optimizer_goes_on_from_its_state(trained):
    run = load_run(trained[0], {"model.width": 3, "seed": 0})
    fresh = run.optimizer.init(run.variables.params)
    assert jax.tree.map(jnp.shape, fresh) == jax.tree.map(jnp.shape, run.opt_state)
    zeros = jax.tree.map(np.zeros_like, run.variables.params)
    update = jax.jit(run.optimizer.update)
    updates, state = update(zeros, run.opt_state, run.variables.params)
    largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(updates))
    assert largest > 0  # by its moments: a fresh state does not move at gradient 0
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(update(zeros, fresh, run.variables.params)[0]))
    counts = optax.tree_utils.tree_get_all_with_path(state, "count")
    assert {int(count) for _, count in counts} == {21}


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"model.width": 3}, r"2 runs have model.width = 3; say also seed \(of 0, 1\)"),
        ({}, r"4 runs have no axis at all; say also model.width \(of 3, 7\) and seed \(of 0, 1\)"),
        ({"model.width": 4, "seed": 0}, r"no run has model.width = 4; there are 3, 7"),
        ({"model.widht": 3}, r"'model.widht' is no axis of this folder. Did you mean 'model.width'\? Its axes are"),
        ({"optim.learning_rate": 0.02}, "'optim.learning_rate' is no axis of this folder. Its axes are model.width, s"),
    ],
)
def test_a_place_that_names_no_single_run_is_refused(trained, where, said):
    with pytest.raises(ConfigError, match=said):
        load_run(trained[0], where)


def test_a_place_that_a_zip_left_empty_is_refused(small, tmp_path):
    config = small.change(small.config(), zip_axes=(("model.width", "seed"),))
    planned = gendyn.sweep.plan(config, axes={"model.width": (2, 3), "seed": (0, 1)})
    store.write_plan(tmp_path, planned.to_json() | {"metrics": {}, "provenance": {}})
    with pytest.raises(ConfigError, match=r"no run has model.width = 2, seed = 1 together"):
        load_run(tmp_path, {"model.width": 2, "seed": 1})


def test_a_run_that_is_not_finished_is_given_only_where_asked_for(small, tmp_path, monkeypatch):
    original = Progress.advance

    def advance(progress, run_steps, note=""):
        if note and progress.done >= 12:
            raise KeyboardInterrupt
        return original(progress, run_steps, note)

    monkeypatch.setattr(Progress, "advance", advance)
    with pytest.raises(KeyboardInterrupt):
        gendyn.sweep.run(small.config(), axes={"seed": (0,)}, workdir=tmp_path, quiet=True)
    with pytest.raises(StoreError, match=r"the run seed = 0 is not finished: 4 of 6 records .*pass unfinished=True"):
        load_run(tmp_path, {"seed": 0})
    run = load_run(tmp_path, {"seed": 0}, unfinished=True)
    assert run.step == 12
    ds = store.open(tmp_path)
    assert loss(run, run.task.x_test, run.task.y_test) == pytest.approx(float(ds["test_loss"][0, 3]), rel=1e-5)
    (folder,) = (tmp_path / "chunks").iterdir()
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match=r"is not finished: 0 of 6 records .* to train the rest\."):
        load_run(tmp_path, {"seed": 0}, unfinished=True)


def test_other_data_under_the_same_name_is_refused(trained, tmp_path):
    workdir, _ = trained
    stored = copy.deepcopy(store.read_plan(workdir))
    arrays = stored["provenance"]["arrays"]
    arrays |= dict.fromkeys(arrays, "0" * 64)
    store.write_plan(tmp_path, stored)
    (tmp_path / "chunks").symlink_to(workdir / "chunks")
    with pytest.raises(
        ConfigError,
        match=r"trained on other data: task 'teacher_student' has arrays of sha256 .* then\. Undo the change",
    ):
        load_run(tmp_path, {"model.width": 3, "seed": 0})


def test_a_program_of_its_own_has_no_networks(tmp_path):
    group = gendyn.sweep.Group(({"x": 1},), lambda points: {"y": [0.0] * len(points)})
    simulation = gendyn.sweep.Simulation((group,), {"y": gendyn.sweep.Measured("y")})
    gendyn.sweep.simulate({}, tmp_path, simulation)
    for ask in (lambda: load_run(tmp_path, {"x": 1}), lambda: gendyn.sweep.analyse(tmp_path, ("parameter_norm",))):
        with pytest.raises(ConfigError, match="a program of its own, which trains no networks"):
            ask()
