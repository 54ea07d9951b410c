"""Bands over the seeds that have a value, which may be other seeds at other points."""

import math

import numpy as np

from gendyn.analysis import Band, median_interval

_NONE = Band(np.array(math.nan), np.array(math.nan), np.array(math.nan), 1.0)


def known_medians(table: np.ndarray) -> Band:
    """Median and exact interval of each column of ``[S, T]`` over its values that are not NaN; NaN where none is.

    An end at infinity, which cannot be drawn, is NaN. The level is the lowest of the columns'.
    """
    columns = [column[~np.isnan(column)] for column in table.T]
    found = [median_interval(column) if len(column) else _NONE for column in columns]
    centre, low, high = (np.array([getattr(band, part) for band in found], float) for part in Band._fields[:3])
    low, high = (np.where(np.isinf(end), math.nan, end) for end in (low, high))
    return Band(centre, low, high, min(band.level for band in found))
