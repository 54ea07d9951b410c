"""Programs whose runs are redraws of one problem: the values of the axis ``seed``, drawn side by side."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.sweep.simulate import Group, Measured, Simulation
from gendyn.types import ArrayLike, Config


def redraw_groups(
    axes: Mapping[str, tuple[Any, ...]], redraw: Callable[..., Mapping[str, ArrayLike]], *, float64: bool = True
) -> list[Group]:
    """A group for each point of the outer axes.

    Args:
        axes: name -> values, ``seed`` among them.
        redraw: ``redraw(seeds [R] uint32, **point) -> {name: [R, ...]}``.
        float64: whether it is called with float64 enabled.
    """
    outer, seeds = [name for name in axes if name != "seed"], axes["seed"]

    def group(point: dict[str, Any]) -> Group:
        def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, np.ndarray]:
            with jax.enable_x64(float64):
                chosen = jnp.array([each["seed"] for each in points], jnp.uint32)
                return {name: np.asarray(value) for name, value in redraw(chosen, **point).items()}

        return Group(points=tuple(point | {"seed": int(seed)} for seed in seeds), compute=compute)

    return [group(dict(zip(outer, values, strict=True))) for values in itertools.product(*(axes[n] for n in outer))]


def redraw_simulation(
    config: Config,
    measured: Mapping[str, Measured],
    redraw: Callable[..., Mapping[str, ArrayLike]],
    *,
    float64: bool = True,
) -> Simulation:
    """All groups of :func:`redraw_groups` over ``config.axes``, ``config.runs_at_once`` runs a chunk."""
    return Simulation(tuple(redraw_groups(dict(config.axes), redraw, float64=float64)), measured, config.runs_at_once)
