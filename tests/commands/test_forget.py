"""``gendyn forget``: chosen runs go, the others stay; without an axis nothing does."""

import shutil

import numpy as np
import pytest
from absl import flags

from gendyn import store
from gendyn.commands import forget
from gendyn.core import ConfigError


@pytest.fixture
def call(monkeypatch, capsys):
    """``gendyn forget <words>`` -> what it prints."""

    def run(*words):
        values = flags.FlagValues()
        flags.DEFINE_string("workdir", "", "", flag_values=values)
        flags.DEFINE_multi_string("axis", [], "", flag_values=values)
        flags.DEFINE_bool("plan_only", False, "", flag_values=values)
        monkeypatch.setattr(flags, "FLAGS", values)
        forget.main(values(["forget", *words]))
        return capsys.readouterr().out

    return run


@pytest.fixture
def copy(finished, tmp_path):
    """A folder of one's own with the results of an experiment."""
    folder, ds = finished("random_labels")
    shutil.copytree(folder, tmp_path / "copy")
    return tmp_path / "copy", ds


def test_the_chosen_runs_go_and_the_others_stay(call, copy):
    folder, ds = copy
    seeds, noises = np.unique(ds["seed"]), np.unique(ds["data.label_noise"])
    words = f"--workdir={folder}", f"--axis=seed={seeds[0]}", f"--axis=data.label_noise={noises[0]},{noises[1]}"
    runs = ds.sizes["run"]
    chosen = (ds["seed"] == seeds[0]).values & ds["data.label_noise"].isin(noises[:2]).values
    assert 0 < chosen.sum() < runs
    assert call(*words, "--plan_only") == f"would forget {chosen.sum()} of {runs} runs\n"
    assert store.open(folder).equals(ds)
    assert call(*words) == f"forgot {chosen.sum()} of {runs} runs; the same sweep command does them again\n"
    left = store.open(folder)
    np.testing.assert_array_equal(left["train_loss"].values, ds["train_loss"].values[~chosen])


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ([], "--axis is missing: say which runs, such as --axis seed=0,2"),
        (["--axis=seed"], "must read leaf=values"),
        (["--axis=seed=0", "--axis=seed=1"], "axis 'seed' is given twice"),
        (["--axis=sede=0"], r"'sede' is no axis of this folder. Did you mean 'seed'\?"),
        (["--axis=seed=77"], "no run of .* has seed = 77"),
        (["--axis=seed=0", "1"], "unexpected argument '1'"),
    ],
)
def test_bad_input_is_named_and_nothing_is_forgotten(call, copy, words, match):
    folder, ds = copy
    with pytest.raises(ConfigError, match=match):
        call(f"--workdir={folder}", *words)
    assert store.open(folder).equals(ds)


def test_a_folder_is_asked_for(call):
    with pytest.raises(ConfigError, match="--workdir is missing"):
        call("--axis=seed=0")
