"""Late generalisation, and none in the controls; each measure's lead, and its rest in controls; key frequencies."""

import math
from typing import Any

import numpy as np

from gendyn.analysis import Hypothesis, config_of, delay_ratio, family, finding, median_over_seeds, settled
from gendyn.experiments.grokking.circuit_progress.tables import FITTED, RESTRICTED, THRESHOLDS, Runs, measured, records
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
    found, config = records(ds), config_of(ds)
    measures, arrival = measured(found), found.arrivals[-1]
    first, last = (f"{level:.0%}" for level in THRESHOLDS)
    late = _median(
        "Networks that converge generalise long after they have fitted.",
        delay_ratio(found.fitted, arrival),
        f"steps to {last} test accuracy / steps to {FITTED:.0%} training accuracy",
        f"Median over seeds; {arrival.observed.sum()} of {len(arrival.time)} generalise.{found.left_out}",
        low=DELAYED,
    )
    findings = [late]
    for arm, runs in found.controls.items():
        train, test = (1.0 - settled(runs[f"{kind}_error"]) for kind in ("train", "test"))
        claim = f"Control: runs with {arm} do not generalise."
        fit = f"Median over seeds; final training accuracy {np.median(train):.2f}."
        findings.append(_median(claim, test, "final test accuracy", fit, high=THRESHOLDS[0]))
    for each in measures.values():
        lead, later = each.leads
        direction = "Leads" if lead.low > 0 else "Lags" if lead.high <= 0 else "Undecided"
        before = f"{direction}. Before {last}: {later.estimate:.0f} [{later.low:.0f}, {later.high:.0f}]."
        claim = f"The {each.label} leads: it is half way before test accuracy crosses {first}."
        findings.append(finding(claim, lead, low=0.0, unit="steps", detail=before))
    for each in (each for each in measures.values() if each.controls):
        arm, moved = max(each.controls.items(), key=lambda item: np.nan_to_num(item[1].estimate, nan=np.inf))
        claim, unit = (
            f"The {each.label} does not move that way in runs that memorise.",
            "movement / that of generalising runs",
        )
        most = f"Median over seeds, paired; in runs with {arm}, where it moves most."
        findings.append(finding(claim, moved, high=STILL, unit=unit, detail=most))
    if RESTRICTED in measures:
        claim = "The restricted loss leads the test loss, by the same rule for both."
        ahead = found.lead(measures[RESTRICTED].half_way, measures["test_loss"].half_way)
        findings.append(finding(claim, ahead, low=0.0, unit="steps", detail="Median over seeds, paired."))
    if "fourier_progress/num_key_frequencies" in found.generalising:
        findings += _key_frequencies(found.generalising, config["task"]["modulus"], config["data"]["train_fraction"])
    return family(findings)


def _median(claim: str, values: np.ndarray, unit: str, detail: str, **region: Any) -> Hypothesis:
    """A finding on the median of a value a seed."""
    return finding(claim, median_over_seeds(values), unit=unit, detail=detail, **region)


def _key_frequencies(runs: Runs, modulus: int, fraction: float) -> list[Hypothesis]:
    """Of the generalising runs at their end; ``fraction`` of all pairs are trained on."""
    count, loss, without_key, excluded, without_rest = (
        settled(runs[f"fourier_progress/{name}"])
        for name in ("num_key_frequencies", "loss", "ablated_key_loss", "excluded_loss", "ablated_rest_loss")
    )
    # Without label noise the mean over all pairs is that over the training pairs and over the rest, by their numbers.
    unseen = (without_key - fraction * excluded) / (1.0 - fraction)
    spread = f"Median over seeds; they have {count.min():.0f} to {count.max():.0f}. Published for modulus 113."
    whole = f"On all pairs; median over seeds. With them: {np.median(loss):.2g}."
    parts = "From the losses on all and on training pairs; median over seeds."
    of = f"frequencies of {modulus // 2}"
    without, worse, unit = "Without the key frequencies the loss", "is that of chance or worse.", "loss / log p"
    chance = math.log(modulus)
    return [
        _median("Networks end with 3 to 8 key frequencies.", count, of, spread, low=PUBLISHED[0], high=PUBLISHED[1]),
        _median(f"{without} {worse}", without_key / chance, unit, whole, low=1.0),
        _median(f"{without} on pairs that were not trained on {worse}", unseen / chance, unit, parts, low=1.0),
        _median(
            "Without all frequencies but the key ones the loss is as good as before.",
            without_rest - loss,
            "rise of the loss, nats",
            "On all pairs; median over seeds.",
            high=HARM,
        ),
    ]
