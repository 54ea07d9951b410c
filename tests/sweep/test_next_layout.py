"""The pure function from an event to the next layout, without a program."""

import pytest

from gendyn.sweep.execute.layout import (
    Conditions,
    Layout,
    OtherConditions,
    OutOfMemory,
    RunsFinished,
    Start,
    next_layout,
)

HERE = Conditions(1, "cpu", "jax 1")
EIGHT = Layout(0, "vmap", 1, tuple(range(8)), 1, *HERE)


def test_the_first_layout_holds_all_runs_whatever_was_before():
    event = Start(8, "vmap", 1, HERE)
    assert next_layout(None, 0, event) == EIGHT
    assert next_layout(EIGHT, 3, event) == EIGHT._replace(from_record=3)


def test_other_conditions_begin_an_epoch_and_the_same_ones_do_not():
    moved = next_layout(EIGHT, 3, OtherConditions(Conditions(2, "cpu", "jax 1")))
    assert moved == EIGHT._replace(from_record=3, devices=2)
    assert next_layout(EIGHT, 3, OtherConditions(HERE)) is EIGHT


@pytest.mark.parametrize(("active", "rows"), [(8, 8), (5, 8), (4, 4), (1, 1), (0, 8)])
def test_finished_runs_are_dropped_by_halves(active, rows):
    found = next_layout(EIGHT, 3, RunsFinished(tuple(range(active))))
    assert len(found.rows) == rows
    assert found.from_record == (3 if rows < 8 else 0)
    # One after another they cost nothing.
    in_turn = EIGHT._replace(strategy="map")
    assert next_layout(in_turn, 3, RunsFinished(tuple(range(active)))) is in_turn


def test_parts_are_never_more_than_the_runs_that_are_left():
    apart = EIGHT._replace(parts=2)
    assert next_layout(apart, 3, RunsFinished((5,))) == apart._replace(from_record=3, rows=(5,), parts=1)


def test_out_of_memory_halves_until_one_run_a_device_and_then_changes_nothing():
    sizes, layout = [], EIGHT
    while True:
        sizes.append(layout.program_rows())
        smaller = next_layout(layout, 2, OutOfMemory())
        if smaller is layout:
            break
        assert smaller.from_record == 2
        layout = smaller
    assert sizes == [8, 4, 2, 1]


def test_nothing_but_a_start_begins_a_chunk():
    assert [next_layout(None, 0, event) for event in (OutOfMemory(), RunsFinished(()), OtherConditions(HERE))] == [
        None
    ] * 3
