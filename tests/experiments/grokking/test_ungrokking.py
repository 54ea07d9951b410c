"""The verdict follows the data: where the critical fraction lies, how sharp it is and on what it depends."""

import json

import numpy as np
import pytest
import xarray

import gendyn.sweep
from configs.grokking import ungrokking as config_file
from gendyn.core import ConfigError
from gendyn.experiments.grokking import ungrokking as experiment

DECAYS, FRACTIONS, CHANGE = (0.5, 1.0), (0.1, 0.14, 0.19, 0.25, 0.33, 0.45), 200
STEPS = np.arange(0, 1001, 50)


def sweep(critical=(0.2, 0.2), *, control=None, width=0.12, seeds=8, drift=1.0, grown=0.99, spread=0.02):
    """Final accuracy is logistic in ``log(fraction / critical)``: one critical fraction for each weight decay.

    ``drift``: the critical fraction at the last record over that two thirds of the way, in between geometric.
    """
    control = critical if control is None else control
    random = np.random.default_rng(0)
    points, curves = [], []
    for change, places in ((1, control), (CHANGE, critical)):
        for decay, place in zip(DECAYS, places, strict=True):
            for fraction in FRACTIONS:
                for seed in range(seeds):
                    noise = np.exp(spread * random.normal())
                    late = np.clip((STEPS - CHANGE) / (1000 - CHANGE), 0.0, 1.0)
                    at = place * noise * drift ** (np.clip(3.0 * late - 2.0, 0.0, 1.0) - 1.0)
                    accuracy = 1.0 / (1.0 + (at / fraction) ** (1.0 / width))
                    curves.append(np.where(change >= STEPS, grown if change > 1 else 0.03, accuracy))
                    points.append((decay, change, fraction, seed))
    columns = [np.array(column) for column in zip(*points, strict=True)]
    error = 1.0 - np.array(curves)
    return xarray.Dataset(
        {
            "test_error": (("run", "record"), error),
            "train_loss": (("run", "record"), np.full_like(error, 0.01)),
            "diverged": (("run", "record"), np.zeros(error.shape, bool)),
        },
        coords={name: ("run", column) for name, column in zip(experiment.AXES, columns, strict=True)}
        | {"step": ("record", STEPS)},
        attrs={"config": json.dumps({"experiment": "ungrokking"})},
    )


def verdicts(ds):
    """Of each kind: grown, critical x 2, sharp, independent, control x 2, settled x 2."""
    found = [finding.verdict for finding in experiment.verdict(ds)]
    return {
        "grown": found[0],
        "critical": found[1:3],
        "sharp": found[3],
        "independent": found[4],
        "control": found[5:7],
        "settled": found[7:],
    }


def test_a_sharp_transition_at_one_place_supports_all():
    found = verdicts(sweep())
    assert set(found["critical"] + found["control"] + found["settled"]) == {"supported"}
    assert {found[name] for name in ("grown", "sharp", "independent")} == {"supported"}
    critical = experiment.verdict(sweep())[1]
    assert critical.low <= critical.effect <= critical.high and abs(critical.effect - 0.2) < 0.01


def test_each_claim_is_refuted_by_its_own_fault():
    assert verdicts(sweep((0.15, 0.3)))["independent"] == "refuted"
    assert verdicts(sweep(width=0.5))["sharp"] == "refuted"
    assert verdicts(sweep(control=(0.35, 0.2)))["control"] == ["refuted", "supported"]
    assert verdicts(sweep(drift=0.7))["settled"] == ["refuted", "refuted"]
    ungrown = verdicts(sweep(grown=0.6))
    assert ungrown["grown"] == ungrown["independent"] == "refuted" and set(ungrown["settled"]) == {"supported"}


def test_borders_few_seeds_and_missing_crossings_are_undecided():
    assert verdicts(sweep((0.2, 0.25), spread=0.1))["independent"] == "undecided"
    assert verdicts(sweep(seeds=2))["sharp"] == "undecided"
    # Nothing crosses on the grid: the critical fraction is below it, but how far is not known.
    below = verdicts(sweep((0.02, 0.2)))
    assert below["critical"] == ["refuted", "supported"]
    assert below["independent"] == "refuted"  # at most 0.1 against 0.2
    assert verdicts(sweep((0.02, 0.02)))["independent"] == "undecided"
    assert verdicts(sweep((0.8, 0.8)))["critical"] == ["refuted", "refuted"]


def test_crossings_are_the_last_ones_upwards_and_censored_at_the_ends():
    found = experiment.crossings(np.array([0.1, 0.2, 0.4]), np.array([[0.2, 0.7, 0.8], [0.7, 0.4, 0.6]]), 0.5)
    np.testing.assert_allclose(found.low, [0.16, 0.3])
    np.testing.assert_allclose(found.high, found.low)
    ends = experiment.crossings(np.array([0.1, 0.2]), np.array([[0.6, 0.9], [0.1, 0.2]]), 0.5)
    assert ends.low.tolist() == [0.0, 0.2] and ends.high.tolist() == [0.1, 1.0]


def test_diverged_runs_count_as_forgotten_and_unfinished_seeds_are_left_out():
    ds = sweep()
    ds["test_error"].values[5, 10:] = np.nan
    ds["diverged"].values[5, 10:] = True
    assert experiment.accuracies(ds).final.min() == 0.0
    ds = sweep()
    ds["train_loss"].values[5, -1] = np.nan
    assert experiment.accuracies(ds).left_out == 1
    assert "1 seeds are left out" in experiment.verdict(ds)[0].detail
    ds["train_loss"].values[:, -1] = np.nan
    with pytest.raises(ConfigError, match="no seed is finished at every weight decay"):
        experiment.verdict(ds)


def test_one_change_step_is_refused():
    ds = sweep()
    with pytest.raises(ConfigError, match=r"1 values of data.change_step and 6 of data.changed_train_fraction"):
        experiment.verdict(ds.isel(run=ds["data.change_step"].values > 1))


def test_the_smoke_config_runs(tmp_path):
    config = config_file.get_config("smoke")
    ds = experiment.run(config, str(tmp_path))
    assert np.isfinite(ds["test_error"].values).all()
    assert len(experiment.verdict(ds)) == 9
    assert "modulo 7" in experiment.figure(ds).get_supxlabel()


def test_variants_plan():
    default, full = (gendyn.sweep.plan(config_file.get_config(variant)) for variant in ("", "full"))
    assert len(default.runs) == 288 and default.programs() == 1
    assert full.runs[-1].flat["model.initialisation"] == "nanda"
