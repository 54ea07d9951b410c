"""Shapes of what a chunk's program takes and records, without drawing or allocating anything."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gendyn import train
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.plan.one_run import run_at
from gendyn.sweep.plan.planned import Chunk
from gendyn.sweep.plan.program import Hypers, Program, host_data, hypers_of, shapes_at
from gendyn.types import Task


class Abstract(NamedTuple):
    """What a segment takes, as ``jax.ShapeDtypeStruct``: of one run, or with a leading axis of rows."""

    state: train.State
    hypers: Hypers
    sample: train.Sample
    data: train.Data
    """Shared by all rows."""

    def rows(self, count: int) -> "Abstract":
        """For ``count`` runs."""

        def lead(leaf: Any) -> Any:
            return jax.ShapeDtypeStruct((count, *leaf.shape), leaf.dtype)

        state, hypers, sample = jax.tree.map(lead, tuple(self[:3]))
        return Abstract(state, hypers, sample, self.data)

    def record(self) -> dict[str, Any]:
        """Names and shapes of what one run records; see :func:`gendyn.sweep.execute.compile.member`."""
        state = self.state
        return {**state.metrics, "diverged_step": state.diverged_step, "finished_step": state.finished_step}


def abstract_inputs(program: Program, flat: Flat, data: train.Data, num_rows: int) -> Abstract:
    """What one run of a program takes; of ``flat`` only the types count, and the sizes where nothing is padded."""
    values = flat | dict(program.sizes)
    traced = tuple((name, values[name]) for name in program.traced)
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), data)
    leaves, treedef = jax.tree.flatten(shapes)
    return _abstract(program, traced, tuple(leaves), treedef, num_rows, bool(jax.config.read("jax_enable_x64")))


@functools.lru_cache(maxsize=256)  # planning, the stored plan and the execution ask for the same ones
def _abstract(
    program: Program, traced: tuple[tuple[str, Any], ...], leaves: Any, treedef: Any, num_rows: int, x64: bool
) -> Abstract:
    del x64  # shapes depend on it
    flat, data = dict(traced), jax.tree.unflatten(treedef, leaves)
    shape = jax.ShapeDtypeStruct
    hypers: Hypers = {name: shape((), value.dtype) for name, value in hypers_of(program, [flat]).items()}  # type: ignore[misc]  # shapes
    targets = data.y_test
    rows = shape((num_rows, *targets.shape[1:]), targets.dtype)
    number = shape((), jnp.int32)
    arrays: tuple[Any, ...] = (rows, number, shape((2,), jnp.uint32), number, number)
    sample = train.Sample(*arrays)
    variables = shapes_at(program, flat, padded=True)
    state = jax.eval_shape(
        lambda h, v, s, d: train.initial_state(run_at(program, h), v, s, d), hypers, variables, sample, data
    )
    return Abstract(state, hypers, sample, data)


def abstract_run(program: Program, chunk: Chunk, task: Task) -> Abstract:
    """What one run of a chunk takes."""
    return abstract_inputs(program, chunk.settings, host_data(task, chunk.num_rows), chunk.num_rows)
