"""Rows of a chunk move with their records and states, bit for bit, and nothing else is touched."""

import numpy as np
import pytest

from gendyn.core import StoreError
from gendyn.store import ChunkStore, Variable, carve, chunk_folder, holds, remove_chunk

RUNS = [{"index": i, "identity": str(i)} for i in range(3)]
SOURCE = {"id": "a", "steps": [0, 1, 2], "runs": RUNS}
TARGET = {"id": "b", "steps": [0, 1, 2, 9], "runs": [RUNS[2], RUNS[0]]}


@pytest.fixture
def source(tmp_path):
    return ChunkStore.create(
        chunk_folder(tmp_path, "a"),
        rows=3,
        num_records=3,
        variables=[Variable("loss"), Variable("spectrum", (2,))],
        records_per_block=2,
        holds=holds(SOURCE),
    )


def commit(store, count):
    rng = np.random.default_rng(0)
    values = {
        "loss": rng.normal(size=(3, count)).astype("f4"),
        "spectrum": rng.normal(size=(3, count, 2)).astype("f4"),
    }
    state = {"w": rng.normal(size=(3, 4)), "step": np.arange(3)}
    store.commit(values, 0, state, {"layouts": ["of three rows"]})
    return values, state


def test_rows_move_with_their_records_and_states(source, tmp_path):
    values, state = commit(source, 3)
    before = {path: path.read_bytes() for path in source.folder.rglob("*") if path.is_file()}
    for _ in range(2):  # again, as after a kill: what is there is made anew
        carve(tmp_path, "a", TARGET, (2, 0), records_per_block=4)
        made = ChunkStore(chunk_folder(tmp_path, "b"), holds(TARGET))
        restored = made.restore()
        assert (restored.records, restored.info) == (3, {})
        for name, array in state.items():
            np.testing.assert_array_equal(restored.state[name], array[[2, 0]])
        for name, array in made.read().items():
            np.testing.assert_array_equal(array[:, :3], values[name][[2, 0]])
            assert np.isnan(array[:, 3]).all()
    assert {path: path.read_bytes() for path in source.folder.rglob("*") if path.is_file()} == before
    more = {"loss": np.zeros((2, 1)), "spectrum": np.zeros((2, 1, 2))}
    made.commit(more, 3, restored.state)
    assert made.committed() == 4


def test_a_chunk_without_a_commit_leaves_nothing_to_copy(source, tmp_path):
    carve(tmp_path, "a", TARGET, (2, 0), records_per_block=4)
    carve(tmp_path, "never", TARGET, (2, 0), records_per_block=4)
    assert not chunk_folder(tmp_path, "b").exists()


def test_only_folders_of_chunks_are_removed(source, tmp_path):
    remove_chunk(tmp_path, "none")
    with pytest.raises(StoreError, match="is no id of a chunk"):
        remove_chunk(tmp_path, "../a")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "chunks" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is a symbolic link"):
        remove_chunk(tmp_path, "link")
    remove_chunk(tmp_path, "a")
    assert (tmp_path / "elsewhere").is_dir() and {p.name for p in (tmp_path / "chunks").iterdir()} == {"link"}
