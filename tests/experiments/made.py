"""Results that are made by hand: a sweep whose runs reach their accuracies at given steps."""

import itertools
import json
from collections.abc import Callable, Iterable

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
