import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gendyn.core import StoreError


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


DAMAGES = {
    "truncated": _truncate,
    "flipped": _flip,
    "deleted": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
}


def _checkpoint(small, number: int) -> Path:
    marker = json.loads((small.store.folder / "commits" / f"{number:08d}.json").read_text())
    return small.store.folder / "checkpoints" / marker["checkpoint"]


def _largest(folder: Path) -> Path:
    return max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)


def _falls_back(small) -> None:
    """Commit 2 (6 records) is damaged: commit 1 (4 records) is taken, loudly, and work goes on."""
    with pytest.warns(RuntimeWarning, match=r"commit 2 is damaged \(.+\). Falling back to commit 1: records from 4 on"):
        records, state, info = small.store.restore()
    assert (records, info) == (4, {"records": 4})
    np.testing.assert_array_equal(state["w"], small.state(4)["w"])
    small.check(4)
    small.commit(3)
    small.check(7)
    assert small.store.restore().info == {"records": 7}  # and without a warning: it would be an error


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_falls_back(small, damage):
    for _ in range(3):
        small.commit(2)
    DAMAGES[damage](_largest(_checkpoint(small, 2)))
    _falls_back(small)


@pytest.mark.parametrize("damage", ["truncated", "empty"])
def test_a_damaged_marker_falls_back(small, damage):
    for _ in range(3):
        small.commit(2)
    DAMAGES[damage](small.store.folder / "commits" / "00000002.json")
    _falls_back(small)


@pytest.mark.parametrize("change", [{"records": 7}, {"info": {"records": 7}}, {"checksum": "0" * 64}, {"extra": 1}])
def test_a_changed_marker_falls_back(small, change):
    for _ in range(3):
        small.commit(2)
    path = small.store.folder / "commits" / "00000002.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    _falls_back(small)


def test_a_lost_checkpoint_folder_falls_back(small):
    for _ in range(3):
        small.commit(2)
    shutil.rmtree(_checkpoint(small, 2))
    _falls_back(small)


def test_whatever_file_is_damaged_the_state_is_never_wrong(small, recwarn):
    for _ in range(2):
        small.commit(2)
    folder = small.store.folder
    fell_back = 0
    for name in [p.relative_to(folder) for p in _checkpoint(small, 1).rglob("*") if p.is_file()]:
        for damage in DAMAGES.values():
            original = (folder / name).read_bytes()
            damage(folder / name)
            records, state, info = small.store.restore_state()
            assert records in (2, 4)
            assert info == {"records": records}
            np.testing.assert_array_equal(state["w"], small.state(records)["w"])
            fell_back += records == 2
            (folder / name).write_bytes(original)
    assert fell_back >= len(DAMAGES)
    assert small.store.restore_state().records == 4


def test_the_fallback_of_a_reader_deletes_nothing(small):
    for _ in range(2):
        small.commit()
    _flip(_largest(_checkpoint(small, 1)))
    before = sorted(small.store.folder.rglob("*"))
    with pytest.warns(RuntimeWarning, match="commit 1 is damaged"):
        assert small.store.restore_state().records == 1
    assert sorted(small.store.folder.rglob("*")) == before


def test_when_nothing_restores_the_message_says_what_to_do_and_nothing_is_deleted(small):
    for _ in range(2):
        small.commit()
    for number in (0, 1):
        _flip(_largest(_checkpoint(small, number)))
    before = sorted(small.store.folder.rglob("*"))
    with pytest.raises(
        StoreError, match=r"commit 1: .*commit 0: .*Nothing was deleted.*delete .* run the same command"
    ):
        small.store.restore()
    assert sorted(small.store.folder.rglob("*")) == before
    small.check(2)  # the records themselves are still readable


def test_markers_that_cannot_be_parsed(small):
    small.commit()
    (small.store.folder / "commits" / "00000000.json").write_text("{")
    with pytest.raises(StoreError, match="no marker can be read"):
        small.store.committed()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_block_of_records_is_an_error_not_a_wrong_value(small, damage):
    small.commit(6)
    DAMAGES[damage](small.store.folder / "records.zarr" / "loss" / "c.0.0")
    with pytest.raises(StoreError, match=r"loss: records cannot be read .*train it again"):
        small.store.read()


def test_a_damaged_block_is_not_written_over(small):
    small.commit(2)
    _flip(small.store.folder / "records.zarr" / "loss" / "c.0.0")
    with pytest.raises(StoreError, match="cannot be written anew"):
        small.commit()
