"""From a config and axes to runs: each a complete, checked set of leaves with an identity."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gendyn.core import ConfigError, check_choice, check_positive_int, check_range, lookup, nearest
from gendyn.core import names as known_names
from gendyn.sweep import axes as axes_module
from gendyn.sweep.config import FACTORIES, Flat, Leaf, complete, leaves_of

LABEL_NOISE_KINDS = ("uniform_incorrect", "uniform_any", "flip_exact")
STRATEGIES = ("auto", "vmap", "map")
BUCKETS = ("auto", "exact", "power_of_two", "max")


class Point(NamedTuple):
    """One run of a sweep."""

    flat: Flat
    """Every leaf of the run's own config."""
    identity: str
    """Hash of all leaves that decide what is computed; equal identities are the same run."""


def canonical(value: Any) -> str:
    """JSON with sorted keys: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def digest(value: Any) -> str:
    """sha256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def make_points(flat: Flat, axes: axes_module.Axes, zip_axes: Sequence[Sequence[str]] = ()) -> list[Point]:
    """All runs of the sweep, checked.

    Raises:
        ConfigError: a bad axis, leaf or value; the message names it.
    """
    base = complete(flat)
    leaves = leaves_of(base)
    for name, values in axes:
        _check_axis(name, values, leaves, axes)
    points = []
    checked: set[str] = set()
    for coords in axes_module.points(axes, zip_axes):
        run = complete(base | coords)
        run_leaves = leaves_of(run)
        _check_values(run, run_leaves, checked)
        meaningful = {name: value for name, value in run.items() if run_leaves[name].kind != "execution"}
        points.append(Point(run, digest(meaningful)))
    return points


def _check_axis(name: str, values: Sequence[Any], leaves: Mapping[str, Leaf], axes: axes_module.Axes) -> None:
    if name not in leaves and not any(n == f"{section}.name" for n, _ in axes for section in FACTORIES):
        section_hint = [n for n in leaves if n.endswith(f".{name}")]
        hint = nearest(name, leaves) or (f" Did you mean {section_hint[0]!r}?" if section_hint else "")
        raise ConfigError(f"axis {name!r} is not a leaf of the config.{hint}")
    if name in leaves and leaves[name].kind == "execution":
        raise ConfigError(f"axis {name!r} says how a sweep is executed, not what; it cannot be varied between runs.")
    if name in ("probes", "train.evaluation_batch_size"):
        raise ConfigError(f"axis {name!r} must be the same for all runs of a sweep.")


def _check_values(run: Flat, leaves: Mapping[str, Leaf], checked: set[str]) -> None:
    """Rules on values; each distinct section is checked once a sweep."""

    def once(prefix: str) -> bool:
        key = canonical([prefix, {n: v for n, v in run.items() if n.startswith(prefix)}])
        new = key not in checked
        checked.add(key)
        return new

    if run["seed"] < 0:
        raise ConfigError(f"config.seed = {run['seed']} must be 0 or larger.")
    check_range("data.label_noise", run["data.label_noise"], low=0, high=1)
    check_choice("data.label_noise_kind", run["data.label_noise_kind"], LABEL_NOISE_KINDS)
    check_positive_int("data.num_train", run["data.num_train"], low=0)
    if once("train."):
        check_positive_int("train.num_steps", run["train.num_steps"])
        check_positive_int("train.batch_size", run["train.batch_size"], low=0)
        check_positive_int("train.evaluation_batch_size", run["train.evaluation_batch_size"])
        check_range("train.ema_decay", run["train.ema_decay"], low=0, high=1, open_high=True)
    if once("stop."):
        check_positive_int("stop.step", run["stop.step"], low=0)
        check_positive_int("stop.epoch", run["stop.epoch"], low=0)
    if once("schedule."):
        check_choice("schedule.name", run["schedule.name"], lookup_schedules())
        check_positive_int("schedule.warmup_steps", run["schedule.warmup_steps"], low=0)
    if once("sweep."):
        check_choice("sweep.strategy", run["sweep.strategy"], STRATEGIES)
        check_choice("sweep.buckets", run["sweep.buckets"], BUCKETS)
        check_positive_int("sweep.batch", run["sweep.batch"], low=0)
        check_range("sweep.memory_limit_gb", run["sweep.memory_limit_gb"], low=0)
    if once("store."):
        check_range("store.commit_seconds", run["store.commit_seconds"], low=0)
    if once("probes"):
        for probe in run["probes"]:
            lookup("measure", probe)
    losses = [n for n in known_names("optim") if _is_loss(n)]
    if run["loss"] not in losses:
        raise ConfigError(
            f"config.loss = {run['loss']!r} must be one of {', '.join(losses)}.{nearest(run['loss'], losses)}"
        )
    if _is_loss(run["optim.name"]):
        raise ConfigError(
            f"config.optim.name = {run['optim.name']!r} is a loss; set config.loss, and optim.name to a transform."
        )
    if once("optim."):
        build("optim", run)


def lookup_schedules() -> tuple[str, ...]:
    """Names of the learning-rate schedules."""
    from gendyn.optim import SCHEDULES

    return tuple(SCHEDULES)


def _is_loss(name: str) -> bool:
    from gendyn.core import module

    return not hasattr(module("optim", name), "PAD_SAFE")


def build(section: str, flat: Mapping[str, Any], **extra: Any) -> Any:
    """Calls the factory of a section with its leaves: ``build("optim", flat)`` is ``adam(learning_rate=…, …)``."""
    factory = lookup(FACTORIES[section], flat[f"{section}.name"])
    prefix = f"{section}."
    arguments = {n.removeprefix(prefix): v for n, v in flat.items() if n.startswith(prefix) and n != f"{section}.name"}
    return factory(**(arguments | extra))
