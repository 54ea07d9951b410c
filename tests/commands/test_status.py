"""``gendyn status``: runs finished, diverged and left of every folder; a damaged one does not hide the others."""

import shutil

import numpy as np
import pytest
from absl import flags

from gendyn import store
from gendyn.commands import status
from gendyn.core import ConfigError


@pytest.fixture
def told(monkeypatch, capsys):
    """``gendyn status <words>`` -> exit status, lines, faults."""

    def call(*words):
        values = flags.FlagValues()
        flags.DEFINE_multi_string("workdir", [], "", flag_values=values)
        values(["status"])
        monkeypatch.setattr(flags, "FLAGS", values)
        code = 0
        try:
            status.main(["status", *map(str, words)])
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return code, [line.split() for line in said.out.splitlines()], said.err

    return call


@pytest.fixture
def half(tmp_path):
    """A plan of two runs of three records of which nothing is there yet."""
    runs = [{"index": i, "coords": {"seed": i}} for i in range(2)]
    metrics = {"train_loss": {"shape": [], "dtype": "float32"}, "diverged": {"shape": [], "dtype": "bool"}}
    chunk = {"id": "a", "steps": [0, 5, 10], "runs": runs}
    plan = {"axes": ["seed"], "metrics": metrics, "chunks": [chunk], "config": {}, "provenance": {}}
    folder = tmp_path / "deep" / "half"
    folder.mkdir(parents=True)
    store.write_plan(folder, plan)
    return folder


def test_a_folder_of_folders_is_a_table(told, finished, half, tmp_path):
    folder, ds = finished("random_labels")
    shutil.copytree(folder, tmp_path / "labels")
    code, (header, first, second), err = told(tmp_path)
    assert (code, err, tuple(header)) == (0, "", status.HEADER)
    assert first == [str(half), "-", "2", "0", "0", "2", "0", "%"]
    assert second == [str(tmp_path / "labels"), "random_labels", str(ds.sizes["run"]), "4", "0", "0", "100", "%"]


def test_a_damaged_folder_does_not_hide_the_others(told, half, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(half, damaged)
    (damaged / "plan.json").write_text((damaged / "plan.json").read_text().replace("10", "11"))
    code, lines, err = told(damaged, half)
    assert code == 1 and len(lines) == 2 and err.startswith("error: ") and "its digest does not agree" in err


@pytest.mark.parametrize(("name", "match"), [("nothing", "is no folder"), ("empty", "holds no sweep")])
def test_a_folder_without_sweeps_is_refused(name, match, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=match):
        status.results_folders(tmp_path / name)


def test_diverged_runs_are_counted(monkeypatch, finished, tmp_path):
    _, ds = finished("random_labels")
    lost = ds.copy(deep=True)
    lost["diverged_step"].values[:2] = 10
    lost["train_loss"].values[2, -1] = np.nan
    monkeypatch.setattr(store, "open", lambda folder: lost)
    assert status.status_of(tmp_path)[2:6] == ("4", "1", "2", "1")
