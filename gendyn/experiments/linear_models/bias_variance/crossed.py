"""Predictions on crossed draws of label noise, initialisation and training sample; ensembles; and two learners.

Every factor has two levels, and a cell is one fit. Ensembles share a sample and a noise with the cells and take
initialisations of their own, so that what the cells say about them is a prediction.
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import normal, stream
from gendyn.experiments.linear_models._sphere import sphere_penalty
from gendyn.regression import random_sphere_features, ridge, sphere_points
from gendyn.types import Array

LEVELS = 2
Learner = Callable[[Array, Array, Array, Array], Array]
"""``(key, x [n, d], y [n], points [Q, d]) -> predictions [L, P, Q]``: for ``L`` strengths of regularisation and ``P``
sizes; all randomness from the key."""


class Crossed(NamedTuple):
    """What one redraw predicts; ``L`` strengths of regularisation, ``P`` sizes of the learner, ``M`` test points."""

    cells: Array
    """``[noise, init, sample, L, P, M]``."""
    ensemble: Array
    """Average over ``K`` initialisations on the first sample with the first noise, ``[L, P, M]``."""
    bagged: Array
    """The same, each member on its own bootstrap resample of that sample, ``[L, P, M]``."""
    training_error: Array
    """Mean squared error on the noisy training targets, averaged over cells, ``[L, P]``."""
    target: Array
    """Noiseless, ``[M]``."""


def crossed(
    key: Array,
    learner: Learner,
    *,
    dimension: int,
    num_train: int,
    num_test: int,
    noise_variance: float,
    members: int,
) -> Crossed:
    """One redraw: teacher, test points, two samples, two noises, two initialisations, and ``K`` of an ensemble.

    ``x`` is uniform on the sphere of radius ``sqrt(d)`` and ``y = b . x / sqrt(d) + noise``, ``b`` on the same sphere:
    the signal has variance 1. Every fit is one call of the learner, mapped.
    """
    teacher = sphere_points(stream(key, "teacher"), 1, dimension)[0] / math.sqrt(dimension)
    fresh = sphere_points(stream(key, "test"), num_test, dimension)
    x = sphere_points(stream(key, "samples"), LEVELS * num_train, dimension).reshape(LEVELS, num_train, dimension)
    noise = math.sqrt(noise_variance) * normal(stream(key, "noises"), (LEVELS, num_train)).astype(x.dtype)
    keys = jax.random.split(stream(key, "inits"), LEVELS + members)
    y = (x @ teacher) + noise[:, None]  # [noise, sample, n]
    resampled = jax.random.randint(stream(key, "resamples"), (members, num_train), 0, num_train)

    cells = np.array(list(itertools.product(range(LEVELS), repeat=3)))
    own = np.arange(LEVELS, LEVELS + members)
    inputs = jnp.concatenate([x[cells[:, 2]], jnp.broadcast_to(x[0], (members, *x[0].shape)), x[0][resampled]])
    answers = jnp.concatenate(
        [y[cells[:, 0], cells[:, 2]], jnp.broadcast_to(y[0, 0], (members, num_train)), y[0, 0][resampled]]
    )
    inits = np.concatenate([cells[:, 1], own, own])

    def fit(key: Array, x: Array, y: Array) -> tuple[Array, Array]:
        predicted = learner(key, x, y, jnp.concatenate([fresh, x]))
        return predicted[..., :num_test], jnp.mean(jnp.square(predicted[..., num_test:] - y), -1)

    predicted, errors = jax.vmap(fit)(keys[inits], inputs, answers)
    first = len(cells)
    return Crossed(
        predicted[:first].reshape(LEVELS, LEVELS, LEVELS, *predicted.shape[1:]),
        predicted[first : first + members].mean(0),
        predicted[first + members :].mean(0),
        errors[:first].mean(0),
        fresh @ teacher,
    )


def random_features_learner(sizes: tuple[int, ...], ridges: tuple[float, ...]) -> Learner:
    """Ridge regression on ReLU features on the sphere, in the penalty of :func:`gendyn.theory.random_features_risk`."""

    def learn(key: Array, x: Array, y: Array, points: Array) -> Array:
        z, at = (random_sphere_features(key, inputs, max(sizes)) for inputs in (x, points))
        n, dimension = x.shape
        predictions = []
        for size in sizes:
            solved = ridge(z[:, :size], y, sphere_penalty(ridges, size, n, dimension))
            predictions.append(jnp.einsum("qi,li->lq", at[:, :size], solved.coefficients))
        return jnp.stack(predictions, 1)

    return learn


def mlp_learner(widths: tuple[int, ...], steps: tuple[int, ...], learning_rate: float) -> Learner:
    """``sum_h a_h relu(w_h . x / sqrt(d)) / sqrt(H)``, both layers trained from standard normal draws; float32.

    Full-batch gradient descent on half the mean squared error; ``steps``, ascending, are what ``L`` counts. In this
    parameterisation one learning rate serves every width ``H``.
    """
    gaps = np.diff(steps, prepend=0).astype(np.int32)

    def outputs(weights: tuple[Array, Array], x: Array) -> Array:
        hidden, readout = weights
        return jax.nn.relu(x @ hidden.T / math.sqrt(x.shape[1])) @ readout / math.sqrt(len(readout))

    def learn(key: Array, x: Array, y: Array, points: Array) -> Array:
        x, y, points = (array.astype(jnp.float32) for array in (x, y, points))

        def step(_: Array, weights: tuple[Array, Array]) -> tuple[Array, Array]:
            gradient = jax.grad(lambda w: 0.5 * jnp.mean(jnp.square(outputs(w, x) - y)))(weights)
            moved: tuple[Array, Array] = jax.tree.map(lambda w, g: w - learning_rate * g, weights, gradient)
            return moved

        def segment(weights: tuple[Array, Array], gap: Array) -> tuple[tuple[Array, Array], Array]:
            weights = jax.lax.fori_loop(0, gap, step, weights)
            return weights, outputs(weights, points)

        predictions = []
        for width in widths:
            start = normal(stream(key, "hidden"), (width, x.shape[1])), normal(stream(key, "readout"), (width,))
            predictions.append(jax.lax.scan(segment, start, jnp.asarray(gaps))[1])
        return jnp.stack(predictions, 1)

    return learn
