"""A config as nested sections, and flat: dotted leaf name -> value."""

from collections.abc import Mapping
from typing import Any

import ml_collections

from gendyn.core import ConfigError

Flat = dict[str, Any]
"""Dotted leaf name -> plain value."""


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
