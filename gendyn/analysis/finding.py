"""From an interval and a stated region to a verdict. The only place where "supported" is written."""

import math

from gendyn.analysis.bootstrap import Interval
from gendyn.core.errors import ConfigError
from gendyn.types import Finding


def finding(
    claim: str,
    interval: Interval,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    unit: str = "",
    detail: str = "",
    given: tuple[Finding, ...] = (),
) -> Finding:
    """Supported if the whole interval lies in the open region ``(low, high)``, refuted if none of it does.

    Otherwise, or if the effect is undefined, it is undecided. A claim that presupposes others (``given``) is refuted
    when one of them is, and cannot be supported before all of them are: a peak that does not exist is nowhere.

    Args:
        claim: the sentence the verdict is about.
        interval: the effect with its interval.
        low, high: the region the claim is true in.
        unit: of the effect.
        detail: what the effect is; the rule and what was undefined are appended.
        given: findings that the claim presupposes.

    Raises:
        ConfigError: an empty or unbounded region, about which nothing can be found.

    >>> finding("a second descent exists", Interval(1.8, 1.5, 2.1, 0.9, 1.0), low=1.0).verdict
    'supported'
    >>> finding("a second descent exists", Interval(1.1, 0.9, 1.3, 0.9, 1.0), low=1.0).verdict
    'undecided'
    """
    if not low < high or (math.isinf(low) and math.isinf(high)):
        raise ConfigError(
            f"the region ({low}, {high}) can neither support nor refute; state at least one finite bound."
        )
    # A side without a bound asks nothing, so an end at infinity (a run that never arrives) meets it.
    inside = (low == -math.inf or low < interval.low) and (high == math.inf or interval.high < high)
    # Disjoint from the open region; an interval that says nothing, (-inf, inf), never is.
    outside = interval.high <= low > -math.inf or interval.low >= high < math.inf
    verdict = "undecided"
    if not math.isnan(interval.estimate):
        verdict = "supported" if inside else "refuted" if outside else "undecided"
    doubtful = [other for other in given if other.verdict != "supported"]
    if any(other.verdict == "refuted" for other in doubtful):
        verdict = "refuted"
    elif doubtful and verdict == "supported":
        verdict = "undecided"

    bounds = [f"above {low:g}" * math.isfinite(low), f"below {high:g}" * math.isfinite(high)]
    sentences = [detail, f"Supported if the whole interval is {' and '.join(filter(None, bounds))}."]
    sentences += [f'Presupposes "{other.claim}", which is {other.verdict}.' for other in doubtful]
    if interval.defined < 1.0:
        sentences.append(f"Undefined in {1.0 - interval.defined:.1%} of the resamples, which may lie anywhere.")
    return Finding(claim, *interval[:4], unit=unit, verdict=verdict, detail=" ".join(filter(None, sentences)))
