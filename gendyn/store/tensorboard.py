"""The records of a dataset as TensorBoard's event files, which tensorboardX writes."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gendyn.core import ConfigError, StoreError
from gendyn.store import files
from gendyn.store.export import long_table
from gendyn.store.workdir import folder_of

if TYPE_CHECKING:
    import xarray

LONGEST = 150
"""Letters of a folder's name."""


def export_tensorboard(ds: "xarray.Dataset", folder: str | Path) -> Path:
    """Writes a folder of event files for each run, with its committed records as scalars at their training steps.

    Needs ``tensorboardX``. A run's folder is named by its number and its place on the axes: ``run-0003 model.width=8
    seed=1``. An entry of a metric with a shape is a scalar of its own, ``norms/0``: TensorBoard shows what stands
    before the first slash as one group.

    Args:
        ds: what :func:`gendyn.store.open` or :func:`gendyn.store.merge` returns.
        folder: a new or an empty one; event files are only ever added to, so one with files would show both.

    Returns:
        The folder.

    Raises:
        ConfigError: the package is not installed, or the folder holds files.
        StoreError: the disk refuses.
    """
    target = folder_of(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError(f"folder = {str(folder)!r} holds files already: give a new one for TensorBoard.")
    writer = _writer()
    table = long_table(ds)
    metrics = [name for name in table if str(name).partition("[")[0] in ds.data_vars]
    axes = [axis for axis in json.loads(ds.attrs.get("axes", "[]")) if axis in table]
    try:
        for run, rows in table.groupby("run", sort=False):
            place = " ".join(f"{axis}={rows[axis].iloc[0]}" for axis in axes)
            name = re.sub(r"[^\w.=,+ -]", "_", f"run-{run:04} {place}".strip())[:LONGEST]
            one = writer(logdir=str(target / name))
            for step, values in zip(rows["step"], rows[metrics].to_dict("records"), strict=True):
                for metric, value in values.items():
                    one.add_scalar(_tag(str(metric)), float(value), int(step))
            one.close()
    except OSError as fault:
        raise StoreError(f"{files.disk_fault(fault, target)}; the results are intact.") from fault
    return target


def _tag(metric: str) -> str:
    """A column's name without brackets and commas, which TensorBoard would make underscores.

    >>> _tag("layer.norms[0,2]")
    'layer.norms/0/2'
    """
    return re.sub(r"[\[,]", "/", metric).removesuffix("]")


def _writer() -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as fault:
        raise ConfigError(
            f"TensorBoard's files need tensorboardX, which cannot be imported ({fault}): pip install tensorboardX."
        ) from fault
    return SummaryWriter
