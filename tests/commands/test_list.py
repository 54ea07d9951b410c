"""``gendyn list``: kinds, one thing, leaves; a wrong word is answered with the right ones."""

import pytest
from absl import flags

from gendyn.commands import list as list_command
from gendyn.core import ConfigError


@pytest.fixture
def call(monkeypatch):
    def run(*words):
        values = flags.FlagValues()
        flags.DEFINE_string("config", "", "", flag_values=values)
        flags.DEFINE_string("page", "", "", flag_values=values)
        monkeypatch.setattr(flags, "FLAGS", values)
        values.set_gnu_getopt()
        list_command.main(values(["list", *words]))

    return run


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["optimizers"], ["sgd", "Stochastic", "gradient", "descent"]),
        (["optimizers", "sgd"], ["optim.momentum", "0.9", "traced", "in", "[0,", "1)."]),
        (["leaves"], ["train.num_steps", "1000", "static", "Gradient", "steps."]),
        (["leaves", "--config=random_labels:smoke"], ["train.num_steps", "40", "static", "Gradient", "steps."]),
        (["losses", "squared_error"], ["takes", "no", "arguments"]),
    ],
)
def test_what_was_asked_for_is_printed(call, words, line, capsys):
    call(*words)
    assert line in [found.split()[: len(line)] for found in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ([], "gendyn list needs a kind: one of models, tasks, optimizers"),
        (["modles"], "Did you mean 'models'"),
        (["models", "mlp", "cnn"], "unexpected argument 'cnn'"),
        (["leaves", "mlp"], "unexpected argument 'mlp'"),
        (["models", "--config=grokking"], "goes with `gendyn list leaves` alone"),
        (["models", "--page=names.md"], "--page stands alone"),
        (["--config=grokking", "--page=names.md"], "--page stands alone"),
        (["leaves", "--config=groking"], "Did you mean 'grokking'"),
    ],
)
def test_a_wrong_word_is_answered(call, words, match):
    with pytest.raises(ConfigError, match=match):
        call(*words)
