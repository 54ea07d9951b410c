"""Loss and error of a network on the whole training sample and the test set."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gendyn.core import stream
from gendyn.train.data import Data, Sample
from gendyn.train.run import Run
from gendyn.types import Array, ProbeData, PyTree, Variables


class Judged(NamedTuple):
    """What outputs are compared with, and how much each example counts."""

    targets: Array
    """``[n]`` or ``[n, C]``."""
    weights: Array
    """float32 ``[n]``, summing to one: equal on the rows that count, and 0 on the others."""


def mean_losses_and_errors(
    run: Run, variables: Variables, x: Array, judged: dict[str, Judged]
) -> dict[str, tuple[Array, Array | None]]:
    """Weighted means over examples of the loss and, for integer targets, of ``argmax(outputs) != target``.

    An error is the nearest float32 to a ratio of two counts, so it lies in ``[0, 1]`` and is the same however the data
    are streamed or runs are laid out. A sum of ``n`` weights ``1/n`` would add up roundings, to 1.0000001 and above.

    The network is applied once, whatever the number of judgements. Data beyond ``run.evaluation_batch_size`` rows are
    streamed in batches of that size.

    Args:
        x: ``[n, ...]``.
        judged: by name.

    Returns:
        Two scalars a name; the second is ``None`` for float targets.
    """

    def total(rows: tuple[Array, dict[str, Judged]]) -> dict[str, tuple[Array, Array | None]]:
        x, judged = rows
        outputs, _ = run.model.apply(variables, x, train=False)
        found: dict[str, tuple[Array, Array | None]] = {}
        for name, (targets, weights) in judged.items():
            loss = jnp.sum(jnp.where(weights > 0, weights * run.loss(outputs, targets), 0.0))
            error = None
            if jnp.issubdtype(targets.dtype, jnp.integer):
                error = jnp.sum((weights > 0) & (jnp.argmax(outputs, axis=-1) != targets))
            found[name] = loss, error
        return found

    rows, size = x.shape[0], run.evaluation_batch_size
    if rows <= size:
        return _rates(total((x, judged)), judged)
    padding = -rows % size

    def batched(array: Array) -> Array:
        padded = jnp.pad(array, [(0, padding)] + [(0, 0)] * (array.ndim - 1))
        return padded.reshape(-1, size, *array.shape[1:])

    sums = jax.lax.map(total, jax.tree.map(batched, (x, judged)))
    return _rates(jax.tree.map(lambda values: jnp.sum(values), sums), judged)


def _rates(
    totals: dict[str, tuple[Array, Array | None]], judged: dict[str, Judged]
) -> dict[str, tuple[Array, Array | None]]:
    """Counts of wrong answers as shares of the rows that count."""
    rates: dict[str, tuple[Array, Array | None]] = {}
    for name, (loss, wrong) in totals.items():
        if wrong is None:
            rates[name] = loss, None
            continue
        # Behind a barrier: XLA multiplies by the reciprocal of a constant, and 41 * (1 / 41) is below 1.
        counted = jax.lax.optimization_barrier(jnp.sum(judged[name].weights > 0).astype(jnp.float32))
        rates[name] = loss, wrong.astype(jnp.float32) / counted
    return rates


def evaluate(run: Run, variables: Variables, ema: PyTree, step: Array, sample: Sample, data: Data) -> dict[str, Array]:
    """All recorded numbers of a network.

    ``train_loss``, ``train_error`` on the run's (noisy) training sample of this step, ``test_loss``, ``test_error`` on
    the clean test set, the same with prefix ``ema_`` for the weight average, then the probes' values under
    ``<probe>/<name>``. Errors are fractions; regressions have none.
    """
    seen, groups = _views(run, step, sample, data)
    metrics: dict[str, Array] = {}

    def add(prefix: str, variables: Variables) -> None:
        for x, judged in groups:
            for name, (loss, error) in mean_losses_and_errors(run, variables, x, judged).items():
                metrics[f"{prefix}{name}_loss"] = loss
                if error is not None:
                    metrics[f"{prefix}{name}_error"] = error

    add("", variables)
    if run.ema_decay is not None:
        add("ema_", Variables(ema, variables.statistics))
    for probe in run.probes:
        key = stream(jax.random.wrap_key_data(sample.order_key), probe.name)

        def apply(params: PyTree, x: Array) -> Array:
            return run.model.apply(Variables(params, variables.statistics), x, train=False)[0]

        for name, value in probe.fn(key, apply, variables.params, seen).items():
            metrics[f"{probe.name}/{name}"] = value
    return metrics


def _views(
    run: Run, step: Array, sample: Sample, data: Data
) -> tuple[ProbeData, list[tuple[Array, dict[str, Judged]]]]:
    """What probes see, and the inputs to apply the network to with what their outputs are compared with."""
    count = sample.at(step).num_train
    rows, test_rows = data.x_train.shape[0], data.x_test.shape[0]

    def on_train(size: int) -> Array:
        return ((jnp.arange(size) < count) / count).astype(jnp.float32)

    if run.rest_is_test:
        # One pass over the pool serves both; rows beyond the program's are no run's training rows.
        targets = jnp.concatenate([sample.targets, data.y_test[rows:]])
        rest = jnp.arange(test_rows) >= sample.rows_ever()
        on_test = (rest / (test_rows - sample.rows_ever())).astype(jnp.float32)
        judged = {"train": Judged(targets, on_train(test_rows)), "test": Judged(data.y_test, on_test)}
        seen = ProbeData(data.x_test, targets, count, data.x_test, data.y_test, run.loss, run.mask)
        return seen, [(data.x_test, judged)]
    on_test = jnp.full((test_rows,), 1.0 / test_rows, jnp.float32)
    seen = ProbeData(data.x_train, sample.targets, count, data.x_test, data.y_test, run.loss, run.mask)
    return seen, [
        (data.x_train, {"train": Judged(sample.targets, on_train(rows))}),
        (data.x_test, {"test": Judged(data.y_test, on_test)}),
    ]
