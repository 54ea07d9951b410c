"""The verdict follows the cycles in the histories, and arms are told apart by what they set, not by their names."""

import json

import numpy as np
import pytest
import xarray
from matplotlib.colors import same_color

from configs.grokking import slingshot as config_file
from gendyn.core import ConfigError
from gendyn.experiments.grokking import slingshot as experiment
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.smoke import points_of

ADAM = (("optim.name", "adam"),)
ARMS = (
    ("a", (*ADAM, ("optim.eps", 1e-8))),
    ("b", (*ADAM, ("optim.eps", 1e-3))),
    ("c", (*ADAM, ("loss", "cross_entropy_float64"))),
    ("d", (*ADAM, ("loss", "cross_entropy_float16"))),
    ("e", (("optim.name", "sgd"),)),
    ("f", (("optim.name", "rmsprop"), ("optim.eps", 1e-8))),
    ("g", (("optim.name", "rmsprop"), ("optim.eps", 1e-4))),
    ("h", (("optim.name", "rmsprop"), ("optim.eps", 1e-8), ("loss", "cross_entropy_float64"))),
    ("i", (("optim.name", "adagrad"), ("optim.eps", 1e-10))),
    ("j", (*ADAM, ("optim.eps", 1e-3), ("loss", "cross_entropy_float64"))),
)
PRESENT, AT_LARGE, FLOAT64, ADAGRAD, DESCENT, RMSPROP, RMSPROP_LARGE, RMSPROP_FLOAT64 = range(8)
LOGITS, ACCURACY, SOONER = range(8, 11)


def sweep(cycles, *, seeds=8, first=None, accuracy=None, growing=True, lowest=1e-8, arms=ARMS, random=None):
    """``cycles[arm]`` of the seeds have two slingshots, 400 steps apart, the first at step ``first[arm]``."""
    first, accuracy = first or {}, accuracy or {}
    steps = np.arange(0, 2000, 10)
    rows = [(name, seed) for name, _ in arms for seed in range(seeds)]
    loss, norm = np.full((2, len(rows), len(steps)), lowest)
    norm += 10.0
    for row, (name, seed) in enumerate(rows):
        if seed < cycles.get(name, 0):
            begin = first.get(name, 800)
            for spike in (begin, begin + 400):
                loss[row, (steps >= spike) & (steps < spike + 50)] = 1.0
                norm[row] += 5.0 * np.clip((steps - spike + 100) / 100, 0, 1)
    scale = np.linspace(5.0, 10.0 if growing else 4.0, len(steps)) * np.ones((len(rows), 1))
    if random is not None:
        scale = 5.0 * (1.0 + 0.01 * random.normal(size=loss.shape))
    error = 1.0 - np.array([accuracy.get(name, 0.7) + 0.001 * seed for name, seed in rows])
    if random is not None:
        error = error + 0.05 * random.normal(size=error.shape)
    record = ("run", "record")
    return xarray.Dataset(
        {
            "train_loss": (record, loss),
            "last_layer_norm/norm": (record, norm),
            "logit_scale/scale": (record, scale),
            "test_error": (record, np.broadcast_to(error[:, None], loss.shape).copy()),
            "diverged": (record, np.zeros(loss.shape, bool)),
        },
        coords={
            "arm": ("run", [name for name, _ in rows]),
            "seed": ("run", [seed for _, seed in rows]),
            "step": ("record", steps),
        },
        attrs={
            "config": json.dumps(
                {
                    "loss": "cross_entropy",
                    "optim": {"name": "adam", "eps": 1e-8},
                    "arms": arms,
                    "experiment": "slingshot",
                }
            )
        },
    )


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_cycles_at_small_epsilon_in_float32_support_every_claim():
    ds = sweep({"a": 8, "d": 8, "f": 8}, first={"d": 300}, accuracy={"a": 0.95})
    assert verdicts(ds) == ["supported"] * 11
    first = experiment.verdict(ds)[PRESENT]
    assert first.effect == 1.0 and first.low == pytest.approx(0.05**0.125, abs=1e-6)  # Clopper and Pearson, 8 of 8
    assert "8 at least two; median 2 cycles a run, 400 steps apart" in first.detail


def test_each_optimizer_is_held_against_its_own_controls():
    """RMSProp's claims do not hang on Adam's; Adagrad and SGD, which have no epsilon to vary, are held to Adam."""
    found = verdicts(sweep({"a": 8, "d": 8, "g": 8, "i": 8}, first={"d": 300}, accuracy={"a": 0.95}))
    refuted = {ADAGRAD, RMSPROP, RMSPROP_LARGE, RMSPROP_FLOAT64}
    assert found == ["refuted" if place in refuted else "supported" for place in range(11)]
    adam_only = sweep({"a": 8, "d": 8}, arms=[arm for arm in ARMS if arm[0] in "abcde"])
    assert len(verdicts(adam_only)) == 7 and "RMSProp" not in experiment.figure(adam_only).get_supxlabel()


def test_float64_at_larger_epsilons_is_told():
    found = experiment.verdict(sweep({"a": 8, "j": 3}))[FLOAT64]
    assert found.verdict == "supported" and "float64 at larger epsilons 3 of 8 runs have one" in found.detail


def test_cycles_everywhere_refute_that_they_vanish():
    ds = sweep(dict.fromkeys("abcdefghij", 8), growing=False)
    expected = ["refuted"] * 10 + ["undecided"]  # float16's come no sooner and no later
    expected[PRESENT] = expected[RMSPROP] = "supported"
    assert verdicts(ds) == expected
    assert verdicts(sweep({"a": 8, "d": 8}, first={"d": 1200}))[SOONER] == "refuted"


def test_without_cycles_nothing_can_vanish():
    found = verdicts(sweep({}))
    assert found[: RMSPROP_FLOAT64 + 1] == ["refuted"] * 8
    assert found[LOGITS] == "refuted"  # that they grow without slingshots


def test_some_or_few_runs_decide_nothing():
    assert verdicts(sweep({"a": 5}))[PRESENT] == "undecided"
    assert set(verdicts(sweep({"a": 2}, seeds=2))) == {"undecided"}
    half = experiment.verdict(sweep({"a": 8, "b": 2}))[AT_LARGE]
    assert half.verdict == "undecided" and half.effect == 0.75


def test_scatter_of_the_logits_is_no_growth():
    ds = sweep({"a": 8})
    scale = ds["logit_scale/scale"]
    scale.values[:] = 5.0 * (1.0 + 0.003 * np.random.default_rng(0).normal(size=scale.shape))
    assert verdicts(ds)[LOGITS] != "supported"


def test_primary_claims():
    found = experiment.verdict(sweep({"a": 8}))
    assert [i for i, one in enumerate(found) if one.role == "primary"] == [PRESENT, AT_LARGE, FLOAT64, ACCURACY]


def no_effect(random):
    """In every arm a run has cycles with probability one half, on no side of any bound; accuracies have one law."""
    return sweep({name: int(random.binomial(8, 0.5)) for name, _ in ARMS}, random=random)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_supports_no_primary_claim(count):
    rates = false_support(experiment.verdict, no_effect, count)
    assert len(rates) == 4 and too_often(rates, count) == {}


def test_what_never_trained_as_low_is_said():
    ds = sweep({"a": 8})
    assert "it was as low" in experiment.verdict(ds)[AT_LARGE].detail
    ds["train_loss"].values[ds["arm"].values == "b"] = 1e-3
    assert "it never trained as low" in experiment.verdict(ds)[AT_LARGE].detail


def test_spikes_below_what_float32_resolves_are_none():
    ds = sweep({"a": 8, "c": 8}, lowest=1e-14)
    rows = ds["arm"].values == "c"
    ds["train_loss"].values[rows] = np.minimum(ds["train_loss"].values[rows], 1e-11)
    assert verdicts(ds)[FLOAT64] == "supported"


def test_unfinished_runs_are_left_out_and_bad_datasets_refused():
    ds = sweep({"a": 8})
    ds["train_loss"].values[0, -1] = np.nan
    assert "7 of 7 runs" in experiment.verdict(ds)[PRESENT].detail
    with pytest.raises(ConfigError, match=r"different values of optim\.eps"):
        experiment.verdict(sweep({}, arms=ARMS[1:]))
    with pytest.raises(ConfigError, match="no axis 'arm'"):
        experiment.verdict(sweep({}).drop_vars("arm"))


def test_a_run_that_diverged_counts_against_every_claim():
    ds = sweep({"a": 8, "d": 8, "f": 8}, first={"d": 300}, accuracy={"a": 0.95})
    ds["diverged"].values[np.isin(ds["arm"].values, ["b", "c"]), -1] = True
    found = experiment.verdict(ds)
    assert [found[place].verdict for place in (AT_LARGE, FLOAT64, LOGITS)] == ["refuted"] * 3
    assert "8 diverged and count as having one" in found[FLOAT64].detail and found[LOGITS].effect == 0.0
    ds["diverged"].values[ds["arm"].values == "a", -1] = True
    # What was seen of a cycle before the end counts as presence.
    assert experiment.verdict(ds)[PRESENT].effect == 1.0


def test_figure():
    ds = sweep({"a": 8, "d": 8, "f": 8}, accuracy={"a": 0.5})
    ds["diverged"].values[1, -1] = True
    ds["test_error"].values[0] = np.nan
    made = experiment.figure(ds)
    loss, norm, shares, lowest, accuracy = made.axes
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["a", "c", "f", "e"]
    curve, marks = loss.get_lines()[0], next(line for line in loss.get_lines() if line.get_marker() == "v")
    # Losses are drawn down to the detector's floor, and marked where a spike begins.
    assert curve.get_ydata().min() == pytest.approx(2.0**-23) and curve.get_ydata().max() == 1.0
    assert marks.get_xydata().tolist() == [[800.0, 1.0], [1200.0, 1.0]] and loss.get_yscale() == "log"
    assert same_color(curve.get_color(), norm.get_lines()[0].get_color())
    low = 0.05**0.125  # Clopper and Pearson's, of 8 of 8 and of none
    bars = [line.get_xdata() for line in shares.get_lines() if line.get_linestyle() == "-"]
    np.testing.assert_allclose(bars[:2], [[low, 1.0], [0.0, 1.0 - low]], atol=1e-6)
    repeated = next(line for line in shares.get_lines() if line.get_marker() == "|")
    assert np.array_equal(repeated.get_xdata(), [float(name in "adf") for name in "abcdefghij"])
    dots = accuracy.get_lines()[0]
    # The run that diverged has accuracy 0; what is not known is left out.
    np.testing.assert_allclose(sorted(dots.get_xdata()), [0.0, *np.arange(0.502, 0.5075, 0.001)])
    medians = [float(line.get_xdata()[0]) for line in accuracy.get_lines() if line.get_xdata().size == 1]
    assert len(medians) >= 10 and medians[0] == pytest.approx(0.504)
    np.testing.assert_allclose(lowest.get_lines()[0].get_xdata(), 2.0**-23)
    # A row for each arm, the first on top, with its name on the left alone.
    assert [tick.get_text() for tick in shares.get_yticklabels()] == list("abcdefghij")
    assert not any(tick.get_text() for ax in (lowest, accuracy) for tick in ax.get_yticklabels())
    assert {ax.get_ylim() for ax in (shares, lowest, accuracy)} == {(9.6, -0.6)}
    note = made.get_supxlabel()
    assert "f: median 2 cycles a run, 400 steps apart" in note and "exact 90% intervals" in note


def test_epsilon_and_precision_are_crossed_and_every_seed_has_its_split():
    config = config_file.get_config()
    of_adam = [dict(leaves) for _, leaves in config.arms if dict(leaves)["optim.name"] == "adam"]
    crossed = {(leaves["optim.eps"], leaves["loss"]) for leaves in of_adam}
    epsilons = {1e-8, 1e-6, 1e-5, 1e-4, 1e-3}
    assert {(epsilon, loss) for epsilon in epsilons for loss in ("cross_entropy", "cross_entropy_float64")} <= crossed
    assert {dict(leaves)["optim.name"] for _, leaves in config.arms} == {"adam", "rmsprop", "adagrad", "sgd"}
    runs = [point.flat for point in points_of(config)]
    assert len(runs) == 168 and {run["optim.weight_decay"] for run in runs} == {0.0}
    splits = {(run["seed"], run["task.seed"]) for run in runs}
    assert splits == {(seed, seed) for seed in range(8)}
    assert "task.seed" not in dict(config_file.get_config("full").axes)
