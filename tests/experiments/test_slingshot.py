"""The verdict follows the cycles in the histories, and arms are told apart by what they set, not by their names."""

import json

import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure

import gendyn.sweep
from configs import slingshot as config_file
from gendyn.core import ConfigError
from gendyn.experiments import slingshot as experiment

ADAM = (("optim.name", "adam"),)
ARMS = (
    ("a", (*ADAM, ("optim.eps", 1e-8))),
    ("b", (*ADAM, ("optim.eps", 1e-3))),
    ("c", (*ADAM, ("loss", "cross_entropy_float64"))),
    ("d", (*ADAM, ("loss", "cross_entropy_float16"))),
    ("e", (("optim.name", "sgd"),)),
)
PRESENT, AT_LARGE, DESCENT, FLOAT64, LOGITS, ACCURACY, SOONER = range(7)


def sweep(cycles, *, seeds=8, first=None, accuracy=None, growing=True, lowest=1e-8, arms=ARMS):
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
    error = 1.0 - np.array([accuracy.get(name, 0.7) + 0.001 * seed for name, seed in rows])
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


def test_cycles_with_adam_alone_support_every_claim():
    ds = sweep({"a": 8, "d": 8}, first={"d": 300}, accuracy={"a": 0.95})
    assert verdicts(ds) == ["supported"] * 7
    first = experiment.verdict(ds)[PRESENT]
    assert first.effect == 1.0 and first.low == pytest.approx(0.05**0.125, abs=1e-6)  # Clopper and Pearson, 8 of 8
    assert "8 at least two; median 2 cycles a run, 400 steps apart" in first.detail


def test_cycles_everywhere_refute_that_they_vanish():
    ds = sweep(dict.fromkeys("abcde", 8), growing=False)
    assert verdicts(ds) == ["supported"] + ["refuted"] * 5 + ["undecided"]  # float16's come no sooner and no later
    assert verdicts(sweep({"a": 8, "d": 8}, first={"d": 1200}))[SOONER] == "refuted"


def test_without_cycles_nothing_can_vanish():
    found = verdicts(sweep({}))
    assert found[PRESENT] == "refuted" and found[AT_LARGE : FLOAT64 + 1] == ["refuted"] * 3
    assert found[LOGITS] == "supported"


def test_some_or_few_runs_decide_nothing():
    assert verdicts(sweep({"a": 5}))[PRESENT] == "undecided"
    assert set(verdicts(sweep({"a": 2}, seeds=2))) == {"undecided"}
    half = experiment.verdict(sweep({"a": 8, "b": 2}))[AT_LARGE]
    assert half.verdict == "undecided" and half.effect == 0.75


def test_newcombe_as_in_his_paper():
    """Table II, case (a): 56/70 - 48/80 has the 95 % interval 0.0524 to 0.3339."""
    found = experiment._difference(np.arange(70) < 56, np.arange(80) < 48, level=0.95)
    np.testing.assert_allclose(found[:3], [0.2, 0.0524, 0.3339], atol=1e-4)


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
    with pytest.raises(ConfigError, match=r"at least two values of optim\.eps"):
        experiment.verdict(sweep({}, arms=ARMS[2:]))
    with pytest.raises(ConfigError, match="no axis 'arm'"):
        experiment.verdict(sweep({}).drop_vars("arm"))


def test_figure_of_synthetic_runs():
    made = experiment.figure(sweep({"a": 8, "d": 8}))
    assert isinstance(made, Figure) and "2 cycles a run" in made.get_supxlabel()


def test_the_smoke_config_runs_and_the_default_plans(tmp_path):
    ds = experiment.run(config_file.get_config("smoke"), str(tmp_path))
    assert np.isfinite(ds["last_layer_norm/norm"].values).all()
    assert len(experiment.verdict(ds)) == 6  # no float16 in it
    planned = gendyn.sweep.plan(config_file.get_config())
    assert len(planned.runs) == 80 and {run.flat["optim.weight_decay"] for run in planned.runs} == {0.0}
