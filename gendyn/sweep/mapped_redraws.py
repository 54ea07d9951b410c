"""Redraws of a pure function of a key, compiled into one program for each point of the outer axes."""

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.sweep.redraws import redraw_simulation
from gendyn.sweep.simulate import Group, Measured, Simulation
from gendyn.types import Array, Config


def mapped_redraws(
    config: Config, measured: Mapping[str, Measured], redraw: Callable[..., Mapping[str, Array]], *, within: str = ""
) -> Simulation:
    """Redraws one after the other inside one program for each point of the outer axes, in float64.

    Args:
        config: with ``axes`` and ``runs_at_once``.
        measured: what is recorded.
        redraw: ``redraw(key, **point) -> {name: [...]}``: pure; the key is the seed's, the values of the point static.
        within: an axis of numbers whose values share a redraw, such as levels of noise on the same examples. They are
            then a traced vector ``[V]`` of the point, ascending, and records are ``[V, ...]``. Seeds stand outside in
            the order of the runs, so that a chunk of several times ``V`` draws nothing twice.
    """
    axes = dict(config.axes)
    outer = [name for name in axes if name not in ("seed", within)]

    @functools.partial(jax.jit, static_argnames=outer)
    def in_turn(seeds: Array, **point: Any) -> Mapping[str, Array]:
        found: Mapping[str, Array] = jax.lax.map(lambda seed: redraw(jax.random.key(seed), **point), seeds)
        return found

    if not within:
        return redraw_simulation(config, measured, in_turn)

    def group(point: dict[str, Any]) -> Group:
        def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, np.ndarray]:
            seeds, seed_of = np.unique([each["seed"] for each in points], return_inverse=True)
            values, value_of = np.unique([each[within] for each in points], return_inverse=True)
            with jax.enable_x64(True):
                vector = {within: jnp.asarray(values, float)}
                records = in_turn(jnp.asarray(seeds, jnp.uint32), **point, **vector)
                return {name: np.asarray(array)[seed_of, value_of] for name, array in records.items()}

        pairs = itertools.product(axes["seed"], axes[within])
        return Group(tuple(point | {within: value, "seed": int(seed)} for seed, value in pairs), compute)

    places = itertools.product(*(axes[name] for name in outer))
    groups = tuple(group(dict(zip(outer, values, strict=True))) for values in places)
    return Simulation(groups, measured, config.runs_at_once)
