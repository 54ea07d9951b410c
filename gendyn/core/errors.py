"""The three exceptions a user meets, and the checks of arguments that raise them."""

import contextlib
import difflib
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class ConfigError(ValueError):
    """Bad input: the message names the argument, the value, the rule and the next step."""


class StoreError(RuntimeError):
    """The results folder cannot be read or written; what was written before stays readable."""


class RunError(RuntimeError):
    """Some runs of a sweep raised an error of their own; all the others are finished and committed."""


@contextlib.contextmanager
def said_of(section: str, arguments: Collection[str] = ()) -> Iterator[None]:
    """What a library call says of its arguments, said of where a config has them. Libraries know no config.

    With ``arguments`` a message is passed on as it is unless it begins with one of them; a section that a library has
    put in front of it is replaced.

    >>> with said_of("config.optim"):
    ...     check_range("b1", 2.0, low=0, high=1)
    Traceback (most recent call last):
        ...
    gendyn.core.errors.ConfigError: config.optim.b1 = 2.0 must be in [0, 1].
    """
    try:
        yield
    except ConfigError as error:
        named = re.match(r"(?:\w+\.)?(\w+)", str(error))
        if arguments and not (named and named[1] in arguments):
            raise
        start = named.start(1) if arguments and named else 0
        raise ConfigError(f"{section}.{str(error)[start:]}") from error


def nearest(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` for the closest known name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=2, cutoff=0.5)
    return f" Did you mean {' or '.join(repr(c) for c in close)}?" if close else ""


def one_line(error: BaseException) -> str:
    """The message of an error without line breaks and control characters: a user's text may hold either.

    >>> one_line(ValueError("no \\n such\\x1b[31m leaf"))
    'no such\\\\x1b[31m leaf'
    """
    text = " ".join(str(error).split())
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def is_concrete(value: Any) -> bool:
    """Whether a value may be looked at: range checks are made only then, so that a tracer passes."""
    return not isinstance(value, jax.core.Tracer)


def check_range(
    name: str,
    value: Any,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Raises :class:`ConfigError` if a concrete ``value`` is not a number of the interval; tracers pass.

    An infinite end does not belong to the interval, and NaN belongs to none.

    >>> check_range("label_noise", 0.2, low=0, high=1)
    >>> check_range("label_noise", 1.2, low=0, high=1)
    Traceback (most recent call last):
        ...
    gendyn.core.errors.ConfigError: label_noise = 1.2 must be in [0, 1].
    """
    if not is_concrete(value):
        return
    open_low, open_high = open_low or low == -np.inf, open_high or high == np.inf
    left, right = f"{'(' if open_low else '['}{low:g}", f"{high:g}{')' if open_high else ']'}"
    array = np.asarray(value)
    # jnp knows bfloat16 as a number, NumPy does not.
    if not (jnp.issubdtype(array.dtype, jnp.floating) or jnp.issubdtype(array.dtype, jnp.integer)):
        raise ConfigError(f"{name} = {value!r} must be a number in {left}, {right}.")
    above = array > low if open_low else array >= low
    below = array < high if open_high else array <= high
    if not np.all(above & below):
        raise ConfigError(f"{name} = {value} must be in {left}, {right}.")


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raises :class:`ConfigError` unless ``value`` is one of ``choices``."""
    known = tuple(choices)
    if value not in known:
        # As the command line wants them: a choice that holds a comma in quotes.
        shown = ", ".join(f'"{choice}"' if "," in choice else choice for choice in known)
        raise ConfigError(f"{name} = {value!r} must be one of {shown}.{nearest(str(value), known)}")


def check_positive_int(name: str, value: Any, *, low: int = 1) -> None:
    """Raises :class:`ConfigError` unless ``value`` is an int (not a bool) of at least ``low``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
        raise ConfigError(f"{name} = {value!r} must be an integer of at least {low}.")
