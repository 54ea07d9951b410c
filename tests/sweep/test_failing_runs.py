"""Runs that raise cost no others: they are trained, the failure is said at the end, and the folder stays usable."""

import importlib
import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

import gendyn.sweep
from gendyn import store
from gendyn.core import ConfigError, RunError
from gendyn.sweep.execute.failures import Failures
from gendyn.sweep.plan import program

ROOT = Path(__file__).resolve().parents[2]
MODELS = """
import jax
import jax.numpy as jnp
from gendyn.types import ArrayLike, Model, Variables


def linear(*, num_outputs: int, scale: ArrayLike = 1.0) -> Model:
    def init(key, x):
        return Variables({"w": scale * jax.random.normal(key, (x.shape[-1], num_outputs))}, {})

    def apply(variables, x, train=False):
        return x @ variables.params["w"], {}

    return Model(init, apply)
"""
BAD = """
import jax
from failing_models import linear
from gendyn.types import Model


def raises_when_drawn(*, num_outputs: int) -> Model:
    model = linear(num_outputs=num_outputs)

    def init(key, x):
        if not isinstance(key, jax.core.Tracer):
            raise LookupError("no weights today")
        return model.init(key, x)

    return model._replace(init=init)
"""


@pytest.fixture
def models(tmp_path, monkeypatch):
    """The importable module ``failing_models``; its folder."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "failing_models.py").write_text(MODELS, encoding="utf-8")
    (tmp_path / "own" / "failing_bad.py").write_text(BAD, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "own")
    importlib.invalidate_caches()
    yield tmp_path / "own"
    for name in ("failing_models", "failing_bad"):
        sys.modules.pop(name, None)


def config_of():
    config = gendyn.sweep.base_config(task="teacher_student", model="mlp", optim="sgd")
    config.task.update({"num_train": 24, "num_test": 16, "input_size": 5})
    config.train.num_steps = 6
    config.record.update({"kind": "linear", "num_records": 3})
    config.sweep.strategy = "map"
    return config


GOOD, RAISES = "failing_models:linear", "failing_bad:raises_when_drawn"


def axes_of(*names, seeds=2):
    return {"model.name": names, "seed": tuple(range(seeds))}


def test_the_others_train_and_the_folder_stays_usable(models, tmp_path, capsys):
    folder = tmp_path / "runs"
    with pytest.raises(RunError) as failed:
        gendyn.sweep.run(config_of(), axes=axes_of(RAISES, GOOD), workdir=folder)
    text = str(failed.value)
    assert text.startswith(f"2 of 4 runs failed, the other 2 are committed in {folder}. model {RAISES} (2 runs): Look")
    assert "LookupError: no weights today (failing_bad.py, line" in text and "Leave these values out" in text
    assert isinstance(failed.value.__cause__, LookupError)
    assert f"failed: model {RAISES} (2 runs)" in capsys.readouterr().err
    ds = store.open(folder)
    good = ds["model.name"].values == GOOD
    assert np.isfinite(ds["test_loss"].values[good]).all() and np.isnan(ds["test_loss"].values[~good]).all()

    # Without the bad value, also where its file cannot even be read; and with more of the good ones.
    (models / "failing_bad.py").write_text("this is no Python", encoding="utf-8")
    sys.modules.pop("failing_bad")
    ds = gendyn.sweep.run(config_of(), axes=axes_of(GOOD, seeds=3), workdir=folder, quiet=True)
    assert ds["committed"].values.tolist() == [0, 0, 3, 3, 3]
    assert ds["num_parameters"].values.tolist() == [10] * 5

    # Mended, the first command trains what is missing: nothing rests on the file as it was.
    (models / "failing_bad.py").write_text(BAD.replace("raise Look", "return model.init(key, x)  # "), encoding="utf-8")
    importlib.invalidate_caches()
    program._model_alone.cache_clear()  # a new process has no networks of the old file
    ds = gendyn.sweep.run(config_of(), axes=axes_of(RAISES, GOOD), workdir=folder, quiet=True)
    assert ds["committed"].values.tolist() == [3] * 5


def test_code_that_the_call_does_not_name_is_kept_and_never_run(models, tmp_path):
    folder = tmp_path / "runs"
    gendyn.sweep.run(config_of(), axes=axes_of(GOOD, seeds=1), workdir=folder, quiet=True)
    before = store.read_plan(folder)
    stored = store.read_plan(folder)
    (run,) = stored["chunks"][0]["runs"]
    run["overrides"]["model.name"] = run["coords"]["model.name"] = "failing_models:planted"
    store.write_plan(folder, stored)
    sys.modules.pop("failing_models")
    planned = gendyn.sweep.plan(config_of(), axes={"model.name": ("mlp",), "seed": (0,)}, workdir=folder)
    assert "failing_models" not in sys.modules
    assert planned.chunks[0].id == before["chunks"][0]["id"] and planned.asked == planned.chunks[1:]
    assert [planned_run.unnamed for planned_run in planned.runs] == ["failing_models:planted", ""]
    assert planned.to_json()["chunks"][0]["runs"][0].items() <= stored["chunks"][0]["runs"][0].items()
    # The identity is that of a run which is asked for: what is stored under it is not trained.
    with pytest.raises(ConfigError, match="names 'failing_models:planted', code of somebody's own"):
        gendyn.sweep.plan(config_of(), axes=axes_of(GOOD, seeds=1), workdir=folder)


def test_a_program_of_its_own_goes_on_too(tmp_path, capsys):
    def compute(points):
        if points[0]["x"] == 2:
            raise ArithmeticError("not this one")
        return {"square": [point["x"] ** 2 for point in points]}

    group = gendyn.sweep.Group(tuple({"x": x} for x in range(6)), compute)
    simulation = gendyn.sweep.Simulation((group,), {"square": gendyn.sweep.Measured("x squared")}, runs_at_once=2)
    said = r"2 of 6 runs failed, the other 4 .*\. x 2, 3 \(2 runs\): ArithmeticError: not this one \(test_failing_runs"
    with pytest.raises(RunError, match=said):
        gendyn.sweep.simulate({}, tmp_path, simulation)
    np.testing.assert_array_equal(store.open(tmp_path)["square"].values[:, 0], [0, 1, np.nan, np.nan, 16, 25])
    rest = simulation.select(lambda point: point["x"] != 2)
    ds = gendyn.sweep.simulate({}, tmp_path, rest, quiet=False)
    assert ds["committed"].values.tolist() == [1, 1, 0, 0, 1, 1]
    first, last = capsys.readouterr().err.splitlines()
    assert first == "4 of 4 runs done."
    assert last.startswith(f"done: 4 finished, 2 unfinished (not asked for now); results in {tmp_path}; next: ")


def test_errors_are_kept_short_and_without_their_arrays(tmp_path):
    class Held:
        pass

    def fails():
        held = Held()
        alive.append(weakref.ref(held))
        raise ValueError("x " * 999)

    alive: list[weakref.ref] = []
    failures = Failures()
    failures.check(3, tmp_path)
    try:
        fails()
    except ValueError as error:
        line = failures.add("width 4", 3, error)
        assert alive[0]() is None and error.__traceback__ is not None
    assert line.startswith("failed: width 4 (3 runs): ValueError: x x") and len(line) < 450
    with pytest.raises(
        RunError, match=r"^3 of 3 runs failed\. width 4 \(3 runs\): ValueError: x x .* … .*x x \(test_failing"
    ):
        failures.check(3, tmp_path)


def test_the_command_ends_with_one_line_and_status_1(models, tmp_path):
    (models / "config.py").write_text(
        "import gendyn.sweep\n\ndef get_config(variant=''):\n"
        "    model = 'failing_bad:raises_when_drawn'\n"
        "    config = gendyn.sweep.base_config(task='teacher_student', model=model, optim='sgd')\n"
        "    config.train.num_steps = 2\n    return config\n",
        encoding="utf-8",
    )
    command = [sys.executable, ROOT / "scripts" / "sweep.py", f"--config={models / 'config.py'}", "--axis=seed=0:2"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(models)])}
    done = subprocess.run([*command, f"--workdir={tmp_path / 's'}"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    said = "error: 2 of 2 runs failed. seed 0, 1 (2 runs): LookupError: no weights today (failing_bad.py, line"
    assert last.startswith(said)
    assert "Traceback" not in done.stderr
