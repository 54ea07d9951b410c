"""From intervals and stated regions to verdicts. The only place where "supported" is written."""

import math
from collections.abc import Sequence

from gendyn.analysis.finding import Hypothesis
from gendyn.core import check_range
from gendyn.types import Finding


def family(hypotheses: Sequence[Hypothesis], *, level: float = 0.9) -> list[Finding]:
    """Verdicts on all claims of an experiment, corrected for how many of them are primary (Holm).

    Of ``m`` primary claims those are decided whose interval at level ``1 - (1 - level) / m`` lies inside or outside
    its region; with ``r`` of them left, the others are judged at ``1 - (1 - level) / r``, until none is decided. So the
    probability that any true region is missed in all of them together is at most ``1 - level``, half of it on either
    side, however they depend on each other. Exploratory claims and checks are judged at ``level``, each alone, and do
    not count into ``m``. What a claim presupposes is looked at last.

    Args:
        hypotheses: from :func:`gendyn.analysis.finding` and :func:`gendyn.analysis.agreement`.
        level: of the interval that is shown, and of the correction; in (0, 1).

    Returns:
        A finding for each, in their order. ``low`` and ``high`` are at ``level``; the detail says at which level a
        primary claim was judged. A decided claim is ``borderline`` where its interval, moved by half its width, would
        no longer decide it.

    Raises:
        ConfigError: ``level`` out of range.

    >>> from gendyn.analysis import finding, mean_over_seeds
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(0.12, 0.2, 12)
    >>> alone = finding("It is above 0.", mean_over_seeds(rows), low=0.0)
    >>> others = [finding(f"Nothing {i}.", mean_over_seeds(rows - 0.12), low=0.0) for i in range(9)]
    >>> family([alone])[0].verdict, family([alone, *others])[0].verdict
    ('supported', 'undecided')

    Reference: Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    check_range("level", level, low=0, high=1, open_low=True, open_high=True)
    primary = [i for i, asked in enumerate(hypotheses) if asked.role == "primary"]
    levels = dict.fromkeys(range(len(hypotheses)), level) | _judged_at(hypotheses, primary, level)
    verdicts: dict[int, str] = {}

    def verdict(asked: Hypothesis) -> str:
        place = next((i for i, other in enumerate(hypotheses) if other is asked), None)
        if place is not None and place in verdicts:
            return verdicts[place]
        own = asked.decided(level if place is None else levels[place])
        before = [verdict(other) for other in asked.given]
        if "refuted" in before:
            own = "refuted"
        elif own == "supported" and any(word != "supported" for word in before):
            own = "undecided"
        if place is not None:
            verdicts[place] = own
        return own

    found = []
    for place, asked in enumerate(hypotheses):
        word = verdict(asked)
        sentences = [asked.detail, _rule(asked)]
        presupposed = [(other.claim, verdict(other)) for other in asked.given]
        sentences += [f'Presupposes "{claim}", which is {said}.' for claim, said in presupposed if said != "supported"]
        if levels[place] > level:
            sentences.append(f"Judged at level {levels[place]:.3g}, one of {len(primary)} primary claims (Holm).")
        if asked.interval.defined < 1.0:
            missing = f"Undefined in {1.0 - asked.interval.defined:.1%} of the resamples, which may lie anywhere."
            sentences.append(missing)
        borderline = word != "undecided" and asked.decided(level) == word and _borderline(asked, level)
        low, high = asked.ends(level)
        found.append(
            Finding(
                *(asked.claim, asked.interval.estimate, low, high, level, asked.unit, word),
                *(" ".join(filter(None, sentences)), asked.role, borderline),
            )
        )
    return found


def _judged_at(hypotheses: Sequence[Hypothesis], primary: list[int], level: float) -> dict[int, float]:
    """The level at which each primary claim is judged."""
    pending, levels = list(primary), dict[int, float]()
    while pending:
        now = 1.0 - (1.0 - level) / len(pending)
        levels |= dict.fromkeys(pending, now)
        left = [i for i in pending if hypotheses[i].decided(now) == "undecided"]
        if len(left) == len(pending):
            break
        pending = left
    return levels


def _rule(asked: Hypothesis) -> str:
    bounds = [f"above {asked.low:g}" * math.isfinite(asked.low), f"below {asked.high:g}" * math.isfinite(asked.high)]
    return f"Supported if the whole interval is {' and '.join(filter(None, bounds))}."


def _borderline(asked: Hypothesis, level: float) -> bool:
    """Whether a bound of the region is nearer to an end of the interval than that end to the estimate."""
    estimate, ends = asked.interval.estimate, asked.ends(level)
    return any(abs(end - bound) < abs(estimate - end) for end in ends for bound in (asked.low, asked.high))
