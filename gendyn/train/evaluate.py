"""Loss and error of a network on the whole training sample and the test set."""

import jax
import jax.numpy as jnp

from gendyn.core import stream
from gendyn.train.data import Data, Sample
from gendyn.train.run import Run
from gendyn.types import Array, ProbeData, PyTree, Variables


def mean_loss_and_error(
    run: Run, variables: Variables, x: Array, targets: Array, weights: Array
) -> tuple[Array, Array | None]:
    """Weighted means over examples of the loss and, for integer targets, of ``argmax(outputs) != target``.

    Data beyond ``run.evaluation_batch_size`` rows are streamed in batches of that size.

    Args:
        x: ``[n, ...]``; targets: ``[n]`` or ``[n, C]``; weights: ``[n]``, summing to one.

    Returns:
        Two scalars; the second is ``None`` for float targets.
    """

    def total(rows: tuple[Array, Array, Array]) -> tuple[Array, Array | None]:
        x, targets, weights = rows
        outputs, _ = run.model.apply(variables, x, train=False)
        loss = jnp.sum(jnp.where(weights > 0, weights * run.loss(outputs, targets), 0.0))
        if not jnp.issubdtype(targets.dtype, jnp.integer):
            return loss, None
        return loss, jnp.sum(weights * (jnp.argmax(outputs, axis=-1) != targets))

    rows, size = x.shape[0], run.evaluation_batch_size
    if rows <= size:
        return total((x, targets, weights))
    padding = -rows % size

    def batched(array: Array) -> Array:
        padded = jnp.pad(array, [(0, padding)] + [(0, 0)] * (array.ndim - 1))
        return padded.reshape(-1, size, *array.shape[1:])

    losses, errors = jax.lax.map(total, (batched(x), batched(targets), batched(weights)))
    return jnp.sum(losses), None if errors is None else jnp.sum(errors)


def evaluate(run: Run, variables: Variables, ema: PyTree, sample: Sample, data: Data) -> dict[str, Array]:
    """All recorded numbers of a network.

    ``train_loss``, ``train_error`` on the run's (noisy) training sample, ``test_loss``, ``test_error`` on the clean
    test set, the same with prefix ``ema_`` for the weight average, then the probes' values under
    ``<probe>/<name>``. Errors are fractions; regressions have none.
    """
    train_weights = ((jnp.arange(data.x_train.shape[0]) < sample.num_train) / sample.num_train).astype(jnp.float32)
    test_rows = data.x_test.shape[0]
    test_weights = jnp.full((test_rows,), 1.0 / test_rows, jnp.float32)
    metrics: dict[str, Array] = {}

    def add(prefix: str, variables: Variables) -> None:
        for name, x, targets, weights in (
            ("train", data.x_train, sample.targets, train_weights),
            ("test", data.x_test, data.y_test, test_weights),
        ):
            loss, error = mean_loss_and_error(run, variables, x, targets, weights)
            metrics[f"{prefix}{name}_loss"] = loss
            if error is not None:
                metrics[f"{prefix}{name}_error"] = error

    add("", variables)
    if run.ema_decay is not None:
        add("ema_", Variables(ema, variables.statistics))
    seen = ProbeData(data.x_train, sample.targets, sample.num_train, data.x_test, data.y_test, run.loss, run.mask)
    for probe in run.probes:
        key = stream(jax.random.wrap_key_data(sample.order_key), probe.name)

        def apply(params: PyTree, x: Array) -> Array:
            return run.model.apply(Variables(params, variables.statistics), x, train=False)[0]

        for name, value in probe.fn(key, apply, variables.params, seen).items():
            metrics[f"{probe.name}/{name}"] = value
    return metrics
