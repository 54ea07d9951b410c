"""The steps between two records, then the record: the one program a sweep compiles."""

import jax
import jax.numpy as jnp

from gendyn.train.data import Data, Sample, batch_indices
from gendyn.train.evaluate import evaluate
from gendyn.train.run import Run
from gendyn.train.state import State
from gendyn.train.step import gradient_step
from gendyn.types import Array, ArrayLike

_BLOCK_STEPS, _BLOCK_ROWS = 64, 8192
"""The order of this many steps, and of at most so many rows, is computed at once."""


def _steps(run: Run, state: State, sample: Sample, data: Data, num_steps: Array) -> State:
    """``num_steps`` gradient steps. The order of a block of steps is one vectorised computation outside of them.

    Computed inside a step it is a chain of scalar operations in the middle of the gather: 10 % of a step of 64-128-10.
    """
    if not run.batch_size:
        return jax.lax.fori_loop(0, num_steps, lambda _, s: gradient_step(run, s, sample, data), state)
    block = max(1, min(_BLOCK_STEPS, _BLOCK_ROWS // run.batch_size))

    def order(step: Array) -> Array:
        return batch_indices(sample.order_key, step, run.batch_size, sample.num_train)

    def advance(position: Array, state: State) -> State:
        table = jax.vmap(order)(state.step + jnp.arange(block, dtype=jnp.int32))
        count = jnp.minimum(block, num_steps - position * block)
        return jax.lax.fori_loop(0, count, lambda i, s: gradient_step(run, s, sample, data, table[i]), state)

    return jax.lax.fori_loop(0, -(-num_steps // block), advance, state)


def segment(run: Run, state: State, sample: Sample, data: Data, num_steps: ArrayLike) -> State:
    """Takes ``num_steps`` gradient steps, evaluates, and applies the stop rule.

    ``num_steps`` is traced (a loop with a bound known at run time), so that segments of every length, the empty one
    of the first record included, share one program. A run that has finished is returned unchanged. The training set
    is that of the segment's first step throughout.

    Returns:
        The state with ``metrics`` filled.
    """

    def advance(state: State) -> State:
        state = _steps(run, state, sample.at(state.step), data, jnp.asarray(num_steps, jnp.int32))
        state = state._replace(metrics=evaluate(run, state.variables, state.ema, state.step, sample, data))
        # The loss of a step is that of the parameters before it: the record sees what the last step did.
        newly_diverged = (state.diverged_step < 0) & ~jnp.isfinite(state.metrics["train_loss"])
        state = state._replace(diverged_step=jnp.where(newly_diverged, state.step, state.diverged_step))
        return state if run.stop is None else state._replace(finished_step=_finished_step(run, state, sample))

    if run.stop is None:
        return advance(state)
    return jax.lax.cond(state.finished_step >= 0, lambda s: s, advance, state)


def _finished_step(run: Run, state: State, sample: Sample) -> Array:
    stop = run.stop
    assert stop is not None
    batch_size = run.batch_size or sample.num_train
    epoch_steps = jnp.asarray(stop.epoch) * jnp.maximum(1, sample.num_train // batch_size)
    due_step, due_epoch = jnp.asarray(stop.step), jnp.asarray(stop.epoch)
    met = ((due_step > 0) & (state.step >= due_step)) | ((due_epoch > 0) & (state.step >= epoch_steps))
    met |= state.metrics["train_loss"] <= stop.train_loss
    if "train_error" in state.metrics:
        met |= state.metrics["train_error"] <= stop.train_error
    return jnp.where(met, state.step, state.finished_step)
