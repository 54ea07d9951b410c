"""The history of layouts on disk: what a restart believes of it."""

import json

import pytest

from gendyn.core import StoreError, digest
from gendyn.sweep.execute.layout import Conditions, OutOfMemory, RunsFinished, Start, next_layout
from gendyn.sweep.execute.layout_file import read_layouts, write_layouts

FIRST = next_layout(None, 0, Start(4, "vmap", 1, Conditions(1, "cpu", "")))
SECOND = next_layout(FIRST, 2, RunsFinished((0, 3)))
HISTORY = (FIRST, SECOND)
JSON = [layout.to_json() for layout in HISTORY]


@pytest.fixture
def path(tmp_path):
    write_layouts(tmp_path / "layout.json", HISTORY)
    return tmp_path / "layout.json"


def test_what_is_written_is_read(path):
    assert read_layouts(path, JSON[:1], 4) == read_layouts(path, [], 4) == HISTORY


def test_before_the_first_segment_there_is_none(tmp_path):
    assert read_layouts(tmp_path / "layout.json", [], 4) == ()


def test_one_of_version_0_4_0_is_read(path):
    path.write_text(json.dumps(JSON))
    assert read_layouts(path, [], 4) == HISTORY


@pytest.mark.parametrize(
    "stored",
    [
        "{",
        "[[[",
        "3",
        json.dumps({"layouts": JSON}),
        json.dumps([JSON[0] | {"rows": [0, 1, 2]}]),
        json.dumps([JSON[0], JSON[1] | {"rows": [0, 7]}]),
        json.dumps([JSON[0], JSON[1] | {"rows": []}]),
        json.dumps([JSON[0] | {"strategy": "pmap"}]),
        json.dumps([JSON[0] | {"parts": 0}]),
        json.dumps([{"rows": 3}]),
        json.dumps(JSON[::-1]),
    ],
)
def test_a_damaged_one_is_replaced_by_that_of_the_commit_or_refused(path, stored):
    path.write_text(stored)
    with pytest.raises(StoreError, match=r"layout.json is damaged \(.*delete .* and run the same command"):
        read_layouts(path, [], 4)
    with pytest.warns(RuntimeWarning, match="The last commit has a copy, which is used"):
        assert read_layouts(path, JSON, 4) == HISTORY


def test_one_of_another_chunk_is_refused(path):
    other = next_layout(FIRST, 2, OutOfMemory())
    assert digest(other.to_json()) != digest(JSON[1])
    with pytest.raises(StoreError, match=r"it contradicts the last commit. Delete layout.json"):
        read_layouts(path, [JSON[0], other.to_json()], 4)
