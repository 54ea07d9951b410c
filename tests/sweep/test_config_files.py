"""Config files are found by path or by name; one of the user's own folder wins over one of gendyn's."""

from pathlib import Path

import pytest

from gendyn.core import ConfigError
from gendyn.experiments import experiments
from gendyn.sweep.config_files import carried_configs, carried_files, find_config, load_config

OWN = "import ml_collections\ndef get_config(variant='own'): return ml_collections.ConfigDict({'place': variant})\n"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(OWN)


def test_gendyn_brings_a_config_of_every_experiment(folder):
    assert set(carried_files()) == set(experiments())


@pytest.mark.parametrize("file", ["configs/grokking/grokking.py", "grokking"])
def test_a_config_is_found_from_an_empty_folder(folder, file):
    assert find_config(file) == carried_configs() / "grokking" / "grokking.py"
    assert load_config(f"{file}:smoke").experiment == "grokking"


@pytest.mark.parametrize("own", ["configs/grokking/grokking.py", "configs/grokking.py", "grokking.py"])
def test_a_file_of_ones_own_wins_over_that_of_gendyn(folder, own):
    write(folder / own)
    assert load_config("grokking").place == "own" and load_config(f"{own}:b").place == "b"


def test_two_files_of_ones_own_are_not_chosen_between(folder):
    write(folder / "mine.py")
    write(folder / "configs/mine.py")
    with pytest.raises(ConfigError, match=r"'mine' is mine\.py and configs/mine\.py: give the path of one"):
        load_config("mine")


@pytest.mark.parametrize(
    ("file", "match"),
    [
        ("groking", r"there is no file 'groking'\. Did you mean 'grokking'"),
        ("configs/grokking.py", r"no file 'configs/grokking\.py'\. It is configs/grokking/grokking\.py\."),
        ("configs/grokking/groking.py", r"Did you mean 'configs/grokking/grokking\.py'"),
        ("", "there is no file ''"),
        ("a" * 5000, "File name too long"),
    ],
)
def test_a_file_that_is_not_there_names_what_may_be_meant(folder, file, match):
    with pytest.raises(ConfigError, match=match):
        load_config(file)
