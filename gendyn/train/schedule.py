"""When to evaluate: the steps of the records, known before anything runs."""

import numpy as np

from gendyn.core import ConfigError, check_choice, check_positive_int

KINDS = ("log", "linear", "given")


def record_steps(
    kind: str, *, num_steps: int, num_records: int, steps: tuple[int, ...] = (), extra: tuple[int, ...] = ()
) -> tuple[int, ...]:
    """Steps at which a run is evaluated, strictly increasing, from 0 (the initial network) to ``num_steps``.

    ``log``: 0, then ``num_records - 1`` steps equally spaced in ``log(step)`` from 1, rounded, duplicates dropped.
    ``linear``: ``num_records`` steps equally spaced, rounded. ``given``: ``steps``, with ``num_steps`` added.

    Args:
        kind: ``"log"``, ``"linear"`` or ``"given"``.
        num_steps: the last step.
        num_records: how many records at most (``log`` and ``linear``).
        steps: the steps of ``"given"``.
        extra: further steps to record at, such as those of a stop rule; beyond ``num_steps`` they are left out.

    Raises:
        ConfigError: an unknown kind, fewer than two records, or given steps outside ``[0, num_steps]``.

    >>> record_steps("log", num_steps=100, num_records=6)
    (0, 1, 3, 10, 32, 100)
    >>> record_steps("linear", num_steps=100, num_records=5)
    (0, 25, 50, 75, 100)
    >>> record_steps("given", num_steps=100, num_records=0, steps=(10, 20))
    (10, 20, 100)
    """
    check_choice("kind", kind, KINDS)
    check_positive_int("num_steps", num_steps)
    if kind == "given":
        if not steps:
            raise ConfigError("steps is empty; with kind = 'given', list the steps to record at.")
        if min(steps) < 0 or max(steps) > num_steps:
            raise ConfigError(f"steps = {steps} must lie in [0, num_steps = {num_steps}].")
        chosen = np.asarray(steps)
    else:
        check_positive_int("num_records", num_records, low=2)
        if kind == "log":
            chosen = np.concatenate([[0], np.geomspace(1, num_steps, num_records - 1)])
        else:
            chosen = np.linspace(0, num_steps, num_records)
    wanted = {round(float(s)) for s in chosen} | {num_steps} | {s for s in extra if 0 < s <= num_steps}
    return tuple(sorted(wanted))
