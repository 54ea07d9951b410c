"""Random streams, name -> file look-up, argument checks, pytree algebra."""

from gendyn.core.errors import (
    ConfigError,
    StoreError,
    check_choice,
    check_positive_int,
    check_range,
    is_concrete,
    nearest,
)
from gendyn.core.lookup import lookup, module, names
from gendyn.core.random import normal, stream

__all__ = [
    "ConfigError",
    "StoreError",
    "check_choice",
    "check_positive_int",
    "check_range",
    "is_concrete",
    "lookup",
    "module",
    "names",
    "nearest",
    "normal",
    "stream",
]
