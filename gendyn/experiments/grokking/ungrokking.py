"""Ungrokking: does a network that has generalised forget it when most of its training set is taken away?

Claim: A network that has grokked and goes on with a prefix ``D'`` of its training set keeps its test accuracy where
``D'`` is above a critical size and loses it below, since there memorising costs less parameter norm than the circuit
that generalises. The transition is sharp, and as both circuits feel the same decay the critical size does not depend on
weight decay. Networks trained on ``D'`` alone end in the same place.

Refuted if: 10 % and 90 % test accuracy are more than a factor 2 of data apart; the critical fractions of two weight
decays, or of continued and fresh networks, differ by more than a factor 1.25. Both factors are conventions, stated here
before the verdict; an interval across the margin is undecided.

Setting: a quadratic network on addition modulo ``p``, full batch, AdamW. One run is both phases: it trains on
``data.train_fraction`` of all pairs until ``data.change_step``, and then on ``data.changed_train_fraction``. The
control changes at step 1 (of thousands), so that both are tested on the same rows, which neither ever trains on.

Critical fraction: where a seed's final test accuracy (median of the last three records), a piecewise linear function of
``D' / N``, crosses one half for the last time. Without a crossing on the grid it is only known to lie beyond its end,
and both possible extremes enter the interval, which is over seeds (initial weights, and which pairs are left) and knows
nothing of the grid's coarseness. The same crossing two thirds of the way through the second phase says whether the runs
were long enough.

Found (default): the networks forget below 22.4 % [22.1, 22.8] of all pairs at weight decay 1 and 21.8 % [21.6, 22.0] at
2, equal within the margin (ratio 0.97 [0.96, 0.99]). At 0.5 it is 27.6 % [27.4, 27.9], and 2 against 0.5 is refuted by
a little (0.79 [0.77, 0.80]), 1 against 0.5 undecided (0.81 [0.79, 0.83]). At 0.5 the fraction still rises, 1.07 [1.06,
1.08] in the last third: more steps take it away from the others, not towards them. Going from 10 % to 90 % accuracy
takes a factor of up to 2.12 [2.06, 2.17] of data (sharpness refuted by a little; at modulus 31). Networks trained on
the small set from the start need more, 33.5 %, 27.4 % and 24.0 %, all within the margin (0.82 to 0.91).

Cost: the default, 288 runs of 3,000 steps, took 265 s of CPU time and 347 s of wall time on two x86-64 cores shared
with twice their load.

Reference: Varma, Shah, Kenton, Kramár & Kumar (2023), Explaining grokking through circuit efficiency, arXiv:2309.02390,
sections 3 and 5.
"""

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gendyn import sweep
from gendyn.analysis import (
    UNFINISHED,
    Interval,
    bootstrap,
    config_of,
    finding,
    grid,
    history,
    record_steps,
    run_status,
    tabulate,
)
from gendyn.core import ConfigError
from gendyn.plots.ungrokking import Shrunk, ungrokking
from gendyn.types import Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

DECAY, CHANGE, FRACTION = "optim.weight_decay", "data.change_step", "data.changed_train_fraction"
AXES = (DECAY, CHANGE, FRACTION, "seed")
HALF = 0.5
"""Test accuracy at the critical fraction."""
GENERALISED = 0.95
EQUIVALENCE = 1.25
"""Factor within which two critical fractions count as equal."""
SHARP = 2.0
"""Factor of data within which test accuracy goes from 10 % to 90 %."""
SETTLED = 1.1
"""Factor by which the critical fraction may move in the last third of the second phase."""
LEVEL = 0.9
_LAST = 3
"""Records that an accuracy is the median of: one alone may sit on a spike of the loss."""


class Accuracies(NamedTuple):
    """Of the seeds finished everywhere; ``W`` weight decays, ``A = 2`` (control, continued), ``F`` fractions."""

    decays: np.ndarray
    """``[W]``"""
    fractions: np.ndarray
    """``[F]``, ascending."""
    before: np.ndarray
    """``[S, W, F]``: test accuracy when the data are taken away, of the continued networks."""
    earlier: np.ndarray
    """``[S, W, A, F]``: two thirds of the way from there to the end."""
    final: np.ndarray
    """``[S, W, A, F]``"""
    left_out: int
    """Seeds not finished, or diverged, somewhere."""


class Crossings(NamedTuple):
    """Fractions at which accuracy crosses a level; where it is not on the grid, ``low < high``."""

    low: np.ndarray
    high: np.ndarray


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Runs or resumes the sweep that the config describes."""
    return sweep.run(config, workdir=workdir)


def accuracies(ds: "xarray.Dataset") -> Accuracies:
    """Test accuracies of both arms on the grid of weight decay and fraction.

    Raises:
        ConfigError: other axes, other than two change steps, or no seed that is finished everywhere.
    """
    layout = grid(ds, AXES)
    decays, changes, fractions, _ = layout.axes.values()
    if len(changes) != 2 or len(fractions) < 2:
        raise ConfigError(
            f"the dataset has {len(changes)} values of {CHANGE} and {len(fractions)} of {FRACTION}; pass two changes "
            "(1 for the control, and one after generalisation) and at least two fractions."
        )
    steps = tabulate(layout, record_steps(ds))
    accuracy = 1.0 - tabulate(layout, history(ds, "test_error"))
    # A diverged run keeps no circuit: its accuracy counts as 0 from there on, wherever it has been.
    done = tabulate(layout, run_status(ds) != UNFINISHED) == 1.0
    whole = done.all(axis=(0, 1, 2))
    if not whole.any():
        raise ConfigError("no seed is finished at every weight decay, change and fraction; wait for the first ones.")
    steps, accuracy = steps[..., whole, :], np.nan_to_num(accuracy[..., whole, :], nan=0.0)
    end = np.nanmax(steps, axis=-1, keepdims=True)
    change = np.asarray(changes, float)[None, :, None, None, None]

    def at(step: np.ndarray) -> np.ndarray:
        """The median of the last records up to ``step``, ``[W, A, F, S]``."""
        count = np.sum(steps <= step, axis=-1)
        places = np.maximum(count[..., None] - 1 - np.arange(_LAST), 0)
        return np.asarray(np.median(np.take_along_axis(accuracy, places, axis=-1), axis=-1))

    seeds_first = (3, 0, 1, 2)
    before = at(np.broadcast_to(change, end.shape))[:, 1]
    return Accuracies(
        decays,
        fractions,
        before.transpose(2, 0, 1),
        at(change + (end - change) * 2.0 / 3.0).transpose(seeds_first),
        at(end).transpose(seeds_first),
        int(np.sum(~whole)),
    )


def crossings(fractions: np.ndarray, accuracy: np.ndarray, level: float) -> Crossings:
    """The last crossing of ``level`` upwards along the last axis ``F``, linear between neighbours.

    Accuracy above the level everywhere puts it between 0 and the first fraction, below it at the last fraction between
    that and 1.

    >>> found = crossings(np.array([0.1, 0.2, 0.4]), np.array([[0.0, 0.25, 0.75], [0.0, 0.1, 0.2]]), 0.5)
    >>> found.low.round(3).tolist(), found.high.round(3).tolist()
    ([0.3, 0.4], [0.3, 1.0])
    """
    fractions = np.asarray(fractions, float)
    below = accuracy < level
    last = len(fractions) - 1 - np.argmax(below[..., ::-1], axis=-1)
    left = np.minimum(last, len(fractions) - 2)
    first, second = (np.take_along_axis(accuracy, place[..., None], axis=-1)[..., 0] for place in (left, left + 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        at = fractions[left] + (level - first) / (second - first) * (fractions[left + 1] - fractions[left])
    none, all_below = ~below.any(axis=-1), below[..., -1]
    low = np.select([none, all_below], [0.0, fractions[-1]], at)
    high = np.select([none, all_below], [fractions[0], 1.0], at)
    return Crossings(low, high)


def ratio_interval(above: Crossings, below: Crossings) -> Interval:
    """Ratio of the median fractions ``[S]`` of two arms, paired over seeds; what is censored widens it.

    The estimate is that of the middles of what is known.
    """
    smallest = bootstrap(_ratio, above.low, below.high, level=LEVEL)
    largest = bootstrap(_ratio, above.high, below.low, level=LEVEL)
    middle = _ratio(*((np.add(*ends) / 2.0)[None] for ends in (above, below)))[0]
    return Interval(float(middle), smallest.low, largest.high, LEVEL, 1.0)


def critical_interval(found: Crossings) -> Interval:
    """Median fraction over seeds ``[S]``, with the same rule for what is censored."""
    ends = [bootstrap(_median, side, level=LEVEL) for side in found]
    return Interval((ends[0].estimate + ends[1].estimate) / 2.0, ends[0].low, ends[1].high, LEVEL, 1.0)


def figure(ds: "xarray.Dataset") -> "Figure":
    """Final test accuracy against fraction, and critical fractions against weight decay."""
    found = accuracies(ds)
    half = crossings(found.fractions, found.final, HALF)
    rows = [
        Shrunk(
            float(decay),
            found.final[:, row, 1],
            found.final[:, row, 0],
            *(critical_interval(_select(half, row, arm)) for arm in (1, 0)),
        )
        for row, decay in enumerate(found.decays)
    ]
    config = config_of(ds)
    note = ""
    if config:
        note = (
            f"modulo {config['task']['modulus']}, width {config['model']['width']}, learning rate "
            f"{config['optim']['learning_rate']:g}, {config['train']['num_steps']:,} steps; grown on "
            f"{config['data']['train_fraction']:g} of all pairs"
        )
    return ungrokking(found.fractions, rows, half=HALF, equivalence=EQUIVALENCE, level=LEVEL, note=note)


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Generalised before; a critical fraction at each weight decay; sharp; equal in pairs; the control; long enough."""
    found = accuracies(ds)
    half, tenth, most = (crossings(found.fractions, found.final, level) for level in (HALF, 0.1, 0.9))
    earlier = crossings(found.fractions, found.earlier, HALF)
    rows = range(len(found.decays))
    left_out = f" {found.left_out} seeds are left out." if found.left_out else ""
    names = [f"weight decay {decay:g}" for decay in found.decays]

    grown = finding(
        "The networks have generalised when their data are taken away.",
        bootstrap(lambda x: np.min(np.median(x, axis=1), axis=-1), found.before.mean(axis=2), level=LEVEL),
        low=GENERALISED,
        unit="test accuracy",
        detail="Median over seeds at the weight decay where it is lowest." + left_out,
    )
    findings = [grown]
    for row, name in enumerate(names):
        interval = critical_interval(_select(half, row, 1))
        findings.append(
            finding(
                f"At {name} networks ungrok below a critical fraction on the grid.",
                interval,
                low=float(found.fractions[0]),
                high=float(found.fractions[-1]),
                unit="fraction of all pairs",
                detail=f"Where test accuracy crosses {HALF:.0%}; median over seeds.",
                given=(grown,),
            )
        )
    widths = [ratio_interval(_select(most, row, 1), _select(tenth, row, 1)) for row in rows]
    widest = int(np.argmax([width.estimate for width in widths]))
    findings.append(
        finding(
            "The transition is sharp.",
            widths[widest],
            high=SHARP,
            unit="fraction at 90 % / fraction at 10 % test accuracy",
            detail=f"Ratio of medians over seeds, at {names[widest]}, where it is widest.",
            given=(grown,),
        )
    )
    for first, second in itertools.combinations(rows, 2):
        findings.append(
            finding(
                f"The critical fraction at {names[second]} is that at {names[first]}.",
                ratio_interval(_select(half, second, 1), _select(half, first, 1)),
                low=1.0 / EQUIVALENCE,
                high=EQUIVALENCE,
                unit="ratio of critical fractions",
                detail="Ratio of medians, seeds paired.",
                given=(grown,),
            )
        )
    for row, name in enumerate(names):
        fresh = critical_interval(_select(half, row, 0))
        findings.append(
            finding(
                f"At {name} networks trained on the small set from the start have the same critical fraction.",
                ratio_interval(_select(half, row, 1), _select(half, row, 0)),
                low=1.0 / EQUIVALENCE,
                high=EQUIVALENCE,
                unit="continued / from the start",
                detail=f"From the start: {fresh.estimate:.3g} [{fresh.low:.3g}, {fresh.high:.3g}].",
                given=(grown,),
            )
        )
    for row, name in enumerate(names):
        findings.append(
            finding(
                f"At {name} the critical fraction has settled by the end.",
                ratio_interval(_select(half, row, 1), _select(earlier, row, 1)),
                low=1.0 / SETTLED,
                high=SETTLED,
                unit="at the end / two thirds of the way there",
                detail="Of the second phase. Where it has not, the other findings are about this budget.",
            )
        )
    return findings


def _select(found: Crossings, row: int, arm: int) -> Crossings:
    """One weight decay and arm: ``[S]``."""
    return Crossings(found.low[:, row, arm], found.high[:, row, arm])


def _median(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.median(values, axis=1))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(_median(above) / _median(below))
