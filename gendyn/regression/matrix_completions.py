"""Matrices of low rank of which some entries are seen, to be completed."""

import math
from collections.abc import Sequence

import numpy as np

from gendyn.core import ConfigError, check_positive_int, seeded_normals


def matrix_completions(
    seeds: Sequence[int], *, size: int, rank: int, num_observed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Products of Gaussian ``[size, rank]`` factors, scaled to ``|map|_F^2 = rank``, and which entries are seen.

    Args:
        seeds: ``R`` of them.
        size: rows and columns.
        rank: at most ``size``.
        num_observed: entries seen, drawn without replacement and apart from their values.

    Returns:
        Maps and masks of 0 and 1, float64 ``[R, size, size]`` each.

    Raises:
        ConfigError: an argument out of range.

    >>> maps, seen = matrix_completions((3, 4), size=5, rank=2, num_observed=7)
    >>> np.linalg.matrix_rank(maps).tolist(), seen.sum(axis=(1, 2)).tolist(), float(np.sum(maps[0] ** 2).round(6))
    ([2, 2], [7.0, 7.0], 2.0)
    """
    check_positive_int("size", size)
    check_positive_int("rank", rank)
    if rank > size or not 0 < num_observed <= size * size:
        raise ConfigError(f"rank = {rank} and num_observed = {num_observed} must fit into {size} rows and columns.")
    sides = seeded_normals(seeds, "map", (2, size, rank))
    maps = sides[:, 0] @ np.swapaxes(sides[:, 1], 1, 2)
    maps *= math.sqrt(rank) / np.linalg.norm(maps, axis=(1, 2), keepdims=True)
    order = np.argsort(seeded_normals(seeds, "observed", (size * size,)), axis=1)
    seen = np.zeros(order.shape)
    np.put_along_axis(seen, order[:, :num_observed], 1.0, axis=1)
    return maps, seen.reshape(maps.shape)
