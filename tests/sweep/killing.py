"""``scripts/sweep.py`` as a process that may be killed at any instant, and what must then be true of its folder."""

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from gendyn import store
from tests import compiling

ROOT = Path(__file__).resolve().parents[2]
CONFIG = "tests/sweep/kill_config.py"
AXES = {"model.width": (2, 5), "seed": (0, 1, 2)}
LEAVES = {
    "store.commit_seconds": 0.0,  # at every record
    "record.kind": "linear",
    "record.num_records": 24,
    "train.num_steps": 230,
    "train.batch_size": 8,
    "sweep.buckets": "exact",  # two chunks
    "sweep.strategy": "vmap",
}


def config_of(**leaves: Any) -> Any:
    """What the command line below makes, for an uninterrupted sweep in this process."""
    spec = importlib.util.spec_from_file_location("kill_config", ROOT / CONFIG)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = module.get_config()
    config.update_from_flattened_dict(LEAVES | leaves)
    return config


class Sweep:
    """One start of the command; leaving the ``with`` block kills what still runs."""

    def __init__(self, workdir: Path, **leaves: Any):
        settings = [f"--config.{name}={value}" for name, value in (LEAVES | leaves).items()]
        axes = [f"--axis={name}={','.join(map(str, values))}" for name, values in AXES.items()]
        command = [sys.executable, "scripts/sweep.py", f"--config={CONFIG}", *settings, *axes]
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit; a pipe would fill
        self.process = subprocess.Popen(
            [*command, f"--workdir={workdir}", "--host_devices=2", "--quiet"],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", **compiling.ALIKE},
            stdout=subprocess.DEVNULL,
            stderr=self.errors,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        self.errors.close()

    def running(self) -> bool:
        return self.process.poll() is None

    def finish(self) -> None:
        """Waits for a good end."""
        self.process.wait(timeout=600)
        self.errors.seek(0)
        errors = self.errors.read().decode()
        assert self.process.returncode == 0, errors
        assert "Traceback" not in errors

    def kill(self) -> bool:
        """``kill -9``; whether the process was still there to be killed."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        return self.process.returncode == -signal.SIGKILL

    def kill_when(self, condition: Callable[[], Any], *, delay: float = 0.0) -> bool:
        """Looks without a pause, unless the process ends, and kills ``delay`` seconds after the condition holds."""
        while self.running():
            if condition():
                time.sleep(delay)
                return self.kill()
        return False


def committed(workdir: Path) -> int:
    """Committed records of all chunks together; reads their markers only."""
    folder = workdir / "chunks"
    stores = [path for path in (folder.iterdir() if folder.is_dir() else ()) if store.ChunkStore.exists(path)]
    return sum(store.ChunkStore(path).committed() for path in stores)


def names(workdir: Path, pattern: str) -> list[Path]:
    return list(workdir.glob(f"chunks/*/{pattern}"))


def being_saved(workdir: Path) -> list[Path]:
    """Checkpoints that are being written: orbax renames them when they are whole."""
    return [path for path in names(workdir, "checkpoints/*") if "tmp" in path.name]


def records_being_written(workdir: Path) -> list[Path]:
    """Blocks of records that have not been renamed into place."""
    return names(workdir, "records.zarr/*/.*.gendyn-tmp")


def check_readable(workdir: Path, reference: Any) -> int:
    """Opens the results of a sweep at rest or at work: what is committed is the reference's, all else is missing."""
    if not store.born(workdir):
        return 0
    dataset = store.open(workdir)
    count = dataset["committed"].values
    known = np.arange(dataset.sizes["record"])[None] < count[:, None]
    for name in dataset.data_vars:
        values, true = dataset[name].values, reference[name].values
        np.testing.assert_array_equal(values[known], true[known], err_msg=name)
        if values.dtype.kind == "f":
            assert np.isnan(values[~known]).all()
    return int(count.sum())
