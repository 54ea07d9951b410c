"""What a sweep says before and after it: how much there was, what came of it, where it is, and what to do next."""

import numpy as np
import pytest
import xarray

import gendyn.sweep
from gendyn.sweep.ending import ending
from gendyn.sweep.execute.progress import Progress
from gendyn.sweep.plan.labels import labels

AXES = {"model.width": (2, 3), "seed": (0, 1)}


@pytest.fixture(scope="module")
def said(small, tmp_path_factory):
    """``{call: (stdout, stderr)}``: a sweep, the same again, one of more runs, and one that asks for a part."""
    capture = pytest.MonkeyPatch()
    workdir = tmp_path_factory.mktemp("ending")
    config = small.config(sweep__buckets="max")
    calls = {
        "first": AXES,
        "again": AXES,
        "more": {"model.width": (2, 3), "seed": (0, 1, 2)},
        "other": {"model.width": (4,), "seed": (0,)},
    }
    found = {}
    with capture.context() as patch:
        for name, axes in calls.items():
            out, err = Written(), Written()
            patch.setattr("sys.stdout", out)
            patch.setattr("sys.stderr", err)
            gendyn.sweep.run(config, axes=axes, workdir=workdir)
            found[name] = (out.text, err.text)
    return workdir, config, found


class Written:
    """A stream that is no terminal."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return False


def test_the_last_line_counts_and_leads_on(said):
    workdir, _, found = said
    command = f"gendyn report --workdir={workdir}"
    assert found["first"][1].splitlines()[-1] == f"done: 4 finished; results in {workdir}; next: {command}"
    assert found["more"][1].splitlines()[-1] == f"done: 6 finished; results in {workdir}; next: {command}"


def test_a_finished_sweep_announces_nothing_to_do(said):
    workdir, config, found = said
    assert found["again"][0] == "4 of 4 runs done.\nNothing is left to compile or train.\n"
    assert "run-steps/s" not in found["again"][1]
    asked = gendyn.sweep.plan(config, axes=AXES, workdir=workdir).summary()  # what --plan_only prints
    assert asked.splitlines()[0] == "4 of 4 runs done." and "compile or train" in asked


def test_a_resumed_sweep_says_how_much_is_done_and_announces_the_rest_alone(said):
    lines = said[2]["more"][0].splitlines()
    assert lines[0] == "4 of 6 runs done."
    assert any(line.startswith("2 runs of 20 steps in 1 chunks; 1 segments") for line in lines)
    assert len(lines) == 1 + 1 + 1 + 2  # that, a header, a line a chunk that is left, the totals
    first = said[2]["first"][0].splitlines()
    assert first[0].startswith("chunk") and "4 runs of 20 steps in 1 chunks; 1 segments" in first[-2]


def test_what_is_not_asked_for_is_counted(said):
    lines = said[2]["other"][0].splitlines()
    assert lines[0] == "6 other runs of the folder are not asked for and stay as they are."
    assert lines[-2].startswith("1 runs of 20 steps in 1 chunks")


@pytest.mark.parametrize(
    ("loss", "marks", "expected"),
    [
        ([0.5, np.nan, 0.1], [-1, 7, -1], "done: 2 finished, 1 diverged; results in my runs/a; next: "),
        ([0.5, np.nan, np.nan], [-1, -1, -1], "done: 1 finished, 2 unfinished (not asked for now); results in my runs"),
    ],
)
def test_every_state_of_runs_is_counted(loss, marks, expected):
    ds = xarray.Dataset(
        {"train_loss": (("run", "record"), np.array(loss)[:, None])}
        | {"diverged_step": (("run", "record"), np.array(marks)[:, None])},
        coords={"step": ("record", [5]), "committed": ("run", [1, 1, 1])},
    )
    assert ending(ds, "my runs/a").startswith(expected)
    assert ending(ds, "my runs/a").endswith("gendyn report '--workdir=my runs/a'")


def test_chunks_are_called_by_what_tells_them_apart():
    widths = {f"{w}{s}": [{"model.width": w, "seed": s}] for w in (4, 8) for s in (0, 1)}
    assert labels(widths)["81"] == "width 8, seed 1"
    models = {
        "a": [{"model.name": "mlp", "optim.learning_rate": 0.001}],
        "b": [{"model.name": "cnn", "optim.learning_rate": 0.001}],
    }
    assert labels(models) == {"a": "model mlp", "b": "model cnn"}
    assert labels({"a": [{"model.width": w, "seed": s} for w in (2, 4, 8, 16) for s in (0, 1)]}) == {
        "a": "width 2 … 16"
    }
    assert labels({"a": [{}]}) == {"a": ""}


def test_the_bar_says_the_width(said, tmp_path, monkeypatch):
    notes = []
    monkeypatch.setattr(Progress, "advance", lambda self, steps, note="": notes.append(note))
    gendyn.sweep.run(said[1], axes=AXES, workdir=tmp_path, quiet=True)
    assert set(notes) == {"", "width 2, 3"}
