"""The verdict follows the data: a filter is credited with what it gains over each control, and with no more."""

import importlib
import json
import shutil

import numpy as np
import pytest
import xarray

from configs.grokking import grokfast as config_file
from gendyn.core import ConfigError
from gendyn.experiments import launch
from gendyn.experiments.grokking import grokfast as experiment
from gendyn.sweep import seconds_per_step
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.smoke import points_of, smoke_config

STEPS = np.concatenate([[0], np.geomspace(30, 10_000, 121).round()])
TUNED = {f"{experiment.TUNED} slow": 2500.0, f"{experiment.TUNED} fast": 250.0}
MEDIANS = {
    experiment.BASELINE: 4000.0,
    "EMA": 500.0,
    "MA": 400.0,
    experiment.SAME_DECAY["EMA"]: 1000.0,
    experiment.SAME_DECAY["MA"]: 3500.0,
    experiment.NO_DECAY: 2000.0,
    **TUNED,
}


def sweep(medians, *, seeds=9, seconds=None, random=None, scatter=0.1):
    """Test accuracy arrives around ``medians[arm]``, training accuracy at 100."""
    points = [(arm, seed) for arm in medians for seed in range(seeds)]
    random = np.random.default_rng(0) if random is None else random
    spread = np.exp(scatter * random.normal(size=(seeds, len(medians))))
    arrival = np.array([medians[arm] * spread[seed, list(medians).index(arm)] for arm, seed in points])
    shape = (len(points), len(STEPS))
    train = np.broadcast_to(np.where(STEPS >= 100, 0.0, 0.9), shape)
    runs = ("run", "record")
    attributes = {"config": json.dumps({"experiment": "grokfast"})}
    if seconds is not None:
        attributes["seconds_per_step"] = json.dumps(seconds)
    return xarray.Dataset(
        {
            "train_error": (runs, train),
            "test_error": (runs, np.where(arrival[:, None] <= STEPS, 0.0, 0.9)),
            "train_loss": (runs, train),
            "diverged": (runs, np.zeros(shape, bool)),
        },
        coords={
            "arm": ("run", np.array([arm for arm, _ in points], object)),
            "seed": ("run", np.array([seed for _, seed in points])),
            "step": ("record", STEPS),
        },
        attrs=attributes,
    )


def found_in(ds, *words):
    (found,) = [f for f in experiment.verdict(ds) if all(word in f.claim for word in words)]
    return found


def test_each_control_gets_its_own_verdict():
    ds = sweep(MEDIANS)
    baseline = found_in(ds, "EMA is faster than the published baseline")
    assert baseline.verdict == "supported" and baseline.low < 8 < baseline.high
    assert found_in(ds, "EMA is faster than the same weight decay").verdict == "supported"
    tuned = found_in(ds, "EMA is faster than AdamW with tuned")
    assert tuned.verdict == "refuted" and tuned.effect == pytest.approx(0.5, rel=0.2)
    assert "'tuned AdamW fast' was chosen on the other 3 seeds" in tuned.detail and "6 paired" in tuned.detail
    assert found_in(ds, "The baseline groks").verdict == "supported"
    assert found_in(ds, "MA without weight decay").effect == pytest.approx(2.0, rel=0.2)
    assert not [f for f in experiment.verdict(ds) if "in seconds" in f.claim]


@pytest.mark.parametrize(("median", "verdict"), [(125.0, "supported"), (250.0, "undecided"), (500.0, "refuted")])
def test_a_filter_on_the_tuned_optimizer_is_tuned_too_and_judged_on_other_seeds(median, verdict):
    slow, fast = (f"{experiment.ON_TUNED}{name}" for name in TUNED)
    ds = sweep(MEDIANS | {slow: 3000.0, fast: median})
    found = found_in(ds, "EMA before AdamW, both tuned")
    assert found.verdict == verdict and "6 paired" in found.detail
    assert f"{fast!r} and 'tuned AdamW fast' were chosen on the other 3 seeds" in found.detail
    rows = [label.get_text() for label in experiment.figure(ds).axes[1].get_yticklabels()]
    assert rows[-1] == f"{fast}, held-out seeds (6 of 6)" and len(rows) == 8
    assert found_in(ds, "EMA is faster than AdamW with tuned").verdict == "refuted"


def test_the_share_of_the_filter_is_of_logarithms():
    ds = sweep(MEDIANS)
    share = found_in(ds, "Most of the speed-up of EMA")
    assert share.verdict == "refuted" and share.effect == pytest.approx(1 / 3, abs=0.1)  # log 2 / log 8
    assert found_in(ds, "Most of the speed-up of MA").verdict == "supported"
    never = sweep(MEDIANS | {experiment.BASELINE: np.inf})
    # By the end of the budget EMA is 20 times as fast, of which its decay is all but a factor 2: more only lowers it.
    censored = found_in(never, "Most of the speed-up of EMA")
    assert censored.verdict == "refuted" and censored.effect == pytest.approx(np.log(2) / np.log(20), abs=0.1)
    assert censored.low <= 0 and "nearer to 0" in censored.detail
    assert found_in(never, "Most of the speed-up of MA").verdict == "undecided"
    assert "cut off by its budget: at least" in found_in(never, "EMA is faster than the published baseline").detail


def test_equal_arms_and_few_seeds_are_undecided():
    ds = sweep(MEDIANS | {experiment.SAME_DECAY["EMA"]: 500.0})
    assert found_in(ds, "EMA is faster than the same weight decay").verdict == "undecided"
    few = experiment.verdict(sweep(MEDIANS, seeds=3))
    assert {f.verdict for f in few if "faster" in f.claim} == {"undecided"}


def test_parts_of_the_gradient_and_other_regularisers():
    """The slow part is as good as the whole here, the fast one never arrives, and a held norm helps."""
    slow, fast = experiment.PARTS.values()
    ds = sweep(MEDIANS | {slow: 600.0, fast: np.inf, experiment.HELD: 2000.0, experiment.NOISY: 8000.0})
    assert found_in(ds, "slow part of the gradient alone", "whole").verdict == "supported"
    assert found_in(ds, "slow part of the gradient alone", "fast part").verdict == "supported"
    assert found_in(ds, "fast part of the gradient alone", "whole").verdict == "refuted"
    assert found_in(ds, "norm that is held").effect == pytest.approx(2.0, rel=0.2)
    assert found_in(ds, "noise of batches").verdict == "refuted"


def test_primary_claims_are_both_filters_against_three_controls_in_steps():
    seconds = {name: [1e-3, 1e-5] for name in MEDIANS}
    primary = [f.claim for f in experiment.verdict(sweep(MEDIANS, seconds=seconds)) if f.role == "primary"]
    words = ("published baseline", "same weight decay", "tuned learning rate")
    assert len(primary) == 6 and all("steps" in claim and any(word in claim for word in words) for claim in primary)


def no_effect(random):
    """All arms have one law of times."""
    return sweep(dict.fromkeys(MEDIANS, 1000.0), seeds=12, random=random, scatter=0.4)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_supports_no_primary_claim(count):
    rates = false_support(experiment.verdict, no_effect, count)
    assert len(rates) == 6 and too_often(rates, count) == {}


def test_seconds_can_undo_a_gain_in_steps():
    cost = {name: [1e-3, 1e-5] for name in MEDIANS} | {"EMA": [3e-3, 1e-5]}
    ds = sweep(MEDIANS, seconds=cost)
    assert found_in(ds, "EMA is faster than the same weight decay", "in steps").verdict == "supported"
    slower = found_in(ds, "EMA is faster than the same weight decay", "in seconds")
    assert slower.verdict == "refuted" and "3 times as long" in slower.detail


def test_arms_that_are_not_there_are_not_judged():
    claims = [f.claim for f in experiment.verdict(sweep({"EMA": 500.0, "MA": 400.0}))]
    assert claims == ["EMA generalises in most seeds.", "MA generalises in most seeds."]
    ds = sweep({"EMA": 500.0, "MA": 400.0}, seeds=1)
    with pytest.raises(ConfigError, match="no seed has a run in every arm"):
        experiment.verdict(ds.assign_coords(seed=("run", np.array([0, 1]))))


def test_the_figure_shows_each_control_once_and_the_best_tuned_arm_on_held_out_seeds():
    top, bottom = experiment.figure(sweep(MEDIANS)).axes
    rows = [label.get_text() for label in bottom.get_yticklabels()]
    assert rows[:3] == [f"{name} (9 of 9)" for name in (experiment.BASELINE, "EMA", "MA")]
    assert rows[-1] == "tuned AdamW fast, held-out seeds (6 of 6)" and len(rows) == 7
    assert {row for row in rows} <= {str(line.get_label()) for line in top.get_lines()}


def banded(made):
    """How many bands the upper panel has."""
    return sum(bool(band.get_paths()) for band in made.axes[0].collections)


def test_bands_are_drawn_where_few_arms_leave_room():
    many, few = sweep(MEDIANS), sweep({name: MEDIANS[name] for name in (experiment.BASELINE, *experiment.FILTERS)})
    assert banded(experiment.figure(few)) == 3 and banded(experiment.figure(many)) == 0


def test_the_smoke_config_times_its_arms_once(finished, monkeypatch, tmp_path):
    folder, ds = finished("grokfast")
    seconds = seconds_per_step(ds)
    assert set(seconds) == set(ds["arm"].values) and min(mean for mean, _ in seconds.values()) > 0
    # The baseline and its weight decay share a program, hence a timing.
    assert seconds[experiment.BASELINE] == seconds[experiment.SAME_DECAY["EMA"]] != seconds["EMA"]
    # Going on with a finished sweep times nothing again.
    module = importlib.import_module("gendyn.sweep.time_arms")
    monkeypatch.setattr(module, "time_steps", lambda config, names: pytest.fail("timed"))
    again = launch(smoke_config("grokfast"), shutil.copytree(folder, tmp_path / "copy"), quiet=True)
    assert seconds_per_step(again) == seconds


def arms_of_one_seed(variant):
    config = config_file.get_config(variant).unlock()
    config.axes, config.zip_axes = (config.axes[0], ("seed", (0,))), ()
    return {point.flat["arm"]: point.flat for point in points_of(config)}


def test_variants_are_complete_and_controls_differ_from_their_filter_in_what_they_say():
    default = dict(config_file.get_config().axes)
    assert len(default["arm"]) == 32 and default["seed"] == default["task.seed"] == tuple(range(12))
    for variant in ("", "full", "full_cpu"):
        flat = arms_of_one_seed(variant)
        for name in experiment.FILTERS:
            decay, gain = flat[name]["optim.weight_decay"], 1.0 + flat[name]["filter.lamb"]
            assert flat[experiment.SAME_DECAY[name]]["optim.weight_decay"] == decay > 0
            assert flat[experiment.SCALED_DECAY]["optim.weight_decay"] == pytest.approx(decay / gain)
            larger = flat[experiment.LARGER_RATE[name]]
            assert larger["optim.learning_rate"] == pytest.approx(1e-3 * gain) and larger["optim.weight_decay"] == decay
        assert flat[experiment.BASELINE]["optim.weight_decay"] == flat[experiment.NO_DECAY]["optim.weight_decay"] == 0
        assert flat[experiment.MOMENTUM]["optim.b1"] == flat["EMA"]["filter.alpha"]
        for part, name in experiment.PARTS.items():
            assert flat[name]["filter.component"] == part
            assert flat[name]["optim.weight_decay"] == flat["EMA"]["optim.weight_decay"]
        assert flat[experiment.NOISY]["train.batch_size"] * 4 == flat[experiment.HELD]["train.batch_size"]
        assert all(leaves["optim.name"] == "adamw" for arm, leaves in flat.items() if "AdamW" in arm)
    assert (flat["EMA"]["optim.weight_decay"], flat["MA"]["optim.weight_decay"]) == (0.005, 0.01)
    assert flat.pop(experiment.BASELINE)["train.num_steps"] == 40_000
    assert {leaves["train.num_steps"] for leaves in flat.values()} == {2_500}
    full = arms_of_one_seed("full")
    assert full[experiment.BASELINE]["train.num_steps"] == 150_000 and full["EMA"]["train.num_steps"] == 10_000
