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

Alignment of features: linear CKA of the hidden units on fixed inputs with themselves at the run's last record.

Movement of a control run: from its own turning point (counted from where the generalising run of the same seed fits, if
it never does) to its end, over that of the generalising run of the same seed.

Found (default): networks generalise after 17 [14.5, 21.5] times the steps of fitting. Half way before 50 % test
accuracy are the parameter norm, by 720 steps [520, 880], the logits' Gini coefficient, 480 [400, 680], the restricted
loss, 400 [320, 520], the test loss itself, 260 [160, 360], which the restricted loss leads by 160 [40, 240], and the
alignment of features, 240 [120, 400]. All others move with the accuracy (undecided), the remainder's efficiency just
after it (40 [0, 120], refuted). Memorising moves none of them that way but the logit scale (refuted, 9 times as far)
and the features (refuted: without decay they turn as far, 0.99 [0.74, 1.10], only later). 9.5 [9, 12] of 23
frequencies are key, more than the published 3 to 8. Without them the loss is 1.51 log p [1.26, 1.77] on unseen pairs,
and 0.97 [0.74, 1.10] on all (undecided), since what remains still knows training pairs; without the others it rises by
0.04 [0.02, 0.08].

Gradients: are they slow, as Grokfast's filters ask? After the fit most of their power is at frequencies that
EMA(0.98) keeps (up to 0.0032 cycles a step; steps 200 to 2,248): 0.973 [0.969, 0.976] of it in generalising runs, least
in the hidden biases, 0.61 [0.55, 0.67]. But so it is on random labels, 0.964 [0.953, 0.970], and without decay, 0.924
[0.907, 0.939]: the slow part is nearly all of the gradient, whether or not it generalises. To measure it, train once
more: ``gradient_spectra(get_config(), start=200, num_steps=2048, segment_length=1024, cutoff=0.0032)``, with the
``get_config`` of the config file; ``gradient_figure`` draws it.

Cost: the default, 24 runs of 2,400 steps with 61 records, took 143 s of CPU time on one shared x86-64 core.

Reference: Nanda, Chan, Lieberum, Smith & Steinhardt (2023), Progress measures for grokking via mechanistic
interpretability, arXiv:2301.05217, section 5; Varma et al. (2023), arXiv:2309.02390 (efficiency).
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from gendyn import sweep
from gendyn.analysis import Interval, config_of, finding, time_to_threshold
from gendyn.experiments.grokking._circuit_gradients import gradient_figure as gradient_figure
from gendyn.experiments.grokking._circuit_gradients import gradient_spectra as gradient_spectra
from gendyn.experiments.grokking._circuit_measures import (
    FITTED,
    GENERALISING,
    HOLD,
    LEVEL,
    RESTRICTED,
    THRESHOLDS,
    end_of,
    fitted_record,
    half_way,
    interval,
    lead,
    measured,
    records,
)
from gendyn.plots.circuit_progress import circuit_progress
from gendyn.types import Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

STILL = 0.5
"""Share of the generalising runs' movement from which a control run counts as moving too."""
HARM = 0.1
"""Rise of the loss, in nats, that counts as none."""
PUBLISHED = (2.5, 8.5)
"""Around 3 to 8 key frequencies."""
DELAYED = 2.0
"""Generalising takes this many times as many steps as fitting: what counts as grokking elsewhere too."""


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Runs or resumes the sweep that the config describes."""
    return sweep.run(config, workdir=workdir)


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
        time_to_threshold(found.steps, 1.0 - runs[f"{kind}_error"], level, hold=HOLD)
        for kind, level in (("train", FITTED), ("test", THRESHOLDS[-1]))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        delays = np.where(train.observed & test.observed, test.time / train.time, np.inf)
    findings = [
        finding(
            "Networks generalise long after they have fitted.",
            interval(np.where(train.observed, delays, np.nan)),
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
                    interval(1.0 - end_of(others["test_error"])),
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
            interval(count),
            low=PUBLISHED[0],
            high=PUBLISHED[1],
            unit=f"frequencies of {modulus // 2}",
            detail=f"Median over seeds; they have {count.min():.0f} to {count.max():.0f}. Published for modulus 113.",
        ),
        finding(
            "Without the key frequencies the loss is that of chance or worse.",
            interval(without_key / math.log(modulus)),
            low=1.0,
            unit="loss / log p",
            detail=f"On all pairs; median over seeds. With them: {np.median(loss):.2g}.",
        ),
        finding(
            "So it is on pairs that were not trained on.",
            interval(unseen / math.log(modulus)),
            low=1.0,
            unit="loss / log p",
            detail="From the losses on all and on training pairs; median over seeds.",
        ),
        finding(
            "Without all other frequencies it is as good as before.",
            interval(without_rest - loss),
            high=HARM,
            unit="rise of the loss, nats",
            detail="On all pairs; median over seeds.",
        ),
    ]


def _direction(found: Interval) -> str:
    if found.low > 0:
        return "Leads"
    return "Lags" if found.high <= 0 else "Undecided"
