"""A folder's sweep grows: what is there stays as it is, and what contradicts it is refused."""

import shlex
from collections.abc import Sequence
from typing import Any

from gendyn.core import ConfigError
from gendyn.sweep.config.arms import read_arms
from gendyn.sweep.config.axes import Axes
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.config.leaf import ON_DEVICE
from gendyn.sweep.config.points import Point, in_single_precision, may_coincide
from gendyn.sweep.config.schema import leaves_of
from gendyn.sweep.plan.planned import Plan


def union(axes: Axes, known: Plan) -> Axes:
    merged = {name: list(values) for name, values in known.axes}
    for name, values in axes:
        merged.setdefault(name, []).extend(v for v in values if v not in merged.get(name, []))
    return tuple((name, tuple(values)) for name, values in merged.items())


def check_same_sweep(known: Plan, flat: Flat, axes: Axes) -> None:
    """A folder holds one sweep: outside the axes, old and new configs must agree; the data's place may change."""
    varied = {name for name, _ in (*known.axes, *axes)}
    leaves = leaves_of(flat)
    for name in sorted(set(flat) | set(known.config)):
        if name in varied or (name in leaves and leaves[name].kind in ("execution", "place")):
            continue
        old, new = known.config.get(name), flat.get(name)
        if old != new and name == "probes" and old is not None and new is not None:
            raise ConfigError(
                f"workdir holds runs that recorded the probes {_listed(old)}, and config.probes is now {_listed(new)}: "
                "what a finished step was not asked for cannot be recorded any more. Measure the saved networks with "
                f"`gendyn analyse` (gendyn.sweep.analyse): {_analyse(old, new)}. For all records use another "
                f"--workdir; to go on here set config.probes to {_listed(old)}."
            )
        if old != new:
            raise ConfigError(
                f"workdir holds the results of another sweep: config.{name} is {old!r} there and {new!r} here. "
                f"Use another --workdir, or make it an axis (--axis {name}={old},{new}) to keep both."
            )


def check_same_numbers(known: Plan, axes: Axes, fresh: Sequence[Point]) -> None:
    """A run that the folder has already, but for digits that float32 does not have, would be trained again."""
    if not fresh or not may_coincide(union(axes, known)):
        return
    there = {
        in_single_precision(Point(run.flat, run.identity, run.data)): run.flat for run in known.runs if not run.unnamed
    }
    for point in fresh:
        flat = there.get(in_single_precision(point), point.flat)
        for name in leaves_of(point.flat).of_kind(*ON_DEVICE):
            value = point.flat[name]
            if flat[name] != value:
                raise ConfigError(
                    f"workdir holds the run of {name} = {value} already, under {name} = {flat[name]}: they are one "
                    f"number in float32, in which runs are computed. Give {flat[name]}, or leave the value out."
                )


def _listed(probes: Sequence[str]) -> str:
    return ", ".join(probes) or "none"


def _analyse(old: Sequence[str], new: Sequence[str]) -> str:
    """The arguments that measure what is new."""
    return " ".join(f"--probe={shlex.quote(probe)}" for probe in new if probe not in old) or "any --probe=..."


def all_arms(known: Plan, flat: Flat) -> tuple[Any, ...]:
    """This call's arms, and those that only runs of earlier calls have."""
    now = read_arms(flat["arms"])
    return (*flat["arms"], *(pair for pair in known.config["arms"] if pair[0] not in now))


def check_same_arms(known: Plan, flat: Flat, points: Sequence[Point]) -> None:
    """In a folder a name stands for one set of leaves, and a set of leaves for one name."""
    before, now = read_arms(known.config["arms"]), read_arms(flat["arms"])
    names = {point.identity: point.flat["arm"] for point in points}
    for run in known.runs:
        name = run.flat["arm"]
        if names.get(run.identity, name) != name:
            raise ConfigError(
                f"workdir holds a run of arm {names[run.identity]!r} already, under the name {name!r}. Call the arm "
                "that, leave it out, or use another --workdir."
            )
        for leaf in sorted({*before.get(name, {}), *now.get(name, {})}):
            old, new = run.flat.get(leaf), now[name].get(leaf, flat.get(leaf))
            if old != new:
                raise ConfigError(
                    f"workdir holds runs of arm {name!r} with {leaf} = {old!r}, and config.arms now gives it {new!r}. "
                    "Give the changed arm another name, or use another --workdir."
                )
