"""``gendyn.sweep.run``: a config and axes in, a labelled dataset out; the same call resumes."""

import math
import os
import pathlib
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import jax

from gendyn import store
from gendyn.core import ConfigError
from gendyn.sweep import calibrate, cost
from gendyn.sweep.config import complete, flatten
from gendyn.sweep.execute import ChunkJob, out_of_memory, record_shapes
from gendyn.sweep.pack import shapes_at
from gendyn.sweep.plan import Chunk, Plan, plan_from_json
from gendyn.sweep.planner import load_task, make_plan
from gendyn.sweep.points import canonical
from gendyn.sweep.progress import Progress
from gendyn.types import Task

if TYPE_CHECKING:
    import xarray


def plan(config: Mapping[str, Any], *, axes: Any = None, workdir: str | pathlib.Path | None = None) -> Plan:
    """The plan of a sweep, without running, compiling or writing anything.

    Args:
        config: from :func:`gendyn.sweep.base_config`.
        axes: ``{leaf: values}`` or pairs; replaces the config's axes.
        workdir: where given and born, what is there stays as it is and only new runs are planned.

    Raises:
        ConfigError: bad input; nothing has been compiled.
    """
    return _plan(config, axes, workdir, {}, pick_devices(config))


def _plan(
    config: Mapping[str, Any], axes: Any, workdir: Any, tasks: dict[str, Task], devices: Sequence[jax.Device]
) -> Plan:
    known = None
    if workdir is not None and _is_born(workdir):
        known = plan_from_json(store.read_plan(workdir))
    return make_plan(config, axes=axes, devices=devices, tasks=tasks, known=known)


def _is_born(workdir: str | pathlib.Path) -> bool:
    try:
        return store.born(workdir)
    except OSError as fault:  # no permission, or a name that the file system does not take
        raise ConfigError(
            f"workdir = {str(workdir)!r} cannot be read: {fault.strerror}. Choose a folder you may read and write."
        ) from fault


def run(
    config: Mapping[str, Any],
    *,
    axes: Any = None,
    workdir: str | pathlib.Path,
    overrides: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> "xarray.Dataset":
    """Trains every run of the sweep, or what is missing of it, and returns the labelled results.

    Calling it again with the same arguments resumes from the last commit, bit for bit; with more axis values it adds
    the new runs and keeps the old.

    Args:
        config: from :func:`gendyn.sweep.base_config`.
        axes: ``{leaf: values}`` or pairs; replaces the config's axes.
        workdir: the results folder; made if it does not exist.
        overrides: what the user changed, stored with the provenance.
        quiet: print neither the plan nor progress.

    Returns:
        Dims ``run × record``; the axes are coordinates of ``run``. See :func:`gendyn.store.open`.

    Raises:
        ConfigError: bad input, before anything compiles or is written.
        StoreError: the folder cannot be written; what was committed stays readable.

    >>> import gendyn.sweep, tempfile
    >>> config = gendyn.sweep.base_config(task="teacher_student", model="mlp", optim="sgd")
    >>> config.train.num_steps = 4
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ds = gendyn.sweep.run(config, axes={"model.width": (2, 3), "seed": range(2)}, workdir=folder, quiet=True)
    >>> ds.sizes["run"], ds["model.width"].values.tolist()
    (4, [2, 2, 3, 3])
    """
    use_compilation_cache()
    devices = pick_devices(config)
    tasks: dict[str, Task] = {}
    sweep_plan = _plan(config, axes, workdir, tasks, devices)
    folder = store.open_workdir(workdir)
    threading.Thread(target=store.preload, daemon=True).start()
    with store.lock(folder):
        if store.born(folder):  # another process may have extended the sweep since
            sweep_plan = _plan(config, axes, workdir, tasks, devices)
        store.write_plan(folder, _stored(sweep_plan, tasks, devices, overrides or {}, folder))
        if not quiet:
            print(sweep_plan.summary(), flush=True)
        _execute(sweep_plan, tasks, devices, folder, quiet)
    return store.open(folder)


def _stored(
    sweep_plan: Plan, tasks: dict[str, Task], devices: Sequence[jax.Device], overrides: Mapping[str, Any], folder: Any
) -> dict[str, Any]:
    """``plan.json``: the plan, what readers need to label results, and where they came from."""
    stored = sweep_plan.to_json()
    metrics: dict[str, Any] = {}
    data: dict[str, dict[str, str]] = {}
    outputs, available = set(), set()
    for chunk, entry in zip(sweep_plan.chunks, stored["chunks"], strict=True):
        task = load_task(chunk.runs[0].flat, tasks)
        if data.setdefault(task.name, dict(task.provenance)) != dict(task.provenance):  # an axis over the task
            leaves = {name: value for name, value in chunk.runs[0].flat.items() if name.startswith("task.")}
            data[canonical(leaves)] = dict(task.provenance)
        outputs.add(task.num_outputs)
        available.add(len(task.y_train))
        for name, value in record_shapes(chunk, task).items():
            metrics[name] = {"shape": list(value.shape), "dtype": str(value.dtype)}
        counts = parameter_counts(chunk, task)
        for run_entry, count in zip(entry["runs"], counts, strict=True):
            run_entry["values"] = {"num_parameters": count}
    provenance: dict[str, Any] = dict(store.collect(stored["config"], dict(overrides)))
    provenance |= {"devices": f"{len(devices)} x {devices[0].device_kind}", "data": data, "plan": sweep_plan.digest}
    earlier = store.read_plan(folder) if store.born(folder) else {}
    if earlier:  # resumed or extended: keep where the first results came from
        provenance["first"] = earlier["provenance"].get("first", earlier["provenance"])
    stored["provenance"] = provenance
    stored["metrics"] = metrics
    # One number where all runs agree, so that a figure need not load the data again.
    facts = {"num_outputs": outputs, "num_available": available}
    # What an experiment has added stays.
    stored["attributes"] = {name: value for name, value in earlier.get("attributes", {}).items() if name not in facts}
    stored["attributes"] |= {name: values.pop() for name, values in facts.items() if len(values) == 1}
    return stored


def parameter_counts(chunk: Chunk, task: Task) -> list[int]:
    """Parameters of each run's network at its own sizes."""
    program = chunk.program(task)
    counted: dict[tuple[Any, ...], int] = {}
    counts = []
    for planned in chunk.runs:
        key = tuple(planned.flat[name] for name, _ in program.sizes)
        if key not in counted:
            leaves = jax.tree.leaves(shapes_at(program, planned.flat, padded=False).params)
            counted[key] = sum(math.prod(leaf.shape) for leaf in leaves)
        counts.append(counted[key])
    return counts


AHEAD = 2
"""Chunks made ready (drawn, compiled) while one trains: as many compilations as a small machine has cores."""


def _execute(
    sweep_plan: Plan, tasks: dict[str, Task], devices: Sequence[jax.Device], folder: pathlib.Path, quiet: bool
) -> None:
    """All chunks, one after another; the next are prepared while one trains, where memory allows."""
    chunks = sweep_plan.chunks
    total = sum(chunk.steps[-1] * len(chunk.runs) for chunk in chunks)
    limit = cost.machine(devices, sweep_plan.config["sweep.memory_limit_gb"]).bytes
    with Progress(total, len(sweep_plan.runs), quiet=quiet) as progress, ThreadPoolExecutor(AHEAD) as pool:
        jobs: list[ChunkJob | None] = []
        for chunk in chunks:
            made = ChunkJob(chunk, load_task(chunk.runs[0].flat, tasks), devices, store.chunk_folder(folder, chunk.id))
            if made.complete():
                progress.resume(chunk.steps[-1] * len(chunk.runs))
            else:
                jobs.append(made)
        ready: dict[int, Future[None]] = {}
        for position, job in enumerate(jobs):
            assert job is not None
            held = job.chunk.estimate.bytes
            for place in range(position + 1, min(position + 1 + AHEAD, len(jobs))):
                following = jobs[place]
                assert following is not None
                held += following.chunk.estimate.bytes
                # Neither the timing of candidates nor the memory may be disturbed.
                if calibrate.due(following) or calibrate.due(job) or held > limit:
                    break
                if place not in ready:
                    ready[place] = pool.submit(following.prepare)
            try:
                if position in ready:
                    _prepared(job, ready.pop(position))
                else:
                    job.prepare()
                job.run(progress)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            jobs[position] = None  # its arrays are no longer needed


def _prepared(job: ChunkJob, ahead: Future[None]) -> None:
    """Waits for a chunk made ready; what did not fit beside the one before it is made again, alone."""
    try:
        ahead.result()
    except (jax.errors.JaxRuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        job.prepare()


def pick_devices(config: Mapping[str, Any]) -> list[jax.Device]:
    """All devices of the kind asked for (``sweep.platform``; empty is JAX's default).

    Raises:
        ConfigError: a bad leaf, or no device of that kind.
    """
    platform = complete(flatten(config))["sweep.platform"]
    try:
        return jax.local_devices(backend=platform or None)
    except RuntimeError as error:
        found = sorted({device.platform for device in jax.devices()})
        raise ConfigError(
            f"sweep.platform = {platform!r}: there is no such device here, only {', '.join(found)}. "
            "Leave it empty to take what there is, or install the extra gendyn[cuda] or gendyn[tpu]."
        ) from error


def use_compilation_cache() -> None:
    """Turns JAX's persistent compilation cache on, in the user's cache folder, unless the user has chosen one."""
    if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
        root = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
        jax.config.update("jax_compilation_cache_dir", str(root / "gendyn" / "xla"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
