"""Event files: a folder a run, scalars at their steps. tensorboardX is stood in for, but where files are read."""

import struct
import sys
from types import ModuleType

import numpy as np
import pytest
import xarray

from gendyn.core import ConfigError
from gendyn.store import export_tensorboard


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
    module.SummaryWriter = SummaryWriter
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
        ("norms/0", 0.0),
        ("norms/1", 1.0),
    ]


def test_without_a_package_and_into_a_full_folder_is_refused(monkeypatch, ds, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)  # as if it were not installed
    with pytest.raises(ConfigError, match=r"need tensorboardX, which cannot be imported .*: pip install tensorboardX"):
        export_tensorboard(ds, tmp_path / "logs")
    (tmp_path / "events").touch()
    with pytest.raises(ConfigError, match="holds files already"):
        export_tensorboard(ds, tmp_path)


def test_the_files_that_tensorboardx_writes_hold_the_scalars(ds, tmp_path):
    package = pytest.importorskip("tensorboardX.proto.event_pb2", reason="tensorboardX is not installed: no real files")
    ds["norms"] = ("run", "record", "layer"), np.arange(8.0).reshape(2, 2, 2)
    export_tensorboard(ds, tmp_path / "logs")
    (file,) = (tmp_path / "logs" / "run-0000 model.name=my_f").iterdir()
    events = [package.Event.FromString(record) for record in records_of(file.read_bytes())]
    assert [(value.tag, value.simple_value, event.step) for event in events for value in event.summary.value] == [
        (tag, value, step)
        for step, loss, first, second in ((0, 3.0, 0.0, 1.0), (10, 1.0, 2.0, 3.0))
        for tag, value in (("loss", loss), ("norms/0", first), ("norms/1", second))
    ]


def records_of(data):
    """Of a file of TensorFlow's records: length, checksum, bytes, checksum."""
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        yield data[12 : 12 + length]
        data = data[16 + length :]
