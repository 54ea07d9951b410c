"""Late generalisation, and none in the controls; each measure's lead, and its rest in controls; key frequencies."""

import math
from typing import Any

import numpy as np

from gendyn.analysis import Hypothesis, config_of, delay_ratio, family, finding, median, median_over_seeds, settled
from gendyn.experiments.grokking.circuit_progress import tables
from gendyn.experiments.grokking.circuit_progress.tables import FITTED, RESTRICTED, THRESHOLDS, Runs, measured, records
from gendyn.types import Dataset, Finding

STILL = 0.5
"""Share of the generalising runs' movement, either way, from which a control run counts as moving too."""
HARM = 0.1
"""Rise of the loss, in nats, that counts as none."""
PUBLISHED = (2.5, 8.5)
"""Around 3 to 8 key frequencies."""
DELAYED = 2.0
"""Generalising takes this many times as many steps as fitting: what counts as grokking elsewhere too."""
MOVED = 0.1
"""Share of their norm that weights move, or by which features turn, after the fit: less counts as standing still."""
LEADING = (
    RESTRICTED,
    "fourier_progress/excluded_loss",
    "fourier_progress/gini",
    "circuit_efficiency/trigonometric_efficiency",
)
"""Measures whose leads are primary claims."""
SIDE = "exploratory"


def verdict(ds: Dataset) -> list[Finding]:
    """All claims, in the order of the docstring of this file."""
    found, config = records(ds), config_of(ds)
    measures, arrival = measured(found), found.arrivals[-1]
    first, last = (f"{level:.0%}" for level in THRESHOLDS)
    seen = f"{arrival.observed.sum()} of {len(arrival.time)} generalise, others count as 0."
    late = _median(
        "Networks that converge generalise long after they have fitted.",
        np.where(found.fitted.observed & ~arrival.observed, 0.0, delay_ratio(found.fitted, arrival)),
        f"steps to {last} test accuracy / steps to {FITTED:.0%} training accuracy",
        f"Median over seeds; {seen}{found.left_out}",
        low=DELAYED,
    )
    findings, rest = [late], dict[str, Any](given=(late,), role=SIDE)
    for arm, runs in found.controls.items():
        train, test = (1.0 - settled(runs[f"{kind}_error"]) for kind in ("train", "test"))
        claim = f"Control: runs with {arm} do not generalise."
        fit = (
            f"Median over seeds; final training accuracy {np.median(train):.2f}. A run that has not fitted is unknown."
        )
        memorised = np.where(train >= FITTED, test, np.nan)
        findings.append(_median(claim, memorised, "final test accuracy", fit, high=THRESHOLDS[0], **rest))
    for name, each in measures.items():
        lead, later = each.leads
        direction = "Leads" if lead.low > 0 else "Lags" if lead.high <= 0 else "Undecided"
        before = f"{direction}. Before {last}: {later.estimate:.0f} [{later.low:.0f}, {later.high:.0f}]."
        claim = f"The {each.label} leads: it is half way before test accuracy crosses {first}."
        role = "primary" if name in LEADING else SIDE
        findings.append(finding(claim, lead, low=0.0, unit="steps", detail=before, role=role))
    for each in (each for each in measures.values() if each.controls):
        arm, moved = max(each.controls.items(), key=lambda item: np.nan_to_num(abs(item[1].estimate), nan=np.inf))
        claim, unit = f"The {each.label} does not move in runs that memorise.", "movement / that of generalising runs"
        most = f"Median over seeds, paired; in runs with {arm}, where it moves furthest; below 0: the other way."
        findings.append(finding(claim, moved, low=-STILL, high=STILL, unit=unit, detail=most, **rest))
    if RESTRICTED in measures:
        claim = "The restricted loss leads the test loss, by the same rule for both."
        ahead = found.lead(measures[RESTRICTED].half_way, measures["test_loss"].half_way)
        findings.append(finding(claim, ahead, low=0.0, unit="steps", detail="Median over seeds, paired.", role=SIDE))
    findings += _after_fit(found, late)
    if "fourier_progress/num_key_frequencies" in found.generalising:
        task, data = config["task"], config["data"]
        findings += _key_frequencies(found.generalising, task["modulus"], data["train_fraction"], rest)
    return family(findings)


def _after_fit(found: tables.Records, late: Hypothesis) -> list[Hypothesis]:
    """How far weights and features move once the training set is known."""
    runs, result, rest = found.generalising, list[Hypothesis](), dict[str, Any](given=(late,), role=SIDE)

    def told(of: Any) -> str:
        others = ", ".join(f"{arm} {float(median(of(one)[None])[0]):.2g}" for arm, one in found.controls.items())
        return f" Controls: {others}." if others else ""

    if any(name.startswith(tables.NORM) and name not in tables.MEASURES for name in runs):
        of, unit = tables.moved_after_fit, "distance of the weights from the fit / their norm then"
        detail = f"At least, by the norms of the tensors; median over seeds.{told(of)}"
        result.append(_median("The weights move on after the fit.", of(runs), unit, detail, low=MOVED, **rest))
    if tables.FEATURES in runs:
        of, unit = tables.turned_after_fit, "1 - alignment of the features at the fit with the end"
        turned, detail = of(runs), f"Median over seeds.{told(of)}"
        turn = _median("The features turn after the fit.", turned, unit, detail, low=MOVED, **rest)
        result.append(turn)
        if found.controls:
            claim = "The features turn further after the fit than in runs that memorise."
            most = turned - np.max([of(one) for one in found.controls.values()], axis=0)
            detail = "Less the largest of the same seed's control runs; median over seeds."
            result.append(_median(claim, most, unit, detail, low=0.0, given=(turn,), role=SIDE))
    return result


def _median(claim: str, values: np.ndarray, unit: str, detail: str, **region: Any) -> Hypothesis:
    """A finding on the median of a value a seed."""
    return finding(claim, median_over_seeds(values), unit=unit, detail=detail, **region)


def _key_frequencies(runs: Runs, modulus: int, fraction: float, rest: dict[str, Any]) -> list[Hypothesis]:
    """Of the generalising runs at their end; ``fraction`` of all pairs are trained on; ``rest``: of every finding."""
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
    low, high = PUBLISHED
    return [
        _median("Networks end with 3 to 8 key frequencies.", count, of, spread, low=low, high=high, **rest),
        _median(f"{without} {worse}", without_key / chance, unit, whole, low=1.0, **rest),
        _median(f"{without} on pairs that were not trained on {worse}", unseen / chance, unit, parts, low=1.0, **rest),
        _median(
            "Without all frequencies but the key ones the loss is as good as before.",
            without_rest - loss,
            "rise of the loss, nats",
            "On all pairs; median over seeds.",
            high=HARM,
            **rest,
        ),
    ]
