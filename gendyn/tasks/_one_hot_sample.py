"""Samples of a classification task as a regression on one-hot targets, drawn anew from a key."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import check_range, stream
from gendyn.tasks._classes import check_has_classes, unit_inputs
from gendyn.tasks._label_noise import uniform_incorrect
from gendyn.types import Array, Task


def one_hot_sample(
    task: Task, *, num_train: int, num_test: int, label_noise: Sequence[float]
) -> Callable[[Array], tuple[Array, Array, Array, Array]]:
    """A function of a key that draws ``n`` training examples out of the task's pool; its test examples stay.

    Inputs are flattened and divided by ``sqrt(d)``, so that standardised ones have a norm near 1; float64 (call it
    under ``jax.enable_x64``). Labels that are wrong at a lower rate of noise are wrong at a higher one too.

    Args:
        task: a classification of ``C`` classes.
        num_train: ``n``, at most the size of the pool.
        num_test: the first ``M`` of the test examples.
        label_noise: ``V`` rates of :func:`~gendyn.tasks.uniform_incorrect`, in [0, 1].

    Returns:
        ``draw(key)``: training inputs ``[n, d]`` and targets ``[n, V C]``, rate by rate; test inputs ``[M, d]`` and
        targets ``[M, C]``.

    Raises:
        ConfigError: a task without classes, more examples than there are, or a rate out of range.

    >>> from gendyn.tasks import digits
    >>> draw = one_hot_sample(digits(), num_train=30, num_test=7, label_noise=(0.0, 0.2))
    >>> with jax.enable_x64(True):
    ...     [array.shape for array in draw(jax.random.key(0))]
    [(30, 64), (30, 20), (7, 64), (7, 10)]
    """
    check_has_classes(task)
    check_range("num_train", num_train, low=1, high=len(task.x_train))
    check_range("num_test", num_test, low=1, high=len(task.x_test))
    check_range("label_noise", np.asarray(label_noise), low=0, high=1)
    count, (pool, test) = task.num_outputs, unit_inputs(task)
    answers = np.eye(count)[task.y_test[:num_test]]

    def draw(key: Array) -> tuple[Array, Array, Array, Array]:
        chosen = jax.random.permutation(stream(key, "sample"), len(pool))[:num_train]
        labels = jnp.asarray(task.y_train)[chosen]
        told = [uniform_incorrect(stream(key, "labels"), labels, rate, count, num_train) for rate in label_noise]
        targets = jnp.concatenate([jax.nn.one_hot(y, count, dtype=jnp.float64) for y in told], axis=1)
        return jnp.asarray(pool)[chosen], targets, jnp.asarray(test[:num_test]), jnp.asarray(answers)

    return draw
