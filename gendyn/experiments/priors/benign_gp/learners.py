"""The learners of ``benign_gp``: priors from a pilot, and redraws of images and of corrupted labels."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import regression
from gendyn.core import ConfigError, lookup, stream
from gendyn.tasks import LABEL_NOISE_KINDS
from gendyn.types import Array, ArrayLike, PyTree

NOISE_KINDS = ("uniform_any", "uniform_incorrect")
"""Those that corrupt labels independently of each other, which the closed forms assume."""
LABEL_DRAWS = 16
"""The mean of the evidence over labels is one of heavy tails: one corruption a redraw would not settle it."""
REGRESSION = regression.rbf().scaled() + regression.constant() + regression.white(0.1)
CLASSIFICATION = regression.rbf().scaled() + regression.constant()


class Images(NamedTuple):
    """Pools to draw from; inputs flattened and divided by ``sqrt(d)``, float64."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    num_classes: int


class Setting(NamedTuple):
    """What a compiled program depends on, for one of the two classifiers; ``kind`` indexes :data:`NOISE_KINDS`."""

    num_train: int
    num_test: int
    num_classes: int
    corruption: tuple[float, ...]


def load_images(task: str, folder: str, classes: tuple[int, ...]) -> Images:
    """The images of a task that are of ``classes``, relabelled ``0, 1, ...`` in that order.

    Raises:
        ConfigError: an unknown task, one without classes, a folder that does not hold it, or classes it lacks.
    """
    loaded = lookup("tasks", task)(**({"folder": folder} if folder else {}))
    if loaded.kind != "classification" or loaded.x_train.dtype.kind != "f":
        raise ConfigError(f"config.data = {task!r} has no images with classes; use digits, mnist5k or cifar10.")
    if len(classes) < 2 or len(set(classes)) < len(classes) or not set(classes) <= set(range(loaded.num_outputs)):
        raise ConfigError(
            f"config: classes {classes} must be at least two different ones of the {loaded.num_outputs} of {task!r}."
        )

    def chosen(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        known = np.isin(y, classes)
        flat = np.asarray(x[known], np.float64).reshape(int(known.sum()), -1)
        return flat / math.sqrt(flat.shape[1]), np.argmax(y[known, None] == np.array(classes), axis=1)

    return Images(*chosen(loaded.x_train, loaded.y_train), *chosen(loaded.x_test, loaded.y_test), len(classes))


def label_probabilities(kind: ArrayLike, labels: Array, rate: ArrayLike, num_classes: int) -> Array:
    """``P(label = k)`` after corruption of the kind ``NOISE_KINDS[kind]``, ``[n, K]``; labels are independent."""
    true = jax.nn.one_hot(labels, num_classes, dtype=jnp.float64)
    other = jnp.stack([jnp.full_like(true, 1.0 / num_classes), (1.0 - true) / (num_classes - 1)])[kind]
    return jnp.asarray((1.0 - rate) * true + rate * other)


class Draw(NamedTuple):
    """Of training and test images, with labels at every level of corruption; a leading axis ``[R]`` of redraws."""

    x: Array
    """``[n, d]``."""
    labels: Array
    """``[n]``, true."""
    told: Array
    """``[L, 1 + LABEL_DRAWS, n]``, corrupted: the first is trained on, over the others evidences are averaged. What is
    corrupted at one level is corrupted in the same way at every higher one."""
    x_test: Array
    y_test: Array


def draws(setting: Setting, name: str, images: Images, kind: int, seeds: ArrayLike) -> Draw:
    """Redraws of the stream ``name``, with labels corrupted by ``NOISE_KINDS[kind]``; ``[R]`` seeds."""
    pools = {field: jnp.asarray(value) for field, value in images._asdict().items() if field != "num_classes"}
    # One by one, and stacked on the host: to compile this for many at once takes longer than the draws do.
    found = [_draw(setting, pools, jnp.int32(kind), stream(jax.random.key(seed), name)) for seed in jnp.asarray(seeds)]
    return jax.tree.map(lambda *rows: jnp.asarray(np.stack(rows)), *found)


@functools.partial(jax.jit, static_argnums=0)
def _draw(setting: Setting, pools: Mapping[str, Array], kind: Array, key: Array) -> Draw:
    size, count = setting.num_train, setting.num_classes
    rows, test_rows = (
        jax.random.permutation(stream(key, pool), len(pools[f"y_{pool}"]))[:number]
        for pool, number in (("train", size), ("test", setting.num_test))
    )
    labels = pools["y_train"][rows]

    def corrupted(rate: Array, each: Array) -> Array:
        kinds = [LABEL_NOISE_KINDS[noise](each, labels, rate, count, size) for noise in NOISE_KINDS]
        return jnp.stack(kinds)[kind]

    keys = jax.random.split(stream(key, "labels"), 1 + LABEL_DRAWS)
    told = jax.vmap(lambda rate: jax.vmap(lambda each: corrupted(rate, each))(keys))(jnp.array(setting.corruption))
    return Draw(pools["x_train"][rows], labels, told, pools["x_test"][test_rows], pools["y_test"][test_rows])


@functools.partial(jax.jit, static_argnums=(0, 1))
def regression_priors(setting: Setting, num_steps: int, pilot: Draw) -> PyTree:
    """Hyperparameters of largest evidence on a pilot draw, a leading axis ``[L]``: of each level of corruption."""

    def best(told: Array) -> PyTree:
        data = (pilot.x, told[0], setting.num_classes)
        return _optimised(
            lambda params: regression.gp_label_regression(REGRESSION, params, *data).log_evidence, REGRESSION, num_steps
        )

    return jax.lax.map(best, pilot.told)


@functools.partial(jax.jit, static_argnums=0)
def laplace_prior(num_steps: int, pilot: Draw) -> PyTree:
    """Hyperparameters of largest Laplace evidence on the true labels of a pilot draw."""
    return _optimised(
        lambda params: regression.gp_laplace(CLASSIFICATION, params, pilot.x, pilot.labels).log_evidence,
        CLASSIFICATION,
        num_steps,
    )


def _optimised(evidence: Callable[[PyTree], Array], covariance: regression.Covariance, num_steps: int) -> PyTree:
    start = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), covariance.init())
    # One start, the prior's own: its key decides nothing.
    return regression.gp_optimise(evidence, start, key=jax.random.key(0), num_restarts=1, num_steps=num_steps).params


def log_evidence(posterior: regression.Posterior, targets: Array) -> Array:
    """The part of ``posterior.log_evidence`` that belongs to each column of its targets, ``[columns]``."""
    size = targets.shape[0]
    log_root = jnp.sum(jnp.log(jnp.diagonal(posterior.lower))) + 0.5 * size * math.log(2.0 * math.pi)
    return -0.5 * jnp.sum(targets * posterior.weights, axis=0) - log_root


@functools.partial(jax.jit, static_argnums=0)
def regress(setting: Setting, kind: Array, priors: PyTree, redraws: Draw) -> dict[str, Array]:
    """Records ``[R, L, 2]``: with the prior of the clean pilot, the first of ``priors [L]``, and that of each level.

    The exact mean of the evidence over independent labels: with targets ``y = +-1`` of means ``m = 2 P - 1`` and
    variances ``1 - m^2``, ``E y^T A^-1 y = m^T A^-1 m + sum_i [A^-1]_ii (1 - m_i^2)`` in each of the ``K`` columns. It
    is the evidence of the mean labels, less a price of the noise.
    """
    size, count = setting.num_train, setting.num_classes

    def one(redraw: Draw) -> dict[str, Array]:
        def fit(params: PyTree, rate: Array, told: Array) -> dict[str, Array]:
            means = 2.0 * label_probabilities(kind, redraw.labels, rate, count) - 1.0
            signs = 2.0 * jax.nn.one_hot(told, count, dtype=jnp.float64) - 1.0
            # Columns that share the covariance: those trained on, those of more corruptions, the mean labels.
            targets = jnp.concatenate([jnp.moveaxis(signs, 0, 1).reshape(size, -1), means], axis=1)
            posterior = regression.gaussian_process(REGRESSION, params, redraw.x, targets)
            left_out = regression.gp_leave_one_out(posterior, targets)
            evidence = jnp.sum(log_evidence(posterior, targets).reshape(-1, count), axis=1) / size
            price = 0.5 * jnp.sum((1.0 - means**2) / left_out.variance[:, None]) / size
            trained = posterior._replace(weights=posterior.weights[:, :count])
            points = jnp.concatenate([redraw.x, redraw.x_test])
            found = jnp.argmax(regression.gp_predict(REGRESSION, params, trained, points).mean, axis=1)
            others = jnp.argmax(left_out.mean[:, :count], axis=1)
            return {
                "train_accuracy": jnp.mean(found[:size] == told[0]),
                "test_accuracy": jnp.mean(found[size:] == redraw.y_test),
                "evidence": evidence[0],
                "mean_evidence": jnp.mean(evidence[1:-1]),
                "expected_evidence": evidence[-1] - price,
                "left_out_told": jnp.mean(others == told[0]),
                "left_out_true": jnp.mean(others == redraw.labels),
                "jitter": posterior.jitter,
            }

        def level(inputs: tuple[Array, Array, PyTree]) -> dict[str, Array]:
            rate, told, own = inputs
            both = jax.tree.map(lambda each, chosen: jnp.stack([each[0], chosen]), priors, own)
            return jax.lax.map(lambda params: fit(params, rate, told), both)

        return jax.lax.map(level, (jnp.array(setting.corruption), redraw.told, priors))

    return jax.lax.map(one, redraws)


@jax.jit
def classify(params: PyTree, redraws: Draw) -> dict[str, Array]:
    """Records ``[R, L]`` of Laplace's approximation with one prior."""

    def one(redraw: Draw) -> dict[str, Array]:
        def level(told: Array) -> dict[str, Array]:
            posterior = regression.gp_laplace(CLASSIFICATION, params, redraw.x, told[0])
            found = regression.gp_laplace_predict(CLASSIFICATION, params, posterior, redraw.x_test)
            return {
                "laplace_train_accuracy": jnp.mean((posterior.mode > 0) == (told[0] == 1)),
                "laplace_test_accuracy": jnp.mean((found.mean > 0) == (redraw.y_test == 1)),
                "laplace_evidence": posterior.log_evidence / len(redraw.labels),
            }

        return jax.lax.map(level, redraw.told)

    return jax.lax.map(one, redraws)
