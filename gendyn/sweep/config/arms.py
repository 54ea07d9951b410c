"""Arms: several leaves set at once under one name."""

from collections.abc import Mapping, Sequence
from typing import Any

from gendyn.core import ConfigError, check_choice
from gendyn.sweep.config.axes import Axes
from gendyn.sweep.config.flat import Flat


def read_arms(given: Any) -> dict[str, Flat]:
    """``config.arms = (("name", (("leaf", value), …)), …)`` as a dict of dicts.

    Raises:
        ConfigError: another form, or a name or leaf given twice.

    >>> read_arms((("plain", ()), ("decayed", (("optim.weight_decay", 1.0),))))
    {'plain': {}, 'decayed': {'optim.weight_decay': 1.0}}
    """
    try:
        pairs = [(name, [(leaf, value) for leaf, value in settings]) for name, settings in given]
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f'config.arms = {given!r} must be (("name", (("optim.weight_decay", 1.0), …)), …).'
        ) from error
    arms = {name: dict(settings) for name, settings in pairs}
    if len(arms) < len(pairs) or any(len(arms[name]) < len(settings) for name, settings in pairs):
        raise ConfigError(f"config.arms = {given!r} gives an arm, or a leaf of one, twice.")
    return arms


def readable(name: str, value: Any) -> None:
    """The rule of the leaf ``arms``: :func:`read_arms` can read it."""
    del name
    read_arms(value)


def check_arms(names: Sequence[Any], axes: Axes, arms: Mapping[str, Flat]) -> None:
    """Whether the values of the axis ``arm`` are arms, none of which sets what another axis varies.

    Raises:
        ConfigError: an unknown arm, or one that sets a leaf with an axis of its own.
    """
    for name in names:
        check_choice("axis 'arm'", name, list(arms))
        for leaf in arms[name]:
            if leaf in dict(axes) or leaf in ("arm", "arms"):
                raise ConfigError(f"arm {name!r} sets {leaf!r}, which is an axis too: leave it out of one of them.")
