"""How runs are laid over the hardware changes nothing but rounding; and what the runs share, compiles once."""

import threading

import jax
import numpy as np
import pytest

from gendyn import store, train
from gendyn.sweep.execute import compile as compiling
from gendyn.sweep.execute.compile import member, over_runs
from gendyn.sweep.execute.layout import Layout, layout_from_json

AXES = {"model.width": (3, 4), "data.num_train": (12, 24), "seed": (0, 1)}
NOISE = {"data__label_noise": 0.25}


@pytest.fixture(scope="module")
def reference(small, tmp_path_factory):
    """Each width and each train-set size in its own program, on its own rows, one run after another."""
    folder = tmp_path_factory.mktemp("exact")
    found = small.run(small.config(sweep__buckets="exact", **NOISE), AXES, folder)
    assert len(small.layouts(folder)) == 4
    return found


def test_vmap_is_map_is_map_with_batches_is_a_loop(small):
    """One packed chunk, four ways through the same segments."""
    packed = small.packed(small.config(**NOISE), AXES)
    rows = len(packed.chunk.runs)
    segment = member(packed.program)
    data = packed.inputs.data

    def through(fn, state, hypers, sample):
        records = []
        for num_steps in (0, 4, 16):
            state, record = fn(state, hypers, sample, data, np.int32(num_steps))
            records.append(record)
        return jax.device_get((state, records))

    arguments = (packed.state, packed.inputs.hypers, packed.inputs.sample)
    single = jax.jit(segment)
    loop = [through(single, *jax.tree.map(lambda leaf, row=row: leaf[row], arguments)) for row in range(rows)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *loop)
    for kind, batch in (("vmap", 1), ("map", 1), ("map", 3)):
        found = through(jax.jit(over_runs(segment, kind, batch)), *arguments)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5), found, stacked)
    # The runs do differ, and did learn.
    losses = stacked[1][-1]["train_loss"]
    assert len(set(losses.tolist())) == rows
    assert (losses < stacked[1][0]["train_loss"]).all()


@pytest.mark.parametrize(
    ("buckets", "kind", "batch"),
    [("max", "vmap", 0), ("max", "map", 3), ("power_of_two", "map", 1), ("auto", "auto", 0)],
)
def test_execution_leaves_change_nothing_but_rounding(small, reference, tmp_path, buckets, kind, batch):
    config = small.config(sweep__buckets=buckets, sweep__strategy=kind, sweep__batch=batch, **NOISE)
    found = small.run(config, AXES, tmp_path)
    small.close(reference, found)
    np.testing.assert_array_equal(
        reference.dataset.num_parameters, found.dataset.num_parameters, "at its own size, however padded"
    )
    for history in small.layouts(tmp_path):
        assert len(history) == 1
        assert history[0]["strategy"] == kind or kind == "auto"
        assert history[0]["batch"] == max(1, batch)


def test_results_are_labelled_by_the_axes(small, reference):
    coords = reference.dataset.coords
    assert coords["model.width"].values.tolist() == [3] * 4 + [4] * 4
    assert coords["seed"].values.tolist() == [0, 1] * 4
    assert coords["data.num_train"].values.tolist() == [12, 12, 24, 24] * 2
    assert coords["num_parameters"].values.tolist() == [3 * 5 + 3 + 3 * 2 + 2] * 4 + [4 * 5 + 4 + 4 * 2 + 2] * 4
    assert coords["step"].values.tolist() == [0, 4, 8, 12, 16, 20]
    assert (coords["committed"] == 6).all()
    final = reference.states[0]
    assert int(final["step"]) == 20


def test_one_trace_and_one_compilation_for_each_group(small, tmp_path, monkeypatch):
    """Segments of every length, learning rates, seeds, train-set sizes and the inert rows share a program."""
    traces, compiled = [], {}
    segment, compile_segment = train.segment, compiling._compile

    def counting(program, *arguments):  # two chunks may be prepared at once, in a thread each
        before = traces.count(threading.get_ident())
        executable = compile_segment(program, *arguments)
        count = traces.count(threading.get_ident()) - before
        compiled[program.static] = [*compiled.get(program.static, []), count]
        return executable

    monkeypatch.setattr(train, "segment", lambda *args: traces.append(threading.get_ident()) or segment(*args))
    monkeypatch.setattr(compiling, "_compile", counting)
    config = small.config(record__kind="log", record__num_records=8, sweep__buckets="max", model__activation="elu")
    axes = {
        "optim.nesterov": (False, True),
        "seed": (0, 1),
        "optim.learning_rate": (0.01, 0.02),
        "data.num_train": (9, 24),
    }
    found = small.run(config, axes, tmp_path)
    assert len(np.unique(np.diff(found.dataset["step"]))) > 3
    # What is compiled ahead of time cannot be traced again: a segment of another shape would be an error.
    assert list(compiled.values()) == [[1], [1]]
    # New seeds make chunks of their own, which share the executables.
    small.run(config, axes | {"seed": (0, 1, 2, 3)}, tmp_path)
    assert len(list((tmp_path / "chunks").iterdir())) == 4
    assert list(compiled.values()) == [[1], [1]]


def test_layout_counts_inert_rows(small):
    layout = Layout(0, "map", 3, tuple(range(7)), 1, 2, "cpu", "")
    assert layout.program_rows() == 12  # 2 devices x batches of 3
    assert layout._replace(strategy="vmap").program_rows() == 8
    assert layout._replace(batch=1, parts=2).program_rows() == 4
    assert layout_from_json(layout.to_json()) == layout


def test_inert_rows_are_never_recorded(small, tmp_path):
    """Three runs on two devices in batches of two are padded to four rows."""
    found = small.run(small.config(sweep__batch=2), {"seed": (0, 1, 2)}, tmp_path)
    assert found.dataset.sizes["run"] == len(found.states) == 3
    (chunk,) = store.read_plan(tmp_path)["chunks"]
    assert store.ChunkStore(store.chunk_folder(tmp_path, chunk["id"])).rows == 3
