"""The verdict follows the data: late generalisation supports the claims, early or none refutes them."""

import json

import numpy as np
import pytest
import xarray

import gendyn.sweep
from configs.grokking import grokking as config_file
from gendyn.core import ConfigError
from gendyn.experiments.grokking import grokking as experiment
from gendyn.experiments.grokking.grokking import AXES
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.smoke import points_of

FRACTIONS, DECAYS = (0.3, 0.5, 0.7), (0.0, 0.1, 1.0)
CELL = (0.5, 1.0)
CLAIMS = GENERALISES, LATE, BY_FRACTION, BY_DECAY, NO_DECAY, FEW_EQUATIONS, CORNER, DELAY, FITTED = range(9)
STEPS = np.concatenate([[0], np.geomspace(10, 10_000, 81).round()])


def sweep(test_step, *, train_step=lambda *point: 50.0, seeds=6, fractions=FRACTIONS, decays=DECAYS, cell=CELL):
    """Training is known from ``train_step`` on, the test set from ``test_step(fraction, decay, seed)`` on."""
    points = [(f, w, s) for f in fractions for w in decays for s in range(seeds)]
    arrival = np.array([test_step(*point) for point in points], float)
    fit = np.array([train_step(*point) for point in points], float)
    train = np.where(fit[:, None] <= STEPS[None], 0.0, 0.9)
    test = np.where(STEPS[None] >= arrival[:, None], 0.0, 0.9)
    runs = ("run", "record")
    columns = (np.array(column) for column in zip(*points, strict=True))
    return xarray.Dataset(
        {
            "train_error": (runs, train),
            "test_error": (runs, test),
            "train_loss": (runs, train),
            "diverged": (runs, np.zeros(train.shape, bool)),
        },
        coords={name: ("run", column) for name, column in zip(AXES, columns, strict=True)}
        | {"step": ("record", STEPS)},
        attrs={
            "config": json.dumps(
                {
                    "experiment": "grokking",
                    "data": {"train_fraction": cell[0]},
                    "optim": {"weight_decay": cell[1]},
                }
            )
        },
    )


def late(fraction, decay, seed):
    return 300.0 * (1 + 0.02 * seed) / (fraction * decay) if decay else np.inf


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def fitted(fraction, decay, seed):
    return 100.0 * fraction


def phases(fraction, decay, seed):
    """None without decay or at the smallest fraction, at once at the largest of both, late elsewhere."""
    return np.inf if decay == 0 or fraction == 0.3 else 60.0 if (fraction, decay) == (0.7, 1.0) else 400 / decay


def test_late_generalisation_is_supported():
    found = experiment.verdict(sweep(late))
    assert [f.verdict for f in found[: NO_DECAY + 1]] == ["supported"] * 5
    assert "train fraction 0.5 and weight decay 1," in found[GENERALISES].claim
    assert found[LATE].effect == pytest.approx(600 * 1.05 / 50, rel=0.2)
    assert found[BY_FRACTION].effect == found[BY_DECAY].effect == -1.0
    assert [f.role for f in found].count("primary") == 3


def test_regimes_without_grokking_and_what_delays_it():
    found = verdicts(sweep(phases, train_step=fitted))
    assert found == ["supported"] * len(CLAIMS)
    everywhere = verdicts(sweep(late))
    assert [everywhere[i] for i in (FEW_EQUATIONS, CORNER, DELAY, FITTED)] == [
        *("refuted", "refuted", "supported", "refuted")
    ]


def test_immediate_generalisation_is_refuted():
    found = verdicts(sweep(lambda *point: 60.0))
    assert found[GENERALISES] == "supported" and set(found[LATE:]) == {"refuted"}
    # Late, but later with more data and with more decay.
    rising = sweep(lambda fraction, decay, seed: 1000.0 * fraction * (1.0 + decay))
    assert verdicts(rising)[LATE : NO_DECAY + 1] == ["supported", "refuted", "refuted", "refuted"]


def test_what_never_generalises_does_not_grok_and_says_nothing_of_where_it_does_not():
    found = experiment.verdict(sweep(lambda *point: np.inf))
    assert [f.verdict for f in found[:4]] == ["refuted", "refuted", "undecided", "undecided"]
    assert {f.verdict for f in found[NO_DECAY:]} == {"refuted"}
    assert "Presupposes" in found[LATE].detail and "Presupposes" in found[NO_DECAY].detail


def test_runs_that_have_not_fitted_are_none_that_memorise():
    ds = sweep(lambda *point: late(*point), train_step=lambda f, w, s: np.inf if w == 0 else 50.0)
    assert verdicts(ds)[NO_DECAY] == "undecided"


@pytest.mark.parametrize("cell", [(0.5, 1.0), (0.45, 0.8), (0.55, 30.0)])
def test_the_claims_are_about_the_stated_cell_or_the_one_next_to_it(cell):
    claims = [f.claim for f in experiment.verdict(sweep(late, cell=cell))]
    assert "at train fraction 0.5 and weight decay 1, the stated cell" in claims[LATE]


def no_effect(random):
    """Networks generalise soon after they have fitted, at times that have nothing to do with fraction and decay."""
    return sweep(lambda *point: 50.0 * np.exp(random.normal(0.5, 0.4)), seeds=6)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_supports_no_primary_claim(count):
    rates = false_support(experiment.verdict, no_effect, count)
    assert len(rates) == 3 and too_often(rates, count) == {}


def test_few_seeds_decide_nothing_missing_runs_leave_their_seed_out_and_diverged_ones_count():
    assert set(verdicts(sweep(late, seeds=2))) == {"undecided"}
    ds = sweep(late, seeds=7)
    for name in ("train_error", "test_error", "train_loss"):
        ds[name].values[0, 60:] = np.nan  # under way
    found = experiment.verdict(ds)
    assert "1 of 7 seeds are left out" in found[0].detail
    ds["diverged"].values[13, 60:] = True  # the next train fraction's seed 6
    assert "1 of 54 runs diverged and count as the worst outcome" in experiment.verdict(ds)[0].detail
    with pytest.raises(ConfigError, match="at least two of each"):
        experiment.verdict(sweep(late, decays=(0.0, 1.0)))


def test_the_figure_shows_one_cell_of_each_phase():
    def by_decay(fraction, decay, seed):
        return np.inf if decay == 0 else 60.0 if decay == 1 else 2000.0

    made = experiment.figure(sweep(by_decay))
    titles = [ax.get_title() for ax in made.axes]
    assert titles[2:] == [
        "no generalisation\nfraction 0.5, decay 0",
        "grokking\nfraction 0.5, decay 0.1",
        "immediate\nfraction 0.5, decay 1",
    ]
    delays = [text.get_text() for text in made.axes[1].texts]
    assert delays.count("–") == 3 and delays.count("9") == 3
    assert "10,000 steps" in made.get_supxlabel() and "6 seeds" in made.get_supxlabel()
    (test,) = (found for found in made.axes[3].get_lines() if found.get_label() == "test")
    assert test.get_ydata()[0] == pytest.approx(0.1) and test.get_ydata()[-1] == 1.0
    assert sum(found.get_linewidth() == 0.7 for found in made.axes[3].get_lines()) == 6
    assert {ax.get_xlim() for ax in made.axes[2:]} == {(0, 10_000)}
    assert len(experiment.figure(sweep(lambda *point: 60.0)).axes) == 3


def test_the_median_curve_ends_where_a_seed_diverges():
    ds = sweep(lambda *point: 60.0)
    for name in ("train_error", "test_error"):
        ds[name].values[ds["seed"].values == 2, 60:] = np.nan
    ds["diverged"].values[ds["seed"].values == 2, 60:] = True
    curves = experiment.figure(ds).axes[2].get_lines()
    assert [found.get_xdata()[-1] for found in curves if found.get_label() == "test"] == [STEPS[59]]


def test_variants_are_complete():
    points = points_of(config_file.get_config())
    assert len(points) == 180 and points[7].flat["seed"] == points[7].flat["task.seed"] == 1
    one = {"data.train_fraction": (0.3,), "optim.weight_decay": (1.0,), "seed": (0,)}
    (full,) = gendyn.sweep.plan(config_file.get_config("full"), axes=one).runs
    assert full.flat["task.modulus"] == 113 and full.flat["train.num_steps"] == 40_000
