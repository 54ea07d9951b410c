"""How far a trained network is from the one that is linearised at its start."""

import functools

import jax.numpy as jnp

from gendyn.core import ConfigError, eigh
from gendyn.measure.kernels.linearised_predictions import linearised_predictions
from gendyn.types import Array, ArrayLike


def linearisation_error(
    kernel: Array, outputs: Array, targets: Array, times: ArrayLike, *, num_train: int, learning_rate: ArrayLike
) -> Array:
    """Largest error of the linearised prediction over records, on training or other examples, relative to the targets.

    ``max over t of |f_lin(t) - f(t)| / |y|`` in Euclidean norms, each on the training examples and on the others:
    gradient descent on ``sum of squares / 2``, as in :func:`linearised_predictions`. Jit- and vmap-safe; powers of
    thousands of steps lose four digits in float32.

    Args:
      kernel: ``[M, M]``: the tangent kernel at the start, traced over outputs, training examples first.
      outputs: ``[T, M, K]``: of the network at each time, at the start first.
      targets: ``[M, K]``.
      times: ``[T]``, in steps.
      num_train: the number of training examples, static.
      learning_rate: of that loss: for a mean over ``n`` examples twice the learning rate over ``n``.

    Returns:
      A scalar.

    Raises:
      ConfigError: shapes that do not fit.

    >>> kernel, targets, steps = jnp.eye(2), jnp.ones((2, 1)), jnp.arange(3)
    >>> outputs = jnp.stack([1.0 - 0.5**steps, 0.0 * steps], axis=1)[..., None]
    >>> float(linearisation_error(kernel, outputs, targets, steps, num_train=1, learning_rate=0.5))
    0.0
    """
    total = outputs.shape[1] if outputs.ndim == 3 and outputs.shape[0] else -1
    if kernel.shape != (total, total) or outputs.shape[1:] != targets.shape or not 0 < num_train <= total:
        raise ConfigError(
            f"kernel {kernel.shape}, outputs {outputs.shape} and targets {targets.shape} must be [M, M], [T, M, K] and "
            f"[M, K], with num_train = {num_train} of the M examples, the first ones."
        )
    train, test = slice(None, num_train), slice(num_train, None)
    values, vectors = eigh(kernel[train, train])
    predict = functools.partial(
        linearised_predictions, values, vectors, outputs[0, train], targets[train], times, learning_rate=learning_rate
    )
    parts = [(train, predict(rule="descent"))]
    if num_train < total:
        others = {"cross_kernel": kernel[test, train], "test_outputs": outputs[0, test]}
        parts.append((test, predict(rule="descent", **others)))
    off = [
        jnp.linalg.norm(predicted - outputs[:, part], axis=(1, 2)) / jnp.linalg.norm(targets[part])
        for part, predicted in parts
    ]
    return jnp.max(jnp.stack(off))
