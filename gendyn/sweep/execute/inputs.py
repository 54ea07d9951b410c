"""The arrays of a chunk on the host. Only here are the leaves of single runs read; from here on runs are rows."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from gendyn import train
from gendyn.core import stream
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.execute.pack import pack_variables, stack
from gendyn.sweep.execute.population import host_copy, take, with_inert
from gendyn.sweep.plan.one_run import run_at
from gendyn.sweep.plan.planned import Chunk
from gendyn.sweep.plan.program import Hypers, Program, host_data, hypers_of
from gendyn.sweep.plan.rows import changed_num_train, num_train
from gendyn.tasks import LABEL_NOISE_KINDS
from gendyn.types import Task, Variables

INITIAL_ROWS = 64
"""Runs initialised at a time: a chunk fits all devices together, and this happens on one."""


class Inputs(NamedTuple):
    """The arrays of a chunk on the host; leaves of all but ``data`` are ``[R, …]``."""

    hypers: dict[str, np.ndarray]
    sample: train.Sample
    data: train.Data


def make_inputs(chunk: Chunk, program: Program, task: Task) -> Inputs:
    """Traced leaves, samples and data of a chunk."""
    flats = [run.flat for run in chunk.runs]
    sample = stack([sample_of(flat, task, chunk.num_rows) for flat in flats])
    return Inputs(hypers_of(program, flats), sample, host_data(task, chunk.num_rows))


def sample_of(flat: Flat, task: Task, num_rows: int) -> train.Sample:
    """What one run sees of the task's first ``num_rows`` training rows."""
    key = jax.random.key(flat["seed"])
    available = len(task.y_train)
    count = num_train(flat, available)
    targets = task.y_train
    if flat["data.label_noise"] > 0:
        corrupt = _corrupt(flat["data.label_noise_kind"])
        noise_key = stream(key, "label_noise")
        targets = np.asarray(corrupt(noise_key, targets, flat["data.label_noise"], task.num_outputs, count))
    order_key = np.asarray(jax.random.key_data(stream(key, "order")))
    change = flat["data.change_step"], changed_num_train(flat, available)
    arrays: tuple[Any, ...] = (targets[:num_rows], np.int32(count), order_key, *map(np.int32, change))
    return train.Sample(*arrays)


@functools.cache
def _corrupt(kind: str) -> Callable[..., jax.Array]:
    return jax.jit(LABEL_NOISE_KINDS[kind], static_argnums=3)


def first_state(chunk: Chunk, program: Program, inputs: Inputs) -> train.State:
    """The state of step 0 of every run, on the host."""
    variables = pack_variables(program, [run.flat for run in chunk.runs])
    rows = len(chunk.runs)
    size = min(rows, INITIAL_ROWS)
    blocks = []
    for start in range(0, rows, size):
        chosen = np.arange(start, min(start + size, rows))
        block = initialiser(program)(
            *take((inputs.hypers, variables, inputs.sample), with_inert(chosen, size)), inputs.data
        )
        blocks.append(take(jax.tree.map(host_copy, block), slice(0, len(chosen))))
    return blocks[0] if len(blocks) == 1 else jax.tree.map(lambda *leaves: np.concatenate(leaves), *blocks)


@functools.lru_cache(maxsize=64)
def initialiser(program: Program) -> Callable[..., train.State]:
    """Jitted, over runs: ``(hypers, variables, sample, data) -> state`` of step 0."""

    def initial(hypers: Hypers, variables: Variables, sample: train.Sample, data: train.Data) -> train.State:
        return train.initial_state(run_at(program, hypers), variables, sample, data)

    return jax.jit(jax.vmap(initial, in_axes=(0, 0, 0, None)))
