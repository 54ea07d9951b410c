"""numpy on saved histories: tables over axes, peaks, threshold crossings with censoring, intervals, verdicts."""

from gendyn.analysis.bootstrap import Interval, attainable_level, bootstrap
from gendyn.analysis.final import (
    DIVERGED,
    FINISHED,
    UNFINISHED,
    Grid,
    axis_values,
    config_of,
    final_values,
    grid,
    history,
    record_steps,
    run_status,
    swept_axes,
    tabulate,
)
from gendyn.analysis.finding import finding
from gendyn.analysis.intervals import Band, mean_interval, median_interval
from gendyn.analysis.peaks import Peak, held_out_ratios, interior_peak, peak_centre, ratios_at
from gendyn.analysis.threshold import Threshold, interpolation_threshold

__all__ = [
    "DIVERGED",
    "FINISHED",
    "UNFINISHED",
    "Band",
    "Grid",
    "Interval",
    "Peak",
    "Threshold",
    "attainable_level",
    "axis_values",
    "bootstrap",
    "config_of",
    "final_values",
    "finding",
    "grid",
    "held_out_ratios",
    "history",
    "interior_peak",
    "interpolation_threshold",
    "mean_interval",
    "median_interval",
    "peak_centre",
    "ratios_at",
    "record_steps",
    "run_status",
    "swept_axes",
    "tabulate",
]
