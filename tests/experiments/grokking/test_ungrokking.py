"""The verdict follows the data: where the critical fraction lies, how sharp it is and on what it depends."""

import json

import numpy as np
import pytest
import xarray

import gendyn.sweep
from configs.grokking import ungrokking as config_file
from gendyn.core import ConfigError
from gendyn.experiments.grokking import ungrokking as experiment
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.smoke import points_of

DECAYS, FRACTIONS, CHANGE = (0.5, 1.0), (0.1, 0.14, 0.19, 0.25, 0.33, 0.45), 200
STEPS = np.arange(0, 1001, 50)
CONFIG = {"task.modulus": 31, "model.width": 96, "optim.learning_rate": 0.01, "train.num_steps": 1000}
CONFIG |= {"experiment": "ungrokking", "data.train_fraction": 0.7}


def sweep(critical=(0.2, 0.2), *, control=None, width=0.12, seeds=8, drift=1.0, grown=0.99, spread=0.02, random=None):
    """Final accuracy is logistic in ``log(fraction / critical)``: one critical fraction for each weight decay.

    ``drift``: the critical fraction at the last record over that two thirds of the way, in between geometric.
    """
    control = critical if control is None else control
    random = np.random.default_rng(0) if random is None else random
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
        attrs={"config": json.dumps(CONFIG)},
    )


def verdicts(ds):
    """Of each kind: grown, forgets, critical x 2, sharp, independent, control x 2, settled x 2."""
    found = [finding.verdict for finding in experiment.verdict(ds)]
    return {
        "grown": found[0],
        "forgets": found[1],
        "critical": found[2:4],
        "sharp": found[4],
        "independent": found[5],
        "control": found[6:8],
        "settled": found[8:],
    }


def test_a_sharp_transition_at_one_place_supports_all():
    found = verdicts(sweep())
    assert set(found["critical"] + found["control"] + found["settled"]) == {"supported"}
    assert {found[name] for name in ("grown", "forgets", "sharp", "independent")} == {"supported"}
    critical = experiment.verdict(sweep())[2]
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


def test_networks_that_forget_nothing_or_everything_have_no_critical_fraction():
    for places in ((0.02, 0.2), (0.02, 0.02), (0.8, 0.8)):
        found = verdicts(sweep(places))
        assert found["forgets"] == "refuted" and set(found["critical"] + found["control"]) == {"refuted"}
        assert found["sharp"] == found["independent"] == "refuted"


def test_primary_claims():
    found = experiment.verdict(sweep())
    assert [one.role == "primary" for one in found] == [2 <= i < 6 for i in range(len(found))]


def scatter(random):
    """Final accuracies are somewhere between 0 and 1, whatever the set: they cross one half, but nothing is lost."""
    ds = sweep()
    late = STEPS > CHANGE
    ds["test_error"].values[:, late] = random.uniform(0.3, 0.7, (ds.sizes["run"], 1))
    return ds


def no_effect(random):
    """The transition takes a factor of 2.05, and the critical fractions of two decays are a factor of 1.26 apart."""
    return sweep((0.2, 0.252), width=np.log(2.05) / np.log(81.0), spread=0.1, random=random)


@pytest.mark.parametrize("made", [scatter, no_effect])
@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_supports_no_primary_claim(made, count):
    rates = false_support(experiment.verdict, made, count)
    but = "nothing" if made is scatter else "ungrok below"  # there is a critical fraction in the second
    assert len(rates) == 4 and too_often(rates, count, but=but) == {}


def test_accuracy_beyond_the_grid_is_censored_between_0_and_1():
    below = experiment.accuracies(sweep((0.02, 0.8), spread=0.0))
    continued = experiment.crossings(below.fractions, below.final)[experiment.CONTINUED]
    assert [(each.low[0], each.high[0]) for each in continued] == [(0.0, 0.1), (0.45, 1.0)]


def test_diverged_runs_count_as_forgotten_and_unfinished_seeds_are_left_out():
    ds = sweep()
    ds["test_error"].values[5, 10:] = np.nan
    ds["diverged"].values[5, 10:] = True
    assert experiment.accuracies(ds).final.min() == 0.0
    assert "1 of 192 runs diverged and count as the worst outcome" in experiment.verdict(ds)[0].detail
    ds = sweep()
    ds["train_loss"].values[5, -1] = np.nan
    assert len(experiment.accuracies(ds).final) == 7
    assert "1 of 8 seeds are left out" in experiment.verdict(ds)[0].detail
    ds["train_loss"].values[:, -1] = np.nan
    with pytest.raises(
        ConfigError, match=r"no seed is finished at every optim\.weight_decay and data\.change_step and"
    ):
        experiment.verdict(ds)


def test_one_change_step_is_refused():
    ds = sweep()
    with pytest.raises(ConfigError, match=r"1 values of data.change_step and 6 of data.changed_train_fraction"):
        experiment.verdict(ds.isel(run=ds["data.change_step"].values > 1))


def test_figure_shows_medians_and_critical_fractions():
    made = experiment.figure(sweep((0.2, 0.6), spread=0.0))
    curves, critical = made.axes
    solid, dashed = curves.get_lines()[:2]
    for line in (solid, dashed):
        np.testing.assert_allclose(
            line.get_xydata().T, [FRACTIONS, 1 / (1 + (0.2 / np.array(FRACTIONS)) ** (1 / 0.12))]
        )
    assert solid.get_color() == dashed.get_color() and solid.get_linestyle() != dashed.get_linestyle()
    assert [text.get_text() for text in curves.get_legend().get_texts()] == ["0.5", "1"]
    table = experiment.accuracies(sweep(spread=0.0))
    place = experiment.crossings(table.fractions, table.final)[experiment.CONTINUED][0].known[0]
    points = [
        line.get_xdata()[0] for line in critical.get_lines() if line.get_marker() == "o" and len(line.get_xdata())
    ]
    np.testing.assert_allclose(points, [place, 0.45])  # one beyond the grid is at the edge of the panel
    assert [tick.get_text() for tick in critical.get_yticklabels()] == ["weight decay 0.5", "weight decay 1"]
    shaded = critical.patches[0].get_extents().transformed(critical.transData.inverted())
    np.testing.assert_allclose([shaded.x0, shaded.x1], [place / 1.25, place * 1.25])
    assert all(part in made.get_supxlabel() for part in ("modulo 31, width 96", "medians of 8 seeds"))


def test_an_open_end_of_an_interval_runs_to_the_edge():
    critical = experiment.figure(sweep(seeds=2)).axes[1]
    bars = [line.get_xdata() for line in critical.get_lines() if line.get_linewidth() == 2.2]
    assert [list(bar) for bar in bars] == [[0.0, 0.45]] * 4


def test_variants():
    default = gendyn.sweep.plan(config_file.get_config())
    assert len(default.runs) == 288 and default.programs() == 1
    assert points_of(config_file.get_config("full"))[-1].flat["model.initialisation"] == "nanda"
