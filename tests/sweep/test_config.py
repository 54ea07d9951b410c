"""The config's leaves: nested and flat forms, types, kinds, and where leaves come from."""

import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gendyn.core import ConfigError, lookup
from gendyn.core.rules import positive
from gendyn.optim import SCHEDULES
from gendyn.sweep import base_config
from gendyn.sweep.config import FACTORIES, complete, factories, flatten, leaves_of, nest, offered, schema
from gendyn.sweep.config.fixed import FIXED
from gendyn.sweep.config.leaf import Leaf, check_leaf, plain
from gendyn.sweep.config.points import make_points

schema_module = importlib.import_module("gendyn.sweep.config.schema")  # config.schema is the function
DEFAULTS = {"task": "digits", "model": "mlp", "optim": "adam", "filter": "identity", "projection": "identity"}
keys = st.text("abcxyz_", min_size=1, max_size=4)
leaf_values = st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.text(max_size=5), st.just((1, 2)))
nested = st.dictionaries(
    keys,
    st.recursive(leaf_values, lambda inner: st.dictionaries(keys, inner, min_size=1, max_size=3), max_leaves=8),
    max_size=4,
)


@settings(deadline=None, max_examples=80)
@given(nested)
def test_nest_is_the_inverse_of_flatten(config):
    assert nest(flatten(config)) == config
    assert flatten(nest(flatten(config))) == flatten(config)


def test_flatten_leaves_out_axes_and_turns_lists_into_tuples():
    assert flatten({"a": {"b": [1, 2]}, "axes": (("a", (1,)),), "zip_axes": ()}) == {"a.b": (1, 2)}


@pytest.mark.parametrize("section", FACTORIES)
def test_every_file_makes_a_config(section):
    """Every task, model and optimizer has a default for each argument, and its leaves carry its own defaults."""
    for name in offered(section):
        flat = flatten(base_config(**{section: name}))
        assert flat[f"{section}.name"] == name
        for argument, parameter in inspect.signature(lookup(FACTORIES[section], name)).parameters.items():
            if argument not in ("num_outputs", "input_shape") and not argument.startswith("active_"):
                assert flat[f"{section}.{argument}"] == parameter.default


def test_no_leaf_of_any_config_is_none():
    """A type is read from the default."""
    for section in FACTORIES:
        for name in offered(section):
            assert all(leaf.default is not None for leaf in schema(DEFAULTS | {section: name}).values())


def test_a_config_is_locked_and_complete():
    config = base_config()
    with pytest.raises(AttributeError, match="locked"):
        config.model.widht = 3
    flat = flatten(config)
    assert complete(flat) == flat


def test_defaults_are_filled_in_and_ints_become_floats():
    flat = complete({f"{section}.name": name for section, name in DEFAULTS.items()} | {"optim.learning_rate": 1})
    assert flat == flatten(base_config()) | {"optim.learning_rate": 1.0}
    assert type(flat["optim.learning_rate"]) is float


def test_numbers_of_numpy_are_taken():
    given = flatten(base_config()) | {"model.width": np.int64(3), "record.steps": [np.int32(1), 2]}
    flat = complete(given)
    assert flat["model.width"] == 3 and type(flat["model.width"]) is int
    assert flat["record.steps"] == (1, 2) and all(type(step) is int for step in flat["record.steps"])
    assert plain(np.array(2.5)) == 2.5
    steps = complete(given | {"record.steps": np.array([1, 2])})["record.steps"]
    assert steps == (1, 2) and all(type(step) is int for step in steps)


@pytest.mark.parametrize(
    ("leaf", "kind"),
    [
        ("model.width", "size"),
        ("model.depth", "static"),
        ("model.activation", "static"),
        ("model.init_scale", "traced"),
        ("optim.learning_rate", "traced"),
        ("optim.weight_decay", "traced"),
        ("optim.name", "static"),
        ("train.ema_decay", "traced"),
        ("train.batch_size", "static"),
        ("task.num_test", "static"),
        ("seed", "sample"),
        ("data.label_noise", "sample"),
        ("data.num_train", "sample"),
        ("sweep.strategy", "execution"),
    ],
)
def test_how_a_leaf_may_vary(leaf, kind):
    assert schema(DEFAULTS)[leaf].kind == kind


def test_widths_are_static_under_an_optimizer_that_is_not_pad_safe():
    assert schema(DEFAULTS | {"optim": "muon"})["model.width"].kind == "static"


def test_a_task_is_never_traced():
    kinds = {leaf.kind for name, leaf in schema(DEFAULTS | {"task": "teacher_student"}).items() if name[:5] == "task."}
    assert kinds == {"static"}


def test_an_unknown_leaf_names_those_that_exist():
    with pytest.raises(ConfigError, match=r"config\.optim\.lr does not exist.*optim\.b1, .*optim\.learning_rate"):
        complete(flatten(base_config()) | {"optim.lr": 1.0})


def test_a_loss_is_no_optimizer():
    with pytest.raises(ConfigError, match=r"'squared_error' is a loss; set config\.loss"):
        base_config(optim="squared_error")


def test_schedules_may_be_named_on_an_axis():
    axes = (("schedule.name", tuple(SCHEDULES)),)
    assert len(make_points(flatten(base_config()), axes)) == len(SCHEDULES)


def test_an_axis_over_optimizers_gives_each_its_own_leaves():
    axes = (("optim.name", ("adam", "sgd")),)
    adam, sgd = (point.flat for point in make_points(flatten(base_config()), axes))
    assert "optim.b2" in adam and "optim.momentum" not in adam
    assert "optim.b2" not in sgd and sgd["optim.momentum"] == 0.9
    assert adam["optim.learning_rate"] == sgd["optim.learning_rate"]
    assert set(sgd) == set(leaves_of(sgd))


def test_an_identity_is_what_is_computed():
    flat = flatten(base_config())
    (first,) = make_points(flat, ())
    for leaf, value in {"sweep.strategy": "map", "store.commit_seconds": 3.0, "experiment": "other"}.items():
        assert make_points(flat | {leaf: value}, ())[0].identity == first.identity
    for leaf, value in {"seed": 1, "optim.b1": 0.5, "data.label_noise": 0.1, "task.split_seed": 1}.items():
        assert make_points(flat | {leaf: value}, ())[0].identity != first.identity
    assert make_points(flat | {"optim.b1": 0}, ())[0].identity == make_points(flat | {"optim.b1": 0.0}, ())[0].identity


def test_a_new_leaf_is_one_line(monkeypatch):
    """Default, kind and rule beside each other: the config, its checks, its runs and their identities follow."""
    monkeypatch.setitem(FIXED, "train.temperature", Leaf(1.0, "traced", positive(), "Of the softmax."))
    monkeypatch.setattr(schema_module, "_schema", schema_module._schema.__wrapped__)
    config = base_config()
    assert config.train.temperature == 1.0
    with pytest.raises(ConfigError, match=r"config\.train\.temperature = 0\.0 must be in \(0, inf\)"):
        make_points(flatten(config), (("train.temperature", (2.0, 0.0)),))
    base, hot = make_points(flatten(config), (("train.temperature", (1, 2)),))
    assert base.identity != hot.identity and hot.flat["train.temperature"] == 2.0
    assert "train.temperature" in leaves_of(hot.flat).of_kind("traced")


def test_every_fixed_leaf_says_what_it_means_and_obeys_its_own_rule():
    for name, leaf in FIXED.items():
        assert leaf.meaning.endswith("."), name
        assert check_leaf(f"config.{name}", leaf.default, leaf) == leaf.default
    kinds = {"static", "traced", "size", "sample", "execution", "label"}
    assert {leaf.kind for leaf in FIXED.values()} <= kinds


def test_every_fixed_leaf_is_read_somewhere():
    """A leaf that nothing reads would be swept without effect."""
    package = Path(inspect.getfile(base_config)).parents[2]
    texts = [path.read_text() for path in package.rglob("*.py") if path.name != "fixed.py"]

    def is_read(name):
        section, _, leaf = name.rpartition(".")
        return any(f'"{name}"' in text or (f'"{leaf}"' in text and f'f"{section}.{{' in text) for text in texts)

    assert [name for name in FIXED if not is_read(name)] == []
    assert not is_read("train.no_such_leaf")


@pytest.mark.parametrize("said", ["b1 = 2.0 must be in [0, 1).", "optim.b1 = 2.0 must be in [0, 1)."])
def test_what_a_library_says_of_an_argument_is_said_of_the_leaf(monkeypatch, said):
    def refuse(**arguments):
        raise ConfigError(said)

    monkeypatch.setattr(factories, "lookup", lambda room, name: refuse)
    with pytest.raises(ConfigError, match=r"^config\.optim\.b1 = 2\.0 must be in"):
        factories.build("optim", {"optim.name": "adam", "optim.b1": 2.0})
    with pytest.raises(ConfigError, match=r"^(optim\.)?b1 = 2\.0"):
        factories.build("optim", {"optim.name": "sgd", "optim.momentum": 0.9})  # no argument of this factory


IDENTITIES = ["70a3ed5e2bf7", "dd5d311ee02c", "5bf24d145726", "4583202f5eb6"]


def test_identities_are_those_of_every_folder_there_is():
    """Written here by another process: equal everywhere, and for ever, or no folder could go on."""
    flat = flatten(base_config(task="teacher_student", model="mlp", optim="sgd"))
    axes = (("model.width", (3, 5)), ("optim.learning_rate", (0.1,)), ("optim.name", ("sgd", "adam")))
    assert [point.identity[:12] for point in make_points(flat, axes)] == IDENTITIES
