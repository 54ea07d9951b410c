"""Generalised before; a critical fraction at each weight decay; sharp; equal in pairs; the control; long enough."""

import itertools

import numpy as np

from gendyn.analysis import Places, bootstrap, finding, median, median_place, ratio_of_places, smallest
from gendyn.experiments.grokking.ungrokking.tables import CONTINUED, CONTROL, accuracies, crossing
from gendyn.types import Dataset, Finding

HALF = 0.5
"""Test accuracy at the critical fraction."""
GENERALISED = 0.95
EQUIVALENCE = 1.25
"""Factor within which two critical fractions count as equal."""
SHARP = 2.0
"""Factor of data within which test accuracy goes from 10 % to 90 %."""
SETTLED = 1.1
"""Factor by which the critical fraction may move in the last third of the second phase."""


def verdict(ds: Dataset) -> list[Finding]:
    """Each claim with its interval over seeds."""
    table = accuracies(ds)
    decays = {row: f"weight decay {decay:g}" for row, decay in enumerate(table.decays)}
    half, tenth, most = (crossing(table, table.final, level) for level in (HALF, 0.1, 0.9))
    earlier = crossing(table, table.earlier, HALF)
    continued, fresh, before, low, high = (
        {row: places.at(np.s_[:, row, arm]) for row in decays}
        for places, arm in (
            (half, CONTINUED),
            (half, CONTROL),
            (earlier, CONTINUED),
            (tenth, CONTINUED),
            (most, CONTINUED),
        )
    )
    grown = finding(
        "The networks have generalised when their data are taken away.",
        bootstrap(lambda rows: smallest(median(rows)), table.before.mean(axis=2)),
        low=GENERALISED,
        unit="test accuracy",
        detail="Median over seeds at the weight decay where it is lowest." + table.left_out,
    )
    critical = [
        finding(
            f"At {name} networks ungrok below a critical fraction on the grid.",
            median_place(continued[row]),
            low=float(table.fractions[0]),
            high=float(table.fractions[-1]),
            unit="fraction of all pairs",
            detail=f"Where test accuracy crosses {HALF:.0%}; median over seeds.",
            given=(grown,),
        )
        for row, name in decays.items()
    ]
    widths = [ratio_of_places(high[row], low[row]) for row in decays]
    widest = int(np.argmax([width.estimate for width in widths]))
    sharp = finding(
        "The transition is sharp.",
        widths[widest],
        high=SHARP,
        unit="fraction at 90 % / fraction at 10 % test accuracy",
        detail=f"Ratio of medians over seeds, at {decays[widest]}, where it is widest.",
        given=(grown,),
    )
    equal = [
        _same(
            f"The critical fraction at {decays[second]} is that at {decays[first]}.",
            continued[second],
            continued[first],
            EQUIVALENCE,
            "ratio of critical fractions",
            "Ratio of medians, seeds paired.",
            grown,
        )
        for first, second in itertools.combinations(decays, 2)
    ]
    control, settled = [], []
    for row, name in decays.items():
        place = median_place(fresh[row])
        control.append(
            _same(
                f"At {name} networks trained on the small set from the start have the same critical fraction.",
                continued[row],
                fresh[row],
                EQUIVALENCE,
                "continued / from the start",
                f"From the start: {place.estimate:.3g} [{place.low:.3g}, {place.high:.3g}].",
                grown,
            )
        )
        settled.append(
            _same(
                f"At {name} the critical fraction has settled by the end.",
                continued[row],
                before[row],
                SETTLED,
                "at the end / two thirds of the way there",
                "Of the second phase. Where it has not, the other findings are about this budget.",
            )
        )
    return [grown, *critical, sharp, *equal, *control, *settled]


def _same(claim: str, above: Places, below: Places, factor: float, unit: str, detail: str, *given: Finding) -> Finding:
    """Two critical fractions differ by less than a factor."""
    ratio = ratio_of_places(above, below)
    return finding(claim, ratio, low=1.0 / factor, high=factor, unit=unit, detail=detail, given=given)
