"""Event files: a folder a run, scalars at their steps, by whichever package is there. The packages are stood in for."""

import sys
from types import ModuleType

import numpy as np
import pytest
import xarray

from gendyn.core import ConfigError
from gendyn.store import export_tensorboard, tensorboard


@pytest.fixture
def written(monkeypatch):
    """``{folder's name: [(tag, value, step)]}`` of a stand-in for tensorboardX."""
    found = {}

    class SummaryWriter:
        def __init__(self, logdir):
            self.rows = found.setdefault(logdir.rpartition("/")[2], [])

        def add_scalar(self, tag, value, step):
            self.rows.append((tag, value, step))

        def close(self):
            self.rows.append("closed")

    module = ModuleType("tensorboardX")
    module.SummaryWriter, module.__spec__ = SummaryWriter, object()
    monkeypatch.setitem(sys.modules, "tensorboardX", module)
    return found


@pytest.fixture
def ds():
    loss = ("run", "record"), np.array([[3.0, 1.0], [4.0, np.nan]])
    coords = {"run": [0, 1], "record": [0, 1], "step": ("record", [0, 10]), "committed": ("run", [2, 1])}
    axes = {"model.name": ("run", ["my:f", "a/b"])}
    return xarray.Dataset({"loss": loss}, coords | axes, attrs={"axes": '["model.name"]'})


def test_a_run_is_a_folder_of_its_committed_records(written, ds, tmp_path):
    assert export_tensorboard(ds, tmp_path / "logs") == tmp_path / "logs"
    assert written == {
        "run-0000 model.name=my_f": [("loss", 3.0, 0), ("loss", 1.0, 10), "closed"],
        "run-0001 model.name=a_b": [("loss", 4.0, 0), "closed"],
    }


def test_a_metric_with_a_shape_is_a_scalar_an_entry(written, ds, tmp_path):
    ds["norms"] = ("run", "record", "layer"), np.arange(8.0).reshape(2, 2, 2)
    export_tensorboard(ds.isel(run=[0]), tmp_path / "logs")
    assert [row[:2] for row in written["run-0000 model.name=my_f"][:3]] == [
        ("loss", 3.0),
        ("norms[0]", 0.0),
        ("norms[1]", 1.0),
    ]


def test_without_a_package_and_into_a_full_folder_is_refused(monkeypatch, ds, tmp_path):
    monkeypatch.setattr(tensorboard, "WRITERS", {"no_such_package": None})
    with pytest.raises(ConfigError, match="need no_such_package, and neither is installed: pip install tensorboardX"):
        export_tensorboard(ds, tmp_path / "logs")
    (tmp_path / "events").touch()
    with pytest.raises(ConfigError, match="holds files already"):
        export_tensorboard(ds, tmp_path)
