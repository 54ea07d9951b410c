"""What chunks are called while they train: by the values on the axes that tell them from the others."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def labels(chunks: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, str]:
    """Chunk -> a text of at most two axes; where nothing tells the chunks apart, of the first axis that is no seed.

    Args:
        chunks: of each chunk the places of its runs on the axes.

    >>> labels({"5f1": [{"model.width": 4, "seed": s} for s in (0, 1)], "a07": [{"model.width": 8, "seed": 0}]})
    {'5f1': 'width 4', 'a07': 'width 8, seed 0'}
    >>> labels({"5f1": [{"arm": "EMA", "seed": seed} for seed in range(9)]})
    {'5f1': 'arm EMA'}
    >>> labels({"5f1": [{"seed": seed} for seed in range(9)]})
    {'5f1': 'seed 0 … 8'}
    """
    places = [place for runs in chunks.values() for place in runs]
    axes = list(dict.fromkeys(axis for place in places for axis in place))
    everywhere = {axis: _values(places, axis) for axis in axes}
    found = {}
    for name, runs in chunks.items():
        own = [axis for axis in axes if len(_values(runs, axis)) < len(everywhere[axis])]
        shown = own[:2] or [axis for axis in axes if axis != "seed"][:1] or axes[:1]
        found[name] = ", ".join(f"{_short(axis)} {_brief(_values(runs, axis))}" for axis in shown)
    return found


def _values(places: Iterable[Mapping[str, Any]], axis: str) -> list[Any]:
    return list(dict.fromkeys(place.get(axis) for place in places))


def _short(axis: str) -> str:
    """``width`` of ``model.width``, and ``model`` of ``model.name``."""
    section, _, leaf = axis.rpartition(".")
    return section if leaf == "name" and section else leaf


def _brief(values: Sequence[Any]) -> str:
    shown = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    return ", ".join(shown) if len(shown) <= 3 else f"{shown[0]} … {shown[-1]}"
