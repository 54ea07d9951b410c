"""numpy on saved histories: tables over axes, peaks, threshold crossings with censoring, intervals, verdicts."""

from gendyn.analysis.agreement import agreement
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
from gendyn.analysis.slingshot import Slingshots, find_slingshots
from gendyn.analysis.survival import LogRank, SpeedUp, Survival, kaplan_meier, log_rank, median_time, speed_up
from gendyn.analysis.threshold import Threshold, interpolation_threshold
from gendyn.analysis.time_to_threshold import (
    GROKKING,
    IMMEDIATE,
    NO_GENERALISATION,
    NOT_FITTED,
    PHASES,
    Crossing,
    Delay,
    generalisation_delay,
    grokking_phase,
    time_to_threshold,
)

__all__ = [
    "DIVERGED",
    "FINISHED",
    "GROKKING",
    "IMMEDIATE",
    "NOT_FITTED",
    "NO_GENERALISATION",
    "PHASES",
    "UNFINISHED",
    "Band",
    "Crossing",
    "Delay",
    "Grid",
    "Interval",
    "LogRank",
    "Peak",
    "Slingshots",
    "SpeedUp",
    "Survival",
    "Threshold",
    "agreement",
    "attainable_level",
    "axis_values",
    "bootstrap",
    "config_of",
    "final_values",
    "find_slingshots",
    "finding",
    "generalisation_delay",
    "grid",
    "grokking_phase",
    "held_out_ratios",
    "history",
    "interior_peak",
    "interpolation_threshold",
    "kaplan_meier",
    "log_rank",
    "mean_interval",
    "median_interval",
    "median_time",
    "peak_centre",
    "ratios_at",
    "record_steps",
    "run_status",
    "speed_up",
    "swept_axes",
    "tabulate",
    "time_to_threshold",
]
