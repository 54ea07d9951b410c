"""The verdict follows the data: late generalisation supports the claims, early or none refutes them."""

import json

import numpy as np
import pytest
import xarray

import gendyn.sweep
from configs.grokking import grokking as config_file
from gendyn.core import ConfigError
from gendyn.experiments.grokking import grokking as experiment
from gendyn.plots import Curves, phase_diagram
from gendyn.sweep.config import flatten
from gendyn.sweep.config.axes import normalise
from gendyn.sweep.config.points import make_points

FRACTIONS, DECAYS = (0.3, 0.5, 0.7), (0.0, 0.1, 1.0)
STEPS = np.concatenate([[0], np.geomspace(10, 10_000, 81).round()])


def sweep(test_step, *, seeds=6, fractions=FRACTIONS, decays=DECAYS):
    """Training is known from step 50 on, the test set from ``test_step(fraction, decay, seed)`` on."""
    points = [(f, w, s) for f in fractions for w in decays for s in range(seeds)]
    arrival = np.array([test_step(*point) for point in points], float)
    train = np.where(np.array([[50.0]]) <= STEPS[None], 0.0, 0.9) * np.ones((len(points), 1))
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
        coords={name: ("run", column) for name, column in zip(experiment.AXES, columns, strict=True)}
        | {"step": ("record", STEPS)},
        attrs={"config": json.dumps({"experiment": "grokking"})},
    )


def late(fraction, decay, seed):
    return 300.0 * (1 + 0.02 * seed) / (fraction * decay) if decay else np.inf


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_late_generalisation_is_supported():
    found = experiment.verdict(sweep(late))
    assert [f.verdict for f in found] == ["supported"] * 5
    assert "train fraction 0.5 and weight decay 1," in found[0].claim
    assert found[1].effect == pytest.approx(600 * 1.05 / 50, rel=0.2)
    assert found[2].effect == found[3].effect == -1.0


def test_immediate_generalisation_is_refuted():
    assert verdicts(sweep(lambda *point: 60.0)) == ["supported", "refuted", "refuted", "refuted", "refuted"]
    # Late, but later with more data and with more decay.
    rising = sweep(lambda fraction, decay, seed: 1000.0 * fraction * (1.0 + decay))
    assert verdicts(rising)[1:] == ["supported", "refuted", "refuted", "refuted"]


def test_what_never_generalises_does_not_grok():
    found = experiment.verdict(sweep(lambda *point: np.inf))
    assert [f.verdict for f in found] == ["refuted", "refuted", "undecided", "undecided", "supported"]
    assert "Presupposes" in found[1].detail


def test_few_seeds_decide_nothing_and_missing_runs_leave_their_seed_out():
    assert set(verdicts(sweep(late, seeds=2))) == {"undecided"}
    ds = sweep(late, seeds=7)
    for name in ("train_error", "test_error", "train_loss"):
        ds[name].values[0, 60:] = np.nan  # under way
    found = experiment.verdict(ds)
    assert "1 of 7 seeds are left out" in found[0].detail
    with pytest.raises(ConfigError, match="at least two of each"):
        experiment.verdict(sweep(late, decays=(0.0, 1.0)))


def test_rank_correlation_ties_censored_runs_and_leaves_empty_lines_out():
    values = np.array([1.0, 2.0, 3.0])
    falling, flat, never = [[9.0], [5.0], [2.0]], [[4.0]] * 3, [[np.inf]] * 3
    two_never = [[np.inf], [np.inf], [5.0]]
    tau = experiment.rank_correlations
    assert tau(values, np.stack([falling, never], axis=1)).tolist() == [-1.0]
    assert tau(values, np.stack([falling, flat], axis=1)).tolist() == [-0.5]
    assert -1.0 < tau(values, np.array(two_never)[:, None])[0] < -0.8  # tau-b with one tie: -2 / sqrt(6)
    assert np.isnan(tau(values, np.array(never)[:, None])[0])


def test_the_figure_shows_one_cell_of_each_phase():
    def phases(fraction, decay, seed):
        return np.inf if decay == 0 else 60.0 if decay == 1 else 2000.0

    made = experiment.figure(sweep(phases))
    titles = [ax.get_title() for ax in made.axes]
    assert titles[2:] == [
        "no generalisation\nfraction 0.5, decay 0",
        "grokking\nfraction 0.5, decay 0.1",
        "immediate\nfraction 0.5, decay 1",
    ]
    delays = [text.get_text() for text in made.axes[1].texts]
    assert delays.count("–") == 3 and delays.count("9") == 3
    assert len(experiment.figure(sweep(lambda *point: 60.0)).axes) == 3


def test_a_phase_diagram_holds_three_cells_of_curves():
    curves = [Curves("cell", STEPS, np.ones((2, len(STEPS))), np.ones((2, len(STEPS))))] * 4
    args = np.array([0.5]), np.array([1.0]), np.array([[["grokking"] * 2]]), np.array([[10.0]])
    assert len(phase_diagram(*args, curves=curves[:1]).axes) == 3
    with pytest.raises(ConfigError, match="curves has 4 cells; pass at most 3"):
        phase_diagram(*args, curves=curves)


def test_the_smoke_config_runs(tmp_path):
    ds = experiment.run(config_file.get_config("smoke"), str(tmp_path))
    assert np.isfinite(ds["test_error"].values).all()
    assert set(verdicts(ds)) == {"undecided"}
    assert len(experiment.figure(ds).axes) >= 2


def test_variants_are_complete():
    chosen = config_file.get_config()
    points = make_points(flatten(chosen), normalise(chosen.axes), chosen.zip_axes)
    assert len(points) == 180 and points[7].flat["seed"] == points[7].flat["task.seed"] == 1
    one = {"data.train_fraction": (0.3,), "optim.weight_decay": (1.0,), "seed": (0,)}
    (full,) = gendyn.sweep.plan(config_file.get_config("full"), axes=one).runs
    assert full.flat["task.modulus"] == 113 and full.flat["train.num_steps"] == 40_000
