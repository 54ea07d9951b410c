"""The verdict follows the data: a filter is credited with what it gains over each control, and with no more."""

import json
import shutil

import numpy as np
import pytest
import xarray

from configs.grokking import grokfast as config_file
from gendyn import store
from gendyn.core import ConfigError
from gendyn.experiments import launch
from gendyn.experiments.grokking import grokfast as experiment
from gendyn.experiments.grokking.grokfast import tables as arms
from gendyn.experiments.grokking.grokfast import timing
from gendyn.experiments.grokking.grokfast.drawing import Arm, survival_curves
from gendyn.store.workdir import FORMAT
from tests.experiments.smoke import points_of, smoke_config

STEPS = np.concatenate([[0], np.geomspace(30, 10_000, 121).round()])
TUNED = {f"{arms.TUNED} slow": 2500.0, f"{arms.TUNED} fast": 250.0}
MEDIANS = {
    arms.BASELINE: 4000.0,
    "EMA": 500.0,
    "MA": 400.0,
    arms.SAME_DECAY["EMA"]: 1000.0,
    arms.SAME_DECAY["MA"]: 3500.0,
    arms.NO_DECAY: 2000.0,
    **TUNED,
}


def sweep(medians, *, seeds=9, seconds=None, listed=()):
    """Test accuracy arrives around ``medians[arm]``, training accuracy at 100."""
    points = [(arm, seed) for arm in medians for seed in range(seeds)]
    spread = np.exp(0.1 * np.random.default_rng(0).normal(size=(seeds, len(medians))))
    arrival = np.array([medians[arm] * spread[seed, list(medians).index(arm)] for arm, seed in points])
    shape = (len(points), len(STEPS))
    train = np.broadcast_to(np.where(STEPS >= 100, 0.0, 0.9), shape)
    runs = ("run", "record")
    attributes = {"config": json.dumps({"experiment": "grokfast", "arms": [(name, ()) for name in listed]})}
    if seconds is not None:
        attributes[timing.SECONDS] = json.dumps(seconds)
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
    slow, fast = (f"{arms.ON_TUNED}{name}" for name in TUNED)
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
    never = sweep(MEDIANS | {arms.BASELINE: np.inf})
    # By the end of the budget EMA is 20 times as fast, of which its decay is all but a factor 2: more only lowers it.
    censored = found_in(never, "Most of the speed-up of EMA")
    assert censored.verdict == "refuted" and censored.effect == pytest.approx(np.log(2) / np.log(20), abs=0.1)
    assert censored.low <= 0 and "nearer to 0" in censored.detail
    assert found_in(never, "Most of the speed-up of MA").verdict == "undecided"
    assert "cut off by its budget: at least" in found_in(never, "EMA is faster than the published baseline").detail


def test_equal_arms_and_few_seeds_are_undecided():
    ds = sweep(MEDIANS | {arms.SAME_DECAY["EMA"]: 500.0})
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
    assert rows[:3] == [f"{name} (9 of 9)" for name in (arms.BASELINE, "EMA", "MA")]
    assert rows[-1] == "tuned AdamW fast, held-out seeds (6 of 6)" and len(rows) == 7
    assert {row for row in rows} <= {str(line.get_label()) for line in top.get_lines()}


def test_bands_are_drawn_where_few_arms_leave_room():
    many, few = sweep(MEDIANS), sweep({name: MEDIANS[name] for name in (arms.BASELINE, *arms.FILTERS)})
    assert len(experiment.figure(few).axes[0].collections) == 3
    assert len(experiment.figure(many).axes[0].collections) == 0


def test_the_smoke_config_times_its_arms_once(finished, monkeypatch, tmp_path):
    folder, ds = finished("grokfast")
    seconds = json.loads(ds.attrs[timing.SECONDS])
    assert set(seconds) == set(ds["arm"].values) and min(mean for mean, _ in seconds.values()) > 0
    # The baseline and its weight decay share a program, hence a timing.
    assert seconds[arms.BASELINE] == seconds[arms.SAME_DECAY["EMA"]] != seconds["EMA"]
    # Going on with a finished sweep times nothing again.
    monkeypatch.setattr(timing, "time_steps", lambda config, names: pytest.fail("timed"))
    again = launch(smoke_config("grokfast"), shutil.copytree(folder, tmp_path / "copy"), quiet=True)
    assert again.attrs[timing.SECONDS] == ds.attrs[timing.SECONDS]


def test_arms_are_timed_once_and_all_together(monkeypatch, tmp_path):
    timed = []

    def time_steps(config, names):
        assert dict(config.axes) == {"seed": (0, 1)} and [name for name, _ in config.arms] == listed
        timed.append(names)
        return dict.fromkeys(names, (1, 0))

    monkeypatch.setattr(timing, "time_steps", time_steps)
    store.write_plan(tmp_path, {"format": FORMAT, "attributes": {"other": "kept"}})

    def after(*names):
        ds = sweep(dict.fromkeys(names, 500.0), seeds=2, listed=listed)
        timing.after(ds.assign_attrs(store.read_plan(tmp_path)["attributes"]), tmp_path)
        return store.read_plan(tmp_path)["attributes"]

    listed = ["EMA", arms.BASELINE]
    for names in (("EMA",), ("EMA",), ("EMA", arms.BASELINE)):
        attributes = after(*names)
    assert timed == [["EMA"], ["EMA", arms.BASELINE]]
    assert attributes["other"] == "kept" and set(json.loads(attributes[timing.SECONDS])) == set(timed[1])
    # An arm that the config no longer describes cannot be timed again, and keeps its seconds.
    listed = [arms.BASELINE, "MA"]
    assert "EMA" in json.loads(after("EMA", arms.BASELINE, "MA")[timing.SECONDS])
    assert timed[2:] == [[arms.BASELINE, "MA"]]
    timing.after(sweep({"EMA": 500.0}, seeds=2).drop_vars("arm"), tmp_path)  # no arms, no timing
    assert len(timed) == 3


def arms_of_one_seed(variant):
    config = config_file.get_config(variant).unlock()
    config.axes, config.zip_axes = (config.axes[0], ("seed", (0,))), ()
    return {point.flat["arm"]: point.flat for point in points_of(config)}


def test_variants_are_complete_and_controls_differ_from_their_filter_in_what_they_say():
    default = dict(config_file.get_config().axes)
    assert len(default["arm"]) == 28 and default["seed"] == default["task.seed"] == tuple(range(12))
    for variant in ("", "full", "full_cpu"):
        flat = arms_of_one_seed(variant)
        for name in arms.FILTERS:
            decay, gain = flat[name]["optim.weight_decay"], 1.0 + flat[name]["filter.lamb"]
            assert flat[arms.SAME_DECAY[name]]["optim.weight_decay"] == decay > 0
            assert flat[arms.SCALED_DECAY]["optim.weight_decay"] == pytest.approx(decay / gain)
            larger = flat[arms.LARGER_RATE[name]]
            assert larger["optim.learning_rate"] == pytest.approx(1e-3 * gain) and larger["optim.weight_decay"] == decay
        assert flat[arms.BASELINE]["optim.weight_decay"] == flat[arms.NO_DECAY]["optim.weight_decay"] == 0
        assert flat[arms.MOMENTUM]["optim.b1"] == flat["EMA"]["filter.alpha"]
        assert all(leaves["optim.name"] == "adamw" for arm, leaves in flat.items() if "AdamW" in arm)
    assert (flat["EMA"]["optim.weight_decay"], flat["MA"]["optim.weight_decay"]) == (0.005, 0.01)
    assert flat.pop(arms.BASELINE)["train.num_steps"] == 40_000
    assert {leaves["train.num_steps"] for leaves in flat.values()} == {2_500}
    full = arms_of_one_seed("full")
    assert full[arms.BASELINE]["train.num_steps"] == 150_000 and full["EMA"]["train.num_steps"] == 10_000


SEEN = np.array([1, 1, 1, 1, 1, 1, 0, 0], bool)
TIMES = np.array([10.0, 20, 30, 40, 50, 60, 99, 99])


def line(ax, label):
    return next(found for found in ax.get_lines() if str(found.get_label()).startswith(label))


def test_survival_curves_ticks_and_medians():
    made = survival_curves([Arm("slow", TIMES, SEEN), Arm("never", np.full(8, 99.0), np.zeros(8, bool))], note="a note")
    top, bottom = made.axes
    x, y = line(top, "slow (6 of 8)").get_data()
    np.testing.assert_allclose(y[1:-2], [0.875, 0.75, 0.625, 0.5, 0.375, 0.25])
    assert x[1:7].tolist() == [10, 20, 30, 40, 50, 60] and y[0] == 1 and y[-1] == 0.25
    ticks = [found.get_xydata().tolist() for found in top.get_lines() if found.get_marker() == "|"]
    assert ticks == [[[99.0, 0.25]], [[99.0, 1.0]]]
    assert [text.get_text() for text in bottom.texts] == ["45", "> 99"]
    assert bottom.get_xscale() == "log" and "a note" in made.get_supxlabel() and "90%" in bottom.get_xlabel()
    # An unreached median's interval starts where the runs were followed to, not at the left end of the axis.
    assert bottom.get_lines()[2].get_xdata()[0] == 99.0


def test_survival_curves_hold_runs_that_never_arrive_and_refuse_what_has_no_place():
    made = survival_curves([Arm("one", np.array([5.0, 9, np.inf]), np.array([True, True, False]))])
    assert line(made.axes[0], "one (2 of 3)").get_ydata()[-1] == pytest.approx(1 / 3)
    with pytest.raises(ConfigError, match="arms has 0 entries; pass 1 to 16"):
        survival_curves([])
    with pytest.raises(ConfigError, match="early: times must be positive"):
        survival_curves([Arm("early", np.zeros(2), np.ones(2, bool))])
    with pytest.raises(ConfigError, match="no finite time"):
        survival_curves([Arm("none", np.full(2, np.inf), np.zeros(2, bool))])
