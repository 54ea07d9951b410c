"""Arms: several leaves at once under one name, which is a coordinate of the results and no part of a run's identity."""

import pytest

from gendyn.analysis import config_of
from gendyn.core import ConfigError
from gendyn.sweep.config import flatten
from gendyn.sweep.config.axes import normalise
from gendyn.sweep.config.points import make_points

ARMS = (
    ("plain", ()),
    ("decayed", (("optim.name", "adamw"), ("optim.weight_decay", 1.0))),
    ("slow", (("optim.learning_rate", 1e-4),)),
)


def points_of(small, axes, arms=ARMS, zips=()):
    return make_points(flatten(small.config(optim="adam")) | {"arms": arms}, normalise(axes), zips)


def test_an_arm_sets_its_leaves_and_no_others(small):
    plain, decayed, slow = points_of(small, {"arm": ("plain", "decayed", "slow")})
    assert [point.flat["arm"] for point in (plain, decayed, slow)] == ["plain", "decayed", "slow"]
    assert decayed.flat["optim.name"] == "adamw" and decayed.flat["optim.weight_decay"] == 1.0
    assert decayed.flat["optim.learning_rate"] == plain.flat["optim.learning_rate"] != slow.flat["optim.learning_rate"]
    assert len(points_of(small, {"arm": ("plain", "slow"), "seed": range(3)})) == 6


def test_the_name_is_no_part_of_the_identity(small):
    (renamed,) = points_of(small, {"arm": ("other",)}, arms=(("other", ARMS[2][1]),))
    by_axis = points_of(small, {"optim.learning_rate": (1e-4,)})[0]
    assert renamed.identity == by_axis.identity == points_of(small, {"arm": ("slow",)})[0].identity


def test_runs_that_differ_in_a_name_alone_are_different_runs(small):
    """The leaves of a factory have its own defaults, so the name has to count."""
    for axis, values in (("optim.name", ("adam", "lion")), ("filter.name", ("identity", "grokfast_ema"))):
        one, two = points_of(small, {axis: values})
        assert one.identity != two.identity


@pytest.mark.parametrize(
    ("axes", "arms", "match"),
    [
        ({"arm": ("a", "b")}, (("a", ()), ("b", (("seed", 0),))), "one run twice"),
        ({"arm": ("plan",)}, ARMS, r"axis 'arm' = 'plan' must be one of plain, .*Did you mean 'plain'"),
        ({"arm": ("slow",), "optim.learning_rate": (0.1,)}, ARMS, "which is an axis too"),
        ({"arm": ("a",)}, (("a", (("optim.lerning_rate", 1.0),)),), "optim.lerning_rate does not exist"),
        ({"arm": ("a",)}, ("a",), r"must be \(\("),
        ({"arm": ("a",)}, (("a", ()), ("a", ())), "twice"),
    ],
)
def test_bad_arms_are_refused(small, axes, arms, match):
    with pytest.raises(ConfigError, match=match):
        points_of(small, axes, arms)


def test_a_sweep_over_arms_is_labelled(small, tmp_path):
    config = small.config(train__num_steps=4, record__num_records=2)
    config.unlock()
    config.arms = (("low", (("optim.learning_rate", 0.0),)), ("high", (("optim.learning_rate", 0.5),)))
    ds = small.run(config, {"arm": ("low", "high")}, tmp_path).dataset
    assert ds["arm"].values.tolist() == ["low", "high"]
    start, end = ds["train_loss"].values.T
    assert start[0] == end[0] and start[1] != end[1]


def test_arms_keep_their_names_when_a_sweep_goes_on_and_grows(small, tmp_path):
    config = small.config(train__num_steps=4, record__num_records=2)
    config.unlock()
    settings = {"low": (("optim.learning_rate", 0.0),), "high": (("optim.learning_rate", 0.5),), "plain": ()}
    config.arms = tuple(settings.items())
    small.run(config, {"arm": ("low", "high")}, tmp_path)
    for names in (("low", "high"), ("plain",)):
        ds = small.run(config, {"arm": names}, tmp_path).dataset
    assert ds["arm"].values.tolist() == ["low", "high", "plain"]

    config.arms = tuple((settings | {"low": (("optim.learning_rate", 0.1),)}).items())
    with pytest.raises(
        ConfigError, match=r"arm 'low' with optim\.learning_rate = 0\.0, and config\.arms now gives it 0\.1"
    ):
        small.run(config, {"arm": ("low", "high")}, tmp_path)
    config.arms = (("low", ()),)
    with pytest.raises(ConfigError, match="Give the changed arm another name"):
        small.run(config, {"arm": ("low",)}, tmp_path)


def arms_of(small, *names, **settings):
    config = small.config(train__num_steps=4, record__num_records=2)
    config.unlock()
    config.arms = tuple((name, (("optim.learning_rate", rate),)) for name, rate in settings.items())
    return config, {"arm": names}


def test_an_arm_that_left_the_config_keeps_its_settings(small, tmp_path):
    small.run(*arms_of(small, "low", "high", low=0.1, high=0.5), tmp_path)
    ds = small.run(*arms_of(small, "high", high=0.5), tmp_path).dataset
    assert dict(config_of(ds)["arms"])["low"] == [["optim.learning_rate", 0.1]]
    with pytest.raises(ConfigError, match=r"arm 'low' with optim\.learning_rate = 0\.1, .* gives it 0\.2"):
        small.run(*arms_of(small, "low", low=0.2), tmp_path)


def test_one_run_has_one_name(small, tmp_path):
    small.run(*arms_of(small, "low", low=0.1), tmp_path)
    with pytest.raises(ConfigError, match="a run of arm 'renamed' already, under the name 'low'"):
        small.run(*arms_of(small, "renamed", renamed=0.1), tmp_path)


def test_without_an_axis_over_them_a_folder_holds_one_arm(small, tmp_path):
    config, _ = arms_of(small, low=0.1, high=0.5)
    config.arm = "low"
    small.run(config, {"seed": (0,)}, tmp_path)
    config.arm = "high"
    with pytest.raises(ConfigError, match=r"config\.arm is 'low' there and 'high' here"):
        small.run(config, {"seed": (0,)}, tmp_path)
