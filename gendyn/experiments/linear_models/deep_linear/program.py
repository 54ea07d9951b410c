"""Leaves and runs of ``deep_linear``: modes from aligned and random starts, ranks of products, completion."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from gendyn.core import ConfigError
from gendyn.core.rules import distinct, each, integer, positive
from gendyn.experiments.linear_models.deep_linear.descent import complete, product_ranks, steps_per_record, train_modes
from gendyn.sweep import Group, Leaf, Measured, Simulation
from gendyn.types import ArrayLike, Config

ALIGNED, RANDOM, GAUSSIAN, ORTHOGONAL, COMPLETION = "aligned", "random", "gaussian", "orthogonal", "completion"
"""Cases: two starts of the modes, two kinds of products, and completion."""
AXES = ("case", "depth", "learning_rate", "scale", "seed")
_several = each(positive(), distinct, least=2)
LEAVES = {
    "dimension": Leaf(8, rule=integer(), meaning="rows and columns of the map whose modes are learned"),
    "singular_values": Leaf((4.0, 3.0, 2.0, 1.0), rule=_several, meaning="of its modes, falling"),
    "initial": Leaf(0.01, rule=positive(), meaning="singular values of the product at the start"),
    "depths": Leaf((1, 2, 3, 4), rule=each(integer()), meaning="factors of the product that learns the map"),
    "horizon": Leaf(8.0, rule=positive(), meaning="learning rate times steps"),
    "num_times": Leaf(161, rule=integer(3), meaning="records of the modes"),
    "learning_rates": Leaf((1e-2, 1e-3, 1e-4), rule=_several, meaning="from aligned starts, falling by decades"),
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
    "runs_at_once": Leaf(100, rule=integer(), meaning="redraws of a chunk"),
}


def check(config: Config) -> None:
    """What the claims compare is there, and sizes, rates and records fit each other."""
    strengths, rates, entries = config.singular_values, config.learning_rates, config.completion_size**2
    if 2 not in config.depths or not {1, 2, 3} <= set(config.completion_depths):
        raise ConfigError(
            f"config.depths = {config.depths} must hold 2, and config.completion_depths = "
            f"{config.completion_depths} 1, 2 and 3: the claims compare them."
        )
    if sorted(strengths)[::-1] != list(strengths):
        raise ConfigError(f"config.singular_values = {strengths} must fall: the strongest mode first.")
    if config.initial >= min(strengths) / 2:
        raise ConfigError(
            f"config.initial = {config.initial} must be below half of the weakest mode, {min(strengths):g}."
        )
    if len(strengths) >= config.dimension:
        raise ConfigError(
            f"config.dimension = {config.dimension} must exceed the {len(strengths)} modes: gradient flow keeps the "
            "sign of the determinant, so a map of full rank is out of reach from half of all directions."
        )
    if config.num_observed >= entries or config.completion_rank > config.completion_size:
        raise ConfigError(
            f"config.num_observed = {config.num_observed} must be below the {entries} entries, and "
            f"config.completion_rank = {config.completion_rank} at most config.completion_size."
        )
    gap = config.horizon / (config.num_times - 1)
    for rate in (*rates, config.random_learning_rate):
        if abs(steps_per_record(config, rate) * rate - gap) > 1e-9 * gap:
            raise ConfigError(
                f"config.learning_rates: horizon / (num_times - 1) = {gap:g} must be a whole number of steps of "
                f"{rate:g}."
            )
    if any(abs(a / b - 10.0) > 1e-9 for a, b in pairwise(rates)):
        raise ConfigError(f"config.learning_rates = {rates} must fall by decades.")


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

    def modes(case: str, depth: int, rate: float, seeds: list[int], _: Any) -> dict[str, ArrayLike]:
        return {"modes": train_modes(config, seeds, depth=depth, aligned=case == ALIGNED, learning_rate=rate)}

    def ranks(case: str, depth: int, rate: float, seeds: list[int], _: Any) -> dict[str, ArrayLike]:
        return {"effective_rank": product_ranks(config, seeds, depth=depth, orthogonal=case == ORTHOGONAL)}

    def completed(case: str, depth: int, rate: float, seeds: list[int], scales: list[float]) -> dict[str, ArrayLike]:
        return complete(config, seeds, scales, depth=depth, learning_rate=rate)._asdict()

    def group(solve: Callable[..., Any], case: str, depth: int, rate: float, scales: Any, redraws: int) -> Group:
        def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, ArrayLike]:
            empty = {name: np.full((len(points), *about.shape), np.nan) for name, about in measured.items()}
            seeds, sizes = ([point[axis] for point in points] for axis in ("seed", "scale"))
            return empty | solve(case, depth, float(rate), seeds, sizes)

        places = [(case, depth, float(rate), float(scale), seed) for scale in scales for seed in range(redraws)]
        return Group(tuple(dict(zip(AXES, place, strict=True)) for place in places), compute)

    start, redraws, rates = (config.initial,), config.num_redraws, config.learning_rates
    aligned = [(depth, rate) for depth in config.depths for rate in rates]
    products = [(case, depth) for case in (GAUSSIAN, ORTHOGONAL) for depth in config.product_depths]
    groups = (
        *(group(modes, ALIGNED, depth, rate, start, config.num_aligned) for depth, rate in aligned),
        *(group(modes, RANDOM, depth, config.random_learning_rate, start, redraws) for depth in config.depths),
        *(group(ranks, case, depth, 0.0, (0.0,), redraws) for case, depth in products),
        *(
            group(completed, COMPLETION, depth, config.completion_rate / depth, config.scales, redraws)
            for depth in config.completion_depths
        ),
    )
    return Simulation(groups, measured, config.runs_at_once)
