"""Which sizes share a program: by the config's rule, or by least estimated time."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from gendyn.sweep.plan import cost


class Cell(NamedTuple):
    """Runs of equal sizes: they share a program under every rule."""

    sizes: tuple[int, ...]
    rows: int
    """Rows of the training pool."""
    forward: float
    """Forward operations per example."""
    runs: int


def split(
    cells: Sequence[Cell],
    rule: str,
    *,
    batch_size: int,
    num_steps: int,
    limits: cost.Machine,
    vmap: bool | None = None,
    equal_rows: bool = False,
) -> list[tuple[int, int]]:
    """Intervals ``[i, j)`` of cells, in the order given, that share a program.

    Args:
        cells: sorted by cost.
        rule: ``exact`` (one program a cell), ``max`` (one in all), ``power_of_two``, or ``auto``: the exact minimum,
            over all splits into intervals, of compile time × programs + time of the padded operations.
        batch_size: 0 is full batch.
        num_steps: gradient steps of each run.
        limits: the hardware's model.
        vmap: whether runs will go side by side; ``None`` is by size.
        equal_rows: cells of different ``rows`` must not share (BatchNorm over a full batch would see padding).
    """
    if rule == "exact":
        return [(i, i + 1) for i in range(len(cells))]

    def mixed(i: int, j: int) -> bool:
        return equal_rows and len({cell.rows for cell in cells[i:j]}) > 1

    if rule == "max":
        edges = [i for i in range(len(cells)) if i == 0 or mixed(i - 1, i + 1)] + [len(cells)]
    elif rule == "power_of_two":
        levels = [tuple((size - 1).bit_length() for size in cell.sizes) for cell in cells]
        edges = [i for i in range(len(cells)) if i == 0 or levels[i] != levels[i - 1] or mixed(i - 1, i + 1)]
        edges.append(len(cells))
    else:

        def seconds(i: int, j: int) -> float:
            if mixed(i, j):
                return math.inf
            members = cells[i:j]
            forward, rows = max(cell.forward for cell in members), max(cell.rows for cell in members)
            work = cost.step_flops(forward, batch_size, rows)
            count = sum(cell.runs for cell in members)
            return limits.compile_seconds + limits.seconds(work, count, num_steps, vmap=vmap)

        return cost.cheapest_partition(len(cells), seconds)
    return list(itertools.pairwise(edges))
