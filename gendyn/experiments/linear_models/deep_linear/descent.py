"""Numerics of ``deep_linear``: modes under gradient descent, ranks of products, matrix completion.

Each is batched over redraws. Every draw comes from the seed alone and is made outside, where one small program serves
all shapes; compiling random draws and decompositions into each program would take longer than the training.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import normal, stream
from gendyn.measure import effective_rank
from gendyn.types import Array, Config


class Completed(NamedTuple):
    """Matrix completion at the last step; ``R`` redraws."""

    observed_error: Array
    """``|product - map| / |map|`` over the observed entries, ``[R]``."""
    unobserved_error: Array
    """The same over the others, ``[R]``."""
    effective_rank: Array
    """Of the product, ``[R]``."""
    truth_rank: Array
    """Effective rank of the map, ``[R]``."""


def gaussians(seeds: Sequence[int], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal ``[R, *shape]``, float32 numbers as float64; equal seeds have equal draws."""
    different, places = np.unique(np.asarray(seeds), return_inverse=True)
    rows = [np.asarray(normal(stream(jax.random.key(int(seed)), name), shape)) for seed in different]
    return np.stack(rows).astype(np.float64)[places]


def orthogonals(seeds: Sequence[int], name: str, count: int, size: int) -> np.ndarray:
    """``[R, count, size, size]`` of the uniform (Haar) measure on orthogonal matrices."""
    q, r = np.linalg.qr(gaussians(seeds, name, (count, size, size)))
    # LAPACK's choice of signs would favour some matrices.
    return np.asarray(q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :])


def product(factors: Array) -> Array:
    """``W_N ... W_1`` of ``[..., N, n, n]``: the first factor is applied first."""
    return functools.reduce(
        lambda done, factor: jnp.matmul(factor, done, precision="highest"), jnp.moveaxis(factors, -3, 0)
    )


def steps_per_record(config: Config, learning_rate: float) -> int:
    """Gradient steps between two records of the modes."""
    return round(config.horizon / (config.num_times - 1) / learning_rate)


def train_modes(config: Config, seeds: Sequence[int], *, depth: int, aligned: bool, learning_rate: float) -> np.ndarray:
    """Strengths ``u_k^T W_N ... W_1 v_k`` of the map's modes, float64 ``[R, num_times, K]``, from the start on.

    Gradient descent on ``|map - W_N ... W_1|^2 / 2``, which is the squared loss on whitened inputs. Every factor starts
    as ``initial^(1 / depth)`` times an orthogonal matrix, so that all factors are balanced and every singular value of
    the product is ``initial``; ``aligned`` chooses the last such that the product has the singular vectors of the map.
    """
    vectors = orthogonals(seeds, "singular vectors", 2, config.dimension)
    left, right = vectors[:, 0], vectors[:, 1]
    start = orthogonals(seeds, "start", depth, config.dimension)
    if aligned:
        others = functools.reduce(
            lambda done, factor: factor @ done, np.moveaxis(start[:, :-1], 1, 0), np.eye(config.dimension)
        )
        start[:, -1] = left @ np.swapaxes(others @ right, 1, 2)
    kept = len(config.singular_values)
    with jax.enable_x64(True):
        modes = _train_modes(
            jnp.asarray(config.initial ** (1.0 / depth) * start),
            jnp.asarray(left[:, :, :kept]),
            jnp.asarray(right[:, :, :kept]),
            jnp.asarray(config.singular_values, jnp.float64),
            jnp.float64(learning_rate),
            jnp.int32(steps_per_record(config, learning_rate)),
            num_records=config.num_times,
        )
        return np.asarray(modes)


@functools.partial(jax.jit, static_argnames="num_records")
def _train_modes(
    start: Array,
    left: Array,
    right: Array,
    singular_values: Array,
    learning_rate: Array,
    steps_per_record: Array,
    *,
    num_records: int,
) -> Array:
    targets = (left * singular_values) @ jnp.swapaxes(right, 1, 2)

    def loss(factors: Array) -> Array:
        return 0.5 * jnp.sum(jnp.square(product(factors) - targets))

    def step(_: Array, factors: Array) -> Array:
        return factors - learning_rate * jax.grad(loss)(factors)

    def segment(factors: Array, _: None) -> tuple[Array, Array]:
        modes = jnp.sum(left * (product(factors) @ right), axis=1)
        return jax.lax.fori_loop(0, steps_per_record, step, factors), modes

    records = jax.lax.scan(segment, start, None, length=num_records)[1]
    return jnp.swapaxes(records, 0, 1)


def product_ranks(config: Config, seeds: Sequence[int], *, depth: int, orthogonal: bool) -> Array:
    """Effective rank ``[R]`` of a product of Gaussian (variance ``1 / size``) or of orthogonal factors."""
    size = config.product_size
    name = f"{depth} factors"
    if orthogonal:
        factors = orthogonals(seeds, name, depth, size)
    else:
        factors = gaussians(seeds, name, (depth, size, size)) / math.sqrt(size)
    return effective_rank(product(jnp.asarray(factors, jnp.float32)))


def complete(
    config: Config, seeds: Sequence[int], scales: Sequence[float], *, depth: int, learning_rate: float
) -> Completed:
    """Gradient descent on ``|product - map|^2 / 2`` over the observed entries alone, in float32.

    The map is a product of Gaussian ``[size, rank]`` factors scaled to ``|map|_F^2 = rank``; which entries are seen is
    drawn without replacement. A factor starts as ``scale^(1 / depth)`` times a Gaussian of variance ``1 / size``, the
    same Gaussian at every scale, so that ``E |product|_F^2 = scale^2 size`` at every depth.
    """
    size, rank = config.completion_size, config.completion_rank
    sides = gaussians(seeds, "map", (2, size, rank))
    maps = sides[:, 0] @ np.swapaxes(sides[:, 1], 1, 2)
    maps *= math.sqrt(rank) / np.linalg.norm(maps, axis=(1, 2), keepdims=True)
    order = np.argsort(gaussians(seeds, "observed", (size * size,)), axis=1)
    seen = np.zeros(order.shape)
    np.put_along_axis(seen, order[:, : config.num_observed], 1.0, axis=1)
    start = gaussians(seeds, "start", (depth, size, size)) / math.sqrt(size)
    start *= np.asarray(scales)[:, None, None, None] ** (1.0 / depth)
    arrays = [jnp.asarray(array, jnp.float32) for array in (start, maps, seen.reshape(maps.shape))]
    settings = jnp.float32(learning_rate), jnp.int32(config.completion_steps)
    learned, observed, unobserved = _complete(*arrays, *settings)
    return Completed(observed, unobserved, effective_rank(learned), effective_rank(arrays[1]))


@jax.jit
def _complete(
    start: Array, maps: Array, seen: Array, learning_rate: Array, num_steps: Array
) -> tuple[Array, Array, Array]:
    def loss(factors: Array) -> Array:
        return 0.5 * jnp.sum(seen * jnp.square(product(factors) - maps))

    def step(_: Array, factors: Array) -> Array:
        return factors - learning_rate * jax.grad(loss)(factors)

    learned = product(jax.lax.fori_loop(0, num_steps, step, start))

    def error(where: Array) -> Array:
        misses, sizes = (jnp.sum(where * jnp.square(array), axis=(1, 2)) for array in (learned - maps, maps))
        return jnp.sqrt(misses / sizes)

    return learned, error(seen), error(1.0 - seen)
