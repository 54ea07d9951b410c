"""Runs before any test: two host devices, so that sharding is tested on every machine, a cache, and fast compiling.

They must be set before jax starts its backend. pytest-xdist's workers share the cache: each file is named by a hash of
its program and written whole; a file that another worker has written by half fails its checksum, which costs a warning
and one compilation.
"""

import fcntl
import functools
import gc
import os
from collections.abc import Callable
from pathlib import Path

import jax
import pytest
import scipy.linalg  # noqa: F401 (its BLAS is what JAX decomposes with on a CPU, and must be loaded to be limited)
import threadpoolctl
import xarray

from gendyn.experiments import launch
from tests import compiling
from tests.experiments.smoke import smoke_config

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "jax"
CACHE_OPTIONS = {
    "jax_compilation_cache_dir": str(CACHE),
    "jax_persistent_cache_min_compile_time_secs": 0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}

jax.config.update("jax_num_cpu_devices", 2)
for name, value in CACHE_OPTIONS.items():
    jax.config.update(name, value)
    # Processes that tests start share the cache too; a script that sets its own wins.
    os.environ.setdefault(name.upper(), str(value))

compiling.start()

# One BLAS thread a worker: two workers with two threads each wait for each other, up to a hundred times as long.
threadpoolctl.threadpool_limits(limits=1, user_api="blas")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Figures are drawn to files: no window system is needed or touched.
os.environ.setdefault("MPLBACKEND", "Agg")


# Tracing makes millions of small objects, few of them in circles: Python looks for circles less often.
gc.set_threshold(100_000, 20, 100)


def pytest_collection_finish(session: pytest.Session) -> None:
    """And no longer among what was imported."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return ROOT


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
            return folder, launch(smoke_config(experiment), folder, quiet=True)

    return run
