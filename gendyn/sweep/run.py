"""``gendyn.sweep.run``: a config and axes in, a labelled dataset out; the same call resumes."""

import pathlib
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax

from gendyn import store
from gendyn.core import ConfigError, StoreError, only_names
from gendyn.core.lines import print_line
from gendyn.sweep.config.complete import complete
from gendyn.sweep.config.flat import flatten
from gendyn.sweep.ending import ending
from gendyn.sweep.execute import calibrate
from gendyn.sweep.execute.chunk import train_chunk
from gendyn.sweep.execute.devices import compilation_cache, pick_devices
from gendyn.sweep.execute.failures import Failures
from gendyn.sweep.execute.job import Job, Position, Setup, prepare
from gendyn.sweep.execute.population import out_of_memory
from gendyn.sweep.execute.progress import Progress
from gendyn.sweep.execute.signals import Signals, Stopped
from gendyn.sweep.plan import cost
from gendyn.sweep.plan.against_task import load_task
from gendyn.sweep.plan.parts import lengthen, split
from gendyn.sweep.plan.planned import Chunk, Plan, plan_from_json
from gendyn.sweep.plan.planner import make_plan, read_axes
from gendyn.sweep.regroup import write_regrouped
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
    planned = _plan(config, axes, workdir, {}, _devices(config))
    return planned if workdir is None else planned._replace(finished=_whole(planned, workdir))


def _whole(planned: Plan, workdir: str | pathlib.Path) -> frozenset[str]:
    """Ids of the chunks whose records are all committed."""
    folders = [(chunk, store.chunk_folder(workdir, chunk.id)) for chunk in planned.asked]
    return frozenset(chunk.id for chunk, folder in folders if _is_whole(chunk, folder))


def _is_whole(chunk: Chunk, folder: pathlib.Path) -> bool:
    there = store.ChunkStore.exists(folder)
    return there and store.ChunkStore(folder, chunk.holds).committed() == len(chunk.steps)


def _plan(
    config: Mapping[str, Any], axes: Any, workdir: Any, tasks: dict[str, Task], devices: Sequence[jax.Device]
) -> Plan:
    if workdir is None or not _is_born(workdir):
        return make_plan(config, axes=axes, devices=devices, tasks=tasks)
    with only_names([flatten(config), config.get("axes", ()) if axes is None else axes]):
        known = plan_from_json(store.read_plan(workdir), keep_unnamed=True)
    num_steps, varied = complete(flatten(config))["train.num_steps"], dict((*known.axes, *read_axes(config, axes)[0]))
    if num_steps > known.config["train.num_steps"] and "train.num_steps" not in varied:
        known = lengthen(known, num_steps, lambda flat: len(load_task(flat, tasks).y_train))
    made = make_plan(config, axes=axes, devices=devices, tasks=tasks, known=known)
    return split(made, made.wants, lambda chunk: _is_whole(chunk, store.chunk_folder(workdir, chunk.id)))


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
    the new runs and keeps the old. Runs of the folder that the axes do not ask for stay as they are. With a larger
    ``train.num_steps`` all runs of the folder become longer, and those asked for train on from their saved states.
    Where runs raise, the others are trained first.

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
        RunError: some runs raised; all others are finished. A later call without them works in the same folder.
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
        document = stored_plan(sweep_plan, tasks, devices, overrides or {}, folder)
        write_regrouped(folder, document, sweep_plan)
        asked = sweep_plan.asked
        jobs = [Job(c, load_task(c.settings, tasks), devices, store.chunk_folder(folder, c.id)) for c in asked]
        sweep_plan = sweep_plan._replace(finished=frozenset(job.chunk.id for job in jobs if job.finished()))
        if not quiet:
            print_line(sweep_plan.summary(), sys.stdout)
        runs = sum(len(chunk.runs) for chunk in asked)
        total = sum(chunk.steps[-1] * len(chunk.runs) for chunk in asked)
        with Progress(total, runs, quiet=quiet, labels=sweep_plan.labels()) as progress:
            _execute(sweep_plan, jobs, progress, folder)
        ds = store.open(folder)
        progress.say(ending(ds, workdir))
    return ds


AHEAD = 2
"""Chunks made ready (drawn, compiled) while one trains: as many compilations as a small machine has cores."""

Ready = tuple[Setup, Position]


def _execute(sweep_plan: Plan, jobs: Sequence[Job], progress: Progress, folder: pathlib.Path) -> None:
    """All chunks, one after another; the next are prepared while one trains, where memory allows."""
    progress.resume(sum(c.steps[-1] * len(c.runs) for c in sweep_plan.asked if c.id in sweep_plan.finished))
    jobs = [job for job in jobs if job.chunk.id not in sweep_plan.finished]
    failures = Failures()
    with ThreadPoolExecutor(AHEAD) as pool, Signals() as signals:
        ready: dict[int, Future[Ready]] = {}
        for position, job in enumerate(jobs):
            held, devices = job.chunk.estimate.bytes, job.devices
            limit = cost.machine(devices, sweep_plan.config["sweep.memory_limit_gb"]).bytes
            for place in range(position + 1, min(position + 1 + AHEAD, len(jobs))):
                following = jobs[place]
                held += following.chunk.estimate.bytes
                # Neither the timing of candidates nor the memory may be disturbed.
                if calibrate.due(following.chunk, devices) or calibrate.due(job.chunk, devices) or held > limit:
                    break
                if place not in ready:
                    ready[place] = pool.submit(prepare, following)
            try:
                _train_or_note(job, ready.pop(position, None), progress, signals, failures)
                if signals.received:
                    raise Stopped(signals.received, _committed(sweep_plan.asked, folder), folder)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    failures.check(progress.runs, folder)


def _train_or_note(
    job: Job, ahead: Future[Ready] | None, progress: Progress, signals: Signals, failures: Failures
) -> None:
    """One chunk; where its runs raise, the error is kept for the end. A fault of the disk concerns all chunks."""
    before, runs = progress.done, len(job.chunk.runs)
    try:
        _train(job, ahead, progress, signals)
    except StoreError:
        raise
    except Exception as error:
        progress.say(failures.add(progress.label(job.chunk.id), runs, error))
        progress.leave(job.chunk.steps[-1] * runs - (progress.done - before))


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
