"""The state of one run."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import check_key
from gendyn.train.data import Data, Sample
from gendyn.train.evaluate import evaluate
from gendyn.train.run import Run
from gendyn.types import Array, PyTree, Variables


class State(NamedTuple):
    """Everything that changes while a run trains; a checkpoint is this and nothing else."""

    step: Array
    """int32 ``[]``: gradient steps taken."""
    variables: Variables
    opt_state: PyTree
    ema: PyTree
    """Exponential moving average of the parameters, or ``()`` without one."""
    diverged_step: Array
    """int32 ``[]``: first step whose training loss was not finite, or -1."""
    finished_step: Array
    """int32 ``[]``: step of the record at which a stop rule was met, or -1."""
    metrics: dict[str, Array]
    """Values at the latest record; a finished run keeps its final ones."""


def initial_state(run: Run, variables: Variables, sample: Sample, data: Data) -> State:
    """The state before the first step; ``metrics`` are NaN until the first segment's record fills them."""
    state = State(
        step=jnp.zeros((), jnp.int32),
        variables=variables,
        opt_state=run.optimizer.init(variables.params),
        ema=() if run.ema_decay is None else variables.params,
        diverged_step=jnp.full((), -1, jnp.int32),
        finished_step=jnp.full((), -1, jnp.int32),
        metrics={},
    )
    shapes = jax.eval_shape(lambda: evaluate(run, variables, state.ema, state.step, sample, data))
    return state._replace(metrics=jax.tree.map(lambda s: jnp.full(s.shape, jnp.nan, s.dtype), shapes))


def create(run: Run, key: Array, sample: Sample, data: Data) -> State:
    """:func:`initial_state` with freshly drawn variables."""
    check_key("key", key)
    shape = jax.ShapeDtypeStruct((1, *data.x_train.shape[1:]), data.x_train.dtype)
    return initial_state(run, run.model.init(key, shape), sample, data)
