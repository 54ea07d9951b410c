"""What the training of a chunk takes besides the state of its runs: a program, arrays and devices."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh

from gendyn import train
from gendyn.sweep.execute.compile import compile_segment, make_mesh, put
from gendyn.sweep.execute.inputs import Inputs, make_inputs
from gendyn.sweep.execute.layout import Layout
from gendyn.sweep.execute.population import Population
from gendyn.sweep.plan.planned import Chunk
from gendyn.sweep.plan.program import Program
from gendyn.sweep.plan.shapes import Abstract, abstract_run
from gendyn.types import Task


class Segment(NamedTuple):
    """The runs of a chunk between two records, for any layout; frozen, and it knows no other chunk."""

    program: Program
    mesh: Mesh
    abstract: Abstract
    """Of one run."""
    inputs: Inputs
    data: train.Data
    """On every device of the mesh."""

    def compiled(self, layout: Layout) -> Callable[..., Any]:
        """The executable of a layout; compiled where nobody has asked for it before."""
        return compile_for(self.program, self.mesh, self.abstract, layout)

    def populate(self, layout: Layout, state: train.State, record: dict[str, Any] | None) -> Population:
        """All runs on the devices, ready to advance; ``state`` and ``record`` are on the host."""
        inputs = self.inputs
        return Population(
            layout, self.mesh, self.compiled(layout), state, inputs.hypers, inputs.sample, self.data, record
        )


def compile_for(program: Program, mesh: Mesh, abstract: Abstract, layout: Layout) -> Callable[..., Any]:
    """As :meth:`Segment.compiled`, where the arrays are not there yet."""
    return compile_segment(program, layout, mesh, abstract.rows(layout.program_rows()))


def make_segment(chunk: Chunk, task: Task, devices: Sequence[jax.Device]) -> Segment:
    """The chunk's own segment, its data on the devices."""
    program, mesh = chunk.program(task), make_mesh(devices)
    inputs = make_inputs(chunk, program, task)
    data = put(inputs.data, mesh, shared=True)
    return Segment(program, mesh, abstract_run(program, chunk, task), inputs, data)
