"""Rules between leaves, and between leaves and data, alone: each once a combination, each task loaded once."""

import pytest

from gendyn.core import ConfigError
from gendyn.sweep import base_config
from gendyn.sweep.config.agreement import check_agreements, gated
from gendyn.sweep.config.complete import complete, leaves_of
from gendyn.sweep.config.flat import flatten
from gendyn.sweep.plan.against_task import check_against_data, load_task
from gendyn.sweep.plan.chunking import record_steps
from gendyn.sweep.plan.planned import PlannedRun


def run_of(**changes):
    return complete(flatten(base_config(task="digits", model="mlp", optim="sgd", filter="grokfast_ema")) | changes)


def test_a_combination_is_checked_once_and_a_contradiction_every_time():
    seen: set = set()
    run = run_of()
    check_agreements(run, leaves_of(run), seen)
    known = len(seen)
    check_agreements(run | {"seed": 5}, leaves_of(run), seen)
    assert len(seen) == known
    late = run | {"schedule.warmup_steps": 1000}
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"warmup_steps = 1000 must be less than config\.train\.num_steps = 1000"):
            check_agreements(late, leaves_of(run), seen)


def test_a_gate_is_off_at_times_where_any_of_its_leaves_says_so():
    assert not gated(run_of())
    assert gated(run_of(**{"gate.stop_step": 0})) and gated(run_of(**{"gate.start_train_loss": 0.5}))


def test_equal_tasks_load_once_and_are_held_against_the_leaves():
    cache: dict = {}
    run = run_of(**{"train.batch_size": 32})
    task = load_task(run, cache)
    assert load_task(run | {"seed": 1}, cache) is task and len(cache) == 1
    check_against_data([PlannedRun(0, "a", run)], task)
    with pytest.raises(ConfigError, match=r"train\.batch_size = 32 is larger than the training set of 20"):
        check_against_data([PlannedRun(0, "a", run | {"data.num_train": 20})], task)


def test_steps_at_which_a_rule_falls_due_are_recorded():
    changes = {"record.kind": "given", "record.steps": (0, 100), "train.num_steps": 100, "train.batch_size": 10}
    runs = [PlannedRun(i, str(i), run_of(**changes, **{"stop.epoch": epoch})) for i, epoch in enumerate((0, 2))]
    assert record_steps(runs[0].flat, runs[:1], 50) == (0, 100)
    assert record_steps(runs[0].flat, runs, 50) == (0, 10, 100)
