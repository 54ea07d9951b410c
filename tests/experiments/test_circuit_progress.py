"""The verdict follows the data: measures that move early lead, late ones lag, and those that memorising moves too."""

import importlib
import json
import math

import numpy as np
import pytest
import xarray

import gendyn.sweep
from configs import circuit_progress as config_file
from gendyn import store
from gendyn.core import ConfigError
from gendyn.experiments import _circuit_gradients
from gendyn.experiments import _circuit_measures as circuit_measures
from gendyn.experiments import circuit_progress as experiment
from gendyn.sweep.execute import flatten_state
from tests.experiments.smoke import points_of

STEPS = np.arange(0.0, 2001.0, 25.0)
ARMS = ("generalising", "random labels", "no decay")
LEADS, LAGS, AT_ONCE = "fourier_progress/gini", "parameter_norm/total", "logit_scale/scale"


def rise(at, width=40.0):
    return 1.0 / (1.0 + np.exp(np.clip((at - STEPS) / width, -50.0, 50.0)))


def sweep(*, seeds=8, key_loss=5.0, excluded=4.0, rest_loss=0.05, keys=5.0, controls_generalise=False):
    """Fitted at 100; test accuracy crosses 50 % near 1,000; measures move 400 before, 400 after and at the same time.

    The last falls from a start that training passes on its way, and control runs move it as far.
    """
    random = np.random.default_rng(0)
    rows, arm, seed = [], [], []
    for name in ARMS:
        for number in range(seeds):
            place = 1000.0 + 40.0 * random.normal()
            grows = name == "generalising" or controls_generalise
            accuracy = 0.02 + 0.98 * rise(place) * grows
            progress = rise(place - 400.0) * grows
            rows.append(
                {
                    "train_error": np.where(STEPS < 100.0, 0.9, 0.0),
                    "test_error": 1.0 - accuracy,
                    "train_loss": np.full_like(STEPS, 0.01),
                    "test_loss": 4.0 - 3.9 * accuracy,
                    LEADS: 0.1 + 0.3 * progress,
                    LAGS: 60.0 - 20.0 * rise(place + 400.0),
                    AT_ONCE: np.where(STEPS < 100.0, 9.0, 1.0) + (rise(place + 60.0 * random.normal()) if grows else 0),
                    "fourier_progress/num_key_frequencies": np.full_like(STEPS, keys),
                    "fourier_progress/excluded_loss": np.full_like(STEPS, excluded),
                    "fourier_progress/loss": np.full_like(STEPS, 0.01),
                    "fourier_progress/ablated_key_loss": np.full_like(STEPS, key_loss + 0.01 * number),
                    "fourier_progress/ablated_rest_loss": np.full_like(STEPS, rest_loss),
                }
            )
            arm.append(name)
            seed.append(number)
    config = {"experiment": "circuit_progress", "task.modulus": 113, "data.train_fraction": 0.3}
    return xarray.Dataset(
        {name: (("run", "record"), np.array([row[name] for row in rows])) for name in rows[0]}
        | {"diverged": (("run", "record"), np.zeros((len(rows), len(STEPS)), bool))},
        coords={"arm": ("run", arm), "seed": ("run", seed), "step": ("record", STEPS)},
        attrs={"config": json.dumps(config | {"optim.weight_decay": 1.0}), "axes": json.dumps(["arm", "seed"])},
    )


def verdicts(ds):
    return {finding.claim: finding.verdict for finding in experiment.verdict(ds)}


def of(found, *words):
    matching = [verdict for claim, verdict in found.items() if all(word in claim for word in words)]
    assert len(matching) == 1, words
    return matching[0]


def test_leads_lags_and_what_cannot_be_told():
    found = verdicts(sweep())
    assert of(found, "Gini, logits leads") == "supported"
    assert of(found, "parameter norm leads") == "refuted"
    assert of(found, "logit scale leads") == "undecided"
    assert of(found, "test loss (baseline) leads") == "undecided"
    leads = next(finding for finding in experiment.verdict(sweep()) if "Gini, logits leads" in finding.claim)
    assert leads.low <= 400.0 <= leads.high and leads.high - leads.low <= 100.0
    ds = sweep()
    ds[experiment.RESTRICTED] = 4.0 - 10.0 * ds[LEADS]
    assert of(verdicts(ds), "leads the test loss") == "supported"
    ds[experiment.RESTRICTED] = ds[LAGS]
    assert of(verdicts(ds), "leads the test loss") == "refuted"
    assert leads.detail.startswith("Leads. Before 95%: 5")  # the second threshold is 120 steps later


def test_what_memorising_moves_too_is_found():
    found = verdicts(sweep())
    assert of(found, "Gini, logits does not move") == "supported"
    assert of(found, "parameter norm does not move") == "refuted"
    assert found["Control: runs with random labels do not generalise."] == "supported"
    grown = verdicts(sweep(controls_generalise=True))
    assert grown["Control: runs with no decay do not generalise."] == "refuted"
    assert of(grown, "Gini, logits does not move") == "refuted"


def test_key_frequencies():
    found = verdicts(sweep())
    assert of(found, "3 to 8 key frequencies") == of(found, "chance or worse") == of(found, "as good") == "supported"
    bad = verdicts(sweep(keys=12.0, key_loss=math.log(113) - 1.0, rest_loss=0.5))
    assert of(bad, "3 to 8 key frequencies") == of(bad, "chance or worse") == of(bad, "as good") == "refuted"
    assert of(bad, "not trained on") == "refuted"
    # Training pairs (30 %) are still memorised: below chance on all pairs, and above on the others.
    held = verdicts(sweep(key_loss=4.5, excluded=0.5))
    assert of(held, "chance or worse") == "refuted" and of(held, "not trained on") == "supported"


def test_few_seeds_and_runs_that_do_not_generalise_decide_nothing():
    assert set(verdicts(sweep(seeds=2)).values()) == {"undecided"}
    ds = sweep()
    ds["test_error"].values[:4] = 0.8  # half of the generalising runs never do: their leads are unknown
    found = verdicts(ds)
    assert of(found, "Gini, logits leads") == of(found, "Gini, logits does not move") == "undecided"
    assert "4 of 8 generalise" in experiment.verdict(ds)[0].detail


def test_half_way_is_counted_from_the_turning_point_and_a_flat_measure_never_is():
    values = np.array([[9.0, 1.5, 1.0, 3.0, 1.0, 3.0, 3.0, 3.0], [0.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]])
    assert circuit_measures.turning_point(values, np.array([1, 1])).tolist() == [2, 1]
    found = experiment.half_way(np.arange(8.0), values, np.array([1, 1]))
    assert found.time[0] == 5.0 and found.previous[0] == 4.0  # a record alone on the far side does not count
    assert found.observed.tolist() == [True, False]


def test_bad_data():
    ds = sweep()
    with pytest.raises(ConfigError, match="one arm must be 'generalising'"):
        experiment.verdict(ds.isel(run=ds["arm"].values != "generalising"))
    with pytest.raises(ConfigError, match="measures test_loss; "):
        experiment.verdict(ds.drop_vars([LEADS, LAGS, AT_ONCE, "fourier_progress/excluded_loss"]))
    ds["train_loss"].values[:, -1] = np.nan
    with pytest.raises(ConfigError, match="no seed is finished in every arm"):
        experiment.verdict(ds)
    ds = sweep()
    ds["train_loss"].values[3, -1] = np.nan
    assert "1 seeds are left out" in experiment.verdict(ds)[0].detail


def test_the_smoke_config_runs(finished):
    _, ds = finished("circuit_progress")
    assert np.isfinite(ds["fourier_progress/restricted_loss"].values).all()
    claims = [finding.claim for finding in experiment.verdict(ds)]
    assert sum("half way before" in claim for claim in claims) == 9 and len(claims) == 26
    assert "addition modulo 5" in experiment.figure(ds).get_supxlabel()


def test_gradients_are_those_of_the_sweeps_own_training(finished):
    """Steps 4 … 12 of the very runs: every parameter ends where the sweep left it, whatever the arm and the seed."""
    folder, _ = finished("circuit_progress")
    config = config_file.get_config("smoke")
    found = experiment.gradient_spectra(config, start=4, num_steps=8, segment_length=4, cutoff=0.25)
    row = 0
    for chunk in gendyn.sweep.plan(config).chunks:
        saved = store.ChunkStore(store.chunk_folder(folder, chunk.id)).restore_state("latest").state
        for place in range(len(chunk.runs)):
            for name, leaf in flatten_state(found.state[row + place]).items():
                if name.startswith(("variables", "step")):
                    np.testing.assert_allclose(leaf, saved[name][place], rtol=2e-4, atol=1e-6, err_msg=name)
        row += len(chunk.runs)
    assert row == 6 and [int(state.step) for state in found.state] == [12] * 6
    # Runs on other labels have other gradients; a run alone has those that it has among the others.
    assert np.unique(np.asarray(found.slow_fraction["total"])).size == 6
    axes = {"arm": ("no decay",), "seed": (1,), "task.seed": (1,)}
    alone = experiment.gradient_spectra(config, axes=axes, start=4, num_steps=8, segment_length=4, cutoff=0.25)
    matches = np.isclose(found.density["embedding/table"], alone.density["embedding/table"], rtol=1e-3).all(axis=1)
    assert matches.sum() == 1
    made = experiment.gradient_figure(found, note="smoke")
    assert "grokfast_ema (alpha 0.98): 0.0032" in [text.get_text() for text in made.axes[1].get_legend().get_texts()]


def small_config(**leaves):
    config = gendyn.sweep.base_config(task="modular_arithmetic", model="embedding_mlp", optim="adamw")
    config.task.modulus, config.data.train_fraction, config.model.width, config.train.num_steps = 5, 0.5, 4, 12
    config.update_from_flattened_dict({name.replace("__", "."): value for name, value in leaves.items()})
    return config


def test_gradients_of_runs_with_other_optimizers_and_filters_side_by_side():
    """States of a filter and of none do not stack; the spectra do, and are those of each run alone."""
    axes = {"filter.name": ("identity", "grokfast_ema"), "optim.name": ("adamw", "sgd")}
    config = small_config()
    config.zip_axes = (tuple(axes),)
    options = {"start": 2, "num_steps": 8, "segment_length": 4, "cutoff": 0.25}
    found = experiment.gradient_spectra(config, axes=axes, **options)
    assert found.density["embedding/table"].shape == (2, 3) and found.slow_fraction["total"].shape == (2,)
    assert [int(state.step) for state in found.state] == [10] * 2
    assert np.unique(np.asarray(found.slow_fraction["total"])).size == 2
    filtered = {name: values[-1:] for name, values in axes.items()}
    alone = experiment.gradient_spectra(config, axes=filtered, **options)
    matches = np.isclose(found.density["embedding/table"], alone.density["embedding/table"], rtol=1e-3).all(axis=1)
    assert matches.sum() == 1


@pytest.mark.parametrize(
    ("leaves", "axes", "match"),
    [
        ({"train__num_steps": 9}, {}, r"start \+ num_steps = 10 must be at most config\.train\.num_steps = 9.* axes="),
        ({}, {"train.num_steps": (12, 9)}, r"start \+ num_steps = 10 must be at most .* = 9, the least of all runs"),
        ({"stop__train_loss": 0.1}, {}, r"the config has a stop rule .* switch it off"),
        ({}, {"stop.step": (0, 6)}, r"the config has a stop rule .* switch it off"),
        (
            {"sweep__buckets": "exact"},
            {"model.width": (4, 6)},
            r"differ in shape: dense_0/bias is \(.*4,\) .*\(6,\); .* axes=",
        ),
        ({}, {"model.name": ("embedding_mlp", "quadratic_mlp")}, r"differ in shape: .* is .*none.* axes="),
    ],
)
def test_gradients_that_are_none_of_the_sweep_are_refused_before_anything_is_trained(monkeypatch, leaves, axes, match):
    replaying = importlib.import_module("gendyn.sweep.replay")  # gendyn.sweep.replay is the function
    monkeypatch.setattr(replaying, "_replayed", lambda *arguments: pytest.fail("a run was trained"))
    monkeypatch.setattr(replaying, "first_state", lambda *arguments: pytest.fail("a run was initialised"))
    with pytest.raises(ConfigError, match=match):
        experiment.gradient_spectra(small_config(**leaves), axes=axes, start=2, num_steps=8)


def test_a_filter_that_never_falls_to_half_power_keeps_all_frequencies():
    assert _circuit_gradients.half_power_frequency("grokfast_ma", window=1) == 0.5
    assert _circuit_gradients.half_power_frequency("grokfast_ma", window=10) == pytest.approx(0.0443, abs=2e-4)


def test_movement_of_features_is_their_alignment_with_the_end():
    """Features that turn into others at 600, 400 steps before the accuracy: a rotation on the way is no movement."""
    ds, random = sweep(), np.random.default_rng(1)
    before, after = random.normal(size=(2, 12, 5))
    turned = after @ np.linalg.qr(random.normal(size=(5, 5)))[0]
    grams = []
    for step in STEPS:
        features = before if step < 600 else turned if step < 1200 else 3.0 * after
        centred = features - features.mean(0)
        grams.append(centred @ centred.T)
    ds[circuit_measures.FEATURES] = (("run", "record", "i", "j"), np.tile(grams, (ds.sizes["run"], 1, 1, 1)))
    found = circuit_measures.records(ds).arms["generalising"][circuit_measures.FEATURES]
    np.testing.assert_allclose(found[:, STEPS >= 600], 1.0, atol=1e-6)
    assert found.shape == (8, len(STEPS)) and np.all(found[:, STEPS < 600] < 0.9)
    assert of(verdicts(ds), "alignment of features leads") == "supported"
    assert of(verdicts(ds), "alignment of features does not move") == "refuted"  # all arms turn alike


def test_the_full_variant_is_the_published_setting_in_three_arms():
    runs = [point.flat for point in points_of(config_file.get_config("full"))]
    assert len(runs) == 24 and runs[0]["model.initialisation"] == "nanda"
    labels = {run["arm"]: run["data.label_noise"] for run in runs}
    assert labels == {"generalising": 0.0, "random labels": 1.0, "no decay": 0.0}
