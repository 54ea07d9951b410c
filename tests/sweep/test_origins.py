"""One folder holds results of one data set and one version of one's own code."""

import json
import sys

import pytest

import gendyn.sweep
from gendyn import store
from gendyn.core import ConfigError
from gendyn.sweep.origins import check_origins

TASK = """
import numpy as np
from gendyn.types import Task


def mine(*, num_train: int = 20, shift: float = 0.0) -> Task:
    x = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32) + SHIFT
    y = np.arange(30, dtype=np.int32) % 2
    return Task("mine", x[:20], y[:20], x[20:], y[20:], 2, "classification", {})
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """``write(text)``: the user's file as a new process would import it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(text):
        (tmp_path / "changing_task.py").write_text(text)
        sys.modules.pop("changing_task", None)

    yield write
    sys.modules.pop("changing_task", None)


def extend(folder, seeds, **leaves):
    config = gendyn.sweep.base_config(task="changing_task:mine", model="mlp", optim="sgd")
    config.train.num_steps = 4
    config.update_from_flattened_dict(leaves)
    return gendyn.sweep.run(config, axes={"seed": seeds}, workdir=folder, quiet=True)


def test_changed_data_and_changed_code_do_not_extend_a_sweep(write, tmp_path):
    write(TASK.replace("SHIFT", "0"))
    extend(tmp_path / "s", (0,))
    extend(tmp_path / "s", (0, 1))
    write(TASK.replace("SHIFT", "1"))
    with pytest.raises(
        ConfigError, match=r"the data of task .*changing_task:mine.* has changed since \(sha256 .* there"
    ):
        extend(tmp_path / "s", (0, 1, 2))
    write(TASK.replace("SHIFT", "0") + "\n# a remark\n")
    with pytest.raises(ConfigError, match=r"the file of changing_task:mine has changed.*accept_changes=true"):
        extend(tmp_path / "s", (0, 1, 2))
    assert store.open(tmp_path / "s").sizes["run"] == 2
    ds = extend(tmp_path / "s", (0, 1, 2), **{"store.accept_changes": True})
    assert ds.sizes["run"] == 3
    provenance = json.loads(ds.attrs["provenance"])
    assert provenance["sources"] != provenance["first"]["sources"]
    assert provenance["arrays"] == provenance["first"]["arrays"]


def test_a_folder_of_version_0_4_0_does_not_say():
    check_origins({}, {"arrays": {"a": "1"}, "sources": {}}, False)
    with pytest.raises(ConfigError, match="the data of task a"):
        check_origins({"arrays": {"a": "2"}}, {"arrays": {"a": "1"}, "sources": {}}, False)


def test_a_model_with_other_outputs_than_the_task_is_refused(small, tmp_path, monkeypatch):
    (tmp_path / "wide_model.py").write_text(
        "from gendyn.models import mlp\n"
        "def wide(*, num_outputs: int, width: int = 4):\n"
        "    return mlp(num_outputs=num_outputs + 1, width=width, depth=1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    config = gendyn.sweep.base_config(task="digits", model="wide_model:wide", optim="sgd")
    with pytest.raises(
        ConfigError, match=r"model 'wide_model:wide' answers \(2, 11\) to a batch of 2, must answer \(2, 10\)"
    ):
        gendyn.sweep.run(config, axes={"seed": (0,)}, workdir=tmp_path / "s", quiet=True)
    assert not store.born(tmp_path / "s")
