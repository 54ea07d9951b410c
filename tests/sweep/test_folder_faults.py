"""A results folder never lies, never runs code, and never deletes what is not its own."""

import collections
import json
import random
import shutil
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import gendyn.sweep
from gendyn import store
from gendyn.core import ConfigError, StoreError, digest
from gendyn.sweep.execute.job import versions
from tests.sweep import folder_faults as faults

TRIALS = 24


@pytest.fixture(scope="module")
def world(small, tmp_path_factory):
    return faults.make_world(tmp_path_factory.mktemp("faults"), small.config(sweep__buckets="exact"))


@pytest.fixture
def done(world, tmp_path):
    return Path(shutil.copytree(world.ages["done"], tmp_path / "sweep"))


def edit_plan(folder, change, *, seal=True):
    """Changes ``plan.json`` by hand; with a fresh digest, as somebody would who knows the format."""
    plan = json.loads((folder / "plan.json").read_text())
    change(plan)
    plan.pop("digest")
    (folder / "plan.json").write_text(json.dumps(plan | {"digest": digest(plan) if seal else "0" * 64}))


def again(world, folder, **axes):
    return gendyn.sweep.run(world.config, axes=faults.AXES | axes, workdir=folder, quiet=True)


@pytest.mark.filterwarnings("ignore")
def test_no_fault_gives_a_wrong_value_a_traceback_or_a_loss_elsewhere(world):
    """A seeded sample of every age x file x damage; ``python -m tests.sweep.folder_faults 400`` tries more."""
    rng = random.Random(12)
    chosen = rng.sample(faults.cases(world), TRIALS)
    found = {case: faults.trial(world, *case, rng) for case in chosen}
    assert {case: what for case, what in found.items() if what not in faults.GOOD} == {}
    tally = collections.Counter(found.values())
    assert min(tally[what] for what in faults.GOOD) >= 5, tally  # both kinds of answer were given


def test_a_chunk_that_was_made_half_is_made_again_whatever_its_group_says(world, tmp_path):
    """The file of the group swapped with that of an array: zarr makes nothing below an array."""
    workdir = Path(shutil.copytree(world.ages["early"], tmp_path / "sweep"))
    unborn = next(at for at in (workdir / "chunks").iterdir() if not list(at.glob("commits/*.json")))
    one, other = unborn / "records.zarr" / "zarr.json", unborn / "records.zarr" / "train_error" / "zarr.json"
    texts = one.read_bytes(), other.read_bytes()
    other.write_bytes(texts[0])
    one.write_bytes(texts[1])
    assert faults.agrees(faults.labelled(faults.run(world.config, workdir)), world.truth, True)


def test_a_folder_in_the_place_of_the_layout_is_one_error(world, tmp_path):
    workdir = Path(shutil.copytree(world.ages["early"], tmp_path / "sweep"))
    layout = next(at for at in (workdir / "chunks").iterdir() if list(at.glob("commits/*.json"))) / "layout.json"
    layout.unlink()
    layout.mkdir()
    with pytest.warns(RuntimeWarning, match="The last commit has a copy"), pytest.raises(StoreError) as error:
        faults.run(world.config, workdir)
    assert "layout.json cannot be written (Is a directory): see to the disk" in str(error.value)
    assert "what is committed is safe" in str(error.value)


def test_the_control_a_fault_that_nothing_checks_would_be_seen(world, monkeypatch, done):
    """Without the digests of values, a block of an earlier age is read as if it were right."""
    monkeypatch.setattr("gendyn.store.recorded.has_digests", lambda about, marker: False)
    name = next(path for path in done.rglob("c.0.0") if path.parent.name == "train_loss").relative_to(done)
    assert faults.trial(world, "done", name, "older", random.Random(0), resume=False) == "wrong"


def test_a_chunk_id_is_no_path(world, done, tmp_path):
    precious = tmp_path / "v" / "checkpoints" / "model.pt"
    precious.parent.mkdir(parents=True)
    precious.write_bytes(b"x")
    edit_plan(done, lambda plan: plan["chunks"][0].update(id="../../v"))
    for step in (lambda: store.open(done), lambda: again(world, done), lambda: list(store.final_state(done))):
        with pytest.raises(StoreError, match=r"chunk 0: its id must be letters, digits, - and _"):
            step()
    with pytest.raises(StoreError, match=r"'../v' is no id of a chunk"):
        store.chunk_folder(done, "../v")
    assert [path.name for path in (tmp_path / "v").rglob("*")] == ["checkpoints", "model.pt"]


def test_what_a_user_puts_among_the_checkpoints_stays(world, done):
    chunk = next((done / "chunks").iterdir())
    mine = chunk / "checkpoints" / "model.pt"
    mine.write_bytes(b"x")
    again(world, done, seed=(0, 1, 2))
    store.ChunkStore(chunk).restore()
    assert mine.read_bytes() == b"x"


@pytest.mark.parametrize(
    "name", [".lock", "plan.json", "chunks", "chunks/*", "chunks/*/checkpoints", "chunks/*/commits"]
)
def test_no_link_is_followed(world, tmp_path, name):
    done, foreign = Path(shutil.copytree(world.ages["half"], tmp_path / "sweep")), tmp_path / "foreign"
    under_way = next(
        path.name for path in (done / "chunks").iterdir() if store.ChunkStore(path).committed() in range(1, 6)
    )
    link = done / name.replace("*", under_way)
    if link.is_dir():
        shutil.copytree(link, foreign)
        shutil.rmtree(link)
        (foreign / "mine").write_bytes(b"x")
    else:
        link.rename(foreign)
    before = sorted(foreign.rglob("*")) if foreign.is_dir() else foreign.read_bytes()
    link.symlink_to(foreign)
    with pytest.raises(StoreError, match=r"is a symbolic link.*none is followed"):
        again(world, done, seed=(0, 1, 2))
    assert before == (sorted(foreign.rglob("*")) if foreign.is_dir() else foreign.read_bytes())


@pytest.mark.parametrize("where", ["config", "overrides"])
def test_no_code_of_a_plan_is_run(world, done, monkeypatch, tmp_path, where):
    """The plan says it all consistently; still no name in it is imported."""
    (tmp_path / "planted.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)

    def plant(plan):
        if where == "config":
            plan["config"]["task"]["name"] = "planted:f"
        else:
            plan["chunks"][0]["runs"][0]["overrides"]["task.name"] = "planted:f"

    edit_plan(done, plant)
    for step in (lambda: again(world, done), lambda: gendyn.sweep.analyse(done, ["parameter_norm"])):
        with pytest.raises(ConfigError, match=r"names 'planted:f', code of somebody's own.*Nothing of it was run"):
            step()
    assert "planted" not in sys.modules


def test_a_probe_of_ones_own_in_a_sweep_and_afterwards(small, tmp_path, monkeypatch):
    (tmp_path / "my_probe.py").write_text(
        "import jax.numpy as jnp\n"
        "from gendyn.types import Probe\n"
        "def largest(scale: float = 1.0):\n"
        "    def measure(key, apply, params, data):\n"
        "        return {'output': scale * jnp.max(apply(params, data.x_test))}\n"
        "    return Probe('largest', measure)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    config = small.config(probes=("my_probe:largest(scale=2.0)",))
    axes = {"seed": (0, 1)}
    ds = gendyn.sweep.run(config, axes=axes, workdir=tmp_path / "s", quiet=True)
    one = gendyn.sweep.analyse(tmp_path / "s", ["my_probe:largest"], names=["my_probe:largest"])
    np.testing.assert_allclose(2 * one["largest/output"].values[:, 0], ds["largest/output"].values[:, -1], rtol=1e-6)
    with pytest.raises(ConfigError, match="names 'my_probe:largest'"):
        gendyn.sweep.analyse(tmp_path / "s", ["parameter_norm"])


def first_run(change):
    return lambda plan: plan["chunks"][0]["runs"][0].update(change(plan["chunks"][0]["runs"][0]))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            first_run(lambda run: {"overrides": run["overrides"] | {"optim.learning_rate": 0.5}}),
            "would train something",
        ),
        (first_run(lambda run: {"coords": run["coords"] | {"seed": 7}}), "would train something else than its label"),
        (first_run(lambda run: {"identity": "0" * 64}), "would train something"),
        (lambda plan: plan["config"]["optim"].update(learning_rate=0.5), "would train something"),
        (lambda plan: plan["chunks"][0]["runs"].reverse(), "holds other runs"),
        (lambda plan: plan["chunks"][0].update(num_rows=3), "holds other runs or sizes than its id says"),
        (lambda plan: plan["chunks"][0].update(steps=[0, 1, 2, 3, 4, 5]), "holds other runs"),
    ],
    ids=["leaf", "label", "identity", "config", "order", "rows", "steps"],
)
def test_an_edited_plan_is_seen_even_with_a_fresh_digest(world, done, change, fault):
    edit_plan(done, change)
    with pytest.raises(StoreError, match=fault):
        again(world, done)
    shutil.rmtree(done)
    shutil.copytree(world.ages["half"], done)
    edit_plan(done, change, seal=False)
    for step in (lambda: store.open(done), lambda: again(world, done)):
        with pytest.raises(StoreError, match=r"plan.json is damaged or was edited: its digest"):
            step()


def test_swapped_chunk_folders_are_seen(world, done):
    one, two = sorted((done / "chunks").iterdir())
    one.rename(done / "other")
    two.rename(one)
    (done / "other").rename(two)
    for step in (lambda: store.open(done), lambda: again(world, done), lambda: list(store.final_state(done))):
        with pytest.raises(StoreError, match=r"holds other runs than plan.json says"):
            step()


def test_a_lost_row_of_the_layout_is_seen_and_a_lost_layout_is_in_the_commit(world, tmp_path):
    half = Path(shutil.copytree(world.ages["half"], tmp_path / "sweep"))
    # The chunk in the middle of its training.
    layout = next(
        path for path in sorted(half.glob("chunks/*/layout.json")) if 0 < store.ChunkStore(path.parent).committed() < 6
    )
    stored = json.loads(layout.read_text())
    stored["layouts"][0]["rows"] = [0]
    layout.write_text(json.dumps(stored | {"digest": digest(stored["layouts"])}))
    with pytest.warns(RuntimeWarning, match=r"it is no history of 2 rows.*The last commit has a copy"):
        found = again(world, half)
    assert faults.agrees(faults.labelled(found), world.truth, True)


def test_a_plan_with_a_wrong_digest_is_refused_in_every_format(done):
    plan = json.loads((done / "plan.json").read_text())
    (done / "plan.json").write_text(json.dumps(plan | {"format": 1}))
    with pytest.raises(StoreError, match=r"plan.json is damaged or was edited: its digest"):
        store.open(done)


def test_results_that_do_not_fit_are_no_damage(done, monkeypatch):
    """A plan is read where its results do not fit: they are held at once by their reader alone."""
    monkeypatch.setattr("gendyn.store.dataset.free_bytes", lambda: 100)
    assert store.read_plan(done)["chunks"]
    with pytest.raises(StoreError, match=r"the results of 4 runs take .* and 100 B are free: open them on a machine"):
        store.open(done)


def test_swapped_commits_are_those_of_no_chunk(world, done):
    one, two = (chunk / "commits" for chunk in sorted((done / "chunks").iterdir()))
    one.rename(done / "other")
    two.rename(one)
    (done / "other").rename(two)
    for step in (lambda: store.open(done), lambda: again(world, done)):
        with pytest.raises(StoreError, match=r"no marker can be read .*that of another chunk"):
            step()


def test_a_file_of_the_users_beside_no_commit_is_no_lost_commit(world, tmp_path):
    early = Path(shutil.copytree(world.ages["early"], tmp_path / "sweep"))
    (chunk,) = (c for c in (early / "chunks").iterdir() if not store.ChunkStore(c).committed())
    mine = chunk / "checkpoints" / "1st model.pt"
    mine.write_bytes(b"x")
    assert faults.agrees(faults.labelled(again(world, early)), world.truth, True)
    assert mine.read_bytes() == b"x"


def test_lost_commits_delete_no_checkpoint(world, done):
    chunk = next((done / "chunks").iterdir())
    kept = sorted(path.name for path in (chunk / "checkpoints").iterdir())
    (chunk / "commits").rename(done.parent / "commits")
    with pytest.raises(StoreError, match=r"commits is lost, so that no commit counts. Nothing was deleted"):
        store.ChunkStore(chunk).restore()
    with pytest.raises(StoreError, match="Nothing was deleted"):
        again(world, done)
    assert sorted(path.name for path in (chunk / "checkpoints").iterdir()) == kept
    (done.parent / "commits").rename(chunk / "commits")
    assert faults.agrees(faults.labelled(again(world, done)), world.truth, True)


@pytest.mark.filterwarnings("ignore:.*is damaged")
def test_a_damaged_last_checkpoint_of_a_finished_chunk_is_trained_again(world, done):
    chunk = next((done / "chunks").iterdir())
    newest = max((chunk / "checkpoints").iterdir())
    shutil.rmtree(newest)
    with pytest.raises(StoreError, match="with a state that restores: run the same command again"):
        list(store.final_state(done))
    assert faults.agrees(faults.labelled(again(world, done)), world.truth, True)
    assert len(list(store.final_state(done))) == 4


@pytest.mark.parametrize("name", [".probe.0123456789abcdef0123456789abcdef", ".probe.00ff.gendyn-tmp"])
def test_a_kill_before_birth_is_no_obstacle(tmp_path, name):
    (tmp_path / name).touch()
    assert store.open_workdir(tmp_path) == tmp_path


HOSTILE = {
    "no chunks": lambda plan: plan.pop("chunks"),
    "a list": lambda plan: plan.update(config=[]),
    "terabytes": lambda plan: plan["metrics"]["train_loss"].update(shape=[400_000_000_000]),
    "negative": lambda plan: plan["metrics"]["train_loss"].update(shape=[-1]),
    "infinite": lambda plan: plan["chunks"][0].update(steps=[float("inf")]),
    "no dtype": lambda plan: plan["metrics"]["train_loss"].update(dtype="object"),
    "steps fall": lambda plan: plan["chunks"][0].update(steps=[3, 1]),
    "one index twice": lambda plan: plan["chunks"][0]["runs"][0].update(index=1),
    "no label": lambda plan: plan["chunks"][0]["runs"][0].update(coords={}),
    "a path": lambda plan: plan["metrics"].update({"../../x": {"shape": [], "dtype": "float32"}}),
    "other shape": lambda plan: plan["metrics"]["train_loss"].update(shape=[2]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_plan_is_one_error(world, done, name):
    edit_plan(done, HOSTILE[name])
    with pytest.raises(StoreError):
        store.open(done)


def test_a_home_folder_is_one_folder_everywhere(world, done, monkeypatch):
    monkeypatch.setenv("HOME", str(done.parent))
    again(world, "~/sweep", seed=(2,))
    ds = store.open("~/sweep")
    assert sorted(set(ds["seed"].values.tolist())) == [0, 1, 2]
    assert store.born("~/sweep")
    assert len(list(store.final_state("~/sweep"))) == ds.sizes["run"] == 6
    assert store.export(ds, "~/table.csv") == done.parent / "table.csv"


def test_switches_that_change_draws_are_written_down(monkeypatch):
    plain = versions()
    with jax.threefry_partitionable(False):
        assert versions() == f"{plain}, jax_threefry_partitionable=False"
    assert "threefry" not in plain
