"""One way in: experiments that train, experiments with a program of their own, and plain sweeps."""

import sys
from types import ModuleType

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.core.rules import integer, number
from gendyn.experiments import declared_config, find, launch, plan, require
from gendyn.sweep import Group, Leaf, Measured, Simulation, base_config


@pytest.fixture
def squares(monkeypatch):
    """An experiment of a user's own: ``scale x^2``, for each x and seed."""
    module = ModuleType("my_squares")
    module.LEAVES = {
        "scale": Leaf(1.0, rule=number(0)),
        "x": Leaf(1, "axis", integer(0)),
        "seed": Leaf(0, "axis", integer(0)),
    }
    module.calls = []

    def program(config):
        axes = dict(config.axes)

        def compute(points):
            module.calls.append([(point["x"], point["seed"]) for point in points])
            return {"square": np.array([config.scale * point["x"] ** 2 for point in points])}

        groups = [Group(tuple({"x": x, "seed": seed} for seed in axes["seed"]), compute) for x in axes["x"]]
        return Simulation(tuple(groups), {"square": Measured("scale x squared")})

    module.program = program
    monkeypatch.setitem(sys.modules, "my_squares", module)
    return module


NAME = "my_squares:my_squares"


def test_a_declared_program_runs_with_the_axes_of_its_config_and_with_others(squares, tmp_path):
    config = declared_config(NAME)
    assert config.scale == 1.0 and config.axes == (("x", (1,)), ("seed", (0,)))
    config.axes = (("x", (2, 3)), ("seed", (0, 1)))
    ds = launch(config, tmp_path, quiet=True)
    assert ds["square"].values[:, 0].tolist() == [4.0, 4.0, 9.0, 9.0]
    more = launch(config, tmp_path, axes={"x": (3, 5), "seed": (0, 1)}, quiet=True)
    assert squares.calls[2:] == [[(5, 0), (5, 1)]]
    assert more["x"].values.tolist() == [2, 2, 3, 3, 5, 5]
    # An axis that is left out has its declared value, as a leaf of a sweep has.
    assert launch(config, tmp_path / "one", axes={"x": (4,)}, quiet=True)["seed"].values.tolist() == [0]


def test_axes_that_advance_together_select(squares, tmp_path):
    config = declared_config(NAME)
    ds = launch(config, tmp_path, axes={"x": (1, 2), "seed": (7, 8)}, zip_axes=(("x", "seed"),), quiet=True)
    assert list(zip(ds["x"].values.tolist(), ds["seed"].values.tolist(), strict=True)) == [(1, 7), (2, 8)]


def test_a_plan_computes_nothing(squares):
    assert "2 runs in 2 chunks" in plan(declared_config(NAME), axes={"x": (1, 2)}).summary()
    assert squares.calls == []


@pytest.mark.parametrize(
    ("changes", "axes", "match"),
    [
        ({"scale": -1.0}, None, r"config\.scale = -1\.0 must be in \[0, inf\)"),
        ({"scale": "a"}, None, r"config\.scale = 'a' is of type str, but must be of type float"),
        ({"scal": 1.0}, None, r"config\.scal does not exist\. Did you mean 'scale'"),
        ({"x": 3}, None, r"config\.x is an axis of my_squares:my_squares: give its values as --axis x="),
        ({}, {"x": (-1,)}, r"config\.axes: each x = -1 must be an integer of at least 0"),
        ({}, {"scale": (1.0, 2.0)}, r"axis 'scale' is none of .* whose axes are x, seed\. Set --config\.scale instead"),
        ({}, {"y": (1, 2)}, r"axis 'y' is none of"),
        ({}, {"x": ()}, r"axis 'x' is empty"),
    ],
)
def test_bad_input_is_named_before_anything_is_computed(squares, tmp_path, changes, axes, match):
    config = declared_config(NAME).unlock()
    for name, value in changes.items():
        with config.ignore_type():
            config[name] = value
    with pytest.raises(ConfigError, match=match):
        launch(config, tmp_path / "runs", axes=axes, quiet=True)
    assert squares.calls == [] and not (tmp_path / "runs").exists()


def test_axes_that_a_program_makes_by_itself_are_chosen_from(squares, tmp_path):
    squares.LEAVES = {"scale": squares.LEAVES["scale"]}
    inner = squares.program

    def program(config):
        with config.unlocked():
            config.axes = (("x", (1, 2, 3)), ("seed", (0, 1)))
        return inner(config)

    squares.program = program
    ds = launch(declared_config(NAME), tmp_path, axes={"x": (2,)}, quiet=True)
    assert ds["x"].values.tolist() == [2, 2] and squares.calls == [[(2, 0), (2, 1)]]
    with pytest.raises(ConfigError, match=r"axis 'x' = 9: my_squares:my_squares has runs at 1, 2, 3 alone"):
        launch(declared_config(NAME), tmp_path, axes={"x": (9,)}, quiet=True)


def sweep_config():
    config = base_config(task="teacher_student", model="mlp", optim="sgd")
    config.train.num_steps, config.optim.momentum = 2, 0.0
    config.axes = (("seed", (0, 1)),)
    return config


def test_a_sweep_is_checked_and_measured_after_its_runs(monkeypatch, tmp_path):
    module, seen = ModuleType("my_sweep"), []
    module.check = lambda config: require(config, {"optim.momentum": 0.0}, "the theory has none.")
    module.after = lambda ds, workdir: seen.append((ds.sizes["run"], workdir))
    monkeypatch.setitem(sys.modules, "my_sweep", module)
    config = sweep_config()
    config.experiment = "my_sweep:my_sweep"
    assert launch(config, tmp_path / "runs", quiet=True).sizes["run"] == 2
    assert seen == [(2, tmp_path / "runs")]
    refused = r"config\.optim\.momentum = 0\.9 must be 0\.0: the theory has none"
    for axes in ({"optim.momentum": (0.0, 0.9)}, {"seed": (0,), "arm": ("fast",)}):
        config.arms = (("fast", (("optim.momentum", 0.9),)),)
        with pytest.raises(ConfigError, match=refused):
            plan(config, axes=axes)
    config.optim.momentum = 0.9
    with pytest.raises(ConfigError, match=refused):
        launch(config, tmp_path / "other", quiet=True)
    assert not (tmp_path / "other").exists()


def test_a_config_without_an_experiment_is_a_plain_sweep(tmp_path):
    assert launch(sweep_config(), tmp_path, axes={"seed": (3,)}, quiet=True)["seed"].values.tolist() == [3]


def test_an_unknown_experiment_lists_the_known():
    with pytest.raises(ConfigError, match=r"config\.experiment = 'groking' is no experiment\. Did you mean 'grokking"):
        find("groking")
    with pytest.raises(ConfigError, match=r"'grokking' trains by a sweep"):
        declared_config("grokking")
