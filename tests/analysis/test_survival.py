"""Survival estimates against textbook examples worked by hand, and what they say of runs that never arrive."""

import math

import numpy as np
import pytest
from scipy.stats import CensoredData, ecdf

from gendyn.analysis import Crossing, kaplan_meier, log_rank, median_time, speed_up
from gendyn.core import ConfigError

# Freireich et al. (1963), weeks in remission; Klein & Moeschberger (2003), table 1.2 and example 4.1.
DRUG = np.array([6.0, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35])
DRUG_SEEN = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], bool)
PLACEBO = np.array([1.0, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23])
ALL = np.ones(21, bool)


def crossing(times, seen=None, gap=0.0):
    times = np.asarray(times, float)
    seen = np.ones(len(times), bool) if seen is None else np.asarray(seen, bool)
    return Crossing(times, np.where(seen, times - gap, times), seen)


def test_kaplan_meier_of_the_leukaemia_trial():
    found = kaplan_meier(DRUG, DRUG_SEEN, level=0.95)
    at = {float(t): i for i, t in enumerate(found.times)}
    expected = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448, 35: 0.448}
    for time, share in expected.items():
        assert found.share[at[time]] == pytest.approx(share, abs=5e-4)
    assert found.num_at_risk[at[6]] == 21 and found.num_at_risk[at[13]] == 12 and found.median == 23
    # Greenwood at 6 by hand: variance of log S is 3 / (21 * 18); the band is S^exp(-+1.96 sd / log S).
    sd = math.sqrt(3 / (21 * 18)) / abs(math.log(18 / 21))
    assert found.low[at[6]] == pytest.approx((18 / 21) ** math.exp(1.959964 * sd), rel=1e-6)
    assert found.high[at[6]] == pytest.approx((18 / 21) ** math.exp(-1.959964 * sd), rel=1e-6)
    # The log-log interval of the median in the literature: (13, not reached).
    assert (found.median_low, found.median_high) == (13, math.inf)


def test_band_is_scipys_where_scipy_has_one():
    found = kaplan_meier(DRUG, DRUG_SEEN, level=0.9)
    sf = ecdf(CensoredData(uncensored=DRUG[DRUG_SEEN], right=DRUG[~DRUG_SEEN])).sf
    band = sf.confidence_interval(0.9, method="log-log")
    np.testing.assert_allclose(found.low, band.low.probabilities)
    np.testing.assert_allclose(found.high, band.high.probabilities)


def test_complete_data_give_the_empirical_curve_and_the_sample_median():
    found = kaplan_meier(PLACEBO, ALL)
    np.testing.assert_allclose(found.share, [np.mean(t < PLACEBO) for t in found.times])
    assert found.median == np.median(PLACEBO) == 8
    even = np.array([1.0, 2, 3, 10])
    assert kaplan_meier(even, np.ones(4, bool)).median == np.median(even) == 2.5
    assert found.share[-1] == found.low[-1] == found.high[-1] == 0


def test_interval_covers_the_median_at_its_level_under_random_censoring():
    random = np.random.default_rng(0)
    hits, num_sets = 0, 400
    for _ in range(num_sets):
        life, follow = random.exponential(1.0, 30), random.exponential(2.0, 30)
        found = kaplan_meier(np.minimum(life, follow), life <= follow, level=0.9)
        hits += found.median_low <= math.log(2) < found.median_high
    assert abs(hits / num_sets - 0.9) < 0.045


def test_runs_that_never_arrive_stay_at_risk_and_unknown_ones_leave():
    times, seen = np.array([5.0, 7, np.inf, np.inf, np.inf]), np.array([1, 1, 0, 0, 0], bool)
    found = kaplan_meier(times, seen)
    assert found.times.tolist() == [5, 7] and found.share.round(6).tolist() == [0.8, 0.6] and found.median == math.inf
    more = kaplan_meier(np.append(times, -np.inf), np.append(seen, False))
    assert more.share.tolist() == found.share.tolist()
    # Leaving early instead of failing is another claim, and gives another curve.
    early = kaplan_meier(np.where(np.isinf(times), 6.0, times), seen)
    assert early.share[-1] < 0.1


def test_no_arrival_at_all():
    found = kaplan_meier(np.array([10.0, 10.0]), np.zeros(2, bool))
    assert found.share.tolist() == [1.0] and found.low.tolist() == found.high.tolist() == [1.0]
    assert (found.median, found.median_low, found.median_high) == (math.inf,) * 3


def test_median_interval_is_exact_at_few_runs_and_a_common_budget():
    """8 runs, the 2nd and 7th order statistic: 1 - 2 (1 + 8) / 256 = 0.93; the 7th is censored, so no upper end."""
    times, seen = np.array([1.0, 2, 3, 4, 5, 6, 9, 9]), np.array([1] * 6 + [0] * 2, bool)
    assert median_time(times, seen)[:3] == (4.5, 2.0, math.inf)
    assert median_time(times, np.ones(8, bool))[:3] == (4.5, 2.0, 9.0)
    assert median_time(times[:4], np.ones(4, bool))[1:3] == (-math.inf, math.inf)
    # With nobody there the median is beyond what was followed, and that is said.
    assert median_time(np.full(8, 9.0), np.zeros(8, bool))[:3] == (math.inf, 9.0, math.inf)
    # Censored in between: Brookmeyer and Crowley's.
    found = median_time(DRUG, DRUG_SEEN, level=0.95)
    assert found[:3] == (23, 13, math.inf)


def test_log_rank_of_the_leukaemia_trial():
    """Klein & Moeschberger: chi-square 16.79 on one degree of freedom; the placebo arm relapses sooner."""
    found = log_rank(PLACEBO, ALL, DRUG, DRUG_SEEN)
    assert found.statistic**2 == pytest.approx(16.79, abs=0.005) and found.statistic > 0
    assert found.p_value == pytest.approx(4.17e-5, rel=0.01)
    assert log_rank(DRUG, DRUG_SEEN, PLACEBO, ALL).statistic == pytest.approx(-found.statistic)


def test_log_rank_level_and_limits():
    random = np.random.default_rng(1)
    rejected = 0
    for _ in range(200):
        a, b = np.minimum(random.exponential(size=(2, 20)), 1.5)
        rejected += log_rank(a, a < 1.5, b, b < 1.5).p_value < 0.1
    assert abs(rejected / 200 - 0.1) < 3 * math.sqrt(0.09 / 200)
    none = np.zeros(5, bool)
    assert log_rank(np.full(5, 9.0), none, np.full(5, 9.0), none) == (0.0, 1.0)
    never = log_rank(np.arange(1.0, 9), np.ones(8, bool), np.full(8, np.inf), np.zeros(8, bool))
    assert never.statistic > 3


def test_speed_up_covers_the_true_ratio():
    random = np.random.default_rng(2)
    hits = 0
    for seed in range(100):
        slow, fast = 900 * random.lognormal(0, 0.3, 10), 300 * random.lognormal(0, 0.3, 10)
        found = speed_up(crossing(slow), crossing(fast), seed=seed, num_resamples=400).interval
        hits += found.low <= 3.0 <= found.high
    assert 0.84 <= hits / 100 <= 1.0


def test_equal_arms_show_no_speed_up_and_pairs_are_sharper():
    random = np.random.default_rng(3)
    base = 1000 * random.lognormal(0, 0.5, 12)
    loose, tight = (speed_up(crossing(base), crossing(base * 0.5), paired=p).interval for p in (False, True))
    assert loose.estimate == tight.estimate == pytest.approx(2.0)
    assert tight.high - tight.low < 1e-9 < loose.high - loose.low
    same = speed_up(crossing(base), crossing(base)).interval
    assert same.low < 1 < same.high


def test_a_censored_baseline_gives_a_lower_bound():
    seen = np.array([1, 1] + [0] * 6, bool)
    slow = crossing(np.r_[900.0, 950.0, np.full(6, 1000.0)], seen)
    fast = crossing(np.arange(100.0, 108))
    found = speed_up(slow, fast)
    assert found.interval.estimate == math.inf and found.baseline_median == math.inf
    assert found.at_least == pytest.approx(1000 / 103.5) and found.interval.high == math.inf
    assert 8.5 < found.interval.low < 10
    # The other way round the arm is the one that is not there: at most this, and perhaps 0.
    slower = speed_up(fast, slow)
    assert slower.interval.estimate == 0 == slower.interval.low == slower.at_least and slower.interval.high < 0.12
    nothing = speed_up(slow, slow)
    assert math.isnan(nothing.interval.estimate) and (nothing.interval.low, nothing.interval.high) == (0, math.inf)


def test_coarse_records_widen_the_interval():
    """The published x22.00 is 66 : 3 records of 667 steps: the data allow 21.7 to 33."""
    slow, fast = (crossing(np.full(8, n * 667.0), gap=667.0) for n in (66, 3))
    found = speed_up(slow, fast).interval
    assert found.estimate == pytest.approx(22.0)
    assert (found.low, found.high) == (pytest.approx(65 / 3), pytest.approx(33.0))


def test_seconds_count_the_cost_of_a_step_and_its_error():
    slow, fast = crossing(np.arange(900.0, 908)), crossing(np.arange(300.0, 308))
    steps = speed_up(slow, fast).interval
    seconds = speed_up(slow, fast, baseline_seconds_per_step=0.15, arm_seconds_per_step=0.30)
    assert seconds.interval.estimate == pytest.approx(steps.estimate / 2)
    assert seconds.baseline_median == pytest.approx(903.5 * 0.15)
    unsure = speed_up(slow, fast, baseline_seconds_per_step=(0.15, 0.015), arm_seconds_per_step=(0.30, 0.03)).interval
    assert unsure.high - unsure.low > 3 * (seconds.interval.high - seconds.interval.low)


def test_too_few_runs_say_nothing():
    assert speed_up(crossing([9.0, 10, 11, 12]), crossing([1.0, 2, 3, 4])).interval[1:3] == (0.0, math.inf)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: kaplan_meier(np.ones(2), np.ones(3, bool)), r"times has shape \(2,\) and observed \(3,\)"),
        (lambda: kaplan_meier(np.array([np.nan]), np.ones(1, bool)), "without NaN"),
        (lambda: kaplan_meier(np.array([np.inf]), np.ones(1, bool)), "finite where observed"),
        (lambda: kaplan_meier(np.array([-np.inf]), np.zeros(1, bool)), "no run of which anything is known"),
        (lambda: kaplan_meier(np.ones(2), np.ones(2, bool), level=1.0), r"level = 1.0 must be in \(0, 1\)"),
        (lambda: speed_up(crossing([1.0]), crossing([1.0, 2]), paired=True), "1 baseline and 2 arm runs"),
        (
            lambda: speed_up(crossing([1.0]), crossing([1.0]), arm_seconds_per_step=0.0),
            r"arm_seconds_per_step = 0.0 must be in \(0, inf\)",
        ),
        (lambda: speed_up(crossing([1.0]), crossing([1.0]), num_resamples=5), "num_resamples = 5"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(ConfigError, match=match):
        call()
