"""What ``gendyn list`` and ``--help`` show: every name with a sentence, every leaf with default, kind and meaning."""

import pytest

from gendyn.commands import _columns, _tables
from gendyn.core import ConfigError
from gendyn.experiments import experiments
from gendyn.sweep.config import FACTORIES, offered
from gendyn.sweep.config.fixed import FIXED


@pytest.mark.parametrize("kind", _tables.KINDS)
def test_everything_of_a_kind_has_one_sentence(kind):
    rows = _tables.things(kind)
    assert [name for name, _ in rows] == list(_tables.KINDS[kind].names())
    assert all(len(sentence) > 10 and sentence[-1] in ".?:" and "``" not in sentence for _, sentence in rows), rows


def test_the_kinds_are_what_a_config_may_name():
    assert {"models", "tasks", "optimizers", "filters", "losses", "probes", "experiments"} <= set(_tables.KINDS)
    assert dict(_tables.things("optimizers")).keys() == set(offered("optim"))
    assert dict(_tables.things("experiments")).keys() == set(experiments())


@pytest.mark.parametrize(("kind", "section"), _tables.SECTIONS.items())
def test_every_leaf_of_every_factory_has_a_meaning(kind, section):
    for name in offered(section):
        rows = _tables.arguments(kind, name)
        assert [row[0] for row in rows if not row[3]] == [], name
        assert all(row[0].startswith(f"{section}.") for row in rows)


def test_leaves_of_a_sweep_are_all_there_with_default_kind_and_meaning():
    rows = {row[0]: row[1:] for row in _tables.leaves()}
    assert set(FIXED) <= set(rows) and {f"{section}.name" for section in FACTORIES} <= set(rows)
    assert rows["data.label_noise"] == ("0.0", "sample", FIXED["data.label_noise"].meaning)
    assert rows["model.width"][:2] == ("64", "size") and rows["optim.learning_rate"][1] == "traced"
    assert all(meaning for *_, meaning in rows.values())


def test_the_leaves_of_a_config_have_its_values():
    rows = {row[0]: row[1:] for row in _tables.leaves(_tables.load_config("weak_features:smoke"))}
    assert rows["num_examples"][:2] == ("20", "static") and rows["seed"][1] == "axis"
    assert {row[0] for row in _tables.arguments("experiments", "weak_features")} == set(rows)


def test_a_probe_lists_its_arguments_and_a_wrong_name_is_answered():
    assert ("num_probes", "16", "", "random vectors of the trace, at least 2.") in _tables.arguments(
        "probes", "sharpness"
    )
    assert _tables.arguments("probes", "embedding_spectrum")[0][:2] == ("modulus", "required")
    assert _tables.arguments("losses", "squared_error") == []
    with pytest.raises(ConfigError, match=r"models: there is no 'mpl'\. Did you mean 'mlp'.*gendyn list models"):
        _tables.arguments("models", "mpl")


def test_every_leaf_is_listed_once_whatever_brings_it():
    rows = _tables.all_leaves()
    names = [row[0] for row in rows]
    assert names == sorted(set(names))
    assert {"optim.momentum", "task.modulus", "filter.window", "num_examples", "seed"} <= set(names)
    assert dict((row[0], row[1:]) for row in rows)["train.num_steps"] == ("1000", "static", "Gradient steps.")


def test_columns_are_padded_but_the_last():
    long = "x" * 50
    assert _columns.as_text([("a", "b", "c"), ("aaa", long, "d")]).splitlines() == [
        f"  a    {'b':<36}  c",
        f"  aaa  {long}  d",
    ]
    assert _columns.as_text([]) == ""
