"""The verdict follows the curves: which of pattern and training set comes first, and whether the test error rises."""

import json

import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure

from configs.grokking import grokking_vs_double_descent as config_file
from gendyn.core import ConfigError
from gendyn.experiments.grokking import grokking_vs_double_descent as experiment
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.smoke import points_of

ARMS = ("slow", "fast")
WIDTHS = (8, 16, 32)
STEPS = np.unique(np.geomspace(1, 10_000, 60).round()).astype(int)
FIRST, RISING, FALLING, FLAT, GROWS, GROKKING, IMMEDIATE, BY_WIDTH, AXIS = range(9)


def after(step):
    """0 before a step and 1 after it, over a factor of 1.2."""
    return np.clip(np.log(STEPS / step) / np.log(1.2) + 1, 0, 1)


def sweep(*, rise=0.12, fall=0.06, clean_rise=0.0, slow=3000, fast=40, by_width=True, seeds=8, arms=ARMS):
    """The training set is fitted at 300; test error falls at ``slow`` or ``fast``. In the fast arm with noise it
    rises by ``rise`` at 300 and falls by ``fall`` at 2000. In narrow networks the slow arm is less slow."""
    random = np.random.default_rng(0)
    rows, train, test = [], [], []
    for arm in arms:
        for noise in (0.0, 0.2):
            for width in WIDTHS:
                for seed in range(seeds):
                    learnt = fast if arm == "fast" else slow * (width / WIDTHS[-1] if by_width else 1.0)
                    jitter = 1 + 0.1 * random.random()
                    error = 0.9 - 0.8 * after(learnt * jitter)
                    up = rise if noise else clean_rise
                    if arm == "fast":
                        error = error + up * after(300) - min(fall, up) * after(2000)
                    rows.append((arm, noise, width, seed))
                    train.append(0.9 * (1 - after(300)))
                    test.append(error + 0.004 * random.random(len(STEPS)))
    names = ("arm", "data.label_noise", "model.width", "seed")
    columns = {name: ("run", list(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    record = ("run", "record")
    train, test = np.array(train), np.array(test)
    return xarray.Dataset(
        {
            "train_error": (record, train),
            "test_error": (record, test),
            "train_loss": (record, train),
            "diverged": (record, np.zeros(train.shape, bool)),
        },
        coords={**columns, "step": ("record", STEPS)},
        attrs={"config": json.dumps({"arms": [(name, ()) for name in arms]})},
    )


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_both_phenomena_and_the_axis_are_supported():
    found = experiment.verdict(sweep())
    assert [one.verdict for one in found] == ["supported"] * 9
    assert found[RISING].effect == pytest.approx(0.12, abs=0.01)
    assert found[FALLING].effect == pytest.approx(0.06, abs=0.01)
    assert found[GROKKING].effect == pytest.approx(0.1, rel=0.2) and found[IMMEDIATE].effect > 5
    assert found[BY_WIDTH].effect == pytest.approx(0.25, rel=0.2)


def test_primary_claims_and_absences_that_presuppose_their_contrast():
    found = experiment.verdict(sweep())
    assert [i for i, one in enumerate(found) if one.role == "primary"] == [RISING, FALLING, GROKKING, BY_WIDTH]
    assert verdicts(sweep(rise=0.0))[FLAT] == "refuted"
    assert verdicts(sweep(slow=400))[IMMEDIATE] == "refuted"


def nothing(shape):
    """``no_effect``: both regimes fit and generalise alike at every width, and the test error has the given shape."""

    def no_effect(random):
        ds = sweep(rise=0.0, slow=500, fast=500, by_width=False)
        for name, at in (("train_error", 300.0), ("test_error", 450.0)):
            moved = at * np.exp(0.3 * random.normal(size=(ds.sizes["run"], 1)))
            fallen = np.clip(np.log(STEPS / moved) / np.log(1.2) + 1, 0, 1)
            ds[name].values[:] = 0.9 - 0.8 * fallen
        test = ds["test_error"].values
        if shape == "flat":
            test[:] = 0.5
        if shape == "hump without a first descent":
            test[:] = 0.3 + 0.3 * np.exp(-(np.log(STEPS / 300.0) ** 2))
        test += 0.01 * random.normal(size=test.shape)
        return ds

    return no_effect


@pytest.mark.parametrize("shape", ["flat", "monotone", "hump without a first descent"])
@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_supports_no_primary_claim(shape, count):
    rates = false_support(experiment.verdict, nothing(shape), count)
    assert len(rates) == 4 and too_often(rates, count, but="nothing") == {}


def test_no_rise_or_no_second_descent():
    assert verdicts(sweep(rise=0.0))[RISING : FALLING + 1] == ["refuted", "refuted"]
    assert verdicts(sweep(fall=0.0))[RISING : FALLING + 1] == ["supported", "refuted"]
    assert verdicts(sweep(clean_rise=0.1))[FLAT] == "refuted"


def test_grokking_is_a_delay_and_model_wise_only_if_it_grows():
    soon = verdicts(sweep(slow=400))
    assert soon[GROKKING] == "refuted" and soon[RISING] == "supported"
    assert verdicts(sweep(fast=2500))[IMMEDIATE] == "refuted"
    assert verdicts(sweep(by_width=False))[BY_WIDTH] != "supported"


def test_a_rise_in_the_slow_arm_turns_the_axis_round():
    ds = sweep(rise=0.0)
    rows = (ds["arm"].values == "slow") & (ds["data.label_noise"].values > 0)
    ds["test_error"].values[rows] += 0.15 * after(6000) - 0.1 * after(9000)
    assert verdicts(ds)[AXIS] == "refuted"


def test_runs_that_never_generalise_do_not_grok():
    found = experiment.verdict(sweep(slow=50_000, by_width=False))
    assert found[GROWS].verdict == found[GROKKING].verdict == "refuted" and found[GROKKING].effect == 0
    measured = experiment.speeds(sweep(slow=50_000, by_width=False))
    assert (measured.ratio[0] == 0).all() and (measured.ratio[1] > 1).all()


def test_few_seeds_decide_nothing_unfinished_ones_are_left_out_and_diverged_ones_count():
    assert set(verdicts(sweep(seeds=2))) == {"undecided"}
    ds = sweep()
    ds["train_loss"].values[3, -1] = np.nan
    found = experiment.verdict(ds)
    assert "1 of 8 seeds are left out" in found[RISING].detail and "7 seeds" in found[RISING].detail
    lost = 15  # of the slow arm, without noise, at the middle width
    ds = sweep()
    ds["diverged"].values[lost, 30:] = True
    for name in ("train_error", "test_error", "train_loss"):
        ds[name].values[lost, 30:] = np.nan
    assert "1 of 96 runs diverged and count as the worst outcome" in experiment.verdict(ds)[RISING].detail
    assert np.flatnonzero((experiment.speeds(ds).test_error == 1).any(axis=-1)).size == 1


def test_refuses_what_the_claims_do_not_fit():
    with pytest.raises(ConfigError, match="the claims compare two"):
        experiment.verdict(sweep(arms=("slow",)))
    ds = sweep()
    with pytest.raises(ConfigError, match="need 0 and at least one other"):
        experiment.verdict(ds.isel(run=ds["data.label_noise"].values > 0))


def test_cells_where_nothing_was_reached_are_no_points_of_the_axis():
    ds = sweep()
    rows = (ds["arm"].values == "slow") & (ds["model.width"].values == 8) & (ds["seed"].values == 0)
    for name in ("train_error", "test_error"):
        ds[name].values[rows] = 0.9
    found = experiment.verdict(ds)[AXIS]
    assert found.verdict == "supported" and "at 5 regimes and widths; 1 are left out" in found.detail


def test_the_default_has_two_regimes():
    points = points_of(config_file.get_config())
    assert len(points) == 96 and len({point.flat["optim.weight_decay"] for point in points}) == 2


def lines_of(ax):
    return {line.get_label(): line.get_ydata() for line in ax.get_lines()}


def test_the_figure_draws_the_curves_the_rises_and_the_delays():
    ds = sweep()
    found, made = experiment.speeds(ds), experiment.figure(ds)
    assert isinstance(made, Figure)
    titles = [ax.get_title() for ax in made.axes]
    assert titles == ["slow, no noise", "slow, 20% noise", "fast, no noise", "fast, 20% noise", "", ""]
    panel, rise, delay = made.axes[3], *made.axes[4:]
    np.testing.assert_allclose(lines_of(panel)["train"], 1 - np.median(found.train_error[1, 1, -1], axis=0))
    np.testing.assert_allclose(lines_of(panel)["test"], 1 - np.median(found.test_error[1, 1, -1], axis=0))
    assert sum(line.get_linewidth() == 0.7 for line in panel.get_lines()) == 8
    points = [group for group in rise.collections if group.get_label().startswith(("slow", "fast"))]
    drawn = np.concatenate([group.get_offsets() for group in points])
    medians = [np.median(table, axis=-1).ravel() for table in (found.ratio, found.rise)]
    np.testing.assert_allclose(drawn, np.transpose(medians))
    assert all(np.all(np.diff(group.get_sizes()) > 0) for group in points)
    assert "points without a finite ratio: 0" in made.get_supxlabel()
    for arm, ratios in zip(found.arms, found.ratio[:, 0], strict=True):
        np.testing.assert_allclose(lines_of(delay)[arm], np.median(1 / ratios, axis=-1))
    assert [tick.get_text() for tick in delay.get_xticklabels()] == ["8", "16", "32"]


def test_the_figure_draws_nothing_that_is_unknown_and_refuses_what_is_not_finished():
    made = experiment.figure(sweep(slow=15_000))
    assert "points without a finite ratio: 2" in made.get_supxlabel()
    assert len(lines_of(made.axes[-1])["slow"]) == 2
    nothing = experiment.figure(sweep(slow=50_000, by_width=False))
    assert "points without a finite ratio: 6" in nothing.get_supxlabel()
    assert not len(lines_of(nothing.axes[-1])["slow"])
    ds = sweep()
    ds["train_loss"].values[:, -1] = np.nan
    with pytest.raises(ConfigError, match="no seed has finished in every regime and width"):
        experiment.figure(ds)


def test_an_open_interval_of_a_delay_ends_on_the_panel():
    ds = sweep(slow=2000)
    for seed in range(3):  # of 8: the interval of the median reaches them
        rows = (ds["arm"].values == "slow") & (ds["seed"].values == seed)
        ds["test_error"].values[rows] = 0.9
    band = experiment.figure(ds).axes[-1].collections[0].get_paths()[0].vertices
    assert np.isfinite(band).all() and band[:, 1].max() > 20
