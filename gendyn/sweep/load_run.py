"""``gendyn.sweep.load_run``: one trained network of a results folder, with all that is needed to use it or train on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np
import optax

from gendyn import store
from gendyn.core import ConfigError, StoreError, nearest, only_names
from gendyn.sweep.as_trained import check_data, moved
from gendyn.sweep.config.flat import nest
from gendyn.sweep.config.leaf import plain
from gendyn.sweep.execute.inputs import sample_of
from gendyn.sweep.execute.pack import unpad_like
from gendyn.sweep.execute.states import unflatten_state
from gendyn.sweep.origins import check_origins, sources
from gendyn.sweep.plan.against_task import load_task
from gendyn.sweep.plan.one_run import run_at
from gendyn.sweep.plan.planned import Chunk, Plan, PlannedRun, plan_from_json
from gendyn.sweep.plan.program import hypers_of, model_alone
from gendyn.sweep.plan.shapes import abstract_run
from gendyn.tasks import held
from gendyn.types import Config, Model, PyTree, Task, Variables


class LoadedRun(NamedTuple):
    """A run as it was saved, in the shapes of its own network. Arrays are on the host."""

    number: int
    """Its coordinate ``run`` in :func:`gendyn.store.open`."""
    coords: dict[str, Any]
    """``{axis: value}``."""
    config: Config
    """All leaves of this run and no axes: a sweep of this config is this run."""
    task: Task
    num_train: int
    """It trains on the first ``num_train`` rows of ``task.x_train``, at its last step."""
    targets: np.ndarray
    """``[num_train]`` labels as it was told them (after label noise), or ``[num_train, C]``."""
    model: Model
    """``model.apply(variables, x [B, …]) -> (outputs [B, C], statistics)``."""
    variables: Variables
    optimizer: optax.GradientTransformation
    """Filter, optimizer and projection, with this run's hyperparameters."""
    opt_state: PyTree
    """What ``optimizer`` goes on from."""
    ema: PyTree
    """Average of the parameters, or ``()`` without one."""
    step: int
    """Gradient steps behind it."""
    diverged_step: int
    """First step whose training loss was not finite, or -1."""


def load_run(
    workdir: str | Path,
    where: Mapping[str, Any],
    *,
    unfinished: bool = False,
    names: Sequence[str] = (),
    folder: str = "",
) -> LoadedRun:
    """The trained network of the one run at a place on the axes.

    Runs of several widths may have trained in one program, padded with zeros to the widest. The padding is cut off:
    what comes back has the run's own sizes, and ``model.apply(variables, task.x_test)`` gives the outputs whose loss
    was recorded last. (:func:`gendyn.store.final_state` gives the arrays as they are saved, padded.)

    Args:
        workdir: the folder of a sweep, finished or running.
        where: ``{axis: value}``, as many axes as tell the run from all others: ``{"model.width": 8, "seed": 0}``.
        unfinished: give the newest saved state of a run that is still training, instead of raising.
        names: code of your own that the folder names as ``"module:object"``, such as its task or model. A folder is
            data: none of it is run that is not named here.
        folder: where the files of the sweep's task lie now, if they were moved.

    Raises:
        ConfigError: no sweep in ``workdir``, no such axis, no such run, or several; or the data or own code have
            changed since.
        StoreError: the run is not finished (and ``unfinished`` is false), or has no state that restores.

    >>> import gendyn.sweep, tempfile
    >>> config = gendyn.sweep.base_config(task="teacher_student", model="mlp", optim="adam")
    >>> config.train.num_steps, config.model.depth = 4, 1
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ds = gendyn.sweep.run(config, axes={"model.width": (2, 5)}, workdir=folder, quiet=True)
    ...     run = gendyn.sweep.load_run(folder, {"model.width": 2})
    >>> outputs, _ = run.model.apply(run.variables, run.task.x_test)
    >>> run.step, run.variables.params["dense_0"]["kernel"].shape[1], outputs.shape[1] == run.task.num_outputs
    (4, 2, True)
    """
    stored = store.read_plan(workdir)
    with only_names([names, held()]):
        plan = moved(plan_from_json(stored), folder)
    chunk, row = _find(plan, where)
    planned = chunk.runs[row]
    state = _restored(Path(workdir), plan, chunk, planned, unfinished)
    tasks: dict[str, Task] = {}
    check_data(plan, [chunk], stored["provenance"], tasks)
    task = load_task(planned.flat, tasks)
    alone = chunk._replace(sizes={name: planned.flat[name] for name in chunk.sizes}, runs=(planned,))
    check_origins(stored["provenance"], {"sources": sources([alone])}, plan.config["store.accept_changes"])
    padded = abstract_run(chunk.program(task), chunk, task).state
    program = alone.program(task)
    like = abstract_run(program, alone, task).state
    whole = unflatten_state(padded, state)
    mine = jax.tree.map(lambda leaf: np.asarray(leaf[row]), whole)
    variables, opt_state, ema = unpad_like(
        (mine.variables, mine.opt_state, mine.ema), (like.variables, like.opt_state, like.ema)
    )
    sample = sample_of(planned.flat, task, chunk.num_rows).at(mine.step)
    hypers = {name: values[0] for name, values in hypers_of(program, [planned.flat]).items()}
    count = int(sample.num_train)
    return LoadedRun(
        number=planned.index,
        coords=_coords(plan, planned),
        config=ml_collections.ConfigDict(nest(planned.flat) | {"axes": (), "zip_axes": ()}).lock(),
        task=task,
        num_train=count,
        targets=np.asarray(sample.targets)[:count],
        model=model_alone(program, planned.flat),
        variables=variables,
        optimizer=run_at(program, hypers).optimizer,
        opt_state=opt_state,
        ema=ema,
        step=int(mine.step),
        diverged_step=int(mine.diverged_step),
    )


def _coords(plan: Plan, planned: PlannedRun) -> dict[str, Any]:
    return {name: planned.flat.get(name) for name, _ in plan.axes}


def _find(plan: Plan, where: Mapping[str, Any]) -> tuple[Chunk, int]:
    """The chunk and the row of the one run there."""
    names = [name for name, _ in plan.axes]
    for name in where:
        if name not in names:
            raise ConfigError(
                f"where: {name!r} is no axis of this folder.{nearest(name, names)} Its axes are {', '.join(names)}."
            )
    wanted = {name: plain(value) for name, value in where.items()}
    runs = [(chunk, row, _coords(plan, run)) for chunk in plan.chunks for row, run in enumerate(chunk.runs)]
    found = [run for run in runs if all(run[2][name] == value for name, value in wanted.items())]
    if len(found) == 1:
        return found[0][:2]
    shown = ", ".join(f"{name} = {value!r}" for name, value in wanted.items()) or "no axis at all"
    if not found:
        known = {name: dict.fromkeys(coords[name] for _, _, coords in runs) for name in wanted}
        absent = [name for name, value in wanted.items() if value not in known[name]]
        if absent:
            there = ", ".join(map(repr, known[absent[0]]))
            raise ConfigError(f"where: no run has {absent[0]} = {wanted[absent[0]]!r}; there are {there}.")
        raise ConfigError(f"where: no run has {shown} together; leave one of them out to see which there are.")
    open_axes = {name: list(dict.fromkeys(coords[name] for _, _, coords in found)) for name in names}
    left = [f"{name} (of {_brief(values)})" for name, values in open_axes.items() if len(values) > 1]
    raise ConfigError(f"where: {len(found):,} runs have {shown}; say also {' and '.join(left)}.")


def _brief(values: Sequence[Any]) -> str:
    return ", ".join(map(repr, values[:8])) + (", …" if len(values) > 8 else "")


def _restored(workdir: Path, plan: Plan, chunk: Chunk, planned: PlannedRun, unfinished: bool) -> dict[str, np.ndarray]:
    """The saved state of all runs of a chunk."""
    folder = store.chunk_folder(workdir, chunk.id)
    there = store.ChunkStore.exists(folder)
    restored = store.ChunkStore(folder, chunk.holds).restore_state() if there else None
    done = 0 if restored is None else restored.records
    which = ", ".join(f"{name} = {value!r}" for name, value in _coords(plan, planned).items())
    if restored is None or (done < len(chunk.steps) and not unfinished):
        remedy = "" if restored is None else ", or pass unfinished=True for its newest saved state"
        raise StoreError(
            f"the run {which} is not finished: {done} of {len(chunk.steps)} records are committed in {folder}. Run the "
            f"same command again to train the rest{remedy}."
        )
    return restored.state
