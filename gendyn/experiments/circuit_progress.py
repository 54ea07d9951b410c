"""Circuit progress: do measures of a network's circuits move before its test accuracy does, and by how many steps?

Claim: Behind the sudden rise of test accuracy a trigonometric circuit forms gradually. Measures of it (restricted loss,
excluded loss, concentration on few frequencies, margin per parameter norm) are half way to their final values before
test accuracy crosses one half. They stay where they are in networks that memorise. In the end a few key frequencies
carry the solution: without them the loss is that of chance or worse, without all others it is as good as before.

Refuted if: the median lead over seeds lies below 0 (the measure lags); a measure moves at least half as far in runs on
random labels or without weight decay; there are not 3 to 8 key frequencies (the published count, at modulus 113); the
loss without key frequencies, on all pairs or on those not trained on, is below ``log p``; without the others it is more
than 0.1 above what it was. An interval across a border is undecided.

Half way: a measure's end is its median over the last three records, its turning point the record furthest from that end
among those from 95 % training accuracy on (before, it follows memorisation, and the excluded loss still does for a
while). It is half way between the two at the first of two consecutive later records on the far side. A measure still
under way at the end is half way later in a longer run: leads belong to the budget. The true lead lies between those
that the records allow, and a run that never reaches 95 % test accuracy may have any: its end is not the end. The test
loss goes through the same rule as a sceptic's baseline: it needs no circuit to be ahead of a threshold of accuracy.

Movement of a control run: from its own turning point (counted from where the generalising run of the same seed fits, if
it never does) to its end, over that of the generalising run of the same seed.

Found (default): networks generalise after 17 [14.5, 21.5] times the steps of fitting. Half way before 50 % test
accuracy are the parameter norm, by 720 steps [520, 880], the logits' Gini coefficient, 480 [400, 680], the restricted
loss, 400 [320, 520], and the test loss itself, 260 [160, 360], which the restricted loss leads by 160 [40, 240]. All
others move with the accuracy (undecided), the remainder's efficiency just after it (40 [0, 120], refuted). Memorising
moves none of them that way but the logit scale (refuted, 9 times as far). 9.5 [9, 12] of 23 frequencies are key, more
than the published 3 to 8. Without them the loss is 1.51 log p [1.26, 1.77] on unseen pairs, and 0.97 [0.74, 1.10] on
all (undecided), since what remains still knows training pairs; without the others it rises by 0.04 [0.02, 0.08].

Cost: the default, 24 runs of 2,400 steps with 61 records, took 186 s of CPU time and 283 s of wall time on two x86-64
cores shared with three times their load.

Reference: Nanda, Chan, Lieberum, Smith & Steinhardt (2023), Progress measures for grokking via mechanistic
interpretability, arXiv:2301.05217, section 5; Varma et al. (2023), arXiv:2309.02390 (efficiency).
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn import sweep
from gendyn.analysis import (
    FINISHED,
    Crossing,
    Interval,
    bootstrap,
    config_of,
    finding,
    generalisation_delay,
    grid,
    history,
    record_steps,
    run_status,
    tabulate,
    time_to_threshold,
)
from gendyn.core import ConfigError
from gendyn.plots.circuit_progress import Measure, circuit_progress
from gendyn.types import Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

AXES = ("arm", "seed")
GENERALISING = "generalising"
RESTRICTED = "fourier_progress/restricted_loss"
MEASURES = {
    "test_loss": "test loss (baseline)",
    RESTRICTED: "restricted loss",
    "fourier_progress/excluded_loss": "excluded loss",
    "fourier_progress/key_share": "share of key frequencies",
    "fourier_progress/sum_share": "share of all frequencies",
    "fourier_progress/gini": "Gini, logits",
    "embedding_spectrum/gini": "Gini, embeddings",
    "circuit_efficiency/trigonometric_share": "trigonometric share",
    "circuit_efficiency/trigonometric_efficiency": "trigonometric efficiency",
    "circuit_efficiency/remainder_efficiency": "remainder's efficiency",
    "logit_scale/scale": "logit scale",
    "parameter_norm/total": "parameter norm",
}
"""Recorded variable -> its name in findings; those that a dataset lacks are passed over."""
THRESHOLDS = (0.5, 0.95)
"""Of test accuracy: the verdict is on the first."""
FITTED = 0.95
STILL = 0.5
"""Share of the generalising runs' movement from which a control run counts as moving too."""
HARM = 0.1
"""Rise of the loss, in nats, that counts as none."""
PUBLISHED = (2.5, 8.5)
"""Around 3 to 8 key frequencies."""
DELAYED = 2.0
"""Generalising takes this many times as many steps as fitting: what counts as grokking elsewhere too."""
LEVEL = 0.9
_HOLD = 2
_LAST = 3


class Records(NamedTuple):
    """Histories of the seeds that finished in every arm."""

    steps: np.ndarray
    """``[T]``"""
    arms: dict[str, dict[str, np.ndarray]]
    """Arm -> variable -> ``[S, T]``."""
    left_out: int
    """Seeds that did not finish somewhere."""


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Runs or resumes the sweep that the config describes."""
    return sweep.run(config, workdir=workdir)


def records(ds: "xarray.Dataset") -> Records:
    """The histories that the verdict is about, laid out by arm.

    Raises:
        ConfigError: no arm named ``"generalising"``, no measure, or no seed that is finished in every arm.
    """
    layout = grid(ds, AXES)
    names = [str(name) for name in layout.axes["arm"]]
    measures = [name for name in MEASURES if name in ds]
    if GENERALISING not in names or measures in ([], ["test_loss"]):
        raise ConfigError(
            f"the dataset has the arms {', '.join(names)} and the measures {', '.join(measures) or 'none'}; one arm "
            f"must be {GENERALISING!r}, and probes such as fourier_progress must have run. Start from "
            "configs/circuit_progress.py."
        )
    complete = (tabulate(layout, run_status(ds) == FINISHED) == 1.0).all(axis=0)
    if not complete.any():
        raise ConfigError("no seed is finished in every arm; wait for the first ones.")
    extra = ["train_loss", "train_error", "test_error"]
    extra += [f"fourier_progress/{name}" for name in ("loss", "ablated_key_loss", "ablated_rest_loss")]
    extra += ["fourier_progress/num_key_frequencies"]
    tables = {name: tabulate(layout, history(ds, name))[:, complete] for name in [*measures, *extra] if name in ds}
    steps = tabulate(layout, record_steps(ds))[0, np.flatnonzero(complete)[0]]
    return Records(
        steps,
        {arm: {name: table[row] for name, table in tables.items()} for row, arm in enumerate(names)},
        int(np.sum(~complete)),
    )


def turning_point(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Of values ``[S, T]``: the record furthest from the end, from record ``first [S]`` on; ``[S]``.

    >>> turning_point(np.array([[9.0, 2.0, 1.0, 3.0, 3.0, 3.0]]), np.array([1]))
    array([2])
    """
    distance = np.abs(values - end_of(values)[:, None])
    return np.argmax(np.where(np.arange(values.shape[1]) >= first[:, None], distance, -1.0), axis=1)


def half_way(steps: np.ndarray, values: np.ndarray, first: np.ndarray) -> Crossing:
    """When values ``[S, T]`` are half way from their turning point, sought from record ``first [S]`` on, to their end.

    >>> half_way(np.arange(6.0), np.array([[9.0, 1.0, 1.0, 3.0, 3.0, 3.0]]), np.array([1])).time
    array([3.])
    """
    turn = turning_point(values, first)
    begin = _at(values, turn)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        progress = (values - begin) / (end_of(values)[:, None] - begin)
    known = np.arange(values.shape[1]) >= turn[:, None]
    # A measure that ends where it began is never half way: 0/0 is not a number, and x/0 no progress.
    return time_to_threshold(steps, np.where(known & np.isfinite(progress), progress, np.nan), 0.5, hold=_HOLD)


def end_of(values: np.ndarray) -> np.ndarray:
    """The median of the last records, ``[S]``."""
    return np.asarray(np.median(values[:, -_LAST:], axis=1))


def fitted_record(train_error: np.ndarray) -> np.ndarray:
    """The first record with 95 % training accuracy, ``[S]``; -1 where there is none."""
    inside = train_error <= 1.0 - FITTED
    return np.where(inside.any(axis=1), np.argmax(inside, axis=1), -1)


def lead(measure: Crossing, test: Crossing, known: np.ndarray) -> Interval:
    """Median steps from one crossing to the other, seeds paired; unknown pairs may have any lead.

    The ends are those of the smallest and of the largest leads that the records' spacing allows.
    """
    delay = generalisation_delay(measure, test)
    known = known & measure.observed & test.observed
    low = bootstrap(_median, np.where(known, delay.low, -np.inf), level=LEVEL)
    high = bootstrap(_median, np.where(known, delay.high, np.inf), level=LEVEL)
    estimate = float(np.median(delay.time[known])) if known.any() else math.nan
    return Interval(estimate, low.low, high.high, LEVEL, 1.0)


def measured(found: Records) -> dict[str, Measure]:
    """Variable -> its leads, and its movement in each control arm."""
    runs = found.arms[GENERALISING]
    start = fitted_record(runs["train_error"])
    accuracy = 1.0 - runs["test_error"]
    tests = [time_to_threshold(found.steps, accuracy, threshold, hold=_HOLD) for threshold in THRESHOLDS]
    known = (start >= 0) & tests[-1].observed
    start = np.maximum(start, 0)
    result = {}
    for name in (name for name in MEASURES if name in runs):
        values = runs[name]
        crossing = half_way(found.steps, values, start)
        moved = _movement(values, start)
        controls = {}
        for arm, others in found.arms.items():
            if arm != GENERALISING:
                own = fitted_record(others["train_error"])
                moves = _movement(others[name], np.where(own >= 0, own, start))
                with np.errstate(divide="ignore", invalid="ignore"):
                    # A run that never generalised is nothing to compare with.
                    controls[arm] = _interval(np.where(known, moves / moved, np.nan))
        first, second = (lead(crossing, test, known) for test in tests)
        result[name] = Measure(MEASURES[name], first, second, controls)
    return result


def figure(ds: "xarray.Dataset") -> "Figure":
    """Losses, shares, leads and controls, one panel below the other."""
    found = records(ds)
    runs = found.arms[GENERALISING]
    losses = {
        "train": "train_loss",
        "test": "test_loss",
        "restricted": RESTRICTED,
        "excluded": "fourier_progress/excluded_loss",
        "key ablated": "fourier_progress/ablated_key_loss",
        "rest ablated": "fourier_progress/ablated_rest_loss",
    }
    shares = {
        "Gini, logits": "fourier_progress/gini",
        "key frequencies": "fourier_progress/key_share",
        "trigonometric": "circuit_efficiency/trigonometric_share",
        "Gini, embeddings": "embedding_spectrum/gini",
    }
    curves = {f"{kind} accuracy": 1.0 - runs[f"{kind}_error"] for kind in ("train", "test")}
    config = config_of(ds)
    note, chance = "", None
    if config:
        chance = math.log(config["task"]["modulus"])
        note = (
            f"addition modulo {config['task']['modulus']}, {config['data']['train_fraction']:.0%} of all pairs, weight "
            f"decay {config['optim']['weight_decay']:g}\n"
            f"upper two panels: {GENERALISING} runs; dotted: loss of guessing, log p"
        )
    return circuit_progress(
        found.steps,
        {label: runs[name] for label, name in losses.items() if name in runs},
        curves | {label: runs[name] for label, name in shares.items() if name in runs},
        list(measured(found).values()),
        thresholds=THRESHOLDS,
        chance=chance,
        level=LEVEL,
        note=note,
    )


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Late generalisation, and none in the controls; each measure's lead, and its rest in controls; key frequencies."""
    found = records(ds)
    runs = found.arms[GENERALISING]
    left_out = f" {found.left_out} seeds are left out." if found.left_out else ""
    train, test = (
        time_to_threshold(found.steps, 1.0 - runs[f"{kind}_error"], level, hold=_HOLD)
        for kind, level in (("train", FITTED), ("test", THRESHOLDS[-1]))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        delays = np.where(train.observed & test.observed, test.time / train.time, np.inf)
    findings = [
        finding(
            "Networks generalise long after they have fitted.",
            _interval(np.where(train.observed, delays, np.nan)),
            low=DELAYED,
            unit=f"steps to {THRESHOLDS[-1]:.0%} test accuracy / steps to {FITTED:.0%} training accuracy",
            detail=f"Median over seeds; {int(test.observed.sum())} of {len(test.time)} generalise." + left_out,
        )
    ]
    for arm, others in found.arms.items():
        if arm != GENERALISING:
            fit = float(np.median(1.0 - end_of(others["train_error"])))
            findings.append(
                finding(
                    f"Control: runs with {arm} do not generalise.",
                    _interval(1.0 - end_of(others["test_error"])),
                    high=THRESHOLDS[0],
                    unit="final test accuracy",
                    detail=f"Median over seeds; final training accuracy {fit:.2f}.",
                )
            )
    measures = measured(found)
    for measure in measures.values():
        later = measure.later_lead
        findings.append(
            finding(
                f"The {measure.label} leads: it is half way before test accuracy crosses {THRESHOLDS[0]:.0%}.",
                measure.lead,
                low=0.0,
                unit="steps",
                detail=f"{_direction(measure.lead)}. Before {THRESHOLDS[1]:.0%}: {later.estimate:.0f} "
                f"[{later.low:.0f}, {later.high:.0f}].",
            )
        )
    for measure in measures.values():
        if measure.controls:
            arm, moved = max(measure.controls.items(), key=lambda item: np.nan_to_num(item[1].estimate, nan=np.inf))
            findings.append(
                finding(
                    f"The {measure.label} does not move that way in runs that memorise.",
                    moved,
                    high=STILL,
                    unit="movement / that of generalising runs",
                    detail=f"Median over seeds, paired; in runs with {arm}, where it moves most.",
                )
            )
    if RESTRICTED in runs:
        first = np.maximum(fitted_record(runs["train_error"]), 0)
        restricted, whole = (half_way(found.steps, runs[name], first) for name in (RESTRICTED, "test_loss"))
        findings.append(
            finding(
                "The restricted loss leads the test loss, by the same rule for both.",
                lead(restricted, whole, train.observed & test.observed),
                low=0.0,
                unit="steps",
                detail="Median over seeds, paired.",
            )
        )
    if "fourier_progress/num_key_frequencies" in runs:
        config = config_of(ds)
        findings += _key_frequencies(runs, int(config["task"]["modulus"]), float(config["data"]["train_fraction"]))
    return findings


def _key_frequencies(runs: dict[str, np.ndarray], modulus: int, fraction: float) -> list[Finding]:
    """Of the generalising runs at their end; ``fraction`` of all pairs are trained on."""
    count, loss, without_key, excluded, without_rest = (
        end_of(runs[f"fourier_progress/{name}"])
        for name in ("num_key_frequencies", "loss", "ablated_key_loss", "excluded_loss", "ablated_rest_loss")
    )
    # Without label noise the mean over all pairs is that over the training pairs and over the rest, by their numbers.
    unseen = (without_key - fraction * excluded) / (1.0 - fraction)
    return [
        finding(
            "Networks end with 3 to 8 key frequencies.",
            _interval(count),
            low=PUBLISHED[0],
            high=PUBLISHED[1],
            unit=f"frequencies of {modulus // 2}",
            detail=f"Median over seeds; they have {count.min():.0f} to {count.max():.0f}. Published for modulus 113.",
        ),
        finding(
            "Without the key frequencies the loss is that of chance or worse.",
            _interval(without_key / math.log(modulus)),
            low=1.0,
            unit="loss / log p",
            detail=f"On all pairs; median over seeds. With them: {np.median(loss):.2g}.",
        ),
        finding(
            "So it is on pairs that were not trained on.",
            _interval(unseen / math.log(modulus)),
            low=1.0,
            unit="loss / log p",
            detail="From the losses on all and on training pairs; median over seeds.",
        ),
        finding(
            "Without all other frequencies it is as good as before.",
            _interval(without_rest - loss),
            high=HARM,
            unit="rise of the loss, nats",
            detail="On all pairs; median over seeds.",
        ),
    ]


def _direction(found: Interval) -> str:
    if found.low > 0:
        return "Leads"
    return "Lags" if found.high <= 0 else "Undecided"


def _movement(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    return end_of(values) - _at(values, turning_point(values, first))


def _at(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, place[:, None], axis=1)[:, 0]


def _interval(values: np.ndarray) -> Interval:
    return bootstrap(_median, values, level=LEVEL)


def _median(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.median(values, axis=1))
