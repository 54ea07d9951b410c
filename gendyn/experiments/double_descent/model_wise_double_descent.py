"""Model-wise double descent: does a larger network first get worse, and then better again?

Claim: On data with label noise, the test loss of fully trained networks falls with the width, rises to a peak where
the network becomes just large enough to fit its training set, and falls a second time beyond.

Refuted if: the loss at the peak is no higher than at the valley before it or at the minimum after it, or the peak
lies more than a factor 2 (in parameters) from the interpolation threshold: the equations n K, and the measured size at
which the median run reaches zero training error. The sweep at zero label noise is the control, reported by the same
statistics: the peak is expected to shrink or vanish there.

Cost: the default, 280 runs of 4,000 steps, took 162 s of CPU time and 154 s of wall time on two busy x86-64 cores.

Reference: Belkin, Hsu, Ma & Mandal (2019), Reconciling modern machine-learning practice and the classical bias-variance
trade-off, figure 3; Nakkiran et al. (2020), Deep Double Descent, figures 1 and 4.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gendyn import sweep
from gendyn.analysis import (
    Interval,
    axis_values,
    bootstrap,
    config_of,
    final_values,
    finding,
    grid,
    held_out_ratios,
    interpolation_threshold,
    peak_centre,
    tabulate,
)
from gendyn.core import lookup
from gendyn.plots import double_descent
from gendyn.types import Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

FACTOR = 2.0
"""How far from the threshold, in parameters, a peak still counts as being at it."""
LEVEL = 0.9
"""Of every interval. Five seeds cannot give more: see :func:`gendyn.analysis.attainable_level`."""
Statistic = Callable[..., Any]
AXES = ("data.label_noise", "model.width", "seed")


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Runs or resumes the sweep that the config describes."""
    return sweep.run(config, workdir=workdir)


def figure(ds: "xarray.Dataset") -> "Figure":
    """Loss and error against parameters for each level of label noise, with both thresholds."""
    return double_descent(ds, num_constraints=num_constraints(ds), level=LEVEL)


def num_constraints(ds: "xarray.Dataset") -> int:
    """``n K``: the equations that a network with ``K`` outputs must solve to fit ``n`` examples.

    The task is loaded again where the results do not say: ``K`` is not stored, or ``data.num_train`` is 0 (all).
    """
    num_train = int(axis_values(ds, "data.num_train")[0]) or int(ds.attrs.get("num_available", 0))
    num_outputs = ds.attrs.get("num_outputs")
    if num_outputs is None or num_train == 0:
        arguments = dict(config_of(ds)["task"])
        task = lookup("tasks", arguments.pop("name"))(**arguments)
        num_train, num_outputs = num_train or len(task.y_train), task.num_outputs
    return num_train * int(num_outputs)


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Findings for each level of label noise, highest first, so that the control (0) comes last.

    Seeds that are not finished at every width are left out; with too few left everything is undecided.
    """
    layout = grid(ds, AXES)
    parameters = np.nanmax(tabulate(layout, ds["num_parameters"].values), axis=(0, 2))
    losses, errors = (tabulate(layout, final_values(ds, name)) for name in ("test_loss", "train_error"))
    equations = num_constraints(ds)
    found: list[Finding] = []
    for i in np.argsort(-layout.axes["data.label_noise"]):
        loss, error = losses[i].T, errors[i].T
        complete = ~np.isnan(loss).any(axis=1)
        noise = float(layout.axes["data.label_noise"][i])
        found += _findings(parameters, loss[complete], error[complete], noise, equations)
    return found


def _findings(
    parameters: np.ndarray, loss: np.ndarray, error: np.ndarray, noise: float, num_equations: int
) -> list[Finding]:
    """What one level of label noise shows. ``loss`` and ``error``: ``[S, W]``."""
    at = f"at {noise:.0%} label noise" if noise > 0 else "without label noise (control)"
    held_out = "Peak and valleys are placed by the other seeds and read off the seed left out; median over seeds."
    left, right = held_out_ratios(loss) if len(loss) >= 2 else (np.full(len(loss), math.nan),) * 2
    exists = finding(
        f"Test loss has an interior peak {at}.",
        _interval(_median, np.minimum(left, right)),
        low=1.0,
        unit="peak / higher of its two valleys",
        detail=held_out,
    )
    second = finding(
        f"Test loss descends a second time beyond the peak {at}.",
        _interval(_median, right),
        low=1.0,
        unit="peak / lowest loss after it",
        detail=held_out,
        given=(exists,),
    )
    below = finding(
        f"The second descent goes below the first valley {at}.",
        _interval(_median, left / right),
        high=1.0,
        unit="lowest loss after the peak / first valley",
        detail=held_out,
        given=(exists,),
    )
    found = [exists, second, below]
    if noise > 0:
        for name, threshold in (
            ("the measured threshold", _measured_threshold(parameters)),
            (f"n K = {num_equations:,}", lambda _: (float(num_equations), float(num_equations))),
        ):
            found.append(
                finding(
                    f"Test loss peaks within a factor {FACTOR:g} of {name} {at}.",
                    _place_interval(parameters, loss, error, threshold),
                    low=1.0 / FACTOR,
                    high=FACTOR,
                    unit="parameters at peak / at threshold",
                    detail="The place of the peak is the centre of the interval above half its height, on the "
                    "geometric mean over seeds. The bootstrap resamples seeds; the threshold adds its grid step.",
                    given=(exists,),
                )
            )
    return found


def _measured_threshold(parameters: np.ndarray) -> Statistic:
    """``errors [B, S, W] -> (previous [B], value [B])``: the median run reaches zero train error between the two."""

    def threshold(errors: np.ndarray) -> Any:
        found = interpolation_threshold(parameters, np.median(errors, axis=1))
        return np.where(found.reached, found.previous, np.nan), found.value

    return threshold


def _place_interval(parameters: np.ndarray, loss: np.ndarray, error: np.ndarray, threshold: Statistic) -> Interval:
    """Parameters at the peak over parameters at the threshold, as far apart and as close as seeds and grid allow."""

    def centre(losses: np.ndarray) -> Any:
        # The geometric mean, not the median: the place depends on the whole curve, and on log-normal scatter the median
        # curve is the noisier one (tests/analysis/test_peaks.py).
        return peak_centre(parameters, np.exp(np.mean(np.log(losses), axis=1)))

    lowest = _interval(lambda losses, errors: centre(losses) / threshold(errors)[1], loss, error)
    highest = _interval(lambda losses, errors: centre(losses) / threshold(errors)[0], loss, error)
    defined = min(lowest.defined, highest.defined)
    return lowest._replace(high=highest.high, defined=defined)


def _median(rows: np.ndarray) -> np.ndarray:
    return np.median(rows, axis=1)


def _interval(statistic: Statistic, *arrays: np.ndarray) -> Interval:
    if len(arrays[0]) == 0:
        return Interval(math.nan, -math.inf, math.inf, LEVEL, 0.0)
    return bootstrap(statistic, *arrays, level=LEVEL)
