"""Runs side by side: what each run sees of the data, zero-padding and back, and rows that fill up a program."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gendyn import core, tasks
from gendyn.sweep.execute.compile import make_mesh
from gendyn.sweep.execute.inputs import make_inputs, sample_of
from gendyn.sweep.execute.pack import draw_variables, pack_variables, stack, unpad_like
from gendyn.sweep.execute.population import host_copy, put_rows

TASK = tasks.teacher_student(num_train=60, num_test=8, input_size=3, num_outputs=3)


def flat_of(small, **leaves):
    return small.packed(small.config(**leaves), {"seed": (leaves.get("seed", 0),)}).chunk.runs[0].flat


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=3))
def test_unpad_is_the_inverse_of_padding(axes):
    array = np.random.default_rng(0).normal(size=[size for size, _ in axes])
    wide = np.pad(array, [(0, extra) for _, extra in axes])
    np.testing.assert_array_equal(unpad_like({"w": wide}, {"w": array})["w"], array)


def test_packing_pads_each_run_at_the_end_of_every_axis(small):
    packed = small.packed(small.config(), {"model.width": (2, 5), "seed": (0, 1)})
    flats = [run.flat for run in packed.chunk.runs]
    found = pack_variables(packed.program, flats).params
    for row, flat in enumerate(flats):
        width, drawn = flat["model.width"], draw_variables(packed.program, flat).params
        assert drawn["dense_0"]["kernel"].shape == (5, width)
        np.testing.assert_array_equal(found["dense_0"]["kernel"][row, :, :width], drawn["dense_0"]["kernel"])
        np.testing.assert_array_equal(found["readout"]["kernel"][row, :width], drawn["readout"]["kernel"])
        assert not found["dense_0"]["kernel"][row, :, width:].any()
        assert not found["readout"]["kernel"][row, width:].any()


def test_inert_rows_repeat_the_last_run():
    packed = stack([{"a": np.arange(2), "b": np.float32(row)} for row in range(3)])
    assert packed["a"].shape == (3, 2)
    mesh = make_mesh(jax.devices())
    filled = put_rows(packed, np.arange(3), 6, mesh)
    np.testing.assert_array_equal(host_copy(filled["b"]), [0, 1, 2, 2, 2, 2])
    np.testing.assert_array_equal(host_copy(put_rows(packed, np.array([2, 0]), 4, mesh)["b"]), [2, 0, 0, 0])


def test_a_host_copy_survives_the_donation_of_its_source():
    for devices in (jax.devices()[:1], jax.devices()):
        source = put_rows({"a": np.arange(4.0, dtype=np.float32)}, np.arange(4), 4, make_mesh(devices))["a"]
        copied = host_copy(source)
        jax.jit(lambda x: x + 1.0, donate_argnums=0)(source).block_until_ready()
        np.testing.assert_array_equal(copied, [0, 1, 2, 3])


@pytest.mark.parametrize("kind", tasks.LABEL_NOISE_KINDS)
def test_label_noise_of_a_run_is_the_tasks_function_under_the_runs_seed(small, kind):
    leaves = {"data__label_noise": 0.4, "data__label_noise_kind": kind, "data__num_train": 20}
    for seed in (0, 5):
        flat = flat_of(small, **leaves) | {"seed": seed}
        sample = sample_of(flat, TASK, 30)
        key = core.stream(jax.random.key(seed), "label_noise")
        expected = tasks.LABEL_NOISE_KINDS[kind](key, TASK.y_train, 0.4, 3, 20)
        np.testing.assert_array_equal(sample.targets, np.asarray(expected)[:30])
        assert sample.num_train == 20
        assert 0 < np.sum(sample.targets != TASK.y_train[:30]) <= 20
    if kind == "flip_exact":
        assert np.sum(sample.targets != TASK.y_train[:30]) == 8


def test_runs_differ_by_seed_in_labels_order_and_nothing_else(small):
    base = flat_of(small, data__label_noise=0.4)
    one, two = (sample_of(base | {"seed": seed}, TASK, 60) for seed in (0, 1))
    assert (one.targets != two.targets).any()
    assert (one.order_key != two.order_key).any()
    clean = sample_of(base | {"data.label_noise": 0.0}, TASK, 60)
    np.testing.assert_array_equal(clean.targets, TASK.y_train)
    np.testing.assert_array_equal(clean.order_key, one.order_key)


def test_no_train_set_size_is_all_of_the_data(small):
    assert sample_of(flat_of(small), TASK, 60).num_train == 60


def test_traced_leaves_are_columns_of_their_own_type(small):
    axes = {"optim.learning_rate": (0.1, 0.2), "model.width": (3, 4), "schedule.warmup_steps": (0, 2)}
    packed = small.packed(small.config(), axes)
    hypers = make_inputs(packed.chunk, packed.program, packed.task).hypers
    assert set(hypers) == set(packed.program.traced)
    for name, dtype in (("optim.learning_rate", np.float32), ("model.width", np.int32)):
        assert hypers[name].dtype == dtype
        expected = [run.flat[name] for run in packed.chunk.runs]
        np.testing.assert_array_equal(hypers[name], np.asarray(expected, dtype))
    assert hypers["train.num_steps"].tolist() == [20] * 8
