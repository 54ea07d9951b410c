"""A measure is half way between where it turned and where it ends; one that ends where it turned never is."""

import numpy as np

from gendyn.analysis import first_record, half_way, movement_to_end, turning_point

VALUES = np.array([[9.0, 1.5, 1.0, 3.0, 1.0, 3.0, 3.0, 3.0], [0.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]])


def test_half_way_is_counted_from_the_turning_point_and_a_flat_measure_never_is():
    assert turning_point(VALUES, np.array([1, 1])).tolist() == [2, 1]
    found = half_way(np.arange(8.0), VALUES, np.array([1, 1]))
    assert found.time[0] == 5.0 and found.previous[0] == 4.0  # a record alone on the far side does not count
    assert found.observed.tolist() == [True, False]
    assert half_way(np.arange(8.0), VALUES, np.array([1, 1]), hold=1).time[0] == 3.0


def test_movement_is_signed_and_counted_from_the_first_record():
    assert movement_to_end(VALUES, np.array([1, 1])).tolist() == [2.0, 0.0]
    assert movement_to_end(VALUES, np.array([0, 0])).tolist() == [-6.0, 2.0]
    assert movement_to_end(VALUES, np.array([1, 1]), last=5).tolist() == [2.0, 0.0]


def test_the_first_record_is_minus_one_where_there_is_none():
    assert first_record(VALUES == 3.0).tolist() == [3, -1]
