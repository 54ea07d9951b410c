"""A claim with its measured effect and the region it is true in, before it is judged."""

import math
from typing import NamedTuple

from gendyn.analysis.bootstrap import Interval
from gendyn.core import check_choice
from gendyn.core.errors import ConfigError

ROLES = ("primary", "exploratory", "check")


class Hypothesis(NamedTuple):
    """What :func:`finding` makes and :func:`gendyn.analysis.family` judges."""

    claim: str
    interval: Interval
    low: float
    high: float
    unit: str
    detail: str
    given: "tuple[Hypothesis, ...]"
    role: str

    def ends(self, level: float) -> tuple[float, float]:
        """The interval at a level; where only its own is known, that serves lower ones, and nothing is known above."""
        if self.interval.at is not None:
            return self.interval.at(level)
        point = self.interval.low == self.interval.high
        return self.interval[1:3] if point or level <= self.interval.level else (-math.inf, math.inf)

    def decided(self, level: float) -> str:
        """``"supported"``, ``"refuted"`` or ``"undecided"`` by the interval at a level, whatever it presupposes."""
        if math.isnan(self.interval.estimate):
            return "undecided"
        low, high = self.ends(level)
        # A side without a bound asks nothing, so an end at infinity (a run that never arrives) meets it.
        if (self.low == -math.inf or self.low < low) and (self.high == math.inf or high < self.high):
            return "supported"
        # Disjoint from the open region; an interval that says nothing, (-inf, inf), never is.
        outside = high <= self.low > -math.inf or low >= self.high < math.inf
        return "refuted" if outside else "undecided"


def finding(
    claim: str,
    interval: Interval,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    unit: str = "",
    detail: str = "",
    given: tuple[Hypothesis, ...] = (),
    role: str = "primary",
) -> Hypothesis:
    """A claim that is supported if the whole interval lies in the open region ``(low, high)``, refuted if none does.

    Otherwise, or if the effect is undefined, it is undecided. A claim that presupposes others (``given``) is refuted
    when one of them is, and cannot be supported before all of them are: a peak that does not exist is nowhere.
    It has no verdict yet: one claim of several is judged with the others, by :func:`gendyn.analysis.family`.

    Args:
        claim: the sentence the verdict is about.
        interval: the effect with its interval.
        low, high: the region the claim is true in.
        unit: of the effect.
        detail: what the effect is.
        given: what the claim presupposes. An absence presupposes its contrast: that a large ridge has no peak says
            something only where a small one has.
        role: ``"primary"``, one of the claims that the experiment is for, chosen before looking. ``"exploratory"``:
            shown at its own level, without a correction for the others. ``"check"``: an identity or an exact law,
            which tests the code and claims nothing.

    Raises:
        ConfigError: an empty or unbounded region, about which nothing can be found, another role, or something
            presupposed that is no hypothesis.

    >>> from gendyn.analysis.family import family
    >>> [found] = family([finding("a second descent exists", Interval(1.8, 1.5, 2.1, 0.9, 1.0), low=1.0)])
    >>> found.verdict
    'supported'
    """
    if not low < high or (math.isinf(low) and math.isinf(high)):
        raise ConfigError(
            f"the region ({low}, {high}) can neither support nor refute; state at least one finite bound."
        )
    check_choice("role", role, ROLES)
    if wrong := next((other for other in given if not isinstance(other, Hypothesis)), None):
        raise ConfigError(
            f"given holds a {type(wrong).__name__}; pass what finding() returns, which family() judges with this one."
        )
    return Hypothesis(claim, interval, low, high, unit, detail, given, role)
