"""Rules on values: what a leaf of a config may be, said once, beside its default.

A rule is called with the value's name and the value; it raises :class:`gendyn.core.ConfigError` or returns nothing.

>>> rule = each(integer(1), ascending("the first is the smallest"))
>>> rule("widths", (2, 4))
>>> rule("widths", (4, 2))
Traceback (most recent call last):
    ...
gendyn.core.errors.ConfigError: widths = (4, 2) must be ascending: the first is the smallest. Sort them, each once.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gendyn.core.errors import ConfigError, check_choice, check_positive_int, check_range

Rule = Callable[[str, Any], None]


def anything(name: str, value: Any) -> None:
    """Every value of the right type will do."""


def integer(low: int = 1) -> Rule:
    """An integer of at least ``low``."""

    def rule(name: str, value: Any) -> None:
        check_positive_int(name, value, low=low)

    return rule


def even(low: int, why: str) -> Rule:
    """An even integer of at least ``low``; ``why`` ends the message.

    >>> even(2, "points come in pairs")("num_points", 5)
    Traceback (most recent call last):
        ...
    gendyn.core.errors.ConfigError: num_points = 5 must be even: points come in pairs.
    """

    def rule(name: str, value: Any) -> None:
        check_positive_int(name, value, low=low)
        if value % 2:
            raise ConfigError(f"{name} = {value} must be even: {why}.")

    return rule


def number(low: float = -np.inf, high: float = np.inf, *, open_low: bool = False, open_high: bool = False) -> Rule:
    """A finite number of the interval from ``low`` to ``high``; ``open_low``, ``open_high``: without its end."""

    def rule(name: str, value: Any) -> None:
        check_range(name, value, low=low, high=high, open_low=open_low, open_high=open_high)

    return rule


def positive() -> Rule:
    """A finite number above 0."""
    return number(0, open_low=True)


def at_most(high: int, why: str) -> Rule:
    """An integer that is not above ``high``; ``why`` ends the message."""

    def rule(name: str, value: Any) -> None:
        if value > high:
            raise ConfigError(f"{name} = {value} must be at most {high}: {why}.")

    return rule


def choice(options: Iterable[str] | Callable[[], Iterable[str]]) -> Rule:
    """One of ``options``; a function is called when a value is checked, such as one that lists files."""

    def rule(name: str, value: Any) -> None:
        check_choice(name, value, options() if callable(options) else options)

    return rule


def each(rule: Rule, *others: Rule, least: int = 1, called: str = "each") -> Rule:
    """A tuple of at least ``least`` values, each of which obeys ``rule``; ``others`` are rules on the whole tuple.

    ``called`` is what messages call one of the values.
    """

    def whole(name: str, values: Any) -> None:
        if len(values) < least:
            raise ConfigError(f"{name} = {tuple(values)} must hold at least {least} value{'s' * (least > 1)}.")
        for value in values:
            rule(f"{name}: {called}", value)
        for other in others:
            other(name, values)

    return whole


def ascending(why: str) -> Rule:
    """Every value is above the one before it.

    Args:
        why: what takes the first or the last for the smallest or the largest; ends the message.
    """

    def rule(name: str, values: Sequence[Any]) -> None:
        if any(later <= earlier for earlier, later in itertools.pairwise(values)):
            raise ConfigError(f"{name} = {tuple(values)} must be ascending: {why}. Sort them, each once.")

    return rule


def descending(why: str) -> Rule:
    """Every value is below the one before it; ``why`` ends the message."""

    def rule(name: str, values: Sequence[Any]) -> None:
        if any(later >= earlier for earlier, later in itertools.pairwise(values)):
            raise ConfigError(f"{name} = {tuple(values)} must fall: {why}. Sort them, each once.")

    return rule


def begins_with(first: Any, why: str) -> Rule:
    """The first value is ``first``; ``why`` ends the message."""

    def rule(name: str, values: Sequence[Any]) -> None:
        if values[0] != first:
            raise ConfigError(f"{name} = {tuple(values)} must begin with {first}: {why}.")

    return rule


def distinct(name: str, values: Sequence[Any]) -> None:
    """No value is given twice."""
    if len(set(values)) < len(values):
        raise ConfigError(f"{name} = {tuple(values)} must hold each value once.")


def length(count: int, what: str) -> Rule:
    """Exactly ``count`` values; ``what`` says of what: ``"two classes"``."""

    def rule(name: str, values: Sequence[Any]) -> None:
        if len(values) != count:
            raise ConfigError(f"{name} = {tuple(values)} must be {what}.")

    return rule


def every(options: Iterable[Any]) -> Rule:
    """All of ``options`` are there, and nothing else: values that a claim compares.

    >>> every(("flat", "falling"))("config.axes: prior", ("flat",))
    Traceback (most recent call last):
        ...
    gendyn.core.errors.ConfigError: config.axes: prior = ('flat',) must be flat, falling: the claims compare them.
    """

    def rule(name: str, values: Sequence[Any]) -> None:
        if set(values) != set(options):
            raise ConfigError(
                f"{name} = {tuple(values)} must be {', '.join(map(str, options))}: the claims compare them."
            )

    return rule
