"""From what a user wrote to a complete config: defaults filled in, every value checked against its leaf."""

import inspect
from collections.abc import Mapping
from typing import Any

from gendyn.core import ConfigError, lookup
from gendyn.sweep.config.factories import FACTORIES, offered
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.config.leaf import check_leaf, unknown_leaf
from gendyn.sweep.config.schema import Schema, leaves_of


def complete(flat: Mapping[str, Any]) -> Flat:
    """The flat config with defaults filled in, each value checked against its leaf's type and rule.

    An int is taken for a float.

    Raises:
        ConfigError: an unknown leaf, with the nearest names, or a value of another type or against the rule.
    """
    leaves = leaves_of(flat)
    return leaves.defaults | checked(flat, leaves)


def checked(given: Mapping[str, Any], leaves: Schema) -> Flat:
    """Some leaves in plain Python, each checked as by :func:`complete`."""
    result = {}
    for name, value in given.items():
        if name not in leaves:
            raise ConfigError(f"config.{name} {_of_another(name, leaves) or unknown_leaf(name, leaves)}")
        result[name] = check_leaf(f"config.{name}", value, leaves[name])
    return result


def _of_another(name: str, leaves: Schema) -> str:
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
