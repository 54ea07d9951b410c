"""The verdict follows the data; the program is least squares at every size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.linear_models import linear_double_descent as config_file
from gendyn import theory
from gendyn.core import ConfigError, stream
from gendyn.experiments import plan
from gendyn.experiments.linear_models import linear_double_descent as experiment
from gendyn.experiments.linear_models.linear_double_descent.program import BINS
from gendyn.regression import isotropic_sample, spectrum_edges
from tests.experiments.false_support import FEW, MANY, SHAPES, curves, false_support, too_often
from tests.experiments.made import made_redraws
from tests.experiments.smoke import smoke_config

(RISK, RISK_CLOSE, NORM, NORM_CLOSE, PLACE, TOGETHER, DIP, OPTIMAL, REMOVED, HURTS, NEVER) = range(11)
OVER_SIZES, OVER_DESIGNS, MOVED, RAISES, LOWERS, EQUAL, CONTRAST, EXACT_LABELS, EQUAL_NOISY = range(11, 20)
ALL, NEEDS_PEAK = 20, {OVER_SIZES, OVER_DESIGNS, MOVED, REMOVED, TOGETHER}
NOISE = (0.0, 0.25, 1.0)


def results(
    *, risk=1.0, norm=1.0, peak=0, norm_peak=0, dip=0, bump=0.0, harmless=False, growth=0.0, redraws=40, **more
):
    """Redraws that scatter by a percent around the closed forms; peaks moved by some places, curves multiplied.

    ``more``: ``steep`` and ``steep_single`` are powers of the smallest singular value in the norm; ``more_peak``,
    ``lowers`` (data lower it at every n), ``equal`` (the risk of equal singular values at ``p = n``).
    """
    steep, steep_single = more.get("steep", -1.0), more.get("steep_single", -1.0)
    random = np.random.default_rng(0)
    config = config_file.get_config().to_dict()
    config.pop("axes")
    sizes, some = np.array(config["num_features"]), np.array(config["ridge_features"])
    counts, d, n = np.array(config["examples"]), config["fixed_dimension"], config["num_examples"]
    columns = {}

    def record(name, values):
        columns.setdefault(name, []).append(values * np.exp(0.01 * random.normal()))

    for seed in range(redraws):
        own = 0.5 * random.normal()
        for v in NOISE:
            law = theory.min_norm_risk(n, sizes, dimension=120, noise_variance=v)
            squared = theory.min_norm_squared_norm(n, sizes, dimension=120, noise_variance=v)
            at, usual = int(np.flatnonzero(sizes == n)[0]), squared.copy()
            usual[np.abs(sizes - n) <= 1], usual[at] = 100.0, 1000.0
            for exact, moved in ((law, peak), (squared, norm_peak)):
                exact[np.abs(sizes - n) <= 1] = 100.0
                exact[at + moved] = 1000.0
            record("risk", law * risk)
            near = sizes == n
            record("squared_norm", squared * norm * np.where(near, np.exp(2 * steep_single * own), 1.0))
            best = theory.misspecified_ridge_risk(n, some, 120 * (v + 1) - some, dimension=120, noise_variance=v)
            best[np.flatnonzero(some == n)] *= 1.0 + bump
            record("optimal_ridge_risk", best)
            smallest = np.sqrt(usual[np.isin(sizes, some)]) ** (1.0 / steep)
            smallest[some == n] *= np.exp(own)
            record("smallest_singular_value", np.roll(smallest, dip))
            record("condition_number", 2.0 / smallest)
            record("ridge_risk", np.ones((3, len(some))))
            record("spectrum", np.ones((4, BINS)))
            exact = theory.min_norm_risk(counts, d, dimension=d, noise_variance=v)
            exact = np.where(np.isfinite(exact), exact, 50.0)
            record("examples_risk", theory.optimal_ridge_risk(d / counts, noise_variance=v) if harmless else exact)
            record("examples_optimal_risk", theory.optimal_ridge_risk(d / counts, noise_variance=v) * counts**growth)
            record("examples_smallest_singular_value", counts**-1.0 if "lowers" in more else np.abs(counts - d) + 0.1)
            peak_of_more = more.get("more_peak", config["more_examples"])
            record("more_risk", 1.0 + 99.0 * (np.array(config["more_features"]) == peak_of_more))
            below = some <= n
            record("aligned_gaussian_risk", np.where(below, v * (1 + 50 * (some == n)), 1 - n / some + v))
            flat = np.where(below, v * some / n, 1 - n / some + v * n / some)
            record("aligned_orthogonal_risk", flat * np.where(some == n, more.get("equal", 1.0), 1.0))
            columns.setdefault("seed", []).append(seed)
            columns.setdefault("noise_variance", []).append(v)
    arrays = {name: np.array(column) for name, column in columns.items()}
    return made_redraws({name: arrays.pop(name) for name in ("noise_variance", "seed")}, arrays, config)


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


def test_the_closed_forms_are_supported_and_drawn():
    ds = results()
    assert verdicts(ds) == ["supported"] * ALL
    made = experiment.figure(ds)
    assert len(made.axes) == 9 and "40 redraws" in made._supxlabel.get_text()


@pytest.mark.parametrize(
    ("changes", "refuted"),
    [
        ({"risk": 1.1}, {RISK, RISK_CLOSE}),
        ({"norm": 0.9}, {NORM, NORM_CLOSE}),
        ({"steep": -0.6, "steep_single": -1.0}, {OVER_SIZES}),
        ({"steep_single": -0.5}, {OVER_DESIGNS}),
        ({"more_peak": 40}, {MOVED}),
        ({"lowers": True}, {RAISES}),
        ({"equal": 4.0}, {EQUAL, EQUAL_NOISY}),
        # Within 5 %, and beyond both 2 % and three standard errors.
        ({"risk": 1.035}, {RISK_CLOSE}),
        ({"peak": 4, "norm_peak": 4}, {PLACE} | NEEDS_PEAK),
        ({"norm_peak": -4}, {TOGETHER, OVER_SIZES}),
        ({"dip": 2}, {DIP, OVER_SIZES, OVER_DESIGNS}),
        ({"bump": 0.3}, {OPTIMAL, REMOVED}),
        ({"harmless": True}, {HURTS, NEVER}),
        ({"growth": 1.0}, {NEVER}),
    ],
)
def test_another_truth_is_refuted(changes, refuted):
    found = verdicts(results(**changes))
    assert {i for i, verdict in enumerate(found) if verdict == "refuted"} == refuted


def test_few_redraws_decide_nothing_and_none_are_refused():
    assert verdicts(results(redraws=2)) == ["undecided"] * ALL
    with pytest.raises(ConfigError, match="no redraw is finished at every point"):
        ds = results(redraws=2)
        experiment.verdict(ds.assign_coords(committed=("run", np.zeros(6, int))))


def test_every_record_is_numpys_least_squares(finished):
    _, ds = finished("linear_double_descent")
    config = smoke_config("linear_double_descent")
    row = int(np.flatnonzero((ds["noise_variance"].values == 1.0) & (ds["seed"].values == 3))[0])
    with jax.enable_x64(True):
        key = jax.random.key(jnp.uint32(3))
        shapes = {"features": (10, 30), "examples": (14, 10)}
        drawn = {
            name: isotropic_sample(stream(key, name), num_examples=n, dimension=p, noise_variances=jnp.ones(1))
            for name, (n, p) in shapes.items()
        }
        drawn = {name: [np.asarray(array) for array in pair] for name, pair in drawn.items()}
    (x, y), b = drawn["features"], np.full(30, 30**-0.5)

    def risk(x, y, b, penalty):
        w = np.zeros(len(b))
        square = x.T @ x + penalty * np.eye(x.shape[1])
        w[: x.shape[1]] = (np.linalg.solve(square, x.T @ y) if penalty else np.linalg.lstsq(x, y)[0])[:, 0]
        return np.sum((w - b) ** 2), np.sum(w**2)

    for i, p in enumerate(config.num_features):
        found = [float(ds[name][row, 0, i]) for name in ("risk", "squared_norm")]
        np.testing.assert_allclose(found, risk(x[:, :p], y, b, 0.0), rtol=1e-5)
    for i, p in enumerate(config.ridge_features):
        assert float(ds["ridge_risk"][row, 0, 0, i]) == pytest.approx(risk(x[:, :p], y, b, 1.0)[0], rel=1e-5)
        assert float(ds["optimal_ridge_risk"][row, 0, i]) == pytest.approx(risk(x[:, :p], y, b, 60 - p)[0], rel=1e-5)
        values = np.linalg.svd(x[:, :p], compute_uv=False)
        assert float(ds["smallest_singular_value"][row, 0, i]) == pytest.approx(values[-1] / 10**0.5, rel=1e-5)
        assert float(ds["condition_number"][row, 0, i]) == pytest.approx(values[0] / values[-1], rel=1e-5)
    edges = spectrum_edges(10, (5, 10), BINS)
    for i, p in enumerate(config.spectrum_features):
        density = np.histogram(np.linalg.svd(x[:, :p], compute_uv=False) / 10**0.5, edges, density=True)[0]
        np.testing.assert_allclose(ds["spectrum"][row, 0, i], density, rtol=1e-5)
    (x, y), b = drawn["examples"], np.full(10, 10**-0.5)
    for i, n in enumerate(config.examples):
        assert float(ds["examples_risk"][row, 0, i]) == pytest.approx(risk(x[:n], y[:n], b, 0.0)[0], rel=1e-5)
        assert float(ds["examples_optimal_risk"][row, 0, i]) == pytest.approx(risk(x[:n], y[:n], b, 10)[0], rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_examples": 0}, "config.num_examples = 0 must be an integer of at least 5"),
        ({"num_features": (4, 10, 31)}, "config.num_features holds 31 of 30 columns"),
        ({"num_features": (4, 0, 10)}, "config.num_features: each = 0 must be an integer"),
        ({"num_features": (4, 11, 12)}, "must hold num_examples = 10, a smaller and a larger"),
        ({"ridge_features": (4, 10, 25)}, "must be among num_features"),
        ({"examples": (6, 2)}, r"config.examples = \(6, 2\) must be ascending: curves over sizes"),
        ({"examples": (6, 12)}, "must hold two sizes of at most fixed_dimension - 4 = 6"),
        ({"penalties": (-1.0,)}, r"config.penalties: each = -1.0 must be in \(0, inf\)"),
        ({"axes": (("noise_variance", (0.0,)), ("seed", (0,)))}, r"noise_variance = \(0.0,\) must hold one above 0"),
        ({"axes": (("noise_variance", (-0.5,)), ("seed", (0,)))}, "each noise_variance = -0.5 must be in"),
        ({"axes": (("noise_variance", (0.5,)), ("seed", (-1,)))}, "each seed = -1 must be an integer of at least 0"),
    ],
)
def test_bad_configs_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        plan(smoke_config("linear_double_descent", **changes))


def no_effect(random, shape="flat", redraws=40):
    """Every curve over sizes has one shape with its peak elsewhere, or none, and scatters by a third."""
    config = config_file.get_config().to_dict()
    config.pop("axes")
    many, some, counts, more = (
        len(config[name]) for name in ("num_features", "ridge_features", "examples", "more_features")
    )
    sizes = {
        "risk": (many,),
        "squared_norm": (many,),
        "ridge_risk": (3, some),
        "optimal_ridge_risk": (some,),
        "smallest_singular_value": (some,),
        "condition_number": (some,),
        "examples_risk": (counts,),
        "examples_optimal_risk": (counts,),
        "examples_smallest_singular_value": (counts,),
        "aligned_gaussian_risk": (some,),
        "aligned_orthogonal_risk": (some,),
        "more_risk": (more,),
        "spectrum": (4, BINS),
    }
    recorded = {name: curves(random, shape, redraws * len(NOISE), *size) for name, size in sizes.items()}
    points = {"noise_variance": np.tile(NOISE, redraws), "seed": np.repeat(np.arange(redraws), len(NOISE))}
    return made_redraws(points, recorded, config)


COUNTS = [FEW, pytest.param(MANY, marks=pytest.mark.slow)]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_noise_alone_supports_no_primary_claim(shape, count):
    rates = false_support(experiment.verdict, lambda random: no_effect(random, shape), count)
    true = "More data hurt" if shape == "hump" else "nothing"  # over examples too the curve has a hump
    assert too_often(rates, count, but=true) == {}
