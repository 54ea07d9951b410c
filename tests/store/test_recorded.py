"""Committed records against the digests of their commit."""

import json
import shutil

import numpy as np
import pytest

from gendyn.core import StoreError
from gendyn.store import ChunkStore, Variable
from gendyn.store.arrays import block_digests
from gendyn.store.recorded import committed_values, digests_after


def test_the_digests_do_not_depend_on_how_the_records_were_committed(small, tmp_path):
    """In one commit or in many, with what a new process has to read again."""
    whole = block_digests(small.loss(0, 11), 4)
    for counts in ((11,), (1, 1, 3, 6), (4, 4, 3), (0, 5, 0, 6)):
        folder = tmp_path / "-".join(map(str, counts))
        store = ChunkStore.create(folder, rows=2, num_records=12, variables=[Variable("loss")], records_per_block=4)
        start = 0
        for place, count in enumerate(counts):
            store = ChunkStore(folder) if place % 2 else store
            store.commit({"loss": small.loss(start, count)}, start, {}, {})
            start += count
        newest = max((folder / "commits").iterdir())
        assert json.loads(newest.read_text())["values"] == {"loss": whole}


def test_any_change_of_a_value_changes_its_block_alone():
    values = np.zeros((2, 10, 3), np.float32)
    before = block_digests(values, 4)
    values[1, 9, 2] = -0.0  # equal as a number, another bit
    assert [a == b for a, b in zip(before, block_digests(values, 4), strict=True)] == [True, True, False]
    assert block_digests(values.astype(np.float64), 4)[0] != before[0]


def test_an_older_block_is_refused_and_named(small, tmp_path):
    small.commit(2)
    block = small.store.folder / "records.zarr" / "loss" / "c.0.0"
    shutil.copy(block, tmp_path / "old")
    small.commit(6)
    small.check(8)
    shutil.copy(tmp_path / "old", block)
    with pytest.raises(
        StoreError, match=r"loss: records cannot be read \(from record 0 on they are not those of commit 1"
    ):
        small.store.read()
    with pytest.raises(StoreError, match="records cannot be read"):
        ChunkStore(small.store.folder).read(["loss"])


def test_records_are_not_built_upon_an_older_block(small, tmp_path):
    small.commit(1)
    block = small.store.folder / "records.zarr" / "loss" / "c.0.0"
    shutil.copy(block, tmp_path / "old")
    small.commit(1)
    shutil.copy(tmp_path / "old", block)
    again = ChunkStore(small.store.folder)
    with pytest.raises(StoreError, match="from record 0 on they are not those of commit 1"):
        again.commit({"loss": small.loss(2, 1)}, 2, {}, {})


def test_before_the_first_commit_nothing_is_there(small):
    root = small.store.folder / "records.zarr"
    assert np.isnan(committed_values(root, small.store.about, "loss", None)).all()
    digests, tails = digests_after(root, small.store.about, {"loss": small.loss(0, 5)}, None, {})
    assert digests == {"loss": block_digests(small.loss(0, 5), 4)}
    np.testing.assert_array_equal(tails["loss"], small.loss(4, 1))


def test_after_a_fallback_no_tail_of_the_lost_commit_is_digested(small):
    """Two commits that leave as many records in their last block, with others in them."""
    small.commit(2)
    small.commit(4)
    newest = max((small.store.folder / "checkpoints").iterdir())
    shutil.rmtree(newest)
    with pytest.warns(RuntimeWarning, match="Falling back to commit 0"):
        assert small.store.restore().records == 2
    small.commit(1)
    small.check(3)
    assert ChunkStore(small.store.folder).committed() == 3
