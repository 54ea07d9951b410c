"""The verdict follows from interval and region alone."""

import math

import pytest

from gendyn.analysis import Interval, family, finding
from gendyn.core import ConfigError


def judged(*arguments, **options):
    """A claim alone."""
    return family([finding(*arguments, **options)])[0]


def interval(low, high, defined=1.0):
    return Interval((low + high) / 2, low, high, 0.9, defined)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.6, 1.9, "supported"),
        (0.4, 1.9, "undecided"),
        (0.6, 2.5, "undecided"),
        (0.1, 0.4, "refuted"),
        (2.0, 3.0, "refuted"),
        (0.1, 3.0, "undecided"),
    ],
)
def test_region_with_two_bounds(low, high, verdict):
    assert judged("within a factor 2", interval(low, high), low=0.5, high=2.0).verdict == verdict


def test_an_unknown_effect_is_undecided():
    unknown = Interval(math.nan, -math.inf, math.inf, 0.9, 0.2)
    found = judged("a claim", unknown, low=1.0, detail="Peak over valley.")
    assert found.verdict == "undecided"
    assert found.detail.startswith("Peak over valley. Supported if the whole interval is above 1.")
    assert "Undefined in 80.0% of the resamples" in found.detail


def test_claims_that_presuppose_others():
    exists, doubtful, absent = (
        finding("a peak exists", interval(*bounds), low=1.0, role="exploratory")
        for bounds in ((1.2, 1.5), (0.9, 1.5), (0.5, 0.9))
    )
    place = interval(0.9, 1.1)
    found = [
        family([g, finding("it is here", place, low=0.5, high=2.0, given=(g,), role="exploratory")])
        for g in (exists, doubtful, absent)
    ]
    assert [each.verdict for _, each in found] == ["supported", "undecided", "refuted"]
    assert 'Presupposes "a peak exists", which is refuted.' in found[2][1].detail


@pytest.mark.parametrize("region", [{}, {"low": 2.0, "high": 1.0}])
def test_a_claim_needs_a_region(region):
    with pytest.raises(ConfigError, match="can neither support nor refute"):
        finding("anything goes", interval(0, 1), **region)


@pytest.mark.parametrize(
    ("ends", "region", "verdict"),
    [
        ((12.7, math.inf), {"low": 1.0}, "supported"),
        ((math.inf, math.inf), {"low": 1.0}, "supported"),
        ((-math.inf, 0.5), {"low": 1.0}, "refuted"),
        ((-math.inf, 0.5), {"high": 1.0}, "supported"),
        ((12.7, math.inf), {"high": 1.0}, "refuted"),
        ((12.7, math.inf), {"low": 1.0, "high": 100.0}, "undecided"),
        ((-math.inf, math.inf), {"low": 1.0}, "undecided"),
    ],
)
def test_an_end_at_infinity_meets_a_side_without_a_bound(ends, region, verdict):
    """A baseline that never arrives gives a speed-up of at least so much, and of infinitely much at most."""
    assert (
        judged("claim", Interval(ends[0] if math.isfinite(ends[0]) else ends[1], *ends, 0.9, 1.0), **region).verdict
        == verdict
    )
