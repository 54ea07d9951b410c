"""What experiments with a program of their own share: the config's axes, a group for each point, tables of redraws.

Redraws are the values of the axis ``seed``.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.analysis import FINISHED, axis_values, grid, history, run_status, tabulate
from gendyn.core import ConfigError, check_positive_int
from gendyn.sweep import Group
from gendyn.types import ArrayLike

if TYPE_CHECKING:
    import ml_collections
    import xarray


def axes_of(config: "ml_collections.ConfigDict", names: tuple[str, ...]) -> dict[str, tuple[Any, ...]]:
    """The axes of a config, which must be ``names`` in this order, each with different values; the last is ``seed``.

    Raises:
        ConfigError: other axes, an axis without values, a value twice, or a seed that is no integer of at least 0.
    """
    axes = {str(name): tuple(values) for name, values in config.axes}
    if tuple(axes) != names:
        raise ConfigError(f"config.axes: {', '.join(axes) or 'none'} must be {', '.join(names)}, in this order.")
    for name, values in axes.items():
        if not values or len(set(values)) < len(values):
            raise ConfigError(f"config.axes: {name} = {values} must be at least one value, each once.")
    for seed in axes["seed"]:
        check_positive_int("config.axes: each seed", seed, low=0)
    return axes


def check_ascending(name: str, values: Sequence[float], why: str) -> None:
    """Raises :class:`ConfigError` unless every value is above the one before it.

    Args:
        name: of the leaf, such as ``config.ridges``.
        values: numbers.
        why: what takes the first or the last for the smallest or the largest; ends the message.
    """
    if any(later <= earlier for earlier, later in itertools.pairwise(values)):
        raise ConfigError(f"{name} = {tuple(values)} must be ascending: {why}. Sort them, each once.")


def redraw_groups(axes: Mapping[str, tuple[Any, ...]], redraw: Callable[..., Mapping[str, ArrayLike]]) -> list[Group]:
    """A group for each point of the outer axes.

    Args:
        axes: as :func:`axes_of` returns them.
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


def redraws_of(ds: "xarray.Dataset", axes: tuple[str, ...], name: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The outer axes' values, ascending, and a recorded array as ``[*outer, S, ...]``: seeds that all points have.

    Raises:
        ConfigError: no such variable, or no seed is finished at every point of the outer axes.
    """
    layout = grid(ds, axes)
    table = tabulate(layout, history(ds, name)[:, 0])
    # A place without a run is NaN in a table, and so not 1.
    finished = (tabulate(layout, run_status(ds) == FINISHED) == 1.0).all(axis=tuple(range(len(axes) - 1)))
    if not finished.any():
        raise ConfigError("no redraw is finished at every point of the axes; wait for the first chunks.")
    return layout.axes, np.compress(finished, table, axis=len(axes) - 1)


def finished_runs(ds: "xarray.Dataset", place: Mapping[str, Any]) -> np.ndarray:
    """Numbers of the finished runs at ``place`` (axis -> value), in the order of their seeds: ``[S]``.

    Raises:
        ConfigError: there is none.
    """
    there = np.all([axis_values(ds, axis) == value for axis, value in place.items()], axis=0)
    runs = np.flatnonzero(there & (run_status(ds) == FINISHED))
    if not len(runs):
        raise ConfigError(f"no run at {dict(place)} is finished; wait for its first chunk.")
    return runs[np.argsort(axis_values(ds, "seed")[runs], kind="stable")]
