"""The verdict follows the data: a filter is credited with what it gains over each control, and with no more."""

import json

import numpy as np
import pytest
import xarray

from configs.grokking import grokfast as config_file
from gendyn import store
from gendyn.core import ConfigError
from gendyn.experiments.grokking import grokfast as experiment
from gendyn.store.workdir import FORMAT
from tests.experiments.smoke import points_of

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


def sweep(medians, *, seeds=9, seconds=None):
    """Test accuracy arrives around ``medians[arm]``, training accuracy at 100."""
    points = [(arm, seed) for arm in medians for seed in range(seeds)]
    spread = np.exp(0.1 * np.random.default_rng(0).normal(size=(seeds, len(medians))))
    arrival = np.array([medians[arm] * spread[seed, list(medians).index(arm)] for arm, seed in points])
    shape = (len(points), len(STEPS))
    train = np.broadcast_to(np.where(STEPS >= 100, 0.0, 0.9), shape)
    runs = ("run", "record")
    attributes = {"config": json.dumps({"experiment": "grokfast"})}
    if seconds is not None:
        attributes[experiment.SECONDS] = json.dumps(seconds)
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
    assert rows[0] == f"{fast}, held-out seeds (6 of 6)" and len(rows) == 8
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
    rows = [label.get_text() for label in bottom.get_yticklabels()][::-1]
    assert rows[:3] == [f"{name} (9 of 9)" for name in (experiment.BASELINE, "EMA", "MA")]
    assert rows[-1] == "tuned AdamW fast, held-out seeds (6 of 6)" and len(rows) == 7
    assert {row for row in rows} <= {str(line.get_label()) for line in top.get_lines()}


def test_bands_are_drawn_where_few_arms_leave_room():
    many, few = sweep(MEDIANS), sweep({name: MEDIANS[name] for name in (experiment.BASELINE, *experiment.FILTERS)})
    assert len(experiment.figure(few).axes[0].collections) == 3
    assert len(experiment.figure(many).axes[0].collections) == 0


def test_the_smoke_config_runs_and_times_its_arms_once(tmp_path, monkeypatch):
    ds = experiment.run(config_file.get_config("smoke"), str(tmp_path))
    assert np.isfinite(ds["test_error"].values).all()
    seconds = json.loads(ds.attrs[experiment.SECONDS])
    assert set(seconds) == set(ds["arm"].values) and min(mean for mean, _ in seconds.values()) > 0
    # The baseline and its weight decay share a program, hence a timing.
    assert seconds[experiment.BASELINE] == seconds[experiment.SAME_DECAY["EMA"]] != seconds["EMA"]
    assert {f.verdict for f in experiment.verdict(ds)} == {"undecided"}
    assert len(experiment.figure(ds).axes) == 2
    # Going on with a finished sweep times nothing again.
    monkeypatch.setattr(experiment, "time_steps", lambda config, arms: pytest.fail("timed"))
    assert (
        experiment.run(config_file.get_config("smoke"), str(tmp_path)).attrs[experiment.SECONDS]
        == ds.attrs[experiment.SECONDS]
    )


def test_arms_are_timed_once_and_all_together(tmp_path, monkeypatch):
    config = config_file.get_config("smoke")
    timed = []
    monkeypatch.setattr(
        experiment, "time_steps", lambda config, arms: timed.append(arms) or dict.fromkeys(arms, (1, 0))
    )
    store.write_plan(tmp_path, {"format": FORMAT, "attributes": {"other": "kept"}})
    for arms in (("EMA",), ("EMA",), (experiment.BASELINE,), ("EMA", experiment.BASELINE)):
        config.axes = (("arm", arms), ("seed", (0, 1)))
        experiment.after_sweep(config, str(tmp_path))
    assert timed == [("EMA",), ("EMA", experiment.BASELINE)]
    attributes = store.read_plan(tmp_path)["attributes"]
    assert attributes["other"] == "kept" and set(json.loads(attributes[experiment.SECONDS])) == set(timed[1])
    # An arm that has left the config cannot be timed again, and keeps its seconds.
    control = experiment.SAME_DECAY["EMA"]
    config.arms = tuple(pair for pair in config.arms if pair[0] != "EMA")
    config.axes = (("arm", (control,)), ("seed", (0, 1)))
    experiment.after_sweep(config, str(tmp_path))
    assert timed[2:] == [(experiment.BASELINE, control)]
    assert "EMA" in json.loads(store.read_plan(tmp_path)["attributes"][experiment.SECONDS])
    config.axes = (("seed", (0, 1)),)  # no arms, no timing
    experiment.after_sweep(config, str(tmp_path))
    assert len(timed) == 3


def test_variants_are_complete_and_controls_differ_from_their_filter_in_what_they_say():
    assert len(points_of(config_file.get_config())) == 28 * 12
    for variant in ("", "full", "full_cpu"):
        arms = {point.flat["arm"]: point.flat for point in points_of(config_file.get_config(variant))}
        for name in experiment.FILTERS:
            decay, gain = arms[name]["optim.weight_decay"], 1.0 + arms[name]["filter.lamb"]
            assert arms[experiment.SAME_DECAY[name]]["optim.weight_decay"] == decay > 0
            assert arms[experiment.SCALED_DECAY]["optim.weight_decay"] == pytest.approx(decay / gain)
            larger = arms[experiment.LARGER_RATE[name]]
            assert larger["optim.learning_rate"] == pytest.approx(1e-3 * gain) and larger["optim.weight_decay"] == decay
        assert arms[experiment.BASELINE]["optim.weight_decay"] == arms[experiment.NO_DECAY]["optim.weight_decay"] == 0
        assert arms[experiment.MOMENTUM]["optim.b1"] == arms["EMA"]["filter.alpha"]
        assert all(flat["optim.name"] == "adamw" for arm, flat in arms.items() if "AdamW" in arm)
    assert (arms["EMA"]["optim.weight_decay"], arms["MA"]["optim.weight_decay"]) == (0.005, 0.01)
    assert arms.pop(experiment.BASELINE)["train.num_steps"] == 40_000
    assert {flat["train.num_steps"] for flat in arms.values()} == {2_500}
    budgets = {point.flat["arm"]: point.flat["train.num_steps"] for point in points_of(config_file.get_config("full"))}
    assert budgets[experiment.BASELINE] == 150_000 and budgets["EMA"] == 10_000
