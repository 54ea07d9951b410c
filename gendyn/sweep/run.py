"""``gendyn.sweep.run``: a config and axes in, a labelled dataset out; the same call resumes."""

import pathlib
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax

from gendyn import store
from gendyn.core import ConfigError, only_names
from gendyn.sweep.config.complete import complete
from gendyn.sweep.config.flat import flatten
from gendyn.sweep.execute import calibrate
from gendyn.sweep.execute.chunk import train_chunk
from gendyn.sweep.execute.devices import compilation_cache, pick_devices
from gendyn.sweep.execute.job import Job, Position, Setup, prepare
from gendyn.sweep.execute.lines import print_line
from gendyn.sweep.execute.population import out_of_memory
from gendyn.sweep.execute.progress import Progress
from gendyn.sweep.execute.signals import Signals, Stopped
from gendyn.sweep.plan import cost
from gendyn.sweep.plan.against_task import load_task
from gendyn.sweep.plan.planned import Chunk, Plan, plan_from_json
from gendyn.sweep.plan.planner import make_plan
from gendyn.sweep.stored_plan import stored_plan
from gendyn.types import Dataset, Task


def plan(config: Mapping[str, Any], *, axes: Any = None, workdir: str | pathlib.Path | None = None) -> Plan:
    """The plan of a sweep, without running, compiling or writing anything.

    Args:
        config: from :func:`gendyn.sweep.base_config`.
        axes: ``{leaf: values}`` or pairs; replaces the config's axes.
        workdir: where given and born, what is there stays as it is and only new runs are planned.

    Raises:
        ConfigError: bad input; nothing has been compiled.
    """
    return _plan(config, axes, workdir, {}, _devices(config))


def _plan(
    config: Mapping[str, Any], axes: Any, workdir: Any, tasks: dict[str, Task], devices: Sequence[jax.Device]
) -> Plan:
    known = None
    if workdir is not None and _is_born(workdir):
        with only_names([flatten(config), config.get("axes", ()) if axes is None else axes]):
            known = plan_from_json(store.read_plan(workdir))
    return make_plan(config, axes=axes, devices=devices, tasks=tasks, known=known)


def _devices(config: Mapping[str, Any]) -> list[jax.Device]:
    return pick_devices(complete(flatten(config))["sweep.platform"])


def _is_born(workdir: str | pathlib.Path) -> bool:
    try:
        return store.born(workdir)
    except OSError as fault:  # no permission, or a name that the file system does not take
        raise ConfigError(
            f"workdir = {str(workdir)!r} cannot be read: {fault.strerror}. Choose a folder you may read and write."
        ) from fault


@compilation_cache()
def run(
    config: Mapping[str, Any],
    *,
    axes: Any = None,
    workdir: str | pathlib.Path,
    overrides: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Dataset:
    """Trains every run of the sweep, or what is missing of it, and returns the labelled results.

    Calling it again with the same arguments resumes from the last commit, bit for bit; with more axis values it adds
    the new runs and keeps the old.

    Args:
        config: from :func:`gendyn.sweep.base_config`.
        axes: ``{leaf: values}`` or pairs; replaces the config's axes.
        workdir: the results folder; made if it does not exist.
        overrides: what the user changed, stored with the provenance.
        quiet: print neither the plan nor progress.

    JAX's config is afterwards what it was before; a persistent compilation cache is on meanwhile.

    Returns:
        Dims ``run × record``; the axes are coordinates of ``run``. See :func:`gendyn.store.open`.

    Raises:
        ConfigError: bad input, before anything compiles or is written.
        StoreError: the folder cannot be written; what was committed stays readable.
        KeyboardInterrupt: SIGINT or SIGTERM; the records so far are committed. A second signal ends at once.

    >>> import gendyn.sweep, tempfile
    >>> config = gendyn.sweep.base_config(task="teacher_student", model="mlp", optim="sgd")
    >>> config.train.num_steps = 4
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ds = gendyn.sweep.run(config, axes={"model.width": (2, 3), "seed": range(2)}, workdir=folder, quiet=True)
    >>> ds.sizes["run"], ds["model.width"].values.tolist()
    (4, [2, 2, 3, 3])
    """
    devices = _devices(config)
    tasks: dict[str, Task] = {}
    sweep_plan = _plan(config, axes, workdir, tasks, devices)
    folder = store.open_workdir(workdir)
    threading.Thread(target=store.preload, daemon=True).start()
    with store.lock(folder):
        if store.born(folder):  # another process may have extended the sweep since
            sweep_plan = _plan(config, axes, workdir, tasks, devices)
        store.write_plan(folder, stored_plan(sweep_plan, tasks, devices, overrides or {}, folder))
        if not quiet:
            print_line(sweep_plan.summary(), sys.stdout)
        _execute(sweep_plan, tasks, devices, folder, quiet)
    return store.open(folder)


AHEAD = 2
"""Chunks made ready (drawn, compiled) while one trains: as many compilations as a small machine has cores."""

Ready = tuple[Setup, Position]


def _execute(
    sweep_plan: Plan, tasks: dict[str, Task], devices: Sequence[jax.Device], folder: pathlib.Path, quiet: bool
) -> None:
    """All chunks, one after another; the next are prepared while one trains, where memory allows."""
    chunks = sweep_plan.chunks
    total = sum(chunk.steps[-1] * len(chunk.runs) for chunk in chunks)
    limit = cost.machine(devices, sweep_plan.config["sweep.memory_limit_gb"]).bytes
    with (
        Progress(total, len(sweep_plan.runs), quiet=quiet) as progress,
        ThreadPoolExecutor(AHEAD) as pool,
        Signals() as signals,
    ):
        jobs = []
        for chunk in chunks:
            job = Job(chunk, load_task(chunk.settings, tasks), devices, store.chunk_folder(folder, chunk.id))
            if job.finished():
                progress.resume(chunk.steps[-1] * len(chunk.runs))
            else:
                jobs.append(job)
        ready: dict[int, Future[Ready]] = {}
        for position, job in enumerate(jobs):
            held = job.chunk.estimate.bytes
            for place in range(position + 1, min(position + 1 + AHEAD, len(jobs))):
                following = jobs[place]
                held += following.chunk.estimate.bytes
                # Neither the timing of candidates nor the memory may be disturbed.
                if calibrate.due(following.chunk, devices) or calibrate.due(job.chunk, devices) or held > limit:
                    break
                if place not in ready:
                    ready[place] = pool.submit(prepare, following)
            try:
                _train(job, ready.pop(position, None), progress, signals)
                if signals.received:
                    raise Stopped(signals.received, _committed(chunks, folder), folder)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _committed(chunks: Sequence[Chunk], folder: pathlib.Path) -> str:
    """How far a sweep has come."""
    records = 0
    for chunk in chunks:
        there = store.chunk_folder(folder, chunk.id)
        records += store.ChunkStore(there).committed() * len(chunk.runs) if store.ChunkStore.exists(there) else 0
    total = sum(len(chunk.steps) * len(chunk.runs) for chunk in chunks)
    return f"{records:,} of {total:,} records"


def _train(job: Job, ahead: Future[Ready] | None, progress: Progress, signals: Signals) -> None:
    """One chunk; what was made ready but did not fit beside the one before it is made again, alone."""
    made: Ready | None = None
    if ahead is not None:
        try:
            made = ahead.result()
        except (jax.errors.JaxRuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
    train_chunk(*(made or prepare(job)), progress, signals)
