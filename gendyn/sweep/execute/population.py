"""The runs of a chunk as arrays: on the devices at once, or in turns where memory is short."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from gendyn import train
from gendyn.sweep.execute.compile import put
from gendyn.sweep.execute.layout import Layout
from gendyn.types import PyTree


def take(tree: PyTree, rows: Any) -> PyTree:
    """Rows of every leaf."""
    return jax.tree.map(lambda leaf: leaf[rows], tree)


def with_inert(rows: np.ndarray, size: int) -> np.ndarray:
    """``rows`` with the last one repeated up to ``size``, so that the runs divide over devices.

    >>> with_inert(np.array([3, 5]), 4).tolist()
    [3, 5, 5, 5]
    """
    return np.concatenate([rows, np.repeat(rows[-1:], size - len(rows))])


def put_rows(tree: PyTree, rows: np.ndarray, size: int, mesh: Mesh) -> PyTree:
    """``size`` rows of every leaf, inert ones included, on the mesh; no copy on the host where they are all rows."""
    chosen = with_inert(rows, size)

    def place(leaf: np.ndarray) -> jax.Array:
        whole = len(chosen) == len(leaf) and np.array_equal(chosen, np.arange(size))
        return put(leaf if whole else leaf[chosen], mesh)

    return jax.tree.map(place, tree)


class Population:
    """The state of all runs of a chunk, and the one way to move it forward.

    Rows in the layout are in the program; the others finished earlier and are parked on the host with their final
    state and record. With several parts, each part's state waits on the host while another is on the devices.
    """

    def __init__(
        self,
        layout: Layout,
        mesh: Mesh,
        compiled: Callable[..., Any],
        state: train.State,
        hypers: PyTree,
        sample: train.Sample,
        data: train.Data,
        record: dict[str, np.ndarray] | None,
    ) -> None:
        """``state``, ``hypers``, ``sample`` and ``record`` are on the host and hold all runs of the chunk."""
        self._layout, self._mesh, self._compiled, self._data = layout, mesh, compiled, data
        self._count = len(sample.num_train)
        self._parked = None if len(layout.rows) == self._count else state
        self._record = record
        self._bounds = np.array_split(np.asarray(layout.rows), layout.parts)
        size = layout.program_rows()
        self._fixed = [put_rows((hypers, sample), rows, size, mesh) for rows in self._bounds]
        self._states: list[train.State]
        if layout.parts == 1:
            self._states = [put_rows(state, self._bounds[0], size, mesh)]
        else:
            self._states = [take(state, with_inert(rows, size)) for rows in self._bounds]

    def advance(self, num_steps: int) -> dict[str, np.ndarray]:
        """One segment for every run in the program; the record of all runs of the chunk, on the host, ``[R, …]``."""
        steps = put(np.int32(num_steps), self._mesh, shared=True)
        in_turns = self._layout.parts > 1
        for part, rows in enumerate(self._bounds):
            hypers, sample = self._fixed[part]
            state = put(self._states[part], self._mesh) if in_turns else self._states[part]
            state, record = self._compiled(state, hypers, sample, self._data, steps)
            self._states[part] = jax.tree.map(host_copy, state) if in_turns else state
            host = jax.device_get(record)
            if self._record is None:
                self._record = {k: np.zeros((self._count, *v.shape[1:]), v.dtype) for k, v in host.items()}
            self._record = {k: _with_rows(self._record[k], rows, host[k][: len(rows)]) for k in host}
        assert self._record is not None
        return self._record

    def state(self) -> train.State:
        """The state of all runs of the chunk, on the host."""
        hosts = [
            jax.tree.map(lambda leaf, count=len(rows): host_copy(leaf)[:count], state)
            for rows, state in zip(self._bounds, self._states, strict=True)
        ]
        if self._parked is None:
            return jax.tree.map(lambda *leaves: np.concatenate(leaves) if len(leaves) > 1 else leaves[0], *hosts)
        result = self._parked
        for rows, host in zip(self._bounds, hosts, strict=True):
            result = jax.tree.map(lambda leaf, new, rows=rows: _with_rows(leaf, rows, new), result, host)
        return result


def host_copy(array: jax.Array | np.ndarray) -> np.ndarray:
    """The values in memory of their own, copied once.

    ``np.asarray`` of an array on one CPU device is a view of a buffer that the next segment donates, and of an array on
    several devices a copy that JAX keeps; here each shard is copied into its place.
    """
    if isinstance(array, np.ndarray):
        return array
    result = np.empty(array.shape, array.dtype)
    for shard in array.addressable_shards:
        result[shard.index] = np.asarray(shard.data)
    return result


def _with_rows(array: np.ndarray, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A copy with some rows replaced; the old array may be on its way to the disk."""
    copy = np.array(array)
    copy[rows] = values
    return copy


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that an allocation failed."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
