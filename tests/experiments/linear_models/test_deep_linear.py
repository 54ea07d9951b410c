"""The verdict follows the data; the programs are gradient descent on the loss they say; the folder resumes."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray

from gendyn import theory
from gendyn.core import ConfigError, seeded_normals
from gendyn.experiments import plan
from gendyn.experiments.linear_models import deep_linear as experiment
from gendyn.experiments.linear_models.deep_linear import claims
from gendyn.experiments.linear_models.deep_linear.program import completion, modes
from tests.experiments.smoke import smoke_config

AXES = ("case", "depth", "learning_rate", "scale", "seed")
STEP, ORDER, DEPTH_TWO, ALL_DEPTHS, GAUSSIAN, ORTHOGONAL, UNTOUCHED, DEEPER, SMALLER, TRUTH = range(10)
NUM_REDRAWS = 30  # 29 in order of 29 are at least 90 % of all; of 28 they are not
STRENGTHS, DEPTHS, RATES, SCALES = (3.0, 1.0), (2, 3), (1e-2, 1e-3), (1e-3, 1.0)
CONFIG = {
    "singular_values": STRENGTHS,
    "depths": DEPTHS,
    "learning_rates": RATES,
    "scales": SCALES,
    "initial": 0.01,
    "horizon": 8.0,
    "num_times": 161,
    "product_depths": (1, 4),
    "product_size": 64,
    "completion_depths": (1, 2, 3),
    "completion_size": 30,
    "completion_rank": 3,
    "num_observed": 300,
    "completion_steps": 100,
    "num_redraws": NUM_REDRAWS,
    "num_aligned": NUM_REDRAWS,
}


def results(
    *, order=1.0, slower=1.0, slower_deep=1.0, swapped=0, lost_rank=0.0, control=1.0, start=1.0, deeper=0.1, rank=1.02
):
    """Redraws that follow the closed forms, with what is asked for changed."""
    random = np.random.default_rng(0)
    times = np.linspace(0.0, CONFIG["horizon"], CONFIG["num_times"])
    rows = []

    def add(case, depth, rate, scale, seed, **values):
        rows.append(dict(zip(AXES, (case, depth, rate, scale, seed), strict=True)) | values)

    for seed in range(NUM_REDRAWS):
        for depth in DEPTHS:
            exact = theory.deep_linear_trajectory(times, STRENGTHS, depth=depth, initial=0.01)
            for rate in RATES:
                add("aligned", depth, rate, 0.01, seed, modes=exact + rate**order * (1 + 0.01 * random.normal()))
            stretch = slower * (slower_deep if depth > 2 else 1.0) * (1 + 0.02 * random.normal())
            late = theory.deep_linear_trajectory(times / stretch, STRENGTHS, depth=depth, initial=0.01)
            late = late[:, ::-1] / [3.0, 1.0 / 3.0] if seed < swapped else late
            add("random", depth, 1e-3, 0.01, seed, modes=late)
        for depth in CONFIG["product_depths"]:
            share = theory.gaussian_product_effective_rank(depth) * (1 - lost_rank) + 0.001 * random.normal()
            add("gaussian", depth, 0.0, 0.0, seed, effective_rank=64 * share)
            add("orthogonal", depth, 0.0, 0.0, seed, effective_rank=64 * control)
        for scale in SCALES:
            small = 0.3 if scale < 1 else 1.0
            untouched = start * np.sqrt(1 + 10 * scale**2) * (1 + 0.001 * random.normal())
            for depth, error in ((1, untouched), (2, small), (3, small * (deeper if scale < 1 else 1.0))):
                noisy = error * (1 + 0.001 * random.normal())
                ranks = {"effective_rank": 2.9 * rank, "truth_rank": 2.9}
                add("completion", depth, 0.1, scale, seed, unobserved_error=noisy, observed_error=0.0, **ranks)
    dims = ("run", "record")
    variables = {
        name: (dims, np.array([[row.get(name, np.nan)] for row in rows]))
        for name in ("effective_rank", "truth_rank", "observed_error", "unobserved_error")
    }
    empty = np.full((len(times), len(STRENGTHS)), np.nan)
    modes = np.array([[row.get("modes", empty)] for row in rows])
    variables["modes"] = ((*dims, "time", "mode"), modes)
    coords = {axis: ("run", np.array([row[axis] for row in rows])) for axis in AXES}
    coords |= {"step": (dims, np.zeros((len(rows), 1))), "committed": ("run", np.ones(len(rows), int))}
    attrs = {"config": json.dumps(CONFIG), "axes": json.dumps(AXES)}
    return xarray.Dataset(variables, coords, attrs)


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_results_that_follow_the_closed_forms_are_supported():
    assert verdicts(results()) == ["supported"] * 10
    np.testing.assert_allclose(
        np.median(claims.half_times(results(), [3])[:, 0], axis=0), claims.exact_half_times(results(), 3), rtol=0.02
    )


@pytest.mark.parametrize(
    ("changes", "refuted"),
    [
        ({"order": 2.0}, {STEP}),
        ({"order": 0.5}, {STEP}),
        ({"swapped": 24}, {ORDER, DEPTH_TWO, ALL_DEPTHS}),
        ({"slower": 1.5}, {DEPTH_TWO, ALL_DEPTHS}),
        ({"slower_deep": 1.5}, {ALL_DEPTHS}),
        ({"lost_rank": 0.05}, {GAUSSIAN}),
        ({"control": 0.9}, {ORTHOGONAL}),
        ({"start": 1.1}, {UNTOUCHED}),
        ({"deeper": 1.0}, {DEEPER}),
        ({"deeper": 4.0}, {DEEPER, SMALLER}),
        ({"rank": 1.5}, {TRUTH}),
    ],
)
def test_other_results_are_refuted(changes, refuted):
    assert {place for place, verdict in enumerate(verdicts(results(**changes))) if verdict == "refuted"} == refuted


def test_two_redraws_decide_nothing_and_runs_that_are_not_there_are_not_read():
    ds = results()
    few = ds.isel(run=ds["seed"].values < 2)
    assert set(verdicts(few)) == {"undecided"}
    ds["committed"][ds["seed"].values >= 15] = 0
    assert len(claims.rank_table(ds, "gaussian")) == 15
    ds["committed"][:] = 0
    with pytest.raises(ConfigError, match=r"no run at .* is finished; wait for its first chunk"):
        experiment.verdict(ds)


def test_runs_that_diverged_are_named():
    ds = results()
    ds["unobserved_error"][dict(run=np.flatnonzero(ds["depth"] == 3)[-1])] = np.nan
    with pytest.raises(ConfigError, match=r"unobserved_error is not finite in 1 of 30 runs .*; lower the"):
        experiment.verdict(ds)


@pytest.mark.parametrize("depth", [1, 4])
def test_aligned_descent_follows_the_closed_form(depth):
    strengths, initial = (2.0, 1.0), 0.05
    config = smoke_config("deep_linear", singular_values=strengths, initial=initial, num_times=5, horizon=2.0)
    strength = modes(config, "aligned", depth, 1e-3, [0, 1], None)["modes"]
    exact = theory.deep_linear_trajectory(0.5 * np.arange(5), strengths, depth=depth, initial=initial)
    assert strength.dtype == np.float64 and np.abs(strength[:, 0] - initial).max() < 1e-12
    assert 1e-6 < np.abs(strength - exact).max() < 4e-3
    np.testing.assert_allclose(strength[0], strength[1], atol=1e-9)


def test_random_directions_are_balanced_and_not_aligned():
    config = smoke_config("deep_linear", singular_values=(3.0, 1.0), dimension=5, num_times=3, horizon=0.2)
    strengths = modes(config, "random", 2, 0.1, list(range(50)), None)["modes"][:, 0] / 0.01
    assert np.all(np.abs(strengths) <= 1 + 1e-9)
    # The square of an entry of a uniform orthogonal matrix is 1 / dimension on average, with variance 8 / 175.
    assert np.mean(strengths**2) == pytest.approx(1 / 5, abs=4 * np.sqrt(8 / 175 / 100))


def test_completion_is_gradient_descent_on_the_observed_entries():
    sizes = {"completion_size": 5, "completion_rank": 2, "num_observed": 12}

    def completed(depth, steps):
        config = smoke_config("deep_linear", completion_steps=steps, **sizes)
        return completion(config, "completion", depth, 0.1, [7], [0.3])

    start = seeded_normals([7], "start", (2, 5, 5))[0] / np.sqrt(5) * 0.3**0.5
    sides = seeded_normals([7], "map", (2, 5, 2))[0]
    target = sides[0] @ sides[1].T
    target *= np.sqrt(2) / np.linalg.norm(target)
    order = np.argsort(seeded_normals([7], "observed", (25,))[0])
    seen = np.isin(np.arange(25), order[:12]).reshape(5, 5)

    @jax.jit
    @jax.grad
    def gradient(factors):
        return 0.5 * jnp.sum(jnp.where(seen, factors[1] @ factors[0] - target, 0.0) ** 2)

    factors = jnp.asarray(start, jnp.float32)
    for _ in range(6):
        factors = factors - 0.1 * gradient(factors)
    learned = np.asarray(factors[1] @ factors[0])
    found = completed(depth=2, steps=6)
    for where, error in ((seen, found["observed_error"]), (~seen, found["unobserved_error"])):
        expected = np.linalg.norm((learned - target)[where]) / np.linalg.norm(target[where])
        assert float(error[0]) == pytest.approx(expected, rel=1e-4)
    values = np.linalg.svd(learned, compute_uv=False)
    shares = values / values.sum()
    assert float(found["effective_rank"][0]) == pytest.approx(np.exp(-np.sum(shares * np.log(shares))), rel=1e-4)
    shallow = [completed(depth=1, steps=steps)["unobserved_error"] for steps in (0, 50)]
    assert float(shallow[0][0]) == pytest.approx(float(shallow[1][0]), rel=1e-6)


def test_the_smoke_variant_follows_the_closed_forms(finished):
    _, ds = finished("deep_linear")
    errors = claims.step_errors(ds)
    assert np.all(np.abs(errors[:, 0, 0] / errors[:, 0, 1] - 10) < 0.5)
    np.testing.assert_allclose(claims.rank_table(ds, "orthogonal"), 16, rtol=1e-4)
    assert np.all(np.diff(claims.rank_table(ds, "gaussian").mean(axis=0)) < 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dimension": 2}, "config.dimension = 2 must exceed the 2 modes"),
        ({"num_redraws": 0}, "config.num_redraws = 0 must be an integer of at least 1"),
        ({"initial": -0.1}, r"config.initial = -0.1 must be in \(0, inf\)"),
        ({"initial": 1.5}, "config.initial = 1.5 must be below half of the weakest mode, 2"),
        ({"depths": (3,)}, "config.depths = .* must hold 2"),
        ({"depths": (2, 0)}, "config.depths: each = 0 must be an integer of at least 1"),
        ({"singular_values": (2.0, 3.0)}, "config.singular_values = .* must fall"),
        ({"num_observed": 64}, "config.num_observed = 64 must be below the 64 entries"),
        ({"completion_rank": 9}, "config.completion_rank = 9 at most config.completion_size"),
        ({"learning_rates": (1e-2, 2e-3)}, "config.learning_rates = .* must fall by decades"),
        ({"random_learning_rate": 0.03}, "must be a whole number of steps of 0.03"),
        ({"scales": (1.0,)}, r"config.scales = \(1.0,\) must hold at least 2 values"),
        ({"scales": (1.0, 1.0)}, r"config.scales = \(1.0, 1.0\) must hold each value once"),
    ],
)
def test_bad_configs_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        plan(smoke_config("deep_linear", **changes))


def test_its_own_axes_are_chosen_from():
    chosen = plan(smoke_config("deep_linear"), axes={"case": ("gaussian", "orthogonal"), "seed": (1,)}).summary()
    assert "4 runs in 4 chunks" in chosen and "completion" not in chosen
