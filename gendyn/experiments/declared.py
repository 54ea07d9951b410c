"""Programs of an experiment's own: its declared leaves, checked, and the runs that its config asks for."""

from collections.abc import Iterable, Mapping
from typing import Any

import ml_collections

from gendyn.core import ConfigError, nearest
from gendyn.sweep import Leaf, Simulation
from gendyn.sweep.config import flatten, nest
from gendyn.sweep.config.axes import points
from gendyn.sweep.config.leaf import check_leaf, check_leaves
from gendyn.types import Config


def declared_leaves(experiment: Any, name: str) -> Config:
    """A config with every leaf at its default; see :func:`gendyn.experiments.contract.declared_config`."""
    if not hasattr(experiment, "LEAVES"):
        raise ConfigError(f"{name!r} trains by a sweep; start its config from gendyn.sweep.base_config().")
    fixed, varied = _split(experiment.LEAVES)
    config = ml_collections.ConfigDict(nest({leaf: about.default for leaf, about in fixed.items()}))
    config.experiment = name
    config.axes = tuple((leaf, (about.default,)) for leaf, about in varied.items())
    config.zip_axes = ()
    return config.lock()


def _split(leaves: Mapping[str, Leaf]) -> tuple[dict[str, Leaf], dict[str, Leaf]]:
    """The leaves of the config and its axes; a reference is both."""
    fixed = {name: leaf for name, leaf in leaves.items() if leaf.kind != "axis"}
    return fixed, {name: leaf for name, leaf in leaves.items() if leaf.kind in ("axis", "reference")}


def resolve(experiment: Any, config: Config) -> tuple[Config, Simulation]:
    """The full, checked config of an experiment with a program of its own, and the runs that it asks for.

    Args:
        experiment: its module.
        config: with the axes in force, in their stored form.

    Raises:
        ConfigError: a bad leaf, axis or value; nothing has been compiled.
    """
    fixed, varied = _split(experiment.LEAVES)
    flat = flatten(config)
    name = flat.pop("experiment")
    misplaced = [leaf for leaf in flat if leaf in varied and leaf not in fixed]
    if misplaced:
        raise ConfigError(f"config.{misplaced[0]} is an axis of {name}: give its values as --axis {misplaced[0]}=...")
    full = ml_collections.ConfigDict(nest(check_leaves(flat, fixed)))
    given = dict(config.axes)
    if varied:
        _check_names(name, given, varied, fixed)
    axes = {
        leaf: tuple(check_leaf(f"config.axes: each {leaf}", v, about) for v in given.get(leaf, (about.default,)))
        for leaf, about in varied.items()
    }
    for leaf, about in varied.items():
        about.together(f"config.axes: {leaf}", axes[leaf])
    for leaf in (leaf for leaf in varied if leaf in fixed):
        if full[leaf] not in axes[leaf]:
            raise ConfigError(f"config.{leaf} = {full[leaf]!r}, the reference, must be one of {axes[leaf]}.")
    full.experiment, full.axes = name, tuple(axes.items())
    full.lock()
    if callable(getattr(experiment, "check", None)):
        experiment.check(full)
    simulation: Simulation = experiment.program(full)
    made = {leaf: {point[leaf] for group in simulation.groups for point in group.points} for leaf in simulation.axes}
    _check_names(name, given, made, fixed)
    for leaf, values in given.items():
        absent = [value for value in values if value not in made[leaf]]
        if absent:
            there = ", ".join(map(str, sorted(made[leaf])))
            raise ConfigError(f"axis {leaf!r} = {absent[0]!r}: {name} has runs at {there} alone.")
    chosen = {tuple(point.items()) for point in points(tuple(given.items()), config.zip_axes)}
    wanted = tuple(given)

    def is_wanted(point: Mapping[str, Any]) -> bool:
        return tuple((leaf, point[leaf]) for leaf in wanted) in chosen

    simulation = simulation.select(is_wanted)
    if not simulation.groups:
        raise ConfigError(f"the axes {', '.join(wanted)} select no run of {name}; choose values that go together.")
    return full, simulation


def _check_names(name: str, given: Iterable[str], axes: Iterable[str], fixed: Mapping[str, Leaf]) -> None:
    for leaf in given:
        if leaf not in axes:
            hint = f" Set --config.{leaf} instead." if leaf in fixed else nearest(leaf, axes)
            raise ConfigError(f"axis {leaf!r} is none of {name}, whose axes are {', '.join(axes)}.{hint}")
