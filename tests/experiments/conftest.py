import fcntl
import functools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import xarray

from gendyn.core import module
from tests.experiments.smoke import smoke_config


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, xarray.Dataset]]:
    """``experiment -> (folder, results)`` of its smoke variant, which runs once whichever tests and workers ask.

    A test that runs something in the folder copies it: other workers read it.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # the worker's folder lies in that of the session

    @functools.cache
    def run(experiment: str) -> tuple[Path, xarray.Dataset]:
        folder = shared / "finished" / experiment
        folder.mkdir(parents=True, exist_ok=True)
        # The folder's own lock refuses a second worker; this one lets it wait, and then find everything computed.
        with open(folder.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return folder, module("experiments", experiment).run(smoke_config(experiment), str(folder))

    return run
