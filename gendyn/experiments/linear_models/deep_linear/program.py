"""Leaves and runs of ``deep_linear``: modes from aligned and random starts, ranks of products, completion."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import regression
from gendyn.core import ConfigError, seeded_normals
from gendyn.core.rules import descending, distinct, each, integer, positive
from gendyn.linalg import haar_orthogonal
from gendyn.measure import effective_rank
from gendyn.sweep import Group, Leaf, Measured, Simulation
from gendyn.types import Array, ArrayLike, Config

ALIGNED, RANDOM, GAUSSIAN, ORTHOGONAL, COMPLETION = "aligned", "random", "gaussian", "orthogonal", "completion"
"""Cases: two starts of the modes, two kinds of products, and completion."""
AXES = ("case", "depth", "learning_rate", "scale", "seed")


def _must_fall_by_decades(name: str, values: Sequence[float]) -> None:
    if any(abs(a / b - 10.0) > 1e-9 for a, b in pairwise(values)):
        raise ConfigError(f"{name} = {values} must fall by decades.")


_several = each(positive(), distinct, least=2)
_falling = each(positive(), descending("the strongest mode first"), least=2)
_decades = each(positive(), distinct, _must_fall_by_decades, least=2)
LEAVES = {
    "dimension": Leaf(8, rule=integer(), meaning="rows and columns of the map whose modes are learned"),
    "singular_values": Leaf((4.0, 3.0, 2.0, 1.0), rule=_falling, meaning="of its modes, falling"),
    "initial": Leaf(0.01, rule=positive(), meaning="singular values of the product at the start"),
    "depths": Leaf((1, 2, 3, 4), rule=each(integer()), meaning="factors of the product that learns the map"),
    "horizon": Leaf(8.0, rule=positive(), meaning="learning rate times steps"),
    "num_times": Leaf(161, rule=integer(3), meaning="records of the modes"),
    "learning_rates": Leaf((1e-2, 1e-3, 1e-4), rule=_decades, meaning="from aligned starts, falling by decades"),
    "num_aligned": Leaf(5, rule=integer(), meaning="redraws of aligned starts"),
    "random_learning_rate": Leaf(1e-3, rule=positive(), meaning="from random directions"),
    "product_size": Leaf(128, rule=integer(), meaning="rows and columns of the matrices multiplied"),
    "product_depths": Leaf((1, 2, 4, 8, 16), rule=each(integer()), meaning="how many are multiplied"),
    "completion_size": Leaf(30, rule=integer(), meaning="rows and columns of the matrix completed"),
    "completion_rank": Leaf(3, rule=integer(), meaning="its rank"),
    "num_observed": Leaf(300, rule=integer(), meaning="entries seen"),
    "completion_depths": Leaf((1, 2, 3), rule=each(integer()), meaning="factors of the product that completes"),
    "completion_rate": Leaf(0.6, rule=positive(), meaning="learning rate times depth"),
    "completion_steps": Leaf(10_000, rule=integer(), meaning="of gradient descent"),
    "scales": Leaf((1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0), rule=_several, meaning="sizes of the start of a completion"),
    "num_redraws": Leaf(100, rule=integer(), meaning="of everything but aligned starts"),
    "runs_at_once": Leaf(100, "execution", integer(), "redraws of a chunk"),
}


def check(config: Config) -> None:
    """What the claims compare is there, and sizes, rates and records fit each other."""
    strengths, entries, seen = config.singular_values, config.completion_size**2, config.num_observed
    if 2 not in config.depths or not {1, 2, 3} <= set(config.completion_depths):
        raise ConfigError(
            f"config.depths = {config.depths} must hold 2, and config.completion_depths = "
            f"{config.completion_depths} 1, 2 and 3: the claims compare them."
        )
    if config.initial >= min(strengths) / 2:
        weakest = min(strengths)
        raise ConfigError(f"config.initial = {config.initial} must be below half of the weakest mode, {weakest:g}.")
    if len(strengths) >= config.dimension:
        raise ConfigError(
            f"config.dimension = {config.dimension} must exceed the {len(strengths)} modes: gradient flow keeps the "
            "sign of the determinant, so a map of full rank is out of reach from half of all directions."
        )
    if seen >= entries or config.completion_rank > config.completion_size:
        raise ConfigError(
            f"config.num_observed = {seen} must be below the {entries} entries, and config.completion_rank = "
            f"{config.completion_rank} at most config.completion_size."
        )
    gap = config.horizon / (config.num_times - 1)
    for rate in (*config.learning_rates, config.random_learning_rate):
        if abs(round(gap / rate) * rate - gap) > 1e-9 * gap:
            rule = f"horizon / (num_times - 1) = {gap:g} must be a whole number of steps of {rate:g}."
            raise ConfigError(f"config.learning_rates: {rule}")


def program(config: Config) -> Simulation:
    """Each case has some of what is recorded and NaN for the rest; ``scale`` is the size of the start.

    ``learning_rate`` and ``scale`` are 0 where a case has none.
    """
    measured = {
        "effective_rank": Measured("effective rank of the product"),
        "truth_rank": Measured("effective rank of the map to complete"),
        "observed_error": Measured("relative error on observed entries"),
        "unobserved_error": Measured("relative error on unobserved entries"),
        "modes": Measured("strength of each mode", (config.num_times, len(config.singular_values)), "float64"),
    }

    def group(solve: Callable[..., Any], case: str, depth: int, rate: float, scales: Any, redraws: int) -> Group:
        def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, ArrayLike]:
            empty = {name: np.full((len(points), *about.shape), np.nan) for name, about in measured.items()}
            seeds, sizes = ([point[axis] for point in points] for axis in ("seed", "scale"))
            return empty | solve(config, case, depth, float(rate), seeds, sizes)

        places = [(case, depth, float(rate), float(scale), seed) for scale in scales for seed in range(redraws)]
        return Group(tuple(dict(zip(AXES, place, strict=True)) for place in places), compute)

    start, redraws, rates = (config.initial,), config.num_redraws, config.learning_rates
    products = [(case, depth) for case in (GAUSSIAN, ORTHOGONAL) for depth in config.product_depths]
    completed = [(depth, config.completion_rate / depth) for depth in config.completion_depths]
    groups = (
        *(group(modes, ALIGNED, depth, rate, start, config.num_aligned) for depth in config.depths for rate in rates),
        *(group(modes, RANDOM, depth, config.random_learning_rate, start, redraws) for depth in config.depths),
        *(group(ranks, case, depth, 0.0, (0.0,), redraws) for case, depth in products),
        *(group(completion, COMPLETION, depth, rate, config.scales, redraws) for depth, rate in completed),
    )
    return Simulation(groups, measured, config.runs_at_once)


def modes(config: Config, case: str, depth: int, rate: float, seeds: list[int], _: Any) -> dict[str, ArrayLike]:
    """Strengths ``u_k^T W_N ... W_1 v_k`` of the map's modes, float64 ``[R, num_times, K]``, from the start on."""
    size, kept, count = config.dimension, len(config.singular_values), config.num_times
    left, right = np.moveaxis(haar_orthogonal(seeded_normals(seeds, "singular vectors", (2, size, size))), 1, 0)
    directions = haar_orthogonal(seeded_normals(seeds, "start", (depth, size, size)))
    sides = {"left": left, "right": right} if case == ALIGNED else {}
    start = regression.balanced_factors(directions, config.initial, **sides)
    steps = round(config.horizon / (count - 1) / rate) * np.arange(count)
    with jax.enable_x64(True):
        u, v = jnp.asarray(left[:, :, :kept]), jnp.asarray(right[:, :, :kept])
        target = (u * jnp.asarray(config.singular_values)) @ jnp.swapaxes(v, 1, 2)
        maps = regression.factored_descent(start, target, rate, steps)
        return {"modes": np.moveaxis(np.asarray(_strengths(u, v, maps)), 0, 1)}


@jax.jit
def _strengths(u: Array, v: Array, maps: Array) -> Array:
    return jax.lax.map(lambda product: jnp.sum(u * (product @ v), axis=1), maps)


def ranks(config: Config, case: str, depth: int, _: float, seeds: list[int], __: Any) -> dict[str, ArrayLike]:
    """Effective rank ``[R]`` of a product of Gaussian (variance ``1 / size``) or of orthogonal factors."""
    size = config.product_size
    draws = seeded_normals(seeds, f"{depth} factors", (depth, size, size))
    factors = haar_orthogonal(draws) if case == ORTHOGONAL else draws / math.sqrt(size)
    return {"effective_rank": effective_rank(regression.factor_product(jnp.asarray(factors, jnp.float32)))}


def completion(
    config: Config, _: str, depth: int, rate: float, seeds: list[int], scales: list[float]
) -> dict[str, ArrayLike]:
    """Matrix completion, at the last step, in float32.

    A factor starts as ``scale^(1 / depth)`` times a Gaussian of variance ``1 / size``, the same at every scale.
    """
    size, shown = config.completion_size, {"rank": config.completion_rank, "num_observed": config.num_observed}
    maps, seen = regression.matrix_completions(seeds, size=size, **shown)
    start = seeded_normals(seeds, "start", (depth, size, size)) / math.sqrt(size)
    start *= np.asarray(scales)[:, None, None, None] ** (1.0 / depth)
    factors, truth, mask = (jnp.asarray(a, jnp.float32) for a in (start, maps, seen))
    (learned,) = regression.factored_descent(factors, truth, rate, (config.completion_steps,), observed=mask)

    def error(where: ArrayLike) -> ArrayLike:
        misses, sizes = (jnp.sum(where * jnp.square(array), axis=(1, 2)) for array in (learned - truth, truth))
        return jnp.sqrt(misses / sizes)

    errors = {"observed_error": error(mask), "unobserved_error": error(1.0 - mask)}
    return {"effective_rank": effective_rank(learned), "truth_rank": effective_rank(truth), **errors}
