"""Axes: which leaves a sweep varies, over which values, and how they combine."""

import csv
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Any

from gendyn.core import ConfigError
from gendyn.sweep.config.factories import FACTORIES
from gendyn.sweep.config.leaf import plain
from gendyn.sweep.config.named import named

Axes = tuple[tuple[str, tuple[Any, ...]], ...]
"""``(("model.width", (2, 4, 8)), ("seed", (0, 1)))``, in the order given."""
Zips = tuple[tuple[str, ...], ...]
"""``(("model.width", "optim.learning_rate"),)``: groups of axes that advance together."""

MAX_RUNS = 1_000_000


def normalise(axes: Any) -> Axes:
    """Axes in their stored form, with plain Python values.

    Args:
        axes: ``{leaf: values}``, pairs ``(leaf, values)``, or ``None`` for none.

    Raises:
        ConfigError: an axis named twice, empty, too long, not iterable, or with a repeated value.

    >>> normalise({"model.width": (2, 4), "seed": range(3)})
    (('model.width', (2, 4)), ('seed', (0, 1, 2)))
    """
    axes = () if axes is None else axes
    if isinstance(axes, str) or not isinstance(axes, Iterable):
        raise ConfigError(f'axes = {axes!r} must be {{leaf: values}}, such as {{"seed": (0, 1, 2)}}.')
    pairs = list(axes.items()) if isinstance(axes, Mapping) else list(axes)
    found: dict[str, tuple[Any, ...]] = {}
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ConfigError(f'axes: {pair!r} must be a pair (leaf, values), such as ("seed", (0, 1, 2)).')
        name, values = pair
        if not isinstance(name, str):
            raise ConfigError(f"axes: {name!r} must be the dotted name of a leaf, such as 'model.width'.")
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0:
            raise ConfigError(f"axis {name!r}: {values!r} must be a sequence of values, such as ({values!r},).")
        if isinstance(values, Sized) and len(values) > MAX_RUNS:
            raise ConfigError(f"axis {name!r} has {len(values)} values; a sweep may have {MAX_RUNS} runs. Split it.")
        section, _, leaf = name.partition(".")
        if section in FACTORIES and leaf == "name":
            listed = tuple(named(section, value) for value in values)
        else:
            listed = tuple(plain(value) for value in values)
        if name in found:
            raise ConfigError(f"axis {name!r} is given twice; list all of its values in one axis.")
        if not listed:
            raise ConfigError(f"axis {name!r} is empty; give at least one value.")
        _check_values(name, listed)
        found[name] = listed
    return tuple(found.items())


def _check_values(name: str, values: tuple[Any, ...]) -> None:
    counts: dict[Any, list[Any]] = {}
    for value in values:
        try:
            counts.setdefault(value, []).append(value)  # 1, 1.0 and True are equal: the same run
        except TypeError as error:
            raise ConfigError(f"axis {name!r}: {value!r} must be a number, a string, a bool or a tuple.") from error
    repeated = [", ".join(map(repr, equal)) for equal in counts.values() if len(equal) > 1]
    if repeated:
        raise ConfigError(f"axis {name!r} repeats {'; '.join(repeated)}: each value may be given once.")


def normalise_zips(groups: Any) -> Zips:
    """Groups of axes that advance together, in their stored form.

    Raises:
        ConfigError: not groups of names, or a group of fewer than two.

    >>> normalise_zips([["model.width", "seed"]])
    (('model.width', 'seed'),)
    """
    nested = isinstance(groups, (list, tuple)) and all(isinstance(group, (list, tuple)) for group in groups)
    if not nested or not all(isinstance(name, str) for group in groups for name in group):
        raise ConfigError(f'zip_axes = {groups!r} must be groups of axes, such as (("model.width", "seed"),).')
    for group in groups:
        if len(group) < 2:
            raise ConfigError(f"zip {tuple(group)} must join at least two axes.")
    return tuple(tuple(group) for group in groups)


def points(axes: Axes, zips: Sequence[Sequence[str]] = ()) -> list[dict[str, Any]]:
    """All combinations of the axes: the product, in which the axes of each zip advance together.

    Args:
        axes: the axes.
        zips: groups of axis names to join, such as ``(("model.width", "optim.learning_rate"),)``.

    Returns:
        One ``{leaf: value}`` a run, the last axis varying fastest.

    Raises:
        ConfigError: a zip of an unknown axis, of axes of unequal lengths, or of an axis in two zips; too many runs.

    >>> points((("a", (1, 2)), ("b", (3, 4))), zips=[("a", "b")])
    [{'a': 1, 'b': 3}, {'a': 2, 'b': 4}]
    """
    values = dict(axes)
    joined: dict[str, tuple[str, ...]] = {}
    for group in zips:
        names = tuple(group)
        for name in names:
            if name not in values:
                raise ConfigError(f"zip {names}: {name!r} is not an axis; the axes are {', '.join(values) or 'none'}.")
            if name in joined:
                raise ConfigError(f"zip {names}: {name!r} is already in zip {joined[name]}.")
            joined[name] = names
        lengths = {name: len(values[name]) for name in names}
        if len(set(lengths.values())) > 1:
            raise ConfigError(f"zip {names}: the axes must have equal lengths, got {lengths}.")
    factors: list[list[dict[str, Any]]] = []
    for name, _ in axes:
        names = joined.get(name, (name,))
        if name == names[0]:
            rows = zip(*(values[n] for n in names), strict=True)
            factors.append([dict(zip(names, row, strict=True)) for row in rows])
    count = math.prod(len(factor) for factor in factors)
    if count > MAX_RUNS:
        raise ConfigError(f"the axes make {count} runs; a sweep may have {MAX_RUNS}. Split it into several.")
    return [{k: v for part in parts for k, v in part.items()} for parts in itertools.product(*factors)]


def parse(text: str) -> tuple[str, Sequence[Any]]:
    """An axis from the command line: ``leaf=a,b,c`` or ``leaf=start:stop[:step]`` for integers.

    A value that holds a comma stands in double quotes, as in CSV: ``arm="Adam, no decay",EMA``.

    Raises:
        ConfigError: no ``=``, no name, an empty value, a quote that is not closed, or a range of step 0.

    >>> parse("model.width=2,4,8"), parse("seed=0:3"), parse("optim.learning_rate=1e-3,3e-3")
    (('model.width', (2, 4, 8)), ('seed', range(0, 3)), ('optim.learning_rate', (0.001, 0.003)))
    """
    name, equals, values = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise ConfigError(f"--axis={text!r} must read leaf=values: --axis model.width=2,4,8 or --axis seed=0:10.")
    span = re.fullmatch(r"\s*(-?\d+):(-?\d+)(?::(-?\d+))?\s*", values)
    if span:
        start, stop, step = int(span[1]), int(span[2]), int(span[3] or 1)
        if step == 0:
            raise ConfigError(f"--axis={text!r}: the step of a range must not be 0.")
        return name, range(start, stop, step)
    try:
        rows = list(csv.reader([values.strip()], skipinitialspace=True, strict=True))
    except csv.Error as fault:
        raise ConfigError(f"--axis={text!r}: {fault}; close the double quotes around each value.") from fault
    listed = [value.strip() for value in rows[0]] if rows else []
    if values.strip() and "" in listed:
        raise ConfigError(f"--axis={text!r} has an empty value; write values between single commas.")
    return name, tuple(_literal(value) for value in listed if value)


def _literal(text: str) -> Any:
    if text in ("True", "true", "False", "false"):
        return text in ("True", "true")
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
