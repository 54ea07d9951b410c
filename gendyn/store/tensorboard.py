"""The records of a dataset as TensorBoard's event files, by whichever writer is installed."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gendyn.core import ConfigError, StoreError
from gendyn.store import files
from gendyn.store.export import long_table
from gendyn.store.workdir import folder_of

if TYPE_CHECKING:
    import xarray

LONGEST = 150
"""Letters of a folder's name."""


class Writer(Protocol):
    """Writes one run."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes the values of a record."""

    def close(self) -> None:
        """Writes what is left."""


class _TensorboardX:
    def __init__(self, folder: Path) -> None:
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(logdir=str(folder))
        self.close = self._writer.close

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)


class _Tensorboard:
    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event, self._summary = Event, Summary
        self._writer = EventFileWriter(str(folder))
        self.close = self._writer.close

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        found = [self._summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._writer.add_event(self._event(step=step, summary=self._summary(value=found)))


WRITERS: dict[str, Callable[[Path], Writer]] = {"tensorboardX": _TensorboardX, "tensorboard": _Tensorboard}
"""By the package that each needs; the first that is installed writes."""


def export_tensorboard(ds: "xarray.Dataset", folder: str | Path) -> Path:
    """Writes a folder of event files for each run, with its committed records as scalars at their training steps.

    Needs ``tensorboardX`` or ``tensorboard``. A run's folder is named by its number and its place on the axes:
    ``run-0003 model.width=8 seed=1``.

    Args:
        ds: what :func:`gendyn.store.open` or :func:`gendyn.store.merge` returns.
        folder: a new or an empty one; event files are only ever added to, so one with files would show both.

    Returns:
        The folder.

    Raises:
        ConfigError: neither package is installed, or the folder holds files.
        StoreError: the disk refuses.
    """
    target = folder_of(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError(f"folder = {str(folder)!r} holds files already: give a new one for TensorBoard.")
    writer = _installed()
    table = long_table(ds)
    metrics = [name for name in table if str(name).partition("[")[0] in ds.data_vars]
    axes = [axis for axis in json.loads(ds.attrs.get("axes", "[]")) if axis in table]
    try:
        for run, rows in table.groupby("run", sort=False):
            place = " ".join(f"{axis}={rows[axis].iloc[0]}" for axis in axes)
            name = re.sub(r"[^\w.=,+ -]", "_", f"run-{run:04} {place}".strip())[:LONGEST]
            one = writer(target / name)
            for step, values in zip(rows["step"], rows[metrics].to_dict("records"), strict=True):
                one.scalars(int(step), {str(metric): float(value) for metric, value in values.items()})
            one.close()
    except OSError as fault:
        raise StoreError(f"{files.disk_fault(fault, target)}; the results are intact.") from fault
    return target


def _installed() -> Callable[[Path], Writer]:
    import importlib.util

    for package, writer in WRITERS.items():
        if importlib.util.find_spec(package):
            return writer
    raise ConfigError(
        f"TensorBoard's files need {' or '.join(WRITERS)}, and neither is installed: pip install tensorboardX."
    )
