"""One gradient step of one run."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from gendyn.core import stream
from gendyn.train.data import Data, Sample, batch_indices
from gendyn.train.draws import draws
from gendyn.train.run import Run
from gendyn.train.state import State
from gendyn.types import Array, PyTree, Variables


def batch(run: Run, step: Array, sample: Sample, data: Data, rows: Array | None = None) -> tuple[Array, Array, Array]:
    """The examples of a step: ``x [B, ...]``, targets ``[B]`` and weights ``[B]`` that sum to one.

    Full batch: all ``N`` rows, weight ``1/n`` on the first ``n``. Mini-batch: ``rows``, or :func:`batch_indices`.

    With ``run.unseen_rows`` the inputs beyond ``n`` are those of the first row: a weight of 0 does not undo an
    overflow, for 0 times infinity is NaN.
    """
    if run.batch_size == 0:
        x, targets = data.x_train, sample.targets
        seen = jnp.arange(x.shape[0]) < sample.num_train
        weights = seen / sample.num_train
        if run.unseen_rows:
            x = jnp.where(seen.reshape(-1, *(1,) * (x.ndim - 1)), x, x[:1])
    else:
        if rows is None:
            rows = batch_indices(sample.order_key, step, run.batch_size, sample.num_train)
        x, targets = data.x_train[rows], sample.targets[rows]
        weights = jnp.full((run.batch_size,), 1.0 / run.batch_size)
    if run.augment is not None:
        x = run.augment(_step_key(sample, "augment", step), x)
    return x, targets, weights.astype(jnp.float32)


def _step_key(sample: Sample, name: str, step: Array) -> Array:
    return jax.random.fold_in(stream(jax.random.wrap_key_data(sample.order_key), name), step)


def gradient_step(run: Run, state: State, sample: Sample, data: Data, rows: Array | None = None) -> State:
    """``params <- params + optimizer(grad of the mean loss)``; notes the first step with a non-finite loss.

    The optimizer is told the loss as ``value``, by optax's convention for extra arguments. A network that draws at
    random gets a key that is a function of the run's ``order_key`` and of the step alone.

    Args:
        rows: int32 ``[B]``, the step's :func:`batch_indices` where they are known; ignored at full batch.
    """
    return step_and_gradient(run, state, sample, data, rows)[0]


def step_and_gradient(
    run: Run, state: State, sample: Sample, data: Data, rows: Array | None = None
) -> tuple[State, PyTree]:
    """:func:`gradient_step`, and the gradient it took: like the parameters, before any filter or optimizer."""
    x, targets, weights = batch(run, state.step, sample, data, rows)

    drawing = draws(run.model, state.variables, x) if run.draws is None else run.draws
    keyed: dict[str, Any] = {"key": _step_key(sample, "network", state.step)} if drawing else {}

    def forward(params: PyTree, x: Array) -> tuple[Array, PyTree]:
        return run.model.apply(Variables(params, state.variables.statistics), x, train=True, **keyed)

    def mean_loss(params: PyTree) -> tuple[Array, PyTree]:
        outputs, statistics = forward(params, x)
        losses = run.loss(outputs, targets)
        if run.penalty is not None:
            key = _step_key(sample, "penalty", state.step)
            losses += run.penalty(key, lambda params, x: forward(params, x)[0], params, x)
        return jnp.sum(weights * losses), statistics

    (loss, statistics), gradient = jax.value_and_grad(mean_loss, has_aux=True)(state.variables.params)
    optimizer = optax.with_extra_args_support(run.optimizer)
    # ``value`` is optax's name for what is minimised; only transforms that wait for a training loss look at it.
    updates, opt_state = optimizer.update(gradient, state.opt_state, state.variables.params, value=loss)
    params = optax.apply_updates(state.variables.params, updates)
    ema = state.ema
    if run.ema_decay is not None:
        decay = jnp.asarray(run.ema_decay)
        ema = jax.tree.map(lambda e, p: decay * e + (1 - decay) * p, ema, params)
    newly_diverged = (state.diverged_step < 0) & ~jnp.isfinite(loss)
    state = state._replace(
        step=state.step + 1,
        variables=Variables(params, statistics),
        opt_state=opt_state,
        ema=ema,
        diverged_step=jnp.where(newly_diverged, state.step, state.diverged_step),
    )
    return state, gradient
