"""The findings: first valley, interior peak, second descent, and where the peak is."""

import functools
import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from gendyn import analysis
from gendyn.analysis import Hypothesis, bootstrap, config_of, finding, interpolation_threshold, median_over_seeds
from gendyn.core import lookup
from gendyn.types import Dataset, Finding, Task

FACTOR = 2.0
"""How far from the threshold, in parameters, a peak still counts as being at it."""
AXES = ("data.label_noise", "model.width", "seed")
"""Label noise may be a plain leaf of the config."""
HELD_OUT = "Peak and valleys are placed by the other seeds and read off the seed left out; median over seeds."


def num_outputs(ds: Dataset) -> int:
    """``K``. The task is loaded again where the results do not say."""
    return int(ds.attrs["num_outputs"]) if "num_outputs" in ds.attrs else _task(ds).num_outputs


def num_equations(ds: Dataset) -> int:
    """``n K``: the equations that a network with ``K`` outputs must solve to fit ``n`` examples.

    The task is loaded again where the results do not say ``n``: ``data.num_train`` is 0 (all) and none is stored.
    """
    num_train = int(analysis.axis_values(ds, "data.num_train")[0]) or int(ds.attrs.get("num_available", 0))
    return (num_train or len(_task(ds).y_train)) * num_outputs(ds)


def constant_loss(ds: Dataset) -> float:
    """The loss of the predictor that ignores its input and gives each of ``K`` classes the share ``1 / K``.

    ``1 - 1 / K`` for the squared error and ``log K`` for a cross-entropy, whatever the test labels are. The best
    constant is that of the shares ``q`` of the classes, with loss ``1 - sum q^2``: less, by 0.0001 for the digits.
    """
    count = num_outputs(ds)
    return 1.0 - 1.0 / count if config_of(ds).get("loss") == "squared_error" else math.log(count)


def _task(ds: Dataset) -> Task:
    arguments = dict(config_of(ds)["task"])
    return cast(Task, lookup("tasks", arguments.pop("name"))(**arguments))


def verdict(ds: Dataset) -> list[Finding]:
    """Findings for each level of label noise, highest first, so that the control (0) comes last.

    Primary are those on the shape and on the measured threshold at the highest level.
    """
    runs, equations, constant = analysis.laid_out(ds, AXES), num_equations(ds), constant_loss(ds)
    found: list[Hypothesis] = []
    parameters = analysis.parameter_counts(ds, runs.layout, "model.width")
    losses, errors, noises = runs.final("test_loss"), runs.final("train_error"), runs.axes["data.label_noise"]
    for i in np.argsort(-noises):
        # Levels are judged one by one: a seed that lacks a run at another level stays.
        here = runs.seeds.at(i)
        tables = losses[i].T[here.complete], errors[i].T[here.complete]
        role = "exploratory" if found or noises[i] == 0 else "primary"
        found += findings_at(float(noises[i]), *tables, parameters, equations, constant, role, here.sentence)
    return analysis.family(found)


def findings_at(
    noise: float,
    loss: np.ndarray,
    error: np.ndarray,
    parameters: np.ndarray,
    equations: int,
    constant: float,
    role: str,
    left_out: str = "",
) -> list[Hypothesis]:
    """Of one level of label noise: test losses, ``inf`` of a run that diverged, and training errors, ``[S, W]``."""
    at = f"at {noise:.0%} label noise" if noise > 0 else "without label noise (control)"
    shape = shape_of(loss, constant, at, role, left_out)
    left, right = _ratios(loss)
    claim, unit = f"Test loss descends a second time beyond the peak {at}.", "peak / lowest loss after it"
    second = finding(claim, median_over_seeds(right), low=1.0, unit=unit, detail=HELD_OUT, given=shape, role=role)
    claim, unit = f"The second descent goes below the first valley {at}.", "lowest loss after the peak / first valley"
    ratio = median_over_seeds(left / right)
    below = finding(claim, ratio, high=1.0, unit=unit, detail=HELD_OUT, given=(*shape, second), role="exploratory")

    def measured(errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The median run reaches zero training error between the two, ``[B]`` each."""
        threshold = interpolation_threshold(parameters, analysis.median(errors))
        return np.where(threshold.reached, threshold.previous, np.nan), threshold.value

    thresholds: dict[str, Callable[[np.ndarray], tuple[Any, Any]]] = {
        "the measured threshold": measured,
        f"n K = {equations:,}": lambda _: (float(equations), float(equations)),
    }
    places = [
        finding(
            f"Test loss peaks within a factor {FACTOR:g} of {name} {at}.",
            _place(parameters, loss, error, threshold),
            low=1.0 / FACTOR,
            high=FACTOR,
            unit="parameters at peak / at threshold",
            detail="The place of the peak is the centre of the interval above half its height, on the geometric mean "
            "over seeds. The bootstrap resamples seeds; the threshold adds its grid step.",
            given=shape,
            role=role if threshold is measured else "exploratory",
        )
        for name, threshold in thresholds.items()
        if noise > 0
    ]
    return [*shape, second, below, *places]


def shape_of(
    loss: np.ndarray, constant: float, at: str, role: str = "primary", left_out: str = ""
) -> tuple[Hypothesis, Hypothesis]:
    """The two that all others presuppose: the first valley, and the peak beyond it."""
    depth = analysis.held_out_first_valley(loss, level=constant) if len(loss) >= 2 else np.full(len(loss), np.nan)
    valley = finding(
        f"Test loss first falls to a valley {at}: below the smallest network, a constant predictor and the peak.",
        median_over_seeds(depth),
        low=1.0,
        unit="lowest of the three / first valley",
        detail=f"A constant predictor has loss {constant:.3g}. {HELD_OUT}{left_out}",
        role=role,
    )
    claim, unit = f"Test loss has an interior peak {at}.", "peak / higher of its two valleys"
    height = median_over_seeds(np.minimum(*_ratios(loss)))
    return valley, finding(claim, height, low=1.0, unit=unit, detail=HELD_OUT, given=(valley,), role=role)


def _ratios(loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    unknown = np.full(len(loss), np.nan)
    return analysis.held_out_ratios(loss) if len(loss) >= 2 else (unknown, unknown)


def _place(
    parameters: np.ndarray, loss: np.ndarray, error: np.ndarray, threshold: Callable[[np.ndarray], tuple[Any, Any]]
) -> analysis.Interval:
    """Parameters at the peak over parameters at the threshold, as far apart and as close as seeds and grid allow."""

    def ratio(losses: np.ndarray, errors: np.ndarray, end: int) -> np.ndarray:
        # The geometric mean, not the median: the place depends on the whole curve, and on log-normal scatter the median
        # curve is the noisier one (tests/analysis/test_peaks.py).
        centre = analysis.peak_centre(parameters, analysis.geometric_mean(losses))
        return np.asarray(centre / threshold(errors)[end])

    return analysis.spanning(*(bootstrap(functools.partial(ratio, end=end), loss, error) for end in (1, 0)))
