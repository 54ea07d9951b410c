"""From intervals and stated regions to verdicts. The only place where "supported" is written."""

import math
from collections.abc import Sequence

from gendyn.analysis.finding import Hypothesis
from gendyn.core import ConfigError, check_range
from gendyn.types import Finding


def family(hypotheses: Sequence[Hypothesis], *, level: float = 0.9) -> list[Finding]:
    """Verdicts on all claims of an experiment, corrected for how many of them are primary (Holm).

    Of ``m`` primary claims those are decided whose interval at level ``1 - (1 - level) / m`` lies inside or outside
    its region; with ``r`` of them left, the others are judged at ``1 - (1 - level) / r``, until none is decided. Where
    no claim is true, any of them is supported with a probability of at most ``1 - level``, half of it where every
    region has one bound, however they depend on each other. Exploratory claims and checks are judged at ``level``, each
    alone, and do not count into ``m``.

    What a claim presupposes is looked at last: it refutes it if refuted and makes it undecided if undecided. One that
    is not primary is judged alone, so what it refutes no correction covers; it supports nothing.

    Args:
        hypotheses: from :func:`gendyn.analysis.finding` and :func:`gendyn.analysis.agreement`.
        level: of the interval that is shown, and of the correction; in (0, 1).

    Returns:
        A finding for each, in their order. ``low`` and ``high`` are at ``level``; the detail says at which level a
        primary claim was judged. A decided claim is ``borderline`` where the interval that decided it is nearer to the
        bound than the estimate is to its end at ``level``: moved by that half width, it would not decide.

    Raises:
        ConfigError: ``level`` out of range, or a claim presupposes one that is not among them.

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
        if place is None:
            raise ConfigError(f"{asked.claim!r} is presupposed, but not among the claims that are judged; add it.")
        if place not in verdicts:
            own, before = asked.decided(levels[place]), [verdict(other) for other in asked.given]
            if "refuted" in before:
                own = "refuted"
            elif own == "supported" and any(word != "supported" for word in before):
                own = "undecided"
            verdicts[place] = own
        return verdicts[place]

    found = []
    for place, asked in enumerate(hypotheses):
        word = verdict(asked)
        sentences = [asked.detail, _rule(asked)]
        presupposed = [(other.claim, verdict(other)) for other in asked.given]
        sentences += [f'Presupposes "{claim}", which is {said}.' for claim, said in presupposed if said != "supported"]
        if levels[place] > level and len(primary) > 1:
            beyond = asked.ends(levels[place]) == (-math.inf, math.inf) != asked.ends(level)
            few = ", for which its rows are too few: add seeds" * beyond
            sentences.append(f"Judged at level {levels[place]:.4g}{few}, one of {len(primary)} primary claims (Holm).")
        if asked.interval.defined < 1.0:
            missing = f"Undefined in {1.0 - asked.interval.defined:.1%} of the resamples, which may lie anywhere."
            sentences.append(missing)
        borderline = word == asked.decided(level) != "undecided" and _borderline(asked, level, levels[place])
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


def _borderline(asked: Hypothesis, level: float, judged: float) -> bool:
    """Whether a bound is nearer to an end, as it was judged, than the estimate to that end at ``level``."""
    halves = [abs(asked.interval.estimate - end) for end in asked.ends(level)]
    pairs = zip(asked.ends(judged), halves, strict=True)
    return any(abs(end - bound) < half for end, half in pairs for bound in (asked.low, asked.high))
