"""``scripts/sweep.py`` as a user calls it: bad input is exit status 2 and one line; a folder in use is status 1."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gendyn import store

CONFIG = "--config=configs/double_descent/model_wise_double_descent.py:smoke"


@pytest.fixture
def sweep(root: Path, record_property):
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        begin = time.monotonic()
        done = subprocess.run(
            [sys.executable, "scripts/sweep.py", *arguments],
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        record_property("seconds", round(time.monotonic() - begin, 2))  # reported, not asserted: machines differ
        return done

    return call


def one_error(done: subprocess.CompletedProcess[str], status: int = 2) -> str:
    """The message, after checking that it is all there is: no traceback, no log lines."""
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines)) == (status, 1), done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["--config is missing", "--config=configs/"]),
        (
            ["--config=configs/double_descent/model_wise_double_descent.py:smok"],
            ["variant = 'smok'", "Did you mean 'smoke'"],
        ),
        ([CONFIG, "--config.model.widht=64"], ["--config.model.widht", "Did you mean 'model.width'"]),
        ([CONFIG, "--config.loss=a\nb\x1b[31m"], [r"config.loss = 'a\nb\x1b[31m'", "cross_entropy"]),
        ([CONFIG, "--config.sweep.platform=tpu"], ["sweep.platform = 'tpu'", "no such device"]),
        ([CONFIG, "extra"], ["unexpected argument 'extra'"]),
    ],
    ids=["no config", "variant", "typo", "hostile", "device", "positional"],
)
def test_bad_input_is_one_line_and_status_2(sweep, tmp_path, arguments, parts):
    done = sweep(*arguments, f"--workdir={tmp_path / 'results'}")
    message = one_error(done)
    assert all(part in message for part in parts), message
    assert done.stdout == ""
    assert not list(tmp_path.iterdir())


def test_no_workdir_and_a_flag_that_does_not_exist(sweep):
    assert "--workdir is missing" in one_error(sweep(CONFIG))
    assert "Unknown command line flag 'axiss'. Did you mean: axis" in one_error(sweep(CONFIG, "--axiss=seed=1"))


def test_a_folder_in_use_is_status_1(sweep, tmp_path):
    with store.lock(tmp_path):
        message = one_error(sweep(CONFIG, f"--workdir={tmp_path}"), status=1)
    assert f"is being run by process {os.getpid()}" in message


def test_plan_only_prints_the_plan_and_writes_nothing(sweep, tmp_path):
    workdir = tmp_path / "results"
    seeds = ("--axis", "seed=0:3", "--axis", "task.split_seed=0:3")
    done = sweep(CONFIG, "--plan_only", "--axis", "model.width=2,4", *seeds, f"--workdir={workdir}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 runs of 40 steps" in done.stdout
    assert not workdir.exists()


def test_an_old_path_names_the_new_one(sweep, tmp_path):
    message = one_error(sweep("--config=configs/grokking.py:smoke", f"--workdir={tmp_path / 'results'}"))
    assert "there is no file 'configs/grokking.py'. It is configs/grokking/grokking.py." in message


def test_a_program_of_its_own_is_planned_with_other_axes(sweep, tmp_path):
    done = sweep("--config=configs/linear_models/weak_features.py:smoke", "--plan_only", "--axis=seed=0:3")
    assert (done.returncode, done.stderr) == (0, "") and "3 runs in" in done.stdout


def test_what_an_experiment_checks_is_checked_on_the_command_line(sweep, tmp_path):
    config = "--config=configs/curvature/lazy_to_rich.py:smoke"
    message = one_error(sweep(config, "--config.optim.momentum=0.9", f"--workdir={tmp_path / 'results'}"))
    assert "config.optim.momentum = 0.9 must be 0.0" in message


def test_what_an_experiment_does_after_a_sweep_knows_the_axes_in_force(sweep, tmp_path):
    axes = ("--axis=arm=EMA", "--axis=seed=0:1", "--axis=task.seed=0:1")
    done = sweep("--config=configs/grokking/grokfast.py:smoke", *axes, f"--workdir={tmp_path}")
    assert done.returncode == 0, done.stderr
    ds = store.open(tmp_path)
    assert ds.sizes["run"] == 1 and list(json.loads(ds.attrs["seconds_per_step"])) == ["EMA"]
