"""Slingshots are found in cycles of growth, spike and plateau, and in nothing that lacks one of the three."""

import numpy as np
import pytest

from gendyn.analysis import depth_of_slingshots, find_slingshots, first_slingshot
from gendyn.core import ConfigError

STEPS = np.arange(0.0, 4000, 10)


def history(begins=(500, 1300, 2100, 2900), *, spikes=True, grows=True, plateau=True, noise=0.1, rise=1.0, seed=0):
    """Norm growing for 300 steps to each begin, flat after; loss 1e-4, at each begin 1.0 decaying over 80 steps."""
    random = np.random.default_rng(seed)
    loss = np.full(len(STEPS), 1e-4)
    norm = np.full(len(STEPS), 10.0)
    for begin in begins:
        since = STEPS - begin
        if spikes:
            loss += np.where(since >= 0, np.exp(-np.maximum(since, 0) / 20.0), 0.0)
        if grows:
            norm += rise * np.clip((since + 300) / 300, 0, 1 if plateau else np.inf)
    return norm * np.exp(0.0005 * random.normal(size=norm.shape)), loss * np.exp(noise * random.normal(size=loss.shape))


def find(*runs, **kwargs):
    norms, losses = zip(*runs, strict=True)
    return find_slingshots(STEPS, np.array(norms), np.array(losses), **kwargs)


def test_every_cycle_is_counted_at_its_step_with_its_period():
    found = find(*(history(seed=seed) for seed in range(5)))
    assert found.num_cycles.tolist() == [4] * 5 and found.period.tolist() == [800.0] * 5
    for steps in found.steps:
        np.testing.assert_allclose(steps, [500, 1300, 2100, 2900], atol=10)
    assert found.num_spikes.tolist() == [4] * 5


def test_other_periods_are_told_apart():
    found = find(history((400, 800, 1200)), history((500, 2000)), history((700,)))
    assert found.num_cycles.tolist() == [3, 2, 1]
    np.testing.assert_array_equal(found.period, [400, 1500, np.nan])


@pytest.mark.parametrize(("missing", "spikes"), [("spikes", 0), ("grows", 4), ("plateau", 4)])
def test_without_one_of_the_three_there_is_none(missing, spikes):
    """The negative controls: no spike, spikes at a constant norm, and a norm that goes on growing as before."""
    found = find(history(**{missing: False}))
    assert found.num_cycles.tolist() == [0] and np.isnan(found.period[0]) and found.num_spikes.tolist() == [spikes]


def test_noise_a_learning_curve_and_divergence_are_none():
    random = np.random.default_rng(0)
    noisy = 10 + STEPS / 500, 1e-3 * np.exp(0.3 * random.normal(size=len(STEPS)))
    learning = 10 + STEPS / 500, np.exp(-STEPS / 300)
    blows_up = 10 + np.minimum(STEPS, 2000) / 500, np.where(STEPS < 2000, 1e-3, 1e3)
    found = find(noisy, learning, blows_up)
    assert found.num_cycles.tolist() == found.num_spikes.tolist() == [0, 0, 0]


def test_a_cycle_at_the_end_is_not_counted_before_its_plateau_is_seen():
    assert find(history((500, 3950))).num_cycles.tolist() == [1]


def test_scale_of_norm_and_loss_do_not_matter():
    norm, loss = history()
    found = find((norm, loss), (1e3 * norm, 1e-3 * loss))
    assert found.num_cycles.tolist() == [4, 4]
    np.testing.assert_array_equal(found.steps[0], found.steps[1])


def test_the_thresholds_are_those_stated():
    small = history(rise=0.2)
    assert find(small).num_cycles.tolist() == [0] and find(small, growth=0.003).num_cycles.tolist() == [4]
    assert find(history(), spike=1e5).num_spikes.tolist() == [0]


def test_missing_records_are_passed_over():
    norm, loss = history()
    norm[::7] = np.nan
    loss[-20:] = np.nan
    assert find((norm, loss)).num_cycles.tolist() == [4]


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"spike": 1.0}, r"spike = 1.0 must be in \(1, inf\)"),
        ({"growth": 0.0}, r"growth = 0.0 must be in \(0, inf\)"),
        ({"plateau": 1.0}, r"plateau = 1.0 must be in \[0, 1\)"),
        ({"window": 2}, "window = 2 must be an integer of at least 3"),
        ({"train_loss": np.ones(4)}, r"train_loss \(4,\); pass the two histories \[R, T\]"),
    ],
)
def test_bad_arguments(kwargs, match):
    with pytest.raises(ConfigError, match=match):
        find_slingshots(
            **{"steps": np.arange(4.0), "last_layer_norm": np.ones((1, 4)), "train_loss": np.ones((1, 4))} | kwargs
        )


def test_the_first_cycle_lies_after_the_record_before_it_and_runs_without_one_are_censored():
    found = find(history((500, 1300)), history(spikes=False), history(spikes=False))
    steps = np.tile(STEPS, (3, 1))
    steps[2, -50:] = np.nan
    first = first_slingshot(steps, found)
    assert first.time.tolist() == [found.steps[0][0], STEPS[-1], STEPS[-51]] and first.observed.tolist() == [
        True,
        False,
        False,
    ]
    assert first.previous.tolist() == [first.time[0] - 10.0, *first.time[1:]]
    lost = first_slingshot(steps, found, never=np.array([True, True, False]))
    assert lost.time.tolist() == [first.time[0], np.inf, first.time[2]] and lost.previous[1] == np.inf


def test_the_depth_is_the_lowest_loss_before_the_first_spike_over_runs_that_have_one():
    runs = [history((500, 1300)), history((1300,)), history(spikes=False)]
    found, losses = find(*runs), np.array([loss for _, loss in runs])
    steps = np.tile(STEPS, (3, 1))
    lowest = [losses[i, steps[i] < found.steps[i][0]].min() for i in (0, 1)]
    assert depth_of_slingshots(steps, losses, found) == np.median(lowest)
    assert np.isnan(depth_of_slingshots(steps[2:], losses[2:], find(runs[2])))
