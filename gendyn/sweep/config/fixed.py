"""The leaves that every sweep has, one line each: default, how it may vary, what is allowed, what it means.

A new leaf is a new line here. A rule between two leaves stands in ``agreement.py``.
"""

from typing import Any

from gendyn.core import check_choice
from gendyn.core.rules import anything, choice, each, integer, number
from gendyn.optim import SCHEDULES
from gendyn.sweep.config import arms
from gendyn.sweep.config.factories import losses, role
from gendyn.sweep.config.leaf import Leaf
from gendyn.sweep.config.probes import make_probes
from gendyn.tasks import LABEL_NOISE_KINDS
from gendyn.train.schedule import KINDS


def _a_loss(name: str, value: str) -> None:
    """A file of ``gendyn/optim`` that holds a loss, or ``module:object`` of one's own that says so."""
    if ":" not in value or role(value) != "loss":
        check_choice(name, value, losses())


def _measurable(name: str, value: Any) -> None:
    """Every probe can be made."""
    del name
    make_probes(value)


STRATEGIES = ("auto", "vmap", "map")
BUCKETS = ("auto", "exact", "power_of_two", "max")

# fmt: off
FIXED: dict[str, Leaf] = {
    "experiment": Leaf("", "execution", anything, "Whose figure and verdict are drawn; sweeps do without."),
    "arm": Leaf("", "label", anything, "Name of the arm of this run; only what the arm sets is part of its identity."),
    "arms": Leaf((), "execution", arms.readable, "(('name', (('leaf', value), ...)), ...), for the axis arm."),
    "seed": Leaf(0, "sample", integer(0), "Of the initial parameters, the order of the data and the label noise."),
    "loss": Leaf("cross_entropy", "static", _a_loss, "What training lowers: a file of gendyn/optim."),
    "data.num_train": Leaf(0, "sample", integer(0), "Examples to train on; 0 is all."),
    "data.train_fraction": Leaf(0.0, "sample", number(0, 1), "Their share of all; 0 leaves it to num_train."),
    "data.change_step": Leaf(0, "sample", integer(0), "From this step on the changed sizes hold; 0 is never."),
    "data.changed_num_train": Leaf(0, "sample", integer(0), "Examples from change_step on."),
    "data.changed_train_fraction": Leaf(0.0, "sample", number(0, 1), "Their share from change_step on."),
    "data.label_noise": Leaf(0.0, "sample", number(0, 1), "Share of the training labels that are made wrong."),
    "data.label_noise_kind": Leaf("uniform_incorrect", "sample", choice(LABEL_NOISE_KINDS), "How they are drawn."),
    "gate.start_step": Leaf(0, "traced", integer(0), "The filter is off before this step."),
    "gate.stop_step": Leaf(-1, "traced", integer(-1), "The filter is off from this step on; -1 is never."),
    "gate.start_train_loss": Leaf(-1.0, "traced", anything, "The filter is off until the loss is below; -1: no limit."),
    "gate.stop_train_loss": Leaf(-1.0, "traced", anything, "The filter is off once the loss is below; -1: no limit."),
    "schedule.name": Leaf("constant", "static", choice(SCHEDULES), "Of the learning rate."),
    "schedule.warmup_steps": Leaf(0, "traced", integer(0), "Steps of a linear rise to the full learning rate."),
    "train.num_steps": Leaf(1000, "static", integer(1), "Gradient steps."),
    "train.batch_size": Leaf(0, "static", integer(0), "Examples a step; 0 is all."),
    "train.augment": Leaf(False, "static", anything, "Random crops and flips of images."),
    "train.ema_decay": Leaf(0.0, "traced", number(0, 1, open_high=True), "Of an average of the weights; 0 is none."),
    "train.jacobian_penalty": Leaf(0.0, "traced", number(0), "Weight of the squared input Jacobian in the loss."),
    "train.evaluation_batch_size": Leaf(2048, "static", integer(1), "Examples at a time when evaluating."),
    "record.kind": Leaf("log", "static", choice(KINDS), "Spacing of the records over the steps."),
    "record.num_records": Leaf(25, "static", integer(0), "How many, at most; not used by kind 'given'."),
    "record.steps": Leaf((), "static", each(integer(0), least=0, called="step"), "The steps of kind 'given'."),
    "stop.step": Leaf(0, "traced", integer(0), "A run ends after so many steps; 0 is off."),
    "stop.epoch": Leaf(0, "traced", integer(0), "A run ends after so many epochs; 0 is off."),
    "stop.train_loss": Leaf(-1.0, "traced", anything, "A run ends at a record with at most this loss; below 0 is off."),
    "stop.train_error": Leaf(-1.0, "traced", anything, "Likewise for its error; below 0 is off."),
    "probes": Leaf((), "static", _measurable, "Further measurements at every record: 'sharpness(num_steps=32)'."),
    "sweep.strategy": Leaf("auto", "execution", choice(STRATEGIES), "Runs side by side (vmap) or in turn (map)."),
    "sweep.batch": Leaf(0, "execution", integer(0), "Runs side by side within map; 0 is one."),
    "sweep.buckets": Leaf("auto", "execution", choice(BUCKETS), "Which widths share a program by padding."),
    "sweep.memory_limit_gb": Leaf(0.0, "execution", number(0), "Of all devices together; 0 is what is free."),
    "sweep.platform": Leaf("", "execution", anything, "cpu, cuda or tpu; empty is what there is."),
    "store.accept_changes": Leaf(False, "execution", anything, "Go on where own code or data have changed since."),
    "store.commit_seconds": Leaf(30.0, "execution", number(0), "Time between two commits: what a kill can cost."),
}
# fmt: on
