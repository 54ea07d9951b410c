"""Results that are made by hand: a sweep whose runs reach their accuracies at given steps."""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import xarray

STEPS = np.concatenate([[0], np.geomspace(10, 10_000, 81).round()])


def made_sweep(
    axes: tuple[str, ...],
    values: tuple[Iterable[float], ...],
    *,
    train: Callable[..., float] = lambda *_: 50.0,
    test: Callable[..., float] = lambda *_: 50.0,
    start: float = 0.9,
) -> xarray.Dataset:
    """Errors fall from ``start`` to 0 at the step that ``train`` and ``test`` give for a run's place on the axes."""
    points = list(itertools.product(*values))
    runs = ("run", "record")
    errors = {
        f"{name}_error": (runs, np.where(np.array([[when(*point)] for point in points]) <= STEPS, 0.0, start))
        for name, when in (("train", train), ("test", test))
    }
    columns = (np.array(column) for column in zip(*points, strict=True))
    coords = {name: ("run", column) for name, column in zip(axes, columns, strict=True)}
    return xarray.Dataset(
        errors | {"train_loss": errors["train_error"], "diverged": (runs, np.zeros((len(points), len(STEPS)), bool))},
        coords=coords | {"step": ("record", STEPS)},
        attrs={"config": json.dumps({"experiment": "made"})},
    )


def made_redraws(
    points: Mapping[str, Any], recorded: Mapping[str, np.ndarray], config: Mapping[str, Any]
) -> xarray.Dataset:
    """Results of a program of its own, all finished.

    Args:
        points: axis -> the value of each run ``[R]``.
        recorded: name -> ``[R, ...]``, of one record.
        config: the leaves that the results are said to have.
    """
    runs = len(next(iter(recorded.values())))
    return xarray.Dataset(
        {
            name: (("run", "record", *(f"{name}_dim_{i}" for i in range(array.ndim - 1))), array[:, None])
            for name, array in recorded.items()
        },
        coords={axis: ("run", np.asarray(values)) for axis, values in points.items()}
        | {"step": ("record", [0]), "committed": ("run", np.ones(runs, int))},
        attrs={"config": json.dumps(dict(config)), "axes": json.dumps(list(points))},
    )
