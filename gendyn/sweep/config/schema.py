"""Every leaf of a config: the fixed ones, and the arguments of the factories that it names. Nothing is registered."""

import functools
import inspect
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from gendyn.core import ConfigError
from gendyn.core.rules import Rule, anything, at_most
from gendyn.sweep.config.factories import ABSENT, FACTORIES, ROLES, factory_of, offered
from gendyn.sweep.config.fixed import FIXED
from gendyn.sweep.config.leaf import Leaf, fits_float32
from gendyn.sweep.config.transforms import pad_safe, signature
from gendyn.types import ArrayLike

LARGEST_SIZE = 2**24
PLACE = "folder"
"""The argument of a task that says where its files lie: it may change, as long as the data there are the same."""
_GIVEN = ("num_outputs", "input_shape")
"""Arguments of a model that the task decides."""


class Schema(Mapping[str, Leaf]):
    """All leaves of a config, by dotted name; read-only, so that all runs with the same factories share one."""

    def __init__(self, leaves: Mapping[str, Leaf]) -> None:
        self._leaves = dict(leaves)
        self.defaults = {name: leaf.default for name, leaf in self._leaves.items()}
        self._by_kind: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._sections: dict[str, tuple[str, ...]] = {}

    def __getitem__(self, name: str) -> Leaf:
        return self._leaves[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._leaves)

    def __len__(self) -> int:
        return len(self._leaves)

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        """Names of the leaves that vary in one of these ways; see :class:`~gendyn.sweep.config.leaf.Leaf`."""
        if kinds not in self._by_kind:
            self._by_kind[kinds] = tuple(name for name, leaf in self._leaves.items() if leaf.kind in kinds)
        return self._by_kind[kinds]

    def inside(self, section: str) -> tuple[str, ...]:
        """Names of the leaves of a section."""
        if section not in self._sections:
            self._sections[section] = tuple(name for name in self._leaves if name.startswith(f"{section}."))
        return self._sections[section]


def is_array_like(annotation: Any) -> bool:
    """Whether an annotation admits ``ArrayLike``, so that the argument may be a tracer."""
    return set(typing.get_args(ArrayLike)) <= set(typing.get_args(annotation))


def schema(chosen: Mapping[str, str]) -> Schema:
    """All leaves of a config whose factories are ``chosen``, such as ``{"task": "digits", "model": "mlp", …}``.

    Raises:
        ConfigError: a name without a file, or a loss in place of an optimizer.
    """
    return _schema(*(chosen[section] for section in FACTORIES))


@functools.cache  # files do not change while a process runs
def _schema(*chosen: str) -> Schema:
    leaves = dict(FIXED)
    for section, name in zip(FACTORIES, chosen, strict=True):
        leaves |= _arguments(section, name)
    transforms = [leaves[f"{section}.name"].default for section in ROLES]
    if not all(pad_safe(name) for name in transforms):
        leaves = {n: leaf._replace(kind="static") if leaf.kind == "size" else leaf for n, leaf in leaves.items()}
    return Schema(leaves)


def _arguments(section: str, name: str) -> dict[str, Leaf]:
    """The leaves that a factory brings: its name, and its arguments with their defaults."""
    parameters = signature(factory_of(section, name)).parameters
    leaves = {f"{section}.name": Leaf(name, "static")}
    for argument, parameter in parameters.items():
        if (section == "model" and argument in _GIVEN) or argument.startswith("active_"):
            continue
        kind = "static"
        rule: Rule = anything
        if f"active_{argument}" in parameters:
            kind, rule = "size", at_most(LARGEST_SIZE, "nothing could hold it")
        elif section == "task" and argument == PLACE:
            kind = "place"
        elif section != "task" and is_array_like(parameter.annotation):
            kind = "traced"
        if kind == "static" and section != "task" and isinstance(parameter.default, float):
            rule = fits_float32
        if parameter.default is inspect.Parameter.empty:
            raise ConfigError(f"gendyn/{FACTORIES[section]}/{name}.py: argument {argument!r} needs a default value.")
        leaves[f"{section}.{argument}"] = Leaf(parameter.default, kind, rule)
    return leaves


def leaves_of(flat: Mapping[str, Any]) -> Schema:
    """The schema of a flat config, by the factories it names."""
    chosen = [flat.get(f"{section}.name", ABSENT.get(section)) for section in FACTORIES]
    for section, name in zip(FACTORIES, chosen, strict=True):
        if not isinstance(name, str):
            given = f"= {flat[f'{section}.name']!r}" if f"{section}.name" in flat else "is missing; it"
            raise ConfigError(f"config.{section}.name {given} must be one of {', '.join(offered(section))}.")
    return _schema(*chosen)
