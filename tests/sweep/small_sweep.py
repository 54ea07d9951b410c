"""Sweeps small enough to compile in a second, and the pieces of one, for the tests of this folder."""

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np

import gendyn.sweep
from gendyn import store, train
from gendyn.sweep.execute.inputs import Inputs, first_state, make_inputs
from gendyn.sweep.plan import Chunk, Plan, Program, make_plan
from gendyn.types import Task

run_module = importlib.import_module("gendyn.sweep.run")  # gendyn.sweep.run is the function


def config(*, task: str = "teacher_student", model: str = "mlp", optim: str = "sgd", **leaves: Any) -> Any:
    """A base config with a task of a few examples; leaves by dotted name with ``__`` for the dot."""
    made = gendyn.sweep.base_config(task=task, model=model, optim=optim)
    if task == "teacher_student":
        made.task.update({"num_train": 24, "num_test": 16, "input_size": 5})
    elif task == "modular_arithmetic":
        made.task.modulus = 7
        made.data.num_train = 24
    else:
        made.task.num_test = 16
        made.data.num_train = 24
    if model == "mlp":
        made.model.depth = 1
    made.optim.learning_rate = 0.02
    made.train.num_steps = 20
    made.record.update({"kind": "linear", "num_records": 6})
    made.sweep.strategy = "map"
    made.store.commit_seconds = 0.0
    return change(made, **leaves)


def change(given: Any, **leaves: Any) -> Any:
    """A copy with other leaves: ``change(c, train__batch_size=8)``."""
    made = ml_collections.ConfigDict(given)
    for name, value in leaves.items():
        made.update_from_flattened_dict({name.replace("__", "."): value})
    return made.lock()


class Packed(NamedTuple):
    """A plan of one chunk with what its program takes, on the host."""

    plan: Plan
    chunk: Chunk
    program: Program
    task: Task
    inputs: Inputs
    state: train.State


def packed(given: Any, axes: Any, *, devices: int = 1) -> Packed:
    """The one chunk of a sweep whose widths share a program (``sweep.buckets = "max"``)."""
    tasks: dict[str, Task] = {}
    plan = make_plan(change(given, sweep__buckets="max"), axes=axes, devices=jax.devices()[:devices], tasks=tasks)
    (chunk,), (task,) = plan.chunks, tasks.values()
    program = chunk.program(task)
    inputs = make_inputs(chunk, program, task)
    return Packed(plan, chunk, program, task, inputs, first_state(chunk, program, inputs))


def alone(among: Packed, row: int) -> Packed:
    """One run of a chunk in a chunk of its own, at its own sizes."""
    run = among.chunk.runs[row]
    chunk = among.chunk._replace(sizes={name: run.flat[name] for name in among.chunk.sizes}, runs=(run,))
    program = chunk.program(among.task)
    inputs = make_inputs(chunk, program, among.task)
    return Packed(among.plan, chunk, program, among.task, inputs, first_state(chunk, program, inputs))


class Result(NamedTuple):
    """What a folder holds of each run, in the order of the dataset."""

    dataset: Any
    """xarray.Dataset."""
    states: list[dict[str, np.ndarray]]
    """Final state of each run, padding included."""


def result(workdir: Path) -> Result:
    """Everything a finished sweep has left."""
    states = {index: state for index, _, state in store.final_state(workdir)}
    return Result(store.open(workdir), [states[index] for index in sorted(states)])


def run(given: Any, axes: Any, workdir: Path, *, overrides: Any = None) -> Result:
    """Runs or resumes a sweep."""
    gendyn.sweep.run(given, axes=axes, workdir=workdir, quiet=True, overrides=overrides)
    return result(workdir)


def use_devices(monkeypatch: Any, count: int) -> None:
    """Lets sweeps see only so many of the host's devices."""
    monkeypatch.setattr(run_module, "pick_devices", lambda platform: jax.devices()[:count])


def same(first: Result, second: Result) -> None:
    """Bit for bit: records, coordinates, and the final state of every run."""
    for name in first.dataset.data_vars:
        np.testing.assert_array_equal(first.dataset[name].values, second.dataset[name].values, err_msg=name)
    for name in first.dataset.coords:
        np.testing.assert_array_equal(first.dataset[name].values, second.dataset[name].values, err_msg=name)
    assert len(first.states) == len(second.states) > 0
    for one, two in zip(first.states, second.states, strict=True):
        assert one.keys() == two.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def crop_states(result: Result, like: Result) -> list[dict[str, np.ndarray]]:
    """States of ``result`` cut to the shapes of ``like``'s, whose program may be narrower."""
    return [
        {name: array[tuple(slice(size) for size in small[name].shape)] for name, array in wide.items()}
        for wide, small in zip(result.states, like.states, strict=True)
    ]


def close(first: Result, second: Result, tolerance: float = 1e-5) -> None:
    """To rounding: records and final parameters; equal steps of divergence and of the end."""
    for name in first.dataset.data_vars:
        one, two = first.dataset[name].values, second.dataset[name].values
        if name.endswith("error") or name.endswith("step"):
            np.testing.assert_array_equal(one, two, err_msg=name)
        else:
            np.testing.assert_allclose(one, two, rtol=tolerance, atol=tolerance, err_msg=name)
    narrow = first if sizes(first) <= sizes(second) else second
    for one, two in zip(crop_states(first, narrow), crop_states(second, narrow), strict=True):
        for name in one:
            np.testing.assert_allclose(one[name], two[name], rtol=10 * tolerance, atol=10 * tolerance, err_msg=name)


def sizes(result: Result) -> int:
    return sum(array.size for state in result.states for array in state.values())


def layouts(workdir: Path) -> list[list[dict[str, Any]]]:
    """The layout history of every chunk, in the order of the plan."""
    chunks = store.read_plan(workdir)["chunks"]
    return [store.read_json(store.chunk_folder(workdir, chunk["id"]) / "layout.json")["layouts"] for chunk in chunks]
