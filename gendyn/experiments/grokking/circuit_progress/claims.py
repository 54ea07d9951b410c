"""Late generalisation, and none in the controls; each measure's lead, and its rest in controls; key frequencies."""

import math

import numpy as np

from gendyn.analysis import Interval, config_of, delay_ratio, finding, median_over_seeds, settled, time_to_threshold
from gendyn.experiments.grokking.circuit_progress.tables import (
    FITTED,
    HOLD,
    RESTRICTED,
    THRESHOLDS,
    Measure,
    Records,
    Runs,
    fitted_record,
    half_way,
    lead,
    measured,
    records,
)
from gendyn.types import Dataset, Finding

STILL = 0.5
"""Share of the generalising runs' movement from which a control run counts as moving too."""
HARM = 0.1
"""Rise of the loss, in nats, that counts as none."""
PUBLISHED = (2.5, 8.5)
"""Around 3 to 8 key frequencies."""
DELAYED = 2.0
"""Generalising takes this many times as many steps as fitting: what counts as grokking elsewhere too."""


def verdict(ds: Dataset) -> list[Finding]:
    """All claims, in the order of the docstring of this file."""
    found = records(ds)
    runs = found.generalising
    train, test = (
        time_to_threshold(found.steps, 1.0 - runs[f"{kind}_error"], level, hold=HOLD)
        for kind, level in (("train", FITTED), ("test", THRESHOLDS[-1]))
    )
    late = finding(
        "Networks that converge generalise long after they have fitted.",
        median_over_seeds(delay_ratio(train, test)),
        low=DELAYED,
        unit=f"steps to {THRESHOLDS[-1]:.0%} test accuracy / steps to {FITTED:.0%} training accuracy",
        detail=f"Median over seeds; {int(test.observed.sum())} of {len(test.time)} generalise." + found.left_out,
    )
    measures = list(measured(found).values())
    findings = [late, *_controls(found), *map(_leads, measures), *(_rests(each) for each in measures if each.controls)]
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


def _controls(found: Records) -> list[Finding]:
    return [
        finding(
            f"Control: runs with {arm} do not generalise.",
            median_over_seeds(1.0 - settled(runs["test_error"])),
            high=THRESHOLDS[0],
            unit="final test accuracy",
            detail=f"Median over seeds; final training accuracy {np.median(1.0 - settled(runs['train_error'])):.2f}.",
        )
        for arm, runs in found.controls.items()
    ]


def _leads(measure: Measure) -> Finding:
    later = measure.later_lead
    return finding(
        f"The {measure.label} leads: it is half way before test accuracy crosses {THRESHOLDS[0]:.0%}.",
        measure.lead,
        low=0.0,
        unit="steps",
        detail=f"{_direction(measure.lead)}. Before {THRESHOLDS[1]:.0%}: {later.estimate:.0f} "
        f"[{later.low:.0f}, {later.high:.0f}].",
    )


def _rests(measure: Measure) -> Finding:
    arm, moved = max(measure.controls.items(), key=lambda item: np.nan_to_num(item[1].estimate, nan=np.inf))
    return finding(
        f"The {measure.label} does not move that way in runs that memorise.",
        moved,
        high=STILL,
        unit="movement / that of generalising runs",
        detail=f"Median over seeds, paired; in runs with {arm}, where it moves most.",
    )


def _key_frequencies(runs: Runs, modulus: int, fraction: float) -> list[Finding]:
    """Of the generalising runs at their end; ``fraction`` of all pairs are trained on."""
    count, loss, without_key, excluded, without_rest = (
        settled(runs[f"fourier_progress/{name}"])
        for name in ("num_key_frequencies", "loss", "ablated_key_loss", "excluded_loss", "ablated_rest_loss")
    )
    # Without label noise the mean over all pairs is that over the training pairs and over the rest, by their numbers.
    unseen = (without_key - fraction * excluded) / (1.0 - fraction)
    return [
        finding(
            "Networks end with 3 to 8 key frequencies.",
            median_over_seeds(count),
            low=PUBLISHED[0],
            high=PUBLISHED[1],
            unit=f"frequencies of {modulus // 2}",
            detail=f"Median over seeds; they have {count.min():.0f} to {count.max():.0f}. Published for modulus 113.",
        ),
        finding(
            "Without the key frequencies the loss is that of chance or worse.",
            median_over_seeds(without_key / math.log(modulus)),
            low=1.0,
            unit="loss / log p",
            detail=f"On all pairs; median over seeds. With them: {np.median(loss):.2g}.",
        ),
        finding(
            "Without the key frequencies the loss on pairs that were not trained on is that of chance or worse.",
            median_over_seeds(unseen / math.log(modulus)),
            low=1.0,
            unit="loss / log p",
            detail="From the losses on all and on training pairs; median over seeds.",
        ),
        finding(
            "Without all frequencies but the key ones the loss is as good as before.",
            median_over_seeds(without_rest - loss),
            high=HARM,
            unit="rise of the loss, nats",
            detail="On all pairs; median over seeds.",
        ),
    ]


def _direction(found: Interval) -> str:
    if found.low > 0:
        return "Leads"
    return "Lags" if found.high <= 0 else "Undecided"
