"""The segment of many runs as one executable: side by side, one after another, over devices."""

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gendyn import train
from gendyn.sweep.execute.layout import Layout
from gendyn.sweep.plan.one_run import run_at
from gendyn.sweep.plan.program import Hypers, Program
from gendyn.sweep.plan.shapes import Abstract
from gendyn.types import Array, PyTree

Member = Callable[..., tuple[train.State, dict[str, Array]]]


def member(program: Program) -> Member:
    """One run's segment: ``(state, hypers, sample, data, num_steps) -> (state, record)``, all pure.

    The record repeats ``state.metrics`` and adds the steps at which the run diverged and finished (-1: not).
    """

    def segment(
        state: train.State, hypers: Hypers, sample: train.Sample, data: train.Data, num_steps: Array
    ) -> tuple[train.State, dict[str, Array]]:
        state = train.segment(run_at(program, hypers), state, sample, data, num_steps)
        return state, {**state.metrics, "diverged_step": state.diverged_step, "finished_step": state.finished_step}

    return segment


def make_mesh(devices: Sequence[jax.Device]) -> Mesh:
    """A mesh with the one axis ``run``."""
    return Mesh(np.asarray(devices), ("run",), axis_types=(AxisType.Auto,))


def over_runs(segment: Member, strategy: str, batch: int) -> Member:
    """The segment on a leading axis ``run`` of state, hypers and sample; data and the number of steps are shared."""
    if strategy == "vmap":
        return jax.vmap(segment, in_axes=(0, 0, 0, None, None))

    def mapped(state: Any, hypers: Any, sample: Any, data: Any, num_steps: Any) -> Any:
        one = lambda run: segment(*run, data, num_steps)  # noqa: E731
        return jax.lax.map(one, (state, hypers, sample), batch_size=batch if batch > 1 else None)

    return mapped


def compile_segment(program: Program, layout: Layout, mesh: Mesh, inputs: Abstract) -> Callable[..., Any]:
    """The compiled segment for ``program_rows`` runs, sharded over the mesh; the state's buffers are donated.

    Chunks of equal program, layout and shapes share one executable: who asks while it is compiled, waits for it.

    Args:
        inputs: of as many rows as the layout's program has.
    """
    leaves, treedef = jax.tree.flatten(inputs)
    shapes = tuple((leaf.shape, np.dtype(leaf.dtype).name) for leaf in leaves)
    lock, compiled = _executable(program, layout.strategy, layout.batch, mesh, treedef, shapes)
    with lock:
        if not compiled:
            compiled.append(_compile(program, layout, mesh, inputs))
    return compiled[0]


@functools.lru_cache(maxsize=16)
def _executable(*key: Any) -> tuple[threading.Lock, list[Callable[..., Any]]]:
    """The place of one executable, and the lock of the thread that fills it."""
    del key
    return threading.Lock(), []


def _compile(program: Program, layout: Layout, mesh: Mesh, inputs: Abstract) -> Callable[..., Any]:
    fn = over_runs(member(program), layout.strategy, layout.batch)
    rows, shared = PartitionSpec("run"), PartitionSpec()
    if mesh.size > 1:
        fn = jax.shard_map(
            fn, mesh=mesh, in_specs=(rows, rows, rows, shared, shared), out_specs=(rows, rows), check_vma=False
        )

    def place(tree: PyTree, spec: PartitionSpec) -> PyTree:
        sharding = NamedSharding(mesh, spec)
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), tree)

    state, hypers, sample, data = inputs
    num_steps = jax.ShapeDtypeStruct((), jnp.int32, sharding=NamedSharding(mesh, shared))
    arguments = (place(state, rows), place(hypers, rows), place(sample, rows), place(data, shared), num_steps)
    options = (
        _SAFE_FUSIONS if mesh.devices.flat[0].platform == "cpu" and jaxlib.__version__.startswith("0.10.") else None
    )
    return jax.jit(fn, donate_argnums=0).lower(*arguments).compile(compiler_options=options)


_SAFE_FUSIONS: dict[str, str | bool] = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT"}
"""jaxlib 0.10 fuses some reductions into a CPU library and gets them wrong, at random or always: see BUILD_NOTES,
"Wrong reductions". Without these fusions programs were no slower; jaxlib 0.12 is right with them."""


def put(tree: PyTree, mesh: Mesh, *, shared: bool = False) -> PyTree:
    """Host arrays onto the mesh: split over ``run``, or whole on every device."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec() if shared else PartitionSpec("run")))
