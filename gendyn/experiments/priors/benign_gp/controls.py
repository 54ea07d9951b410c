"""Two controls of ``benign_gp``: images whose pixels are scrambled, and simpler models on few images."""

import functools

import jax
import jax.numpy as jnp

from gendyn import regression
from gendyn.core import stream
from gendyn.tasks import CorruptedSample
from gendyn.types import Array, PyTree

PROCESS = regression.rbf().scaled() + regression.constant() + regression.white(0.1)
LINEAR = regression.linear() + regression.constant() + regression.white(0.1)
FEW_MODELS = ("Gaussian process", "linear model", "class means")


def scramble(seed: Array, x: Array) -> Array:
    """The pixels of each image ``[n, d]`` in an order of its own: what images have in common is lost."""
    keys = jax.random.split(stream(jax.random.key(seed), "scramble"), len(x))
    return jax.vmap(jax.random.permutation)(keys, x)


@jax.jit
def scrambled(params: PyTree, seeds: Array, redraws: CorruptedSample) -> dict[str, Array]:
    """Accuracies ``[R, 2]`` on scrambled images with their true and with fully random labels, under one prior."""
    count = redraws.probabilities.shape[-1]

    def one(both: tuple[Array, CorruptedSample]) -> dict[str, Array]:
        seed, redraw = both
        size = len(redraw.labels)
        points = scramble(seed, jnp.concatenate([redraw.x, redraw.x_test]))

        def fit(told: Array) -> dict[str, Array]:
            posterior = regression.gp_label_regression(PROCESS, params, points[:size], told, count)
            found = jnp.argmax(regression.gp_predict(PROCESS, params, posterior, points).mean, axis=1)
            return {
                "scrambled_train_accuracy": jnp.mean(found[:size] == told),
                "scrambled_test_accuracy": jnp.mean(found[size:] == redraw.y_test),
            }

        return jax.lax.map(fit, redraw.told[jnp.array([0, -1]), 0])

    return jax.lax.map(one, (seeds, redraws))


@functools.partial(jax.jit, static_argnames=("sizes", "num_steps"))
def few_images(redraws: CorruptedSample, *, sizes: tuple[int, ...], num_steps: int) -> Array:
    """Test accuracy of three models on the first images of each redraw, with true labels: ``[R, sizes, models]``.

    The hyperparameters of the first two maximise the evidence on the same few images. The third knows none: the class
    whose mean image is nearest.
    """
    count = redraws.probabilities.shape[-1]

    def one(redraw: CorruptedSample) -> Array:
        rows = []
        for size in sizes:
            x, labels, accuracies = redraw.x[:size], redraw.labels[:size], []
            for covariance in (PROCESS, LINEAR):
                chosen = regression.gp_label_priors(covariance, x, labels[None], num_classes=count, num_steps=num_steps)
                params = jax.tree.map(lambda leaf: leaf[0], chosen)
                posterior = regression.gp_label_regression(covariance, params, x, labels, count)
                found = jnp.argmax(regression.gp_predict(covariance, params, posterior, redraw.x_test).mean, axis=1)
                accuracies.append(jnp.mean(found == redraw.y_test))
            members = jax.nn.one_hot(labels, count, dtype=x.dtype)
            means = members.T @ x / jnp.maximum(members.sum(axis=0), 1.0)[:, None]
            away = jnp.sum((redraw.x_test[:, None] - means) ** 2, axis=-1)
            nearest = jnp.argmin(jnp.where(members.sum(axis=0) > 0, away, jnp.inf), axis=1)
            rows.append(jnp.stack([*accuracies, jnp.mean(nearest == redraw.y_test)]))
        return jnp.stack(rows)

    return jax.lax.map(one, redraws)
