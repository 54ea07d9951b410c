"""From a config and axes to runs: each a complete, checked set of leaves with an identity."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from gendyn.core import ConfigError, digest
from gendyn.sweep.config import axes as axes_module
from gendyn.sweep.config.agreement import check_agreements
from gendyn.sweep.config.arms import check_arms, read_arms
from gendyn.sweep.config.complete import checked, complete
from gendyn.sweep.config.factories import ABSENT, FACTORIES
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.config.leaf import ON_DEVICE, in_float32, unknown_leaf
from gendyn.sweep.config.schema import Schema, leaves_of


class Point(NamedTuple):
    """One run of a sweep."""

    flat: Flat
    """Every leaf of the run's own config."""
    identity: str
    """Hash of all leaves that decide what is computed; equal identities are the same run."""
    data: str = ""
    """Checksum of the arrays of a task that reads files, for its identity; empty for tasks whose leaves say all."""


def _unread(run: Flat) -> str:
    del run
    return ""


def make_points(
    flat: Flat,
    axes: axes_module.Axes,
    zip_axes: Sequence[Sequence[str]] = (),
    *,
    data_of: Callable[[Flat], str] = _unread,
) -> list[Point]:
    """All runs of the sweep, checked. The axis ``arm`` sets all leaves of an arm of ``config.arms`` at once.

    Where an axis varies the name of a factory (``optim.name``), leaves that the new one does not have are left out if
    they are at their defaults.

    Args:
        flat: of the config.
        axes: in their stored form.
        zip_axes: likewise.
        data_of: the checksum of the data of a run, asked of runs whose task reads files.

    Raises:
        ConfigError: a bad axis, leaf or value; the message names it.
    """
    base = complete(flat)
    leaves = leaves_of(base)
    arms = read_arms(base["arms"])
    for name, values in axes:
        _check_axis(name, values, base, axes, arms)
    points = []
    seen: set[Any] = set()
    for coords in axes_module.points(axes, zip_axes):
        chosen = arms.get(str(coords.get("arm", base["arm"])), {}) | coords
        run, run_leaves = _run(base, leaves, chosen)
        check_agreements(run, run_leaves, seen)
        data = data_of(run) if run_leaves.of_kind("place") else ""
        points.append(Point(run, identity_of(run, run_leaves, data), data))
    _check_distinct(points, axes)
    return points


def _run(base: Flat, leaves: Schema, chosen: Mapping[str, Any]) -> tuple[Flat, Schema]:
    """The complete leaves of one run, and their schema."""
    switched = [s for s in FACTORIES if chosen.get(f"{s}.name", base[f"{s}.name"]) != base[f"{s}.name"]]
    if not switched:
        return base | checked(chosen, leaves), leaves
    known = leaves_of(base | dict(chosen))
    return known.defaults | checked({**_kept(base, leaves, chosen, known, switched), **chosen}, known), known


def _kept(
    base: Flat, leaves: Schema, chosen: Mapping[str, Any], known: Schema, switched: Sequence[str]
) -> dict[str, Any]:
    """The base config without what belongs only to factories that a run does not use."""
    kept = {}
    for name, value in base.items():
        section = name.partition(".")[0]
        if name not in known and section in switched and name not in chosen:
            if value != leaves[name].default:
                raise ConfigError(
                    f"config.{name} = {value!r} is a leaf of {base[f'{section}.name']!r}, and the axis "
                    f"{section}.name = {chosen[f'{section}.name']!r} has none of that name; leave it at its default "
                    f"{leaves[name].default!r}, or make two sweeps."
                )
            continue
        kept[name] = value
    return kept


def identity_of(run: Flat, leaves: Schema, data: str = "") -> str:
    """Of what is computed. Defaults are left out, so that a new leaf does not make other runs of the old ones.

    Args:
        run: complete.
        leaves: its schema.
        data: the checksum of its data, which stands for the place of its files. Without one the place itself counts:
            such are the identities in folders of before version 0.5.0.
    """
    silent = ("execution", "label", "place") if data else ("execution", "label")
    names = {f"{section}.name" for section in FACTORIES}  # their leaves' defaults are the names themselves
    absent = {f"{section}.name": name for section, name in ABSENT.items()}
    meaningful = {
        name: value
        for name, value in run.items()
        if leaves[name].kind not in silent and value != (absent.get(name) if name in names else leaves[name].default)
    }
    return digest(meaningful | {"sha256": data} if data else meaningful)


def in_single_precision(point: Point) -> str:
    """Equal for runs that are one run on the device: their numbers differ beyond the digits of float32 alone."""
    leaves = leaves_of(point.flat)
    rounded = {
        name: in_float32(value)
        for name, value in point.flat.items()
        if isinstance(value, float) and leaves[name].kind in ON_DEVICE
    }
    return identity_of(point.flat | rounded, leaves, point.data)


def may_coincide(axes: axes_module.Axes) -> bool:
    """Whether two values of an axis, or of arms, may be one number in float32."""
    for name, values in axes:
        floats = {value for value in values if isinstance(value, float)}
        if name == "arm" or len({in_float32(value) for value in floats}) < len(floats):
            return True
    return False


def _check_distinct(points: Sequence[Point], axes: axes_module.Axes) -> None:
    seen: dict[str, Flat] = {}
    close: dict[str, Flat] = {}
    for point in points:
        _claim(seen, point.identity, point.flat, axes, "leave one of them out.")
    for point in points if may_coincide(axes) else ():
        why = "their values are one number in float32, in which runs are computed. Leave one of them out."
        _claim(close, in_single_precision(point), point.flat, axes, why)


def _claim(seen: dict[str, Flat], key: str, flat: Flat, axes: axes_module.Axes, why: str) -> None:
    if key in seen:
        pair = [{name: one.get(name) for name, _ in axes} for one in (seen[key], flat)]
        raise ConfigError(f"the axes make one run twice, at {pair[0]} and at {pair[1]}: {why}")
    seen[key] = flat


def _check_axis(name: str, values: Sequence[Any], base: Flat, axes: axes_module.Axes, arms: Mapping[str, Flat]) -> None:
    if name == "arm":
        check_arms(values, axes, arms)
        return
    known = dict(leaves_of(base))
    for settings in (arms[arm] for arm in dict(axes).get("arm", ()) if arm in arms):
        known |= leaves_of(base | settings)
    for varied, others in axes:
        if varied in (f"{section}.name" for section in FACTORIES):
            for other in others:
                known |= leaves_of(base | {varied: other})
    if name not in known:
        raise ConfigError(f"axis {name!r} {unknown_leaf(name, known)}")
    if known[name].kind == "execution":
        raise ConfigError(
            f"axis {name!r} says how a sweep is executed, not what; it cannot differ between runs: set config.{name}."
        )
    if name in ("probes", "train.evaluation_batch_size"):
        raise ConfigError(f"axis {name!r} must be the same for all runs of a sweep; set config.{name}.")
