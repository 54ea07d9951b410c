"""Rules between leaves, each with the leaves it reads; and what a factory says of its arguments.

A rule on one leaf stands beside its default, in ``fixed.py``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from gendyn.core import ConfigError
from gendyn.sweep.config.factories import ROLES, build
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.config.schema import Schema
from gendyn.sweep.config.transforms import takes_schedule


class Agreement(NamedTuple):
    """A rule between leaves of one run."""

    leaves: tuple[str, ...]
    """All that ``check`` reads."""
    check: Callable[[Flat], None]
    """Raises :class:`gendyn.core.ConfigError` where they contradict each other."""


def gated(flat: Flat) -> bool:
    """Whether the filter of a run is off at times."""
    steps = flat["gate.start_step"] > 0 or flat["gate.stop_step"] >= 0
    return steps or flat["gate.start_train_loss"] >= 0 or flat["gate.stop_train_loss"] >= 0


def _rows(run: Flat) -> None:
    """A size of the training set is a number or a fraction, and changes only where both are said."""
    for prefix in ("", "changed_"):
        number, fraction = run[f"data.{prefix}num_train"], run[f"data.{prefix}train_fraction"]
        if number and fraction:
            raise ConfigError(
                f"config.data.{prefix}num_train = {number} and config.data.{prefix}train_fraction = {fraction} both "
                "say how many examples to train on; set one of them to 0."
            )
    changed = run["data.changed_num_train"] or run["data.changed_train_fraction"]
    if bool(run["data.change_step"]) != bool(changed):
        raise ConfigError(
            f"config.data.change_step = {run['data.change_step']} needs config.data.changed_num_train or "
            "config.data.changed_train_fraction beside it, and they need it: set both, or leave all at 0."
        )


def _warmup(run: Flat) -> None:
    """The learning rate is reached before the run ends."""
    if run["schedule.warmup_steps"] >= run["train.num_steps"]:
        raise ConfigError(
            f"config.schedule.warmup_steps = {run['schedule.warmup_steps']} must be less than config.train.num_steps = "
            f"{run['train.num_steps']}: shorten the warm-up or lengthen the run."
        )


def _steps_given(run: Flat) -> None:
    """Steps that are listed are recorded."""
    if run["record.steps"] and run["record.kind"] != "given":
        raise ConfigError(
            f"config.record.steps = {run['record.steps']} has no effect with config.record.kind = "
            f"{run['record.kind']!r}: set config.record.kind = 'given', or config.record.steps = ()."
        )


def _schedule(run: Flat) -> None:
    """A learning rate that changes is a function of the step, and not every optimizer takes one."""
    changes = run["schedule.name"] != "constant" or run["schedule.warmup_steps"] > 0
    if changes and not takes_schedule(run["optim.name"]):
        raise ConfigError(
            f"config.schedule: optimizer {run['optim.name']!r} takes no learning rate that changes; annotate its "
            "argument learning_rate: gendyn.optim.LearningRate (a number or a function of the step), or set "
            "config.schedule.name = 'constant' and config.schedule.warmup_steps = 0."
        )


def _gate(run: Flat) -> None:
    """A filter that is never active would be a second baseline under another name; a stop at step 0 says so itself."""
    if gated(run) and run["filter.name"] == "identity":
        raise ConfigError(
            "config.gate switches the gradient filter on and off, and config.filter.name = 'identity' is none: name a "
            "filter, or leave config.gate at its defaults."
        )
    start, stop = run["gate.start_step"], run["gate.stop_step"]
    if 0 < stop <= start:
        raise ConfigError(
            f"config.gate.stop_step = {stop} must be greater than config.gate.start_step = {start}: the filter is "
            "never active. For no filter at all set it to 0, for no stop to -1; if only some pairs of two axes are so, "
            "name the others with zip_axes or arms."
        )
    high, low = run["gate.start_train_loss"], run["gate.stop_train_loss"]
    if 0 <= high <= low:
        raise ConfigError(
            f"config.gate.stop_train_loss = {low} must be less than config.gate.start_train_loss = {high}: the filter "
            "is never active. For no threshold set it to -1; if only some pairs of two axes are so, name the others "
            "with zip_axes or arms."
        )


_SIZES = ("num_train", "train_fraction", "change_step", "changed_num_train", "changed_train_fraction")
_GATES = ("start_step", "stop_step", "start_train_loss", "stop_train_loss")
AGREEMENTS = (
    Agreement(tuple(f"data.{name}" for name in _SIZES), _rows),
    Agreement(("schedule.warmup_steps", "train.num_steps"), _warmup),
    Agreement(("record.steps", "record.kind"), _steps_given),
    Agreement(("optim.name", "schedule.name", "schedule.warmup_steps"), _schedule),
    Agreement(("filter.name", *(f"gate.{name}" for name in _GATES)), _gate),
)


def check_agreements(run: Flat, leaves: Schema, seen: set[Any]) -> None:
    """Raises :class:`gendyn.core.ConfigError` where leaves of a run contradict each other, or a factory refuses them.

    Args:
        run: complete.
        leaves: its schema.
        seen: combinations that were checked before; those of this run are added.
    """
    for number, rule in enumerate(AGREEMENTS):
        values = (number, *(run[name] for name in rule.leaves))
        if values not in seen:
            rule.check(run)
            seen.add(values)
    for section in ROLES:
        values = (section, *((name, run[name]) for name in leaves.inside(section)))
        if values not in seen:
            # Inside a trace, factories that compute with their arguments (muon) compile nothing.
            jax.eval_shape(lambda section=section: (build(section, run), 0)[1])
            seen.add(values)
