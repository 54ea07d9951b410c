"""A run's task, held to what the run asks of it."""

import jax
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.sweep.plan import make_plan
from gendyn.sweep.plan.against_task import check_prefix
from gendyn.types import Task


def test_a_sorted_pool_would_leave_classes_out():
    rows = np.random.default_rng(0).normal(size=(90, 2)).astype(np.float32)
    labels = np.arange(90, dtype=np.int32) % 3
    shuffled = Task("mine", rows, labels, rows[:3], labels[:3], 3, "classification", {})
    check_prefix(shuffled, 40)
    in_order = shuffled._replace(y_train=np.sort(labels))
    with pytest.raises(ConfigError, match=r"first 40 training examples have none of class 2, which makes up 33%"):
        check_prefix(in_order, 40)
    check_prefix(in_order, 90)  # all of them
    check_prefix(shuffled._replace(y_train=np.sort(labels)), 3)  # chance may do that


def test_a_program_masks_rows_only_where_some_run_does_not_see_them(small):
    """Full batch and another train-set size beside it; not where all runs see all rows, nor with mini-batches."""

    def programs(axes, **leaves):
        config = small.change(small.config(**leaves), sweep__buckets="max")
        tasks = {}
        plan = make_plan(config, axes=axes, devices=jax.devices()[:1], tasks=tasks)
        (task,) = tasks.values()
        return [(chunk.program(task).unseen_rows, chunk.num_rows, chunk.estimate.program) for chunk in plan.chunks]

    ((one, rows, name),) = programs({"data.num_train": (8, 24)})
    assert (one, rows) == (True, 24)
    ((other, rows, same_shapes),) = programs({"data.num_train": (24,), "seed": (0, 1)})
    assert (other, rows) == (False, 24)
    assert name != same_shapes  # two programs to compile, not one
    assert not any(found for found, *_ in programs({"data.num_train": (8, 24)}, train__batch_size=4))
    ((later, *_),) = programs({"seed": (0,)}, data__change_step=10, data__changed_num_train=8)
    assert later
