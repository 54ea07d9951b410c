"""What a sweep's config may contain: every leaf with its default, its type, and how it may vary.

Leaves come from two places: the fixed sections below, and the signatures of the factories that the config names
(``config.model.name = "mlp"`` brings the arguments of ``gendyn.models.mlp.mlp``). Nothing is registered.
"""

import functools
import inspect
import typing
from collections.abc import Mapping
from typing import Any

import ml_collections

from gendyn.core import ConfigError, lookup, module, names
from gendyn.sweep.leaf import Leaf, check_leaf, unknown_leaf
from gendyn.types import ArrayLike

Flat = dict[str, Any]
"""Dotted leaf name -> plain value."""


FACTORIES = {"task": "tasks", "model": "models", "optim": "optim", "filter": "optim", "projection": "optim"}
_ROLES = {"optim": ("optimizer",), "filter": ("filter",), "projection": ("projection", "filter")}
"""What a file of ``gendyn/optim`` must say it is (its ``ROLE``) to stand in a section. A step is the chain filter,
optimizer, projection; a filter may also stand last, where it sees the updates."""
ABSENT = {"filter": "identity", "projection": "identity"}
"""Sections that a config may leave out."""
_GIVEN = ("num_outputs", "input_shape")

_FIXED: dict[str, Leaf] = {
    "experiment": Leaf("", "execution"),
    # Only what an arm sets is part of a run's identity, not how it is called.
    "arm": Leaf("", "label"),
    "arms": Leaf((), "execution"),
    "seed": Leaf(0, "sample"),
    "loss": Leaf("cross_entropy", "static"),
    "data.num_train": Leaf(0, "sample"),
    "data.train_fraction": Leaf(0.0, "sample"),
    "data.change_step": Leaf(0, "sample"),
    "data.changed_num_train": Leaf(0, "sample"),
    "data.changed_train_fraction": Leaf(0.0, "sample"),
    "data.label_noise": Leaf(0.0, "sample"),
    "data.label_noise_kind": Leaf("uniform_incorrect", "sample"),
    "gate.start_step": Leaf(0, "traced"),
    "gate.stop_step": Leaf(-1, "traced"),
    "gate.start_train_loss": Leaf(-1.0, "traced"),
    "gate.stop_train_loss": Leaf(-1.0, "traced"),
    "schedule.name": Leaf("constant", "static"),
    "schedule.warmup_steps": Leaf(0, "traced"),
    "train.num_steps": Leaf(1000, "static"),
    "train.batch_size": Leaf(0, "static"),
    "train.augment": Leaf(False, "static"),
    "train.ema_decay": Leaf(0.0, "traced"),
    "train.jacobian_penalty": Leaf(0.0, "traced"),
    "train.evaluation_batch_size": Leaf(2048, "static"),
    "record.kind": Leaf("log", "static"),
    "record.num_records": Leaf(25, "static"),
    "record.steps": Leaf((), "static"),
    "stop.step": Leaf(0, "traced"),
    "stop.epoch": Leaf(0, "traced"),
    "stop.train_loss": Leaf(-1.0, "traced"),
    "stop.train_error": Leaf(-1.0, "traced"),
    "probes": Leaf((), "static"),
    "sweep.strategy": Leaf("auto", "execution"),
    "sweep.batch": Leaf(0, "execution"),
    "sweep.buckets": Leaf("auto", "execution"),
    "sweep.memory_limit_gb": Leaf(0.0, "execution"),
    "sweep.platform": Leaf("", "execution"),
    "store.commit_seconds": Leaf(30.0, "execution"),
}


def is_array_like(annotation: Any) -> bool:
    """Whether an annotation admits ``ArrayLike``, so that the argument may be a tracer."""
    return set(typing.get_args(ArrayLike)) <= set(typing.get_args(annotation))


def role(name: str) -> str:
    """What a file of ``gendyn/optim`` holds: an ``optimizer``, a ``filter``, a ``projection`` or a ``loss``."""
    found = module("optim", name)
    if not hasattr(found, "ROLE"):
        raise ConfigError(
            f'{name!r}: its module must say what it holds, ROLE = "optimizer", "filter", "projection" or "loss", '
            "and PAD_SAFE = True where zero-padded parameters give the same updates."
        )
    return str(found.ROLE)


def offered(section: str) -> list[str]:
    """The names that may stand in a section."""
    roles = _ROLES.get(section)
    return [name for name in names(FACTORIES[section]) if roles is None or role(name) in roles]


def schema(chosen: Mapping[str, str]) -> dict[str, Leaf]:
    """All leaves of a config whose factories are ``chosen``, such as ``{"task": "digits", "model": "mlp", …}``.

    Raises:
        ConfigError: a name without a file, or a loss in place of an optimizer.
    """
    return dict(_schema(*(chosen[section] for section in FACTORIES)))


@functools.cache  # files do not change while a process runs, and a sweep asks once a run
def _schema(*chosen: str) -> dict[str, Leaf]:
    leaves = dict(_FIXED)
    for (section, room), factory in zip(FACTORIES.items(), chosen, strict=True):
        found = lookup(room, factory)
        if room == "optim" and role(factory) not in _ROLES[section]:
            raise ConfigError(_misplaced(section, factory))
        leaves[f"{section}.name"] = Leaf(factory, "static")
        signature = inspect.signature(found)
        for name, parameter in signature.parameters.items():
            if (section == "model" and name in _GIVEN) or name.startswith("active_"):
                continue
            kind = "static"
            if f"active_{name}" in signature.parameters:
                kind = "size"
            elif section != "task" and is_array_like(parameter.annotation):
                kind = "traced"
            if parameter.default is inspect.Parameter.empty:
                raise ConfigError(f"gendyn/{room}/{factory}.py: argument {name!r} needs a default value.")
            leaves[f"{section}.{name}"] = Leaf(parameter.default, kind)
    transforms = [leaves[f"{section}.name"].default for section in _ROLES]
    if not all(module("optim", name).PAD_SAFE for name in transforms):
        leaves = {n: leaf._replace(kind="static") if leaf.kind == "size" else leaf for n, leaf in leaves.items()}
    return leaves


def _misplaced(section: str, factory: str) -> str:
    found = role(factory)
    places = {kind: place for place, roles in _ROLES.items() for kind in roles[:1]} | {"loss": "loss"}
    leaf = "config.loss" if found == "loss" else f"config.{places[found]}.name"
    article = "an" if found == "optimizer" else "a"
    return (
        f"config.{section}.name = {factory!r} is {article} {found}; set {leaf} = {factory!r}, and "
        f"config.{section}.name to one of {', '.join(offered(section))}."
    )


def base_config(
    *,
    task: str = "digits",
    model: str = "mlp",
    optim: str = "adam",
    filter: str = "identity",
    projection: str = "identity",
) -> ml_collections.ConfigDict:
    """A locked config with every leaf at its default: the place to start a config file from.

    >>> config = base_config(task="digits", model="mlp", optim="sgd")
    >>> config.optim.learning_rate = 0.1
    >>> config.model.name, config.train.batch_size
    ('mlp', 0)

    Raises:
        ConfigError: an unknown task, model, optimizer, filter or projection.
    """
    chosen = {"task": task, "model": model, "optim": optim, "filter": filter, "projection": projection}
    leaves = schema(chosen)
    config = ml_collections.ConfigDict(nest({name: leaf.default for name, leaf in leaves.items()}))
    config.axes = ()
    config.zip_axes = ()
    return config.lock()


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of :func:`flatten`.

    >>> nest({"a.b": 1, "a.c": 2, "d": 3})
    {'a': {'b': 1, 'c': 2}, 'd': 3}
    """
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        target = nested
        *parents, last = name.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = value
    return nested


def flatten(config: Mapping[str, Any]) -> Flat:
    """Dotted leaves of a nested config; tuples and lists are leaves, ``axes`` and ``zip_axes`` are left out.

    Raises:
        ConfigError: ``config`` is no mapping.

    >>> flatten({"model": {"width": 8}, "seed": 0, "axes": ()})
    {'model.width': 8, 'seed': 0}
    """
    nested = config.to_dict() if isinstance(config, ml_collections.ConfigDict) else config
    if not isinstance(nested, Mapping):
        raise ConfigError(f"config = {config!r} must be a config; start from gendyn.sweep.base_config().")
    flat: Flat = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, child in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), child)
        else:
            flat[prefix] = tuple(value) if isinstance(value, list) else value

    walk("", {k: v for k, v in nested.items() if k not in ("axes", "zip_axes")})
    return flat


def leaves_of(flat: Flat) -> dict[str, Leaf]:
    """The schema of a flat config, by the factories it names."""
    chosen = {section: flat.get(f"{section}.name", ABSENT.get(section)) for section in FACTORIES}
    for section, name in chosen.items():
        if not isinstance(name, str):
            given = f"= {flat[f'{section}.name']!r}" if f"{section}.name" in flat else "is missing; it"
            raise ConfigError(f"config.{section}.name {given} must be one of {', '.join(offered(section))}.")
    return schema({section: str(name) for section, name in chosen.items()})


def complete(flat: Flat) -> Flat:
    """The flat config with defaults filled in, each value checked against its leaf's type.

    An int is taken for a float.

    Raises:
        ConfigError: an unknown leaf, with the nearest names, or a value of another type, not finite or too large.
    """
    leaves = leaves_of(flat)
    result = {name: leaf.default for name, leaf in leaves.items()}
    for name, value in flat.items():
        if name not in leaves:
            raise ConfigError(f"config.{name} {_of_another(name, leaves) or unknown_leaf(name, leaves)}")
        result[name] = check_leaf(f"config.{name}", value, leaves[name])
    return result


def _of_another(name: str, leaves: Mapping[str, Leaf]) -> str:
    """The end of the sentence for a leaf of a factory other than the one named; empty if none has it."""
    section, _, argument = name.partition(".")
    if section not in FACTORIES:
        return ""
    chosen = leaves[f"{section}.name"].default
    owners = [
        factory
        for factory in offered(section)
        if argument in inspect.signature(lookup(FACTORIES[section], factory)).parameters
    ]
    if not owners:
        return ""
    return (
        f"belongs to {', '.join(owners)}, not to {section}.name = {chosen!r}. Start from base_config({section}="
        f"{chosen!r}), or keep the config as it was and vary the name by an axis: --axis {section}.name={chosen}."
    )
