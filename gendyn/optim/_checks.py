"""Checks of arguments that decide what the program is."""

from typing import Any

import jax

from gendyn.core import ConfigError, check_positive_int


def check_flag(name: str, value: Any) -> None:
    """Raises :class:`ConfigError` unless ``value`` is a Python bool: the program branches on it."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name} = {value!r} must be True or False; it selects a program, so it cannot be traced.")


def check_static_int(name: str, value: Any) -> None:
    """Raises :class:`ConfigError` unless it is an int of at least 1; says of an array why it cannot be one."""
    check_no_array(name, value)
    check_positive_int(name, value)


def check_no_array(name: str, value: Any) -> None:
    """Raises :class:`ConfigError` for a jax array where the argument decides what the program is."""
    if isinstance(value, jax.Array):
        raise ConfigError(
            f"{name} is an array, but must be static: it selects a program. Give Python numbers; with "
            f'optax.inject_hyperparams pass static_args=("{name.rpartition(".")[2]}",).'
        )
