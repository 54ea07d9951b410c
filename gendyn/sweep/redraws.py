"""Programs whose runs are redraws of one problem: the values of the axis ``seed``, drawn side by side."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.sweep.simulate import Group
from gendyn.types import ArrayLike


def redraw_groups(axes: Mapping[str, tuple[Any, ...]], redraw: Callable[..., Mapping[str, ArrayLike]]) -> list[Group]:
    """A group for each point of the outer axes.

    Args:
        axes: name -> values, ``seed`` among them.
        redraw: ``redraw(seeds [R] uint32, **point) -> {name: [R, ...]}``; called with float64 enabled.
    """
    outer, seeds = [name for name in axes if name != "seed"], axes["seed"]

    def group(point: dict[str, Any]) -> Group:
        def compute(points: tuple[Mapping[str, Any], ...]) -> dict[str, np.ndarray]:
            with jax.enable_x64(True):
                chosen = jnp.array([each["seed"] for each in points], jnp.uint32)
                return {name: np.asarray(value) for name, value in redraw(chosen, **point).items()}

        return Group(points=tuple(point | {"seed": int(seed)} for seed in seeds), compute=compute)

    return [group(dict(zip(outer, values, strict=True))) for values in itertools.product(*(axes[n] for n in outer))]
