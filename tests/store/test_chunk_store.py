import logging
import shutil

import jax
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gendyn.core import StoreError
from gendyn.store import ChunkStore, Variable

STATE = {
    "float32/nan": np.array([1.5, np.nan, -0.0, np.inf], np.float32),
    "float64": np.array([[1 / 3, 5e-324]]),
    "int32/0-d": np.array(-7, np.int32),
    "uint32": np.array([0, 2**32 - 1], np.uint32),
    "bool": np.array([[True], [False]]),
    "bfloat16": np.array([1 / 3, -2.0], ml_dtypes.bfloat16),
    "scalar": np.float32(0.1),
    "empty": np.zeros((0, 3), np.float32),
    "strided": np.arange(12.0).reshape(3, 4).T,
    "large": np.random.default_rng(0).normal(size=(300, 500)),
    "odd offset/uint8": np.arange(3, dtype=np.uint8),
}


def test_state_returns_bit_for_bit(small):
    small.store.commit({"loss": small.loss(0, 1)}, 0, STATE, {"epochs": [1, {"k": 0.1}], "name": "ä"})
    records, state, info = ChunkStore(small.store.folder).restore()
    assert records == 1
    assert info == {"epochs": [1, {"k": 0.1}], "name": "ä"}
    assert set(state) == set(STATE)
    for name, value in STATE.items():
        assert (state[name].dtype, state[name].shape) == (value.dtype, np.shape(value)), name
        assert state[name].tobytes() == value.tobytes(), name
        state[name][...] = 0  # writable: training may go on in place


def test_the_loaded_state_does_not_alias_another_array(small):
    small.store.commit({"loss": small.loss(0, 1)}, 0, {"a": np.ones(3), "b": np.ones(3)}, {})
    state = small.store.restore().state
    state["a"][:] = 5
    np.testing.assert_array_equal(state["b"], np.ones(3))


@pytest.mark.parametrize("bad", [np.array(["a"]), np.array([None]), [1.0, 2.0], np.zeros(2, "f4,i4")])
def test_state_must_be_plain_numeric_numpy(small, bad):
    with pytest.raises(StoreError, match=r"state\['w'\].*plain numeric numpy arrays"):
        small.store.commit({"loss": small.loss(0, 1)}, 0, {"w": bad}, {})
    assert small.store.committed() == 0


def test_a_typed_key_is_refused_and_its_data_accepted(small):
    key = jax.random.key(0)
    with pytest.raises(StoreError, match="key_data"):
        small.store.commit({"loss": small.loss(0, 1)}, 0, {"key": key}, {})
    small.store.commit({"loss": small.loss(0, 1)}, 0, {"key": np.asarray(jax.random.key_data(key))}, {})
    assert small.store.restore().state["key"].dtype == np.uint32


def test_before_the_first_commit(small):
    assert small.store.committed() == 0
    assert small.store.restore() is None
    assert small.store.restore_state() is None
    small.check(0)


@settings(max_examples=6, deadline=None)
@given(counts=st.lists(st.integers(0, 5), min_size=1, max_size=4), block=st.integers(1, 7))
def test_any_split_into_commits_and_blocks_reads_the_same(tmp_path_factory, counts, block):
    folder = tmp_path_factory.mktemp("chunk")
    variables = [Variable("a", (), "float64"), Variable("b", (2, 1), "int32"), Variable("c", (3,), "bool")]
    store = ChunkStore.create(folder, rows=2, num_records=20, variables=variables, records_per_block=block)
    draw = np.random.default_rng(0)
    full = {v.name: draw.integers(0, 2, (2, 20, *v.shape)).astype(v.dtype) for v in variables}
    full["a"][0] = np.nan  # a block of NaN alone must be stored as well
    start = 0
    for count in counts:
        store.commit({name: array[:, start : start + count] for name, array in full.items()}, start, {}, {})
        start += count
    found = ChunkStore(folder).read()
    assert store.committed() == start
    for name, array in full.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name][:, :start], array[:, :start])
    assert np.isnan(found["a"][:, start:]).all()
    assert not found["b"][:, start:].any()
    assert set(store.read(["b"])) == {"b"}


def test_two_commits_are_kept_and_restorable(small):
    for _ in range(4):
        small.commit()
    folder = small.store.folder
    assert sorted(p.name for p in (folder / "commits").iterdir()) == ["00000002.json", "00000003.json"]
    assert len(list((folder / "checkpoints").iterdir())) == 2
    assert small.store.restore_state(2).records == 3
    with pytest.raises(StoreError, match="keeps no commit 0"):
        small.store.restore_state(0)


@pytest.mark.parametrize("start", [0, 2])
def test_a_commit_must_continue_where_the_last_one_ended(small, start):
    small.commit()
    with pytest.raises(StoreError, match=f"must start at record 1.*not at {start}"):
        small.store.commit({"loss": small.loss(start, 1)}, start, {}, {})


@pytest.mark.parametrize(
    ("records", "rule"),
    [
        ({}, r"records has \[\]; the store was made for \['loss'\]"),
        ({"los": np.zeros((2, 1))}, "the store was made for"),
        ({"loss": np.zeros((3, 1))}, r"has shape \(3, 1\), not \(2, 1\)"),
        ({"loss": np.zeros((2, 1, 1))}, r"has shape \(2, 1, 1\), not \(2, 1\)"),
        ({"loss": np.zeros((2, 13))}, "exceed num_records = 12"),
    ],
)
def test_records_that_do_not_fit_are_refused(small, records, rule):
    with pytest.raises(StoreError, match=rule):
        small.store.commit(records, 0, {}, {})
    assert small.store.restore() is None


def test_create_is_idempotent_and_refuses_another_shape(small):
    small.commit(3)
    again = ChunkStore.create(
        small.store.folder, rows=2, num_records=12, variables=[Variable("loss")], records_per_block=4
    )
    assert again.committed() == 3
    with pytest.raises(StoreError, match="rows: 2 there, 5 asked"):
        ChunkStore.create(small.store.folder, rows=5, num_records=12, variables=[Variable("loss")], records_per_block=4)
    with pytest.raises(StoreError, match="variables"):
        ChunkStore.create(
            small.store.folder, rows=2, num_records=12, variables=[Variable("loss", (), "float64")], records_per_block=4
        )


def test_half_a_store_is_completed(small):
    folder = small.store.folder
    (folder / "records.zarr" / "zarr.json").unlink()  # written last, so this is what a kill leaves
    shutil.rmtree(folder / "commits")
    assert not ChunkStore.exists(folder)
    with pytest.raises(StoreError, match="no complete chunk"):
        ChunkStore(folder)
    small.__init__(folder)
    small.commit(5)
    small.check(5)


def test_lost_arrays_under_commits_are_not_silently_made_anew(small):
    small.commit()
    shutil.rmtree(small.store.folder / "records.zarr")
    with pytest.raises(StoreError, match="has commits but no record arrays"):
        small.__init__(small.store.folder)


@pytest.mark.parametrize("sizes", [{"rows": 0}, {"num_records": 0}, {"records_per_block": 0}])
def test_sizes_are_positive(tmp_path, sizes):
    arguments = {"rows": 1, "num_records": 1, "records_per_block": 1} | sizes
    with pytest.raises(StoreError, match="at least 1"):
        ChunkStore.create(tmp_path / "c", variables=[Variable("loss")], **arguments)


def test_restore_deletes_what_no_marker_names_and_a_reader_does_not(small):
    small.commit()
    folder = small.store.folder
    orphan = folder / "checkpoints" / "00000009-deadbeef.orbax-checkpoint-tmp"
    orphan.mkdir()
    (orphan / "file").write_bytes(b"x")
    left = [folder / "records.zarr" / "loss" / ".c.0.0.abc.gendyn-tmp", folder / "commits" / ".1.json.a.gendyn-tmp"]
    for path in left:
        path.write_bytes(b"x")
    small.store.restore_state()
    small.store.read()
    assert orphan.exists()
    assert all(path.exists() for path in left)
    assert small.store.restore().records == 1
    assert not orphan.exists()
    assert not any(path.exists() for path in left)


def test_orbax_is_quiet_about_our_checkpoints_and_nobody_elses(small, tmp_path):
    import orbax.checkpoint as ocp

    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger("absl")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        small.commit()
        small.store.restore()
        assert lines == []
        ocp.PyTreeCheckpointer().save(tmp_path / "other", {"w": np.zeros(3)})
        assert lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_unknown_names_are_listed(small):
    with pytest.raises(StoreError, match=r"no records named \['los'\]; it has \['loss'\]"):
        small.store.read(["los"])


def test_a_reader_of_xarray_alone_can_open_the_arrays(small):
    import xarray

    small.commit(2)
    ds = xarray.open_zarr(small.store.folder / "records.zarr", consolidated=False)
    assert ds["loss"].dims == ("run", "record")
    np.testing.assert_array_equal(ds["loss"].values[:, :2], small.loss(0, 2))
