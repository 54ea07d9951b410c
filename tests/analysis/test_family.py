"""Several claims of one experiment are judged together; what they presuppose comes last; some do not count."""

import math

import numpy as np
import pytest

from gendyn.analysis import Interval, bootstrap, family, finding, mean, mean_over_seeds, unknown
from gendyn.core import ConfigError

ABOVE = Interval(2.0, 1.5, 2.5, 0.9, 1.0)
BELOW = Interval(0.5, 0.2, 0.8, 0.9, 1.0)
UNSURE = Interval(1.1, 0.9, 1.3, 0.9, 1.0)


def normal(p: float, *, level: float = 0.9) -> Interval:
    """An estimate of 1 whose two-sided p-value against 0 is ``p``, with its ends at every level."""
    from scipy.stats import norm

    error = 1.0 / norm.isf(p / 2)

    def at(level: float) -> tuple[float, float]:
        half = error * norm.isf((1 - level) / 2)
        return 1.0 - half, 1.0 + half

    return Interval(1.0, *at(level), level, 1.0, at)


def judged(*ps, **options):
    return [each.verdict for each in family([finding(f"{i}", normal(p), low=0.0, **options) for i, p in enumerate(ps)])]


def by_hand(ps, alpha=0.1):
    """Holm's procedure in its textbook form."""
    supported = [False] * len(ps)
    for rank, i in enumerate(np.argsort(ps)):
        if ps[i] > alpha / (len(ps) - rank):
            break
        supported[i] = True
    return ["supported" if each else "undecided" for each in supported]


def test_it_is_holms_procedure():
    random = np.random.default_rng(0)
    for _ in range(200):
        ps = random.uniform(0.001, 0.12, random.integers(1, 7))
        assert judged(*ps) == by_hand(ps), ps
    assert judged(0.03, 0.04, 0.045) == ["supported"] * 3  # each passes once those before it have
    assert judged(0.04, 0.04, 0.04) == ["undecided"] * 3


def test_exploratory_claims_and_checks_do_not_count_and_are_judged_alone():
    assert judged(0.09, 0.09, 0.09, role="exploratory") == ["supported"] * 3
    mixed = [finding("a", normal(0.09), low=0.0)]
    mixed += [finding(role, normal(0.09), low=0.0, role=role) for role in ("exploratory", "check")]
    assert [(each.verdict, each.role) for each in family(mixed)] == [
        ("supported", "primary"), ("supported", "exploratory"), ("supported", "check"),
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="role"):
        finding("a", ABOVE, low=0.0, role="secondary")


def test_what_is_shown_is_the_interval_at_the_level_of_the_family_and_at_which_it_was_judged():
    found = family([finding(f"{i}", normal(p), low=0.0) for i, p in enumerate((0.01, 0.04, 0.09))])
    assert {each.level for each in found} == {0.9} and found[2].low == normal(0.09).low > 0.0
    assert [each.verdict for each in found] == ["supported", "supported", "supported"]
    assert "Judged at level 0.9667, one of 3 primary claims (Holm)." in found[0].detail
    assert "Judged at" not in found[2].detail
    alone = family([finding("a", normal(0.02), low=0.0)], level=0.99)[0]
    assert alone.verdict == "undecided" and alone.level == 0.99 and alone.low < 0.0


def test_presuppositions_are_looked_at_after_the_correction():
    weak = finding("weak", normal(0.06), low=0.0)
    strong = finding("strong", normal(0.001), low=0.0, given=(weak,))
    assert [each.verdict for each in family([weak, strong])] == ["supported", "supported"]
    third = finding("third", normal(0.3), low=0.0)
    found = family([weak, strong, third])
    assert [each.verdict for each in found] == ["undecided"] * 3
    assert 'Presupposes "weak", which is undecided.' in found[1].detail
    refuted = finding("refuted", BELOW, low=1.0, role="exploratory")
    follows = finding("follows", ABOVE, low=1.0, given=(refuted,), role="exploratory")
    assert [each.verdict for each in family([follows, refuted])] == ["refuted", "refuted"]
    with pytest.raises(ConfigError, match="'refuted' is presupposed, but not among the claims"):
        family([follows])
    with pytest.raises(ConfigError, match="given holds a Finding; pass what finding"):
        finding("follows", ABOVE, low=1.0, given=(found[0],))


def test_seeds_that_are_too_few_for_the_correction_are_said():
    rows = np.array([5.0, 5.2, 5.6, 5.9, 6.1])
    found = family([finding(name, mean_over_seeds(rows), low=1.0) for name in "ab"])
    assert {each.verdict for each in found} == {"undecided"} and found[0].low > 1.0
    assert "Judged at level 0.95, for which its rows are too few: add seeds, one of 2 primary" in found[0].detail


def test_an_interval_that_knows_its_own_level_alone_decides_nothing_above_it():
    several = [finding(f"{i}", ABOVE, low=1.0) for i in range(2)]
    assert [each.verdict for each in family(several)] == ["undecided"] * 2
    exact = Interval(2.0, 2.0, 2.0, 0.9, 1.0)
    assert {each.verdict for each in family([finding(f"{i}", exact, low=1.0) for i in range(9)])} == {"supported"}


@pytest.mark.parametrize(
    "interval, region, borderline",
    [
        (Interval(1.8, 1.5, 2.1, 0.9, 1.0), {"low": 1.0}, False),
        (Interval(1.8, 1.5, 2.1, 0.9, 1.0), {"low": 1.3}, True),
        (Interval(1.8, 1.5, 2.1, 0.9, 1.0), {"low": 0.0, "high": 2.2}, True),
        (Interval(0.5, 0.2, 0.8, 0.9, 1.0), {"low": 1.0}, True),
        (Interval(0.5, 0.2, 0.8, 0.9, 1.0), {"low": 1.2}, False),
        (Interval(2.0, 1.5, math.inf, 0.9, 1.0), {"low": 1.2}, True),
        (Interval(math.inf, 3.0, math.inf, 0.9, 1.0), {"high": 2.0}, True),
        (Interval(math.inf, math.inf, math.inf, 0.9, 1.0), {"high": 2.0}, False),
        (UNSURE, {"low": 1.0}, False),
        (unknown(), {"low": 1.0}, False),
    ],
)
def test_a_decided_claim_is_borderline_where_half_the_width_more_would_flip_it(interval, region, borderline):
    assert family([finding("a", interval, **region)])[0].borderline is borderline


def test_borderline_is_asked_of_the_interval_that_was_judged():
    """At 0.9 it is far from 0; at the level of ten claims half its width is not."""
    many = [finding(f"{i}", normal(p), low=0.0) for i, p in enumerate([5e-4, *[0.9] * 9])]
    assert family(many[:1])[0].borderline is False and family(many)[0].borderline is True


def test_false_support_of_any_primary_claim_is_at_most_half_of_what_the_level_leaves():
    """Six claims, none true, of one population: each with its own noise, 12 seeds."""
    random, false = np.random.default_rng(1), 0
    trials = 400
    for _ in range(trials):
        rows = random.normal(size=(12, 6))
        asked = [finding(f"{i}", mean_over_seeds(column), low=0.0) for i, column in enumerate(rows.T)]
        false += any(each.verdict == "supported" for each in family(asked))
    # 5 % and three standard errors of this simulation; without the correction it is about 26 %.
    assert false / trials <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / trials)


def test_an_undefined_effect_is_undecided_and_its_share_is_said():
    found = family([finding("a", unknown(), low=1.0)])[0]
    assert found.verdict == "undecided" and math.isnan(found.effect)
    some = np.array([1.0, 2.0, np.nan, 3.0, 2.0, 2.0])
    partly = family([finding("a", bootstrap(lambda rows: np.where(np.isnan(mean(rows)), np.nan, 1.0), some), low=0.0)])
    assert "Undefined in" in partly[0].detail
