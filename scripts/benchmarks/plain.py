"""The same training written by hand in plain JAX, as well as we can: what gendyn has to beat.

A perceptron with relu, softmax cross-entropy (squared loss for float targets) and sgd with momentum 0.9. One
``lax.scan`` over a table of batch rows drawn on the host (outside the timed part), buffers donated, no record but the
last loss.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gendyn.types import Array, PyTree

LEARNING_RATE, MOMENTUM = 0.01, 0.9


def initial(seed: int, sizes: Sequence[int], padded: Sequence[int] | None = None) -> PyTree:
    """``(params, momentum)`` on the host, in which the arrays are zero-padded to the sizes ``padded``."""
    rng = np.random.default_rng(seed)
    padded = sizes if padded is None else padded
    params = []
    for fan_in, fan_out, rows, columns in zip(sizes[:-1], sizes[1:], padded[:-1], padded[1:], strict=True):
        kernel = np.zeros((rows, columns), np.float32)
        kernel[:fan_in, :fan_out] = rng.standard_normal((fan_in, fan_out)) * (2.0 / fan_in) ** 0.5
        params.append((kernel, np.zeros(columns, np.float32)))
    return params, jax.tree.map(np.zeros_like, params)


def batch_rows(seed: int, num_rows: int, batch_size: int, num_steps: int) -> np.ndarray:
    """int32 ``[num_steps, batch_size]``: a permutation an epoch."""
    rng, per_epoch = np.random.default_rng(seed), num_rows // batch_size
    epochs = [rng.permutation(num_rows)[: per_epoch * batch_size] for _ in range(-(-num_steps // per_epoch))]
    return np.concatenate(epochs).reshape(-1, batch_size)[:num_steps].astype(np.int32)


def loss(params: PyTree, x: Array, y: Array) -> Array:
    for kernel, bias in params[:-1]:
        x = jax.nn.relu(x @ kernel + bias)
    kernel, bias = params[-1]
    logits = x @ kernel + bias
    if y.dtype == jnp.float32:
        return jnp.mean(jnp.sum(jnp.square(logits - y), axis=-1))
    # Not take_along_axis: its gradient is a scatter, slow on a CPU.
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - jnp.sum(jax.nn.one_hot(y, logits.shape[-1]) * logits, axis=-1))


def step(state: PyTree, x: Array, y: Array, rows: Array) -> PyTree:
    """One gradient step on the given rows."""
    params, momentum = state
    gradient = jax.grad(loss)(params, x[rows], y[rows])
    momentum = jax.tree.map(lambda m, g: MOMENTUM * m + g, momentum, gradient)
    return jax.tree.map(lambda p, m: p - LEARNING_RATE * m, params, momentum), momentum


def train(state: PyTree, table: Array, x: Array, y: Array) -> tuple[PyTree, Array]:
    """All steps of one run, then its loss on all rows."""
    state, _ = jax.lax.scan(lambda carry, rows: (step(carry, x, y, rows), None), state, table)
    return state, loss(state[0], x, y)


def over_devices(mesh: Mesh, strategy: str) -> Callable[..., Any]:
    """Jitted ``(states [R, ...], tables [R, S, B], x, y)``: the runs are split over the devices."""

    def runs(states: PyTree, tables: Array, x: Array, y: Array) -> Any:
        if strategy == "vmap":
            return jax.vmap(train, in_axes=(0, 0, None, None))(states, tables, x, y)
        return jax.lax.map(lambda run: train(*run, x, y), (states, tables))

    rows, shared = PartitionSpec("run"), PartitionSpec()
    sharded = jax.shard_map(
        runs, mesh=mesh, in_specs=(rows, rows, shared, shared), out_specs=(rows, rows), check_vma=False
    )
    return jax.jit(sharded, donate_argnums=0)


def stacked(states: Sequence[PyTree]) -> PyTree:
    """Runs on a leading axis, on the host."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *states)


def place(mesh: Mesh, tree: PyTree, *, shared: bool = False) -> PyTree:
    """On the devices, split over runs or whole on each."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec() if shared else PartitionSpec("run")))


def digits() -> tuple[np.ndarray, np.ndarray]:
    """``x [N, 64]`` and classes ``y [N]``: what gendyn's task of that name trains on."""
    from gendyn.tasks.digits import digits as task

    data = task()
    return data.x_train.reshape(len(data.x_train), -1), data.y_train


def teacher(input_size: int) -> tuple[np.ndarray, np.ndarray]:
    """``x [N, input_size]`` and one float target each ``[N, 1]``: gendyn's teacher-student regression."""
    from gendyn.tasks.teacher_student import teacher_student as task

    data = task(input_size=input_size, num_outputs=1, kind="regression")
    return data.x_train, data.y_train
