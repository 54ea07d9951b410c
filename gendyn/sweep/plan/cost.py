"""What runs will cost, before anything compiles: arithmetic, memory, and the seconds they suggest."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gendyn import train
from gendyn.core import count_flops, free_bytes, peak_bytes
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.plan.one_run import run_at
from gendyn.sweep.plan.program import Program, model_alone, shapes_at
from gendyn.sweep.plan.shapes import abstract_inputs


class Machine(NamedTuple):
    """A rough model of the hardware; it decides buckets and strategies, never results."""

    devices: int
    flops_per_second: float
    """Of one device, sustained in training small networks."""
    step_seconds: float
    """Cost of a step of one run however small it is, runs one after another."""
    compile_seconds: float
    """Of one segment program of a two-layer network."""
    bytes: float
    """Memory for the sweep, all devices together; of the host on a CPU."""
    vmap_below: float
    """Runs whose step needs fewer operations than this go side by side."""

    def seconds(self, work: float, runs: int, num_steps: int, *, vmap: bool | None = None) -> float:
        """Of ``num_steps`` steps of ``work`` operations, for ``runs`` runs; ``vmap`` is chosen by size if ``None``."""
        share = math.ceil(runs / self.devices)
        vmap = work < self.vmap_below if vmap is None else vmap
        fixed = self.step_seconds * (1.0 if vmap else share)
        return num_steps * (fixed + share * work / self.flops_per_second)


def machine(devices: Sequence[jax.Device], memory_limit_gb: float = 0.0) -> Machine:
    """The model of these devices. CPU: rounded from ``bench.py --only=strategies``; accelerators: not measured yet."""
    device = devices[0]
    limit = memory_limit_gb * 1e9
    if device.platform == "cpu":
        free = free_bytes(device) * 0.7
        return Machine(len(devices), 1.2e11, 1.2e-5, 2.0, limit or free, 3e6)
    stats = device.memory_stats() or {}
    free = 0.9 * stats.get("bytes_limit", 16e9) * len(devices)
    return Machine(len(devices), 5e12, 2e-4, 5.0, limit or free, math.inf)


def _forward_flops(program: Program, flat: Flat) -> float:
    """Of one example; counted on four, so that a kernel's cost does not hide in the batch."""
    model = model_alone(program, flat)
    shapes = shapes_at(program, flat, padded=False)
    x = program.inputs(4)
    return count_flops(lambda v, x: model.apply(v, x, train=False)[0], shapes, x) / 4


def flops_by_size(program: Program, flats: Sequence[Flat]) -> list[float]:
    """Forward operations per example of runs that differ in their sizes.

    A network's count is a polynomial of degree two in one width, so for many widths three are counted and the others
    follow.
    """
    names = [name for name, _ in program.sizes if name.startswith("model.")]
    sizes = [tuple(flat[name] for name in names) for flat in flats]
    distinct = {size: flat for size, flat in zip(sizes, flats, strict=True)}
    if len(names) == 1 and len(distinct) > 4:
        ordered = sorted(distinct)
        nodes = [ordered[0], ordered[len(ordered) // 2], ordered[-1]]
        values = [_forward_flops(program, distinct[node]) for node in nodes]
        fit = np.polyfit([float(node[0]) for node in nodes], values, 2)
        return [float(np.polyval(fit, size[0])) for size in sizes]
    counted = {size: _forward_flops(program, flat) for size, flat in distinct.items()}
    return [counted[size] for size in sizes]


def step_flops(forward: float, batch_size: int, num_rows: int) -> float:
    """Of one gradient step: the backward pass costs twice the forward pass."""
    return 3.0 * forward * (batch_size or num_rows)


STEP_SLACK = 1.2
"""What XLA's buffers take beyond the live arrays: the median of seven segments measured on a CPU (0.80 to 1.5)."""


class Memory(NamedTuple):
    """Bytes on the devices, all together."""

    per_run: float
    """State and sample of one run."""
    step: float
    """Intermediates of one gradient step of one run."""
    shared: float
    """The data, once a device."""

    def total(self, rows: int, side_by_side: float, devices: int) -> float:
        """Of ``rows`` runs, ``side_by_side`` of which are in a step at once on each device."""
        if side_by_side * devices >= rows:  # updated in place
            return self.shared * devices + rows * (self.per_run + self.step)
        # ``lax.map`` reads the states from one buffer and writes them to another.
        return self.shared * devices + rows * self.per_run * 2 + side_by_side * devices * self.step

    def max_rows(self, limit: float, side_by_side: float, devices: int) -> int:
        """The largest number of runs whose total stays within ``limit``."""
        room = limit - self.shared * devices
        if math.isinf(side_by_side):
            return int(room // (self.per_run + self.step))
        return int((room - side_by_side * devices * self.step) // (2 * self.per_run))


def memory(program: Program, flat: Flat, data: train.Data, num_rows: int) -> Memory:
    """The estimate for one program, from shapes alone."""
    state, hypers, sample, data = abstract_inputs(program, flat, data, num_rows)

    def step(state: Any, hypers: Any, sample: Any, data: Any) -> Any:
        return train.gradient_step(run_at(program, hypers), state, sample, data)

    def record(state: Any, hypers: Any, sample: Any, data: Any) -> Any:
        run = run_at(program, hypers)
        return train.evaluate(run, state.variables, state.ema, state.step, sample, data)

    arguments = (state, hypers, sample, data)
    peak = max(peak_bytes(step, *arguments), peak_bytes(record, *arguments))
    return Memory(per_run=tree_bytes((state, sample)), step=STEP_SLACK * peak, shared=tree_bytes(data))


def tree_bytes(tree: Any) -> float:
    """Bytes of all leaves, abstract ones too."""
    return float(sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree)))


def cheapest_partition(count: int, cost: Callable[[int, int], float]) -> list[tuple[int, int]]:
    """Splits ``0 … count - 1`` into consecutive intervals ``[i, j)`` of least total ``cost(i, j)``: exact, O(count²).

    >>> cheapest_partition(4, lambda i, j: 1 + (j - i) ** 2)
    [(0, 1), (1, 2), (2, 3), (3, 4)]
    >>> cheapest_partition(4, lambda i, j: 10 + (j - i))
    [(0, 4)]
    """

    @functools.cache
    def best(end: int) -> tuple[float, int]:
        if end == 0:
            return 0.0, 0
        return min((best(start)[0] + cost(start, end), start) for start in range(end))

    for end in range(count + 1):  # fills the cache bottom-up: no deep recursion
        best(end)
    intervals, end = [], count
    while end:
        start = best(end)[1]
        intervals.append((start, end))
        end = start
    return intervals[::-1]
