"""Ungrokking: does a network that has generalised forget it when most of its training set is taken away?

Claim: A network that has grokked and goes on with a prefix ``D'`` of its training set keeps its test accuracy where
``D'`` is above a critical size and loses it below, since there memorising costs less parameter norm than the circuit
that generalises. The transition is sharp, and as both circuits feel the same decay the critical size does not depend on
weight decay. Networks trained on ``D'`` alone end in the same place.

Refuted if: 10 % and 90 % test accuracy are more than a factor 2 of data apart; the critical fractions of two weight
decays, or of continued and fresh networks, differ by more than a factor 1.25. Both factors are conventions, stated here
before the verdict; an interval across the margin is undecided.

Primary claims: a critical fraction on the grid at each weight decay, a sharp transition, and the same critical
fraction at the largest and the smallest weight decay. All presuppose that the networks have generalised before, and
that they keep more than half of the accuracy more on the largest set than on the smallest: where scatter alone decides,
it crosses one half too.

Chosen after looking: steps, learning rate and fractions, by trials, so that all networks generalise before the change
and the transition lies on the grid.

Setting: a quadratic network on addition modulo ``p``, full batch, AdamW. One run is both phases: it trains on
``data.train_fraction`` of all pairs until ``data.change_step``, and then on ``data.changed_train_fraction``. The
control changes at step 1 (of thousands), so that both are tested on the same rows, which neither ever trains on.

Critical fraction: where a seed's final test accuracy (median of the last three records), a piecewise linear function of
``D' / N``, crosses one half for the last time. Without a crossing on the grid it is only known to lie beyond its end,
and both possible extremes enter the interval. The interval is over seeds (initial weights, and which pairs are left);
it does not include the spacing of the grid. The same crossing two thirds of the way through the second phase says
whether the runs were long enough.

Reference: Varma, Shah, Kenton, Kramár & Kumar (2023), Explaining grokking through circuit efficiency, arXiv:2309.02390,
sections 3 and 5.
"""

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from gendyn import analysis
from gendyn.core import ConfigError
from gendyn.plots import Curve, Panel, Rows, draw_panels, style
from gendyn.types import Axes, Dataset, Figure, Finding

DECAY, CHANGE, FRACTION = "optim.weight_decay", "data.change_step", "data.changed_train_fraction"
AXES = (DECAY, CHANGE, FRACTION, "seed")
CONTROL, CONTINUED = 0, 1
HALF = 0.5
"""Test accuracy at the critical fraction."""
GENERALISED = 0.95
EQUIVALENCE = 1.25
"""Factor within which two critical fractions count as equal."""
SHARP = 2.0
"""Factor of data within which test accuracy goes from 10 % to 90 %."""
SIDE = "exploratory"
SETTLED = 1.1
"""Factor by which the critical fraction may move in the last third of the second phase."""


class Accuracies(NamedTuple):
    """Test accuracies of the seeds that have ended everywhere, at ``W`` weight decays and ``F`` ascending fractions.

    Both arms, control and continued, are ``[S, W, 2, F]``.
    """

    decays: np.ndarray
    fractions: np.ndarray
    before: np.ndarray
    """``[S, W, F]``: when the data are taken away, of the continued networks."""
    earlier: np.ndarray
    """Of both arms, two thirds of the way from there to the end."""
    final: np.ndarray
    """Of both arms."""
    left_out: str
    """The sentence on seeds that are left out or diverged."""


def accuracies(ds: Dataset) -> Accuracies:
    """Test accuracies of both arms on the grid of weight decay and fraction; 0 once a run has diverged.

    Raises:
        ConfigError: other axes, other than two change steps, or no seed that is finished everywhere.
    """
    runs = analysis.laid_out(ds, AXES, required=True)
    decays, changes, fractions, _ = runs.axes.values()
    if len(changes) != 2 or len(fractions) < 2:
        raise ConfigError(
            f"the dataset has {len(changes)} values of {CHANGE} and {len(fractions)} of {FRACTION}; pass two changes "
            "(1 for the control, and one after generalisation) and at least two fractions."
        )
    steps = runs.steps[..., runs.seeds.complete, :]
    accuracy = 1.0 - runs.counted("test_error")[..., runs.seeds.complete, :]
    end = np.nanmax(steps, axis=-1, keepdims=True)
    change = np.asarray(changes, float)[None, :, None, None, None]
    before, earlier, final = (
        analysis.seeds_first(analysis.settled_at(steps, accuracy, step))
        for step in (change, change + (end - change) * 2.0 / 3.0, end)
    )
    return Accuracies(decays, fractions, before[:, :, CONTINUED], earlier, final, runs.seeds.sentence)


def crossings(fractions: np.ndarray, accuracy: np.ndarray, level: float = HALF) -> list[list[analysis.Places]]:
    """For each arm and weight decay, the fractions ``[S]`` at which accuracies ``[S, W, A, F]`` cross a level.

    They lie between 0 and 1 in any case.
    """
    found = analysis.last_crossing(fractions, accuracy, level, ends=(0.0, 1.0))
    return [[found.at(np.s_[:, row, arm]) for row in range(accuracy.shape[1])] for arm in (CONTROL, CONTINUED)]


def verdict(ds: Dataset) -> list[Finding]:
    """Generalised before, lost on the smallest set; critical fractions; sharp; equal in pairs; control; long enough."""
    table = accuracies(ds)
    names = [f"weight decay {decay:g}" for decay in table.decays]
    control, continued = crossings(table.fractions, table.final)
    earlier = crossings(table.fractions, table.earlier)[CONTINUED]
    tenth, most = (crossings(table.fractions, table.final, level)[CONTINUED] for level in (0.1, 0.9))
    grown = analysis.finding(
        "The networks have generalised when their data are taken away.",
        analysis.worst_place(None, table.before.mean(axis=2), of="medians", which="smallest"),
        low=GENERALISED,
        unit="test accuracy",
        detail="Median over seeds at the weight decay where it is lowest." + table.left_out,
        role=SIDE,
    )
    kept = table.final[:, :, CONTINUED, -1] - table.final[:, :, CONTINUED, 0]
    forgets = analysis.finding(
        "They keep their test accuracy on the largest set and lose it on the smallest.",
        analysis.worst_place(None, kept, of="medians", which="smallest"),
        low=HALF,
        unit="difference in final test accuracy",
        detail="Median over seeds at the weight decay where it is smallest.",
        given=(grown,),
        role=SIDE,
    )
    result = [grown, forgets]

    def add(
        claim: str,
        found: analysis.Interval,
        low: float,
        high: float,
        unit: str,
        detail: str,
        role: str = "primary",
        given: tuple[analysis.Hypothesis, ...] = (forgets,),
    ) -> None:
        rest: dict[str, Any] = {"unit": unit, "detail": detail, "given": given, "role": role}
        result.append(analysis.finding(claim, found, low=low, high=high, **rest))

    low, high = float(table.fractions[0]), float(table.fractions[-1])
    unit, detail = "fraction of all pairs", f"Where test accuracy crosses {HALF:.0%}; median over seeds."
    for name, here in zip(names, continued, strict=True):
        claim = f"At {name} networks ungrok below a critical fraction on the grid."
        add(claim, analysis.median_place(here), low, high, unit, detail)
    widths = [analysis.ratio_of_places(*ends) for ends in zip(most, tenth, strict=True)]
    widest = int(np.argmax([width.estimate for width in widths]))
    detail = f"Ratio of medians over seeds, at {names[widest]}, where it is widest."
    unit = "fraction at 90 % / fraction at 10 % test accuracy"
    add("The transition is sharp.", widths[widest], -math.inf, SHARP, unit, detail)
    unit, detail = "ratio of critical fractions", "Ratio of medians, seeds paired."
    for first, second in itertools.combinations(range(len(names)), 2):
        claim = f"The critical fraction at {names[second]} is that at {names[first]}."
        ratio = analysis.ratio_of_places(continued[second], continued[first])
        role = "primary" if (first, second) == (0, len(names) - 1) else SIDE
        add(claim, ratio, 1.0 / EQUIVALENCE, EQUIVALENCE, unit, detail, role)
    for name, here, fresh in zip(names, continued, control, strict=True):
        claim = f"At {name} networks trained on the small set from the start have the same critical fraction."
        place, ratio = analysis.median_place(fresh), analysis.ratio_of_places(here, fresh)
        detail = f"From the start: {place.estimate:.3g} [{place.low:.3g}, {place.high:.3g}]."
        add(claim, ratio, 1.0 / EQUIVALENCE, EQUIVALENCE, "continued / from the start", detail, SIDE)
    unit = "at the end / two thirds of the way there"
    detail = "Of the second phase. Where it has not, the other findings are about this budget."
    for name, *ends in zip(names, continued, earlier, strict=True):
        claim = f"At {name} the critical fraction has settled by the end."
        add(claim, analysis.ratio_of_places(*ends), 1.0 / SETTLED, SETTLED, unit, detail, SIDE, ())
    return analysis.family(result)


def figure(ds: Dataset) -> Figure:
    """Final accuracy against fraction, a colour for each weight decay; critical fractions against weight decay.

    Solid lines: networks that had generalised; dashed lines: the control. Lines are medians over seeds, bands and bars
    their intervals; an open end of an interval, and a place beyond the grid, is drawn at the edge of the panel. Shaded:
    what counts as equal to the first critical fraction.

    Reference: Varma et al. (2023), Explaining grokking through circuit efficiency, arXiv:2309.02390, figure 5.
    """
    table = accuracies(ds)
    fractions, names = table.fractions, [style.number(decay) for decay in table.decays.tolist()]
    curves = [
        Curve(
            name * (arm == CONTINUED), fractions, table.final[:, row, arm], colour=colour, statistic="median", line=line
        )
        for row, (name, colour) in enumerate(zip(names, style.sequence(len(names)), strict=True))
        for arm, line in ((CONTINUED, "-"), (CONTROL, (0, (4, 2))))
    ]
    x_label = "fraction of all examples left to train on, D'/N"
    above = Panel("", x_label, "final test accuracy", tuple(curves), "log", legend="lower right")
    ticks = {fraction: f"{fraction:g}" for fraction in fractions.tolist()}
    above = above._replace(y_limits=(-0.02, 1.04), x_ticks=ticks, levels=((HALF, ""),), legend_title="weight decay")
    control, continued = ([analysis.median_place(each) for each in arm] for arm in crossings(fractions, table.final))
    first = continued[0].estimate
    groups = {"had generalised\non more data": continued, "trained on D'\nfrom the start": control}
    rows = tuple(f"weight decay {name}" for name in names)

    def equal(ax: Axes) -> None:
        ax.axvspan(first / EQUIVALENCE, first * EQUIVALENCE, color=style.GREY, alpha=0.12, linewidth=0)

    below = Rows("", "critical fraction", rows, groups, limits=(0.0, fractions[-1]), draw=equal)
    config = analysis.config_of(ds)
    note = (
        f"modulo {config['task']['modulus']}, width {config['model']['width']}, learning rate "
        f"{config['optim']['learning_rate']:g}, {config['train']['num_steps']:,} steps; grown on "
        f"{config['data']['train_fraction']:g} of all pairs\n"
        "solid: had generalised on more data; dashed: trained on D' from the start\n"
        f"shaded: within a factor {EQUIVALENCE:g} of the first critical fraction; bars: 90% intervals\n"
        f"medians of {len(table.final)} seeds"
    )
    return draw_panels((above, below), num_columns=1, width=9.0, note=note, over="seeds")
