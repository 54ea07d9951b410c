"""A leaf of a config: its default, how it may vary, its rule and its meaning, in one line."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from gendyn.core import ConfigError, nearest
from gendyn.core.rules import Rule, anything

LARGEST = 2**31 - 1
ON_DEVICE = ("traced", "sample")
"""Kinds of leaves whose numbers are computed with as float32."""


class Leaf(NamedTuple):
    """One leaf of a config and its law of variation."""

    default: Any
    """Its type is the leaf's; an int is taken for a float."""
    kind: str = "static"
    """``static``: one program for each value. ``traced``: an array ``[R]`` inside one program. ``size``: shapes that
    runs may share by zero-padding. ``sample``: decides what a run sees of the data, never the program.
    ``execution``: how, not what, is computed; no part of a run's identity. ``label``: what a run is called; no part of
    its identity either, but every run has its own. ``place``: where a task's files lie; identities have the checksum of
    what was read in its stead. ``axis``: of a program of its own, a value for each run.
    ``reference``: an axis too, and a leaf that names the one of its values which claims or figures are about."""
    rule: Rule = anything
    """What values are allowed."""
    meaning: str = ""
    """One sentence."""
    together: Rule = anything
    """Of an axis of a program of its own: what all its values together must be, such as every one that is compared."""


def check_leaf(name: str, value: Any, leaf: Leaf) -> Any:
    """The value in plain Python, of the leaf's type and within its rule; ``name`` is what errors call it.

    Raises:
        ConfigError: a value of another type, not finite, too large or too small for the device, or against the rule.

    >>> check_leaf("config.depth", 3, Leaf(1.0))
    3.0
    """
    value, wanted = plain(value), type(leaf.default)
    if wanted is tuple and isinstance(value, (np.ndarray, jax.Array)):
        value = plain(np.asarray(value).tolist())
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        hint = ". A folder must find code again: name it 'module:object'" if wanted is str and callable(value) else ""
        raise ConfigError(
            f"{name} = {value!r} is of type {type(value).__name__}, but must be of type {wanted.__name__} "
            f"(the default is {leaf.default!r}){hint}."
        )
    if wanted is float and not math.isfinite(value):
        raise ConfigError(f"{name} = {value} must be a finite number (the default is {leaf.default!r}).")
    if wanted is float and leaf.kind in ON_DEVICE:
        fits_float32(name, value)
    if wanted is int and abs(value) > LARGEST:
        raise ConfigError(f"{name} = {value} must be at most {LARGEST} in size, to fit 32 bits on the device.")
    leaf.rule(name, value)
    return value


def fits_float32(name: str, value: float) -> None:
    """The rule of numbers that are computed with in float32: neither infinite nor 0 there, unless they are.

    >>> fits_float32("optim.learning_rate", 1e39)
    Traceback (most recent call last):
        ...
    gendyn.core.errors.ConfigError: optim.learning_rate = 1e+39 is infinite in float32, in which runs are computed: \
its size must be at most 3.40282e+38.
    """
    if not math.isfinite(in_float32(value)):
        raise ConfigError(
            f"{name} = {value} is infinite in float32, in which runs are computed: its size must be at most "
            f"{np.finfo(np.float32).max:g}."
        )
    if value != 0 and abs(value) < np.finfo(np.float32).tiny:
        raise ConfigError(
            f"{name} = {value} is 0 in float32, in which runs are computed: write 0.0, or a number of a size of at "
            f"least {np.finfo(np.float32).tiny:g}."
        )


def in_float32(value: float) -> float:
    """The number that float32 has for it."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def plain(value: Any) -> Any:
    """Scalars of NumPy and JAX as Python's numbers, and lists as tuples: what JSON stores and axes compare.

    >>> plain([np.int32(1), np.array(2.5)])
    (1, 2.5)
    """
    if isinstance(value, (list, tuple)):
        return tuple(plain(item) for item in value)
    is_key = isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key)
    if isinstance(value, (np.generic, np.ndarray, jax.Array)) and np.ndim(value) == 0 and not is_key:
        number = np.asarray(value).item()
        # A long double has no number of Python's own.
        return float(number) if isinstance(number, np.floating) else number
    return value


def unknown_leaf(name: str, known: Iterable[str]) -> str:
    """Why ``name`` is no leaf and what may have been meant: the end of a sentence that begins with its name."""
    known = sorted(known)
    inside = [leaf for leaf in known if leaf.startswith(f"{name}.")]
    if inside:
        return f"is a section, not a leaf; its leaves are {', '.join(inside)}."
    elsewhere = [leaf for leaf in known if leaf.rpartition(".")[2] == name]
    hint = f" Did you mean {elsewhere[0]!r}?" if elsewhere else nearest(name, known)
    section = name.rpartition(".")[0]
    siblings = [leaf for leaf in known if section and leaf.rpartition(".")[0] == section]
    if siblings:
        return f"does not exist.{hint} Leaves there: {', '.join(siblings)}."
    return f"does not exist.{hint} Sections and leaves: {', '.join(sorted({leaf.split('.')[0] for leaf in known}))}."


def check_leaves(flat: Mapping[str, Any], leaves: Mapping[str, Leaf]) -> dict[str, Any]:
    """The flat config with defaults filled in, every value checked.

    Raises:
        ConfigError: an unknown leaf, or see :func:`check_leaf`.
    """
    for name in flat:
        if name not in leaves:
            raise ConfigError(f"config.{name} {unknown_leaf(name, leaves)}")
    return {name: check_leaf(f"config.{name}", flat.get(name, leaf.default), leaf) for name, leaf in leaves.items()}
