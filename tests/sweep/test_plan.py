"""Plans: what shares a program, the plan as data, buckets of least cost, and extension without repacking."""

import itertools
import json
import math
from pathlib import Path

import jax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gendyn.sweep
from gendyn import store
from gendyn.core import ConfigError
from gendyn.sweep.plan import cost, plan_from_json
from gendyn.sweep.plan.buckets import Cell, split
from gendyn.sweep.stored_plan import parameter_counts
from gendyn.tasks import teacher_student

few = settings(deadline=None, max_examples=60)
LIMITS = cost.Machine(2, 1e10, 1e-5, 1.5, 1e9, 1e6)


def make_plan(axes=None, *, workdir=None, optim="sgd", **leaves):
    config = gendyn.sweep.base_config(task="teacher_student", model="mlp", optim=optim)
    config.train.num_steps = 4
    config.task.num_train = config.task.num_test = 50
    config.sweep.memory_limit_gb = 1.0
    for name, value in leaves.items():
        section, _, leaf = name.partition("__")
        config[section][leaf] = value
    return gendyn.sweep.plan(config, axes=axes, workdir=workdir)


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("optim.learning_rate", (0.1, 0.2)),
        ("optim.momentum", (0.0, 0.9)),
        ("optim.weight_decay", (0.0, 0.1)),
        ("model.init_scale", (0.5, 1.0)),
        ("train.ema_decay", (0.5, 0.9)),
        ("schedule.warmup_steps", (0, 2)),
        ("data.label_noise", (0.0, 0.5)),
        ("data.num_train", (20, 50)),
        ("stop.step", (2, 3)),
        ("seed", (0, 1)),
        ("model.width", (7, 8)),
    ],
)
def test_these_share_a_program(axis, values):
    planned = make_plan({axis: values}, sweep__buckets="max")
    assert planned.programs() == len(planned.chunks) == 1
    assert [run.flat[axis] for run in planned.runs] == list(values)


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("model.depth", (1, 2)),
        ("model.activation", ("relu", "tanh")),
        ("model.use_bias", (True, False)),
        ("optim.nesterov", (True, False)),
        ("optim.name", ("sgd", "adam")),
        ("schedule.name", ("constant", "cosine")),
        ("loss", ("cross_entropy", "squared_error")),
        ("train.batch_size", (10, 25)),
        ("train.num_steps", (4, 8)),
        ("task.split_seed", (0, 1)),
        # Off and on are other programs: what is off costs nothing.
        ("train.ema_decay", (0.0, 0.9)),
        ("stop.train_loss", (-1.0, 0.1)),
    ],
)
def test_these_need_a_program_each(axis, values):
    planned = make_plan({axis: values}, sweep__buckets="max")
    assert len(planned.chunks) == 2
    assert [[run.flat[axis] for run in chunk.runs] for chunk in planned.chunks] == [[value] for value in values]


def test_widths_under_an_optimizer_that_is_not_pad_safe_need_a_program_each():
    assert make_plan({"model.width": (7, 8)}, optim="muon", sweep__buckets="max").programs() == 2


AXES = {"model.width": (3, 5, 8), "optim.learning_rate": (0.1, 0.2), "seed": range(2)}


def test_every_run_has_its_own_point_once_in_the_order_of_the_axes():
    planned = make_plan(AXES)
    assert [run.index for run in planned.runs] == list(range(12))
    found = [tuple(run.flat[name] for name in AXES) for run in planned.runs]
    assert found == list(itertools.product(*AXES.values()))
    assert len({run.identity for run in planned.runs}) == 12


def test_a_plan_survives_json():
    planned = make_plan({**AXES, "record.steps": ((1,), (1, 2))}, record__kind="given")
    read = plan_from_json(json.loads(json.dumps(planned.to_json())))
    assert read == planned
    assert read.digest == planned.digest


def test_other_plans_have_other_digests():
    digests = [make_plan(AXES).digest, make_plan({**AXES, "seed": (0, 2)}).digest]
    digests += [make_plan(AXES, optim__momentum=0.5).digest, make_plan(AXES, sweep__buckets="exact").digest]
    assert len(set(digests)) == 4
    assert make_plan(AXES).digest == digests[0]


def test_chunks_are_the_same_in_every_process():
    """Sets and hashes of strings differ between processes; a resumed sweep must find the same chunks.

    These names were written down by a process of an earlier version.
    """
    (chunk,) = make_plan(AXES, sweep__buckets="max").chunks
    assert (chunk.id, chunk.estimate.program) == ("dfdc56c238", "3f89ed3687")


def test_planning_compiles_nothing():
    make_plan(AXES)  # the gain of relu, a quadrature, is computed once per process
    found: list[str] = []

    def listen(event: str, _: float, **details: object) -> None:
        if event.endswith("backend_compile_duration"):
            found.append(str(details))

    jax.clear_caches()
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        make_plan({**AXES, "model.depth": (1, 2)}).summary()
        assert not found
        jax.numpy.arange(3).block_until_ready()
        assert found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def test_the_number_of_parameters_is_that_of_the_runs_own_width():
    planned = make_plan({"model.width": (3, 5, 8)}, sweep__buckets="max")
    (chunk,) = planned.chunks
    assert chunk.sizes == {"model.width": 8}
    task = teacher_student(num_train=50, num_test=50)
    expected = [(20 + 1) * width + (width + 1) * width + (width + 1) * 2 for width in (3, 5, 8)]
    assert parameter_counts(chunk, task) == expected


def test_less_memory_makes_more_and_smaller_chunks():
    axes = {"seed": range(40)}
    (whole,) = make_plan(axes).chunks
    small = make_plan(axes, sweep__memory_limit_gb=whole.estimate.bytes / 4e9)
    assert len(small.chunks) >= 4
    assert sorted(run.index for chunk in small.chunks for run in chunk.runs) == list(range(40))
    assert all(chunk.estimate.bytes <= whole.estimate.bytes / 4 for chunk in small.chunks)
    # Equal chunks, but for the last, share one program.
    assert len({len(chunk.runs) for chunk in small.chunks}) <= 2


def test_the_summary_counts_runs_and_programs():
    planned = make_plan({**AXES, "model.depth": (1, 2)}, sweep__buckets="max")
    text = planned.summary()
    assert "24 runs of 4 steps in 2 chunks" in " ".join(text.split())
    assert f"{planned.programs()} segments" in text
    assert all(chunk.id in text for chunk in planned.chunks)


# Extension. -----------------------------------------------------------------------------------------------------------


def kept(old, new):
    """Chunks of the old plan are those of the new one's beginning; the others hold only new runs, numbered on."""
    assert new.chunks[: len(old.chunks)] == old.chunks
    added = [run for chunk in new.chunks[len(old.chunks) :] for run in chunk.runs]
    assert sorted(run.index for run in added) == list(range(len(old.runs), len(new.runs)))
    assert not {run.identity for run in added} & {run.identity for run in old.runs}
    return added


def write(folder, stored):
    store.write_plan(folder, stored | {"metrics": {}, "provenance": {}})


@pytest.fixture
def old(tmp_path):
    planned = make_plan(AXES)
    write(tmp_path, planned.to_json())
    return planned


def test_the_same_axes_add_nothing(old, tmp_path):
    assert make_plan(AXES, workdir=tmp_path) == old


def test_a_new_value_adds_its_runs(old, tmp_path):
    new = make_plan({**AXES, "seed": range(3)}, workdir=tmp_path)
    added = kept(old, new)
    assert len(added) == 6
    assert {run.flat["seed"] for run in added} == {2}
    assert dict(new.axes)["seed"] == (0, 1, 2)


def test_a_run_that_is_there_but_for_digits_beyond_float32_is_refused(tmp_path):
    write(tmp_path, make_plan({"optim.learning_rate": (0.3, 0.5)}).to_json())
    axes = {"optim.learning_rate": (0.5, 0.1 + 0.2)}
    with pytest.raises(
        ConfigError, match=r"holds the run of .*learning_rate = 0\.30000000000000004 already, under .* 0\.3"
    ):
        make_plan(axes, workdir=tmp_path)
    # Zipped with another axis they are two runs.
    config = gendyn.sweep.base_config(task="teacher_student", model="mlp", optim="sgd")
    config.zip_axes = (("optim.learning_rate", "model.width"),)
    axes = {"optim.learning_rate": (0.3, 0.1 + 0.2), "model.width": (2, 4)}
    assert len(gendyn.sweep.plan(config, axes=axes).runs) == 2


def test_fewer_values_remove_nothing(old, tmp_path):
    fewer = make_plan({**AXES, "seed": (1,)}, workdir=tmp_path)
    assert [(run.index, run.identity) for run in fewer.runs] == [(run.index, run.identity) for run in old.runs]
    # Those asked for are in chunks of their own, and the others are not in the way.
    assert {run.flat["seed"] for chunk in fewer.asked for run in chunk.runs} == {1}
    assert sum(len(chunk.runs) for chunk in fewer.asked) == len(old.runs) // 2


def test_a_new_axis_keeps_the_runs_at_the_old_value(old, tmp_path):
    new = make_plan({**AXES, "optim.momentum": (0.9, 0.5)}, workdir=tmp_path)
    added = kept(old, new)
    assert len(added) == 12
    assert {run.flat["optim.momentum"] for run in added} == {0.5}


def test_extending_twice_is_extending_once_for_the_runs(old, tmp_path):
    write(tmp_path, make_plan({**AXES, "seed": range(3)}, workdir=tmp_path).to_json())
    new = make_plan({**AXES, "seed": range(4)}, workdir=tmp_path)
    assert {run.identity for run in new.runs} == {run.identity for run in make_plan({**AXES, "seed": range(4)}).runs}


def test_an_extension_is_another_sweep_where_a_leaf_outside_the_axes_changed(old, tmp_path):
    with pytest.raises(ConfigError, match=r"another sweep: config\.optim\.momentum is 0\.9 there and 0\.5 here"):
        make_plan({**AXES, "seed": range(3)}, workdir=tmp_path, optim__momentum=0.5)


def test_a_folder_that_is_older_than_a_leaf_goes_on(old, tmp_path):
    stored = old.to_json()
    del stored["config"]["gate"]["stop_train_loss"]
    write(tmp_path, stored)
    assert make_plan(AXES, workdir=tmp_path) == old
    assert len(kept(old, make_plan({**AXES, "seed": range(3)}, workdir=tmp_path))) == 6


# Buckets. -------------------------------------------------------------------------------------------------------------


def partitions(count):
    """All splits of ``0 … count - 1`` into consecutive intervals."""
    for cuts in itertools.product((False, True), repeat=max(0, count - 1)):
        edges = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), count]
        yield list(itertools.pairwise(edges))


@few
@given(st.integers(1, 7), st.randoms(use_true_random=False))
def test_the_cheapest_partition_is_the_best_of_all(count, random):
    table = {(i, j): random.randint(0, 20) for i in range(count) for j in range(i + 1, count + 1)}
    found = cost.cheapest_partition(count, lambda i, j: table[i, j])
    assert found in list(partitions(count))
    total = sum(table[interval] for interval in found)
    assert total == min(sum(table[interval] for interval in split) for split in partitions(count))


cells = st.lists(
    st.builds(
        lambda width, rows, runs: Cell((width,), rows, 40.0 * width + 2.0 * width**2, runs),
        st.integers(1, 300),
        st.sampled_from([20, 50]),
        st.integers(1, 40),
    ),
    min_size=1,
    max_size=7,
).map(lambda found: sorted(found, key=lambda cell: cell.forward))


@few
@given(cells, st.sampled_from([10, 10_000, 10_000_000]), st.sampled_from([0, 8]), st.booleans())
def test_automatic_buckets_are_the_cheapest_split(cells, num_steps, batch_size, vmap):
    def seconds(i, j):
        forward, rows = max(c.forward for c in cells[i:j]), max(c.rows for c in cells[i:j])
        work, count = 3.0 * forward * (batch_size or rows), sum(c.runs for c in cells[i:j])
        return LIMITS.compile_seconds + LIMITS.seconds(work, count, num_steps, vmap=vmap)

    found = split(cells, "auto", batch_size=batch_size, num_steps=num_steps, limits=LIMITS, vmap=vmap)
    least = min(sum(seconds(i, j) for i, j in intervals) for intervals in partitions(len(cells)))
    assert found in list(partitions(len(cells)))
    assert math.isclose(sum(seconds(i, j) for i, j in found), least, rel_tol=1e-9)


@few
@given(cells, st.sampled_from(["auto", "exact", "power_of_two", "max"]), st.booleans())
def test_buckets_are_consecutive_and_keep_their_rule(cells, rule, equal_rows):
    found = split(cells, rule, batch_size=0, num_steps=100, limits=LIMITS, equal_rows=equal_rows)
    assert found in list(partitions(len(cells)))
    for i, j in found:
        if rule == "exact":
            assert j == i + 1
        if rule == "power_of_two":
            assert len({(cell.sizes[0] - 1).bit_length() for cell in cells[i:j]}) == 1
        if equal_rows:
            assert len({cell.rows for cell in cells[i:j]}) == 1
    if rule == "max" and not equal_rows:
        assert found == [(0, len(cells))]


def test_short_runs_share_a_program_and_long_ones_do_not():
    """What the rule is for: compiling against padding."""
    widths = [Cell((width,), 100, 2.0 * 784 * width, 4) for width in (8, 64, 512)]
    shared = split(widths, "auto", batch_size=0, num_steps=1, limits=LIMITS)
    apart = split(widths, "auto", batch_size=0, num_steps=1_000_000, limits=LIMITS)
    assert (len(shared), len(apart)) == (1, 3)


def test_a_plan_writes_nothing(tmp_path):
    make_plan(AXES, workdir=tmp_path / "results")
    assert not list(Path(tmp_path).iterdir())
