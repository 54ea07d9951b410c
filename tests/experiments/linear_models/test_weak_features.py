"""The verdict follows the data; a redraw is least squares on every prefix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.linear_models import weak_features as config_file
from gendyn import theory
from gendyn.core import ConfigError, stream
from gendyn.experiments import plan
from gendyn.experiments.linear_models import weak_features as experiment
from tests.experiments.false_support import FEW, MANY, SHAPES, curves, false_support, too_often
from tests.experiments.made import made_redraws
from tests.experiments.smoke import smoke_config

RISK, TRAIN, DIMENSION, COMPLEMENT, PEAK, BELOW, AT_N, FALLS, TRACKS, TRACKS_AT_1, PROMINENT, FALLS_ITSELF, ITSELF = (
    range(13)
)
# At the larger penalty the closed forms themselves leave 0.6 of the scatter that size leaves.
SUPPORTED, EXPECTED_REFUTED = set(range(13)) - {TRACKS_AT_1}, {TRACKS_AT_1}


def results(*, risk=1.0, train=1.0, dimension=1.0, moved=0, late=False, swapped=False, by_size=False, redraws=12):
    """Redraws that scatter by 0.2 % around the closed forms, or by what is changed off them."""
    random = np.random.default_rng(0)
    config = config_file.get_config().to_dict()
    config.pop("axes")
    config["num_features"] = sorted({*range(5, 400, 10), 99, 189, 191, 193, 197, 199, 201, 203, 207})
    n, sizes = config["num_examples"], np.array(config["num_features"])
    tests = theory.weak_features_risk(n, sizes) * risk
    tests[np.abs(sizes - n) <= 1] = 0.8
    tests[np.flatnonzero(sizes == n + 1)[0] + moved] = 1.0
    if late:
        tests[sizes > n + 20] = 0.9
    laws = [theory.weak_features_dimension(n, sizes, penalty) for penalty in config["penalties"]]
    dimensions, complements = (np.array([law[i] for law in laws]) for i in (0, 1))
    if swapped:
        dimensions = dimensions.max() * complements / complements.max()
        complements = np.minimum(sizes, n) - dimensions + n
    if by_size:
        complements[:, sizes > n] = n / sizes[sizes > n]
    values = {
        "risk": tests,
        "train_squared_error": theory.weak_features_train_error(n, sizes) * train,
        "test_root_error": np.sqrt(tests),
        "train_root_error": np.sqrt(theory.weak_features_train_error(n, sizes)),
        "effective_dimension": dimensions * dimension,
        "complement": complements,
    }
    data = {}
    for name, value in values.items():
        scatter = np.exp(0.002 * random.normal(size=(redraws, *[1] * (value.ndim + 1))))
        data[name] = (scatter * value)[:, 0]
    return made_redraws({"seed": np.arange(redraws)}, data, config)


def places(ds, verdict):
    return {i for i, found in enumerate(experiment.verdict(ds)) if found.verdict == verdict}


def test_the_closed_forms_support_the_complement_and_refute_the_name():
    ds = results()
    assert places(ds, "supported") == SUPPORTED and places(ds, "refuted") == EXPECTED_REFUTED
    made = experiment.figure(ds)
    assert len(made.axes) == 4 and "12 redraws" in made._supxlabel.get_text()


@pytest.mark.parametrize(
    ("changes", "refuted"),
    [
        ({"risk": 1.05}, {RISK}),
        ({"train": 0.95}, {TRAIN}),
        ({"dimension": 1.03}, {DIMENSION}),
        ({"moved": 6}, {PEAK, BELOW, AT_N, TRACKS, PROMINENT, ITSELF}),
        ({"late": True}, {RISK, BELOW, FALLS, TRACKS, ITSELF, FALLS_ITSELF}),
        # 1 / d falls with the test error and does not track it.
        ({"by_size": True}, {COMPLEMENT, TRACKS, ITSELF}),
    ],
)
def test_another_truth_is_refuted(changes, refuted):
    assert places(results(**changes), "refuted") - EXPECTED_REFUTED == refuted


def test_an_effective_dimension_that_does_peak_and_follow_refutes_that_it_does_not():
    ds = results(swapped=True)
    assert {DIMENSION, COMPLEMENT, AT_N, FALLS, TRACKS, TRACKS_AT_1} <= places(ds, "refuted")
    assert {PROMINENT, FALLS_ITSELF, ITSELF} <= places(ds, "refuted")


def test_few_redraws_decide_nothing_and_none_are_refused():
    assert places(results(redraws=2), "undecided") == set(range(13))
    with pytest.raises(ConfigError, match="no redraw is finished"):
        ds = results(redraws=2)
        experiment.figure(ds.assign_coords(committed=("run", np.zeros(2, int))))


def test_a_redraw_is_least_squares_and_singular_values(finished):
    _, ds = finished("weak_features")
    config, n = smoke_config("weak_features"), 20
    with jax.enable_x64(True):
        sets = []
        for name in ("train", "test"):
            key = stream(jax.random.key(jnp.uint32(5)), name)
            y = np.asarray(jax.random.normal(stream(key, "labels"), (n,), float))
            sets.append((y[:, None] + np.asarray(jax.random.normal(stream(key, "features"), (n, 39), float)), y))
    (x, y), (x_test, y_test) = sets
    for i, d in enumerate(config.num_features):
        w = np.linalg.lstsq(x[:, :d], y)[0]
        squares = np.linalg.svd(x[:, :d], compute_uv=False) ** 2
        expected = {
            "risk": (1 - w.sum()) ** 2 + w @ w,
            "train_squared_error": np.mean((x[:, :d] @ w - y) ** 2),
            "test_root_error": np.linalg.norm(x_test[:, :d] @ w - y_test) / np.linalg.norm(y_test),
            "train_root_error": np.linalg.norm(x[:, :d] @ w - y) / np.linalg.norm(y),
        }
        for name, value in expected.items():
            assert float(ds[name][5, 0, i]) == pytest.approx(value, rel=1e-5, abs=1e-12)
        for j, penalty in enumerate(config.penalties):
            dimension = np.sum(squares / (squares + penalty))
            assert float(ds["effective_dimension"][5, 0, j, i]) == pytest.approx(dimension, rel=1e-6)
            assert float(ds["complement"][5, 0, j, i]) == pytest.approx(min(n, d) - dimension, rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_examples": 0}, "config.num_examples = 0 must be an integer of at least 5"),
        ({"num_features": (1, 20, 30, 31, 32)}, "config.num_features: each = 1 must be an integer of at least 2"),
        ({"num_features": (17, 20, 30, 31, 32)}, "must begin at or below 0.8 num_examples = 16"),
        ({"num_features": (3, 20, 23, 24, 30)}, "three sizes of at least 24: the claims"),
        (
            {"num_features": (3, 30, 20)},
            r"config.num_features = \(3, 30, 20\) must be ascending: the first and the last",
        ),
        ({"penalties": ()}, r"config.penalties = \(\) must hold at least 1 value"),
        ({"penalties": (0.0,)}, r"config.penalties: each = 0.0 must be in \(0, inf\)"),
        ({"axes": (("n", (0,)),)}, "axis 'n' is none of weak_features, whose axes are seed"),
        ({"axes": (("seed", (1, 1)),)}, "axis 'seed' repeats 1, 1: each value may be given once"),
        ({"axes": (("seed", (-1,)),)}, "each seed = -1 must be an integer of at least 0"),
    ],
)
def test_bad_configs_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        plan(smoke_config("weak_features", **changes))


def no_effect(random, shape="flat", redraws=40):
    """Risk and both quantities have one shape over sizes, with the peak elsewhere or none, and no part in common."""
    config = config_file.get_config().to_dict()
    config.pop("axes")
    config["num_features"] = sorted({*range(5, 400, 10), 99, 189, 191, 199, 201, 209})
    size, penalties = len(config["num_features"]), len(config["penalties"])
    names = {name: (size,) for name in ("risk", "train_squared_error", "test_root_error", "train_root_error")}
    names |= {name: (penalties, size) for name in ("effective_dimension", "complement")}
    recorded = {name: curves(random, shape, redraws, *shapes) for name, shapes in names.items()}
    return made_redraws({"seed": np.arange(redraws)}, recorded, config)


COUNTS = [FEW, pytest.param(MANY, marks=pytest.mark.slow)]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_noise_alone_supports_no_primary_claim(shape, count):
    assert too_often(false_support(experiment.verdict, lambda random: no_effect(random, shape), count), count) == {}
