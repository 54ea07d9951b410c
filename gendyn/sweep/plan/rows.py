"""How many rows of its task's training pool a run trains on."""

from collections.abc import Iterable

from gendyn.sweep.config.flat import Flat


def num_train(run: Flat, available: int) -> int:
    """Rows that a run trains on from its first step; ``available`` where the config says nothing."""
    return _rows(run, "", available) or available


def changed_num_train(run: Flat, available: int) -> int:
    """Rows that a run trains on from ``data.change_step`` on; 0 where nothing changes."""
    return _rows(run, "changed_", available)


def most_rows(run: Flat, available: int) -> int:
    """Rows that a run ever trains on."""
    return max(num_train(run, available), changed_num_train(run, available))


def any_unseen(runs: Iterable[Flat], num_rows: int, available: int) -> bool:
    """Whether some run has fewer rows, now or later, than the ``num_rows`` that its program sees at full batch."""
    return any(
        min(num_train(run, available), changed_num_train(run, available) or available) < num_rows
        for run in runs
        if run["train.batch_size"] == 0
    )


def _rows(run: Flat, prefix: str, available: int) -> int:
    fraction = run[f"data.{prefix}train_fraction"]
    return max(1, round(fraction * available)) if fraction else int(run[f"data.{prefix}num_train"])
