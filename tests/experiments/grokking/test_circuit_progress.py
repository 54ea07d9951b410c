"""The verdict follows the data: measures that move early lead, late ones lag, and those that memorising moves too."""

import json
import math

import numpy as np
import pytest
import xarray

import gendyn.sweep
from configs.grokking import circuit_progress as config_file
from gendyn import store
from gendyn.core import ConfigError
from gendyn.experiments.grokking import circuit_progress as experiment
from gendyn.experiments.grokking.circuit_progress import gradients, tables
from gendyn.sweep.execute import flatten_state
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.smoke import points_of

STEPS = np.arange(0.0, 2001.0, 25.0)
ARMS = ("generalising", "random labels", "no decay")
KEYS = ("3 to 8 key frequencies", "the key frequencies the loss is that", "were not trained on", "but the key ones")
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
    ds[tables.RESTRICTED] = 4.0 - 10.0 * ds[LEADS]
    assert of(verdicts(ds), "leads the test loss") == "supported"
    ds[tables.RESTRICTED] = ds[LAGS]
    assert of(verdicts(ds), "leads the test loss") == "refuted"
    assert leads.detail.startswith("Leads. Before 95%: 5")  # the second threshold is 120 steps later


def test_a_measure_that_memorising_moves_the_other_way_moves():
    ds = sweep()
    rows = ds["arm"].values == "no decay"
    ds[LEADS].values[rows] = 0.4 - 0.3 * rise(600.0)
    away = next(found for found in experiment.verdict(ds) if "Gini, logits does not move" in found.claim)
    assert away.verdict == "refuted" and away.effect == pytest.approx(-1.0, abs=0.1)


def test_what_moves_after_the_fit():
    ds = sweep()
    for name, share in (("parameter_norm/a", 1.0), ("parameter_norm/b", 0.0)):
        norm = 3.0 + 2.0 * share * rise(900.0)
        ds[name] = ("run", "record"), np.broadcast_to(norm, ds["train_error"].shape).copy()
    runs = tables.records(ds).generalising
    np.testing.assert_allclose(tables.moved_after_fit(runs), 2.0 / np.sqrt(18.0), rtol=1e-3)
    moved = next(found for found in experiment.verdict(ds) if "weights move on" in found.claim)
    assert moved.verdict == "supported" and "no decay 0.47" in moved.detail
    ds["parameter_norm/a"].values[:] = 3.0
    assert of(verdicts(ds), "weights move on") == "refuted"
    ds["train_error"].values[:] = 0.9
    assert np.isnan(tables.moved_after_fit(tables.records(ds).generalising)).all()


def test_controls_that_do_not_fit_or_a_network_that_does_not_grok_say_nothing():
    ds = sweep()
    ds["train_error"].values[ds["arm"].values == "no decay"] = 0.9
    assert verdicts(ds)["Control: runs with no decay do not generalise."] == "undecided"
    ds = sweep()
    ds["test_error"].values[:] = 0.98
    found = verdicts(ds)
    assert of(found, "random labels do not") == of(found, KEYS[0]) == "refuted"


def no_effect(random):
    """Test accuracy comes less than twice as late as the fit, and measures turn as often before it as after it."""
    ds = sweep()
    measures = (
        LEADS,
        tables.RESTRICTED,
        "fourier_progress/excluded_loss",
        "circuit_efficiency/trigonometric_efficiency",
    )
    ds["train_error"].values[:] = np.where(STEPS < 700.0, 0.9, 0.0)
    for name in measures:
        rows = [rise(1000.0 + 150.0 * random.normal()) for _ in range(ds.sizes["run"])]
        ds[name] = ("run", "record"), np.array(rows)
    accuracy = np.array([rise(1000.0 + 150.0 * random.normal()) for _ in range(ds.sizes["run"])])
    ds["test_error"].values[:] = 0.98 * (1.0 - accuracy)
    return ds


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_supports_no_primary_claim(count):
    rates = false_support(experiment.verdict, no_effect, count)
    assert len(rates) == 5 and too_often(rates, count) == {}


def test_training_accuracy_that_is_reached_at_single_records_is_a_fit():
    """Leads and movements begin at the first such record; it need not hold."""
    ds = sweep()
    ds["train_error"] = ("run", "record"), np.where(STEPS % 50.0 == 0.0, ds["train_error"], 0.9)
    found = verdicts(ds)
    assert of(found, "Gini, logits leads") == "supported"
    assert of(found, "Gini, logits does not move") == "supported"


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
    assert [of(found, claim) for claim in KEYS] == ["supported"] * 4
    bad = verdicts(sweep(keys=12.0, key_loss=math.log(113) - 1.0, rest_loss=0.5))
    assert [of(bad, claim) for claim in KEYS] == ["refuted"] * 4
    # Training pairs (30 %) are still memorised: below chance on all pairs, and above on the others.
    held = verdicts(sweep(key_loss=4.5, excluded=0.5))
    assert of(held, KEYS[1]) == "refuted" and of(held, KEYS[2]) == "supported"


def test_few_seeds_and_runs_that_do_not_generalise_decide_nothing():
    assert set(verdicts(sweep(seeds=2)).values()) == {"undecided"}
    ds = sweep()
    ds["test_error"].values[:4] = 0.8  # half of the generalising runs never do: their leads are unknown
    found = verdicts(ds)
    assert of(found, "Gini, logits leads") == of(found, "Gini, logits does not move") == "undecided"
    assert "4 of 8 generalise, others count as 0" in experiment.verdict(ds)[0].detail


def test_bad_data():
    ds = sweep()
    with pytest.raises(ConfigError, match="the claims also need generalising"):
        experiment.verdict(ds.isel(run=ds["arm"].values != "generalising"))
    with pytest.raises(ConfigError, match="the measures test_loss; probes such as fourier_progress must have run"):
        experiment.verdict(ds.drop_vars([LEADS, LAGS, AT_ONCE, "fourier_progress/excluded_loss"]))
    ds["train_loss"].values[:, -1] = np.nan
    with pytest.raises(ConfigError, match="no seed has finished and converged in every arm; wait"):
        experiment.verdict(ds)
    ds = sweep()
    ds["train_loss"].values[3, -1] = np.nan
    assert "1 of 8 seeds are left out" in experiment.verdict(ds)[0].detail


def test_the_claims_are_about_runs_that_converge_and_say_so():
    ds = sweep()
    ds["diverged"].values[3, -1] = True
    late = experiment.verdict(ds)[0]
    assert late.claim.startswith("Networks that converge") and "7 of 7 generalise" in late.detail
    assert "1 of 8 seeds are left out. 1 of 24 runs diverged; this is about seeds that converge." in late.detail


def test_every_measure_of_the_smoke_has_its_claims(finished):
    _, ds = finished("circuit_progress")
    assert np.isfinite(ds["fourier_progress/restricted_loss"].values).all()
    claims = [finding.claim for finding in experiment.verdict(ds)]
    assert sum("half way before" in claim for claim in claims) == 9 and len(claims) == 29


def test_figure():
    ds = sweep()
    ds[LAGS][:] = 1.0  # never half way: nothing is drawn of it
    losses, shares, leads, controls = (made := experiment.figure(ds)).axes
    runs = tables.records(ds).generalising
    np.testing.assert_allclose(losses.get_lines()[0].get_ydata(), runs["train_loss"][0])
    assert [math.log(113)] * 2 in [list(line.get_ydata()) for line in losses.get_lines()]
    drawn = {line.get_label(): line.get_ydata() for line in shares.get_lines()}
    np.testing.assert_allclose(drawn["Gini, logits"], np.median(runs[LEADS], axis=0))
    np.testing.assert_allclose(drawn["test accuracy"], np.median(1.0 - runs["test_error"], axis=0))
    assert losses.get_yscale() == "log"
    measure = tables.measured(tables.records(ds))[LEADS]
    centres = [float(line.get_xdata()[0]) for line in leads.get_lines() if len(line.get_xdata()) == 1]
    assert measure.leads[0].estimate in centres and measure.leads[1].estimate in centres and len(centres) == 6
    bars = [list(line.get_xdata()) for line in leads.get_lines()]
    assert [measure.leads[0].low, measure.leads[0].high] in bars
    moved = [list(line.get_xdata()) for line in controls.get_lines()]
    assert [measure.controls["no decay"].estimate] in moved
    names = ["test loss (baseline)", "excluded loss", "Gini, logits", "logit scale", "parameter norm"]
    assert [tick.get_text() for tick in leads.get_yticklabels()] == names
    assert [text.get_text() for text in leads.get_legend().get_texts()] == ["to 50%", "to 95%"]
    assert "addition modulo 113, 30% of all pairs" in made.get_supxlabel()


def test_an_open_end_runs_to_the_last_step():
    ds = sweep()
    ds["test_error"].values[:3] = 0.8  # three of eight may have any lead
    measure = tables.measured(tables.records(ds))[LEADS]
    assert math.isinf(measure.leads[0].high)
    leads = experiment.figure(ds).axes[2]
    assert STEPS[-1] in np.concatenate([line.get_xdata() for line in leads.get_lines()])


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


def test_gradients_of_runs_of_other_shapes_are_refused_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr(gradients, "temporal_gradient_spectrum", lambda *_, **__: pytest.fail("a run was trained"))
    config = small_config(sweep__buckets="exact")
    with pytest.raises(ConfigError, match=r"differ in shape: dense_0/bias is \(.*4,\) .*\(6,\); .* axes="):
        experiment.gradient_spectra(config, axes={"model.width": (4, 6)}, start=2, num_steps=8)


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
    ds[tables.FEATURES] = (("run", "record", "i", "j"), np.tile(grams, (ds.sizes["run"], 1, 1, 1)))
    found = tables.records(ds).generalising[tables.FEATURES]
    np.testing.assert_allclose(found[:, STEPS >= 600], 1.0, atol=1e-6)
    assert found.shape == (8, len(STEPS)) and np.all(found[:, STEPS < 600] < 0.9)
    assert of(verdicts(ds), "alignment of features leads") == "supported"
    assert of(verdicts(ds), "alignment of features does not move") == "refuted"  # all arms turn alike


def test_the_full_variant_is_the_published_setting_in_three_arms():
    runs = [point.flat for point in points_of(config_file.get_config("full"))]
    assert len(runs) == 24 and runs[0]["model.initialisation"] == "nanda"
    labels = {run["arm"]: run["data.label_noise"] for run in runs}
    assert labels == {"generalising": 0.0, "random labels": 1.0, "no decay": 0.0}
