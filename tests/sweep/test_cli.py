"""The command line's checks, in one process: overrides against the config file, and faults of the file."""

from pathlib import Path

import ml_collections
import pytest

from gendyn.core import ConfigError
from gendyn.sweep import base_config, cli
from gendyn.sweep.config import complete, flatten

CONFIG = """
from gendyn.sweep import base_config

def get_config(variant=""):
    config = base_config(task="digits", model="mlp", optim="adam")
    config.model.depth = {"": 1, "deep": 5}[variant]
    config.axes = (("model.width", (2, 4)),)
    return config.lock()
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "config_file.py"
    file.write_text(CONFIG)
    return str(file)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config.model.width=64"],
        ["--config.model.width", "64"],
        ["-config.optim.learning_rate=1e-3"],
        ["--config.optim.learning_rate=1"],
        ["--config.train.augment"],
        ["--noconfig.train.augment"],
        ["--config.train.augment=false"],
        ["--config.loss=cross_entropy"],
        ["--config.record.steps=1,2"],
        ["--workdir=x", "--axis", "seed=0:3", "--", "--config.foo=1"],
    ],
)
def test_good_overrides_pass(path, arguments):
    cli.read_config(["sweep.py", f"--config={path}", *arguments])
    cli.read_config(["sweep.py", "--config", path, *arguments])


@pytest.mark.parametrize(
    ("argument", "match"),
    [
        ("--config.model.widht=64", r"--config\.model\.widht does not exist\. Did you mean 'model\.width'"),
        ("--config.foo=1", r"--config\.foo does not exist\. Sections and leaves"),
        ("--config.model=1", r"--config\.model is a section"),
        ("--config.width=1", r"--config\.width does not exist\. Did you mean 'model\.width'"),
        ("--config.model.width=64.5", r"--config\.model\.width=64\.5 must be an integer; the config has 64"),
        ("--config.model.width=abc", r"=abc must be an integer"),
        ("--config.model.width=1e3", r"=1e3 must be an integer"),
        ("--config.model.width=", r"--config\.model\.width= must be an integer"),
        ("--config.model.width", r"must be an integer"),
        ("--config.optim.learning_rate=fast", r"=fast must be a number; the config has 0\.001"),
        ("--config.train.augment=maybe", r"=maybe must be true or false; the config has False"),
        ("--config.axes=1", r"--config\.axes is not a leaf; give axes as --axis"),
        ("--config.=1", r"--config\. does not exist"),
    ],
)
def test_bad_overrides(path, argument, match):
    with pytest.raises(ConfigError, match=match):
        cli.read_config(["sweep.py", f"--config={path}", argument])


def test_overrides_without_a_config():
    with pytest.raises(ConfigError, match=r"--config is missing: name a config file, such as --config="):
        cli.read_config(["sweep.py", "--config.model.width=3"])
    cli.read_config(["sweep.py", "--help"])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("def get_config(:\n", r"line 1 raises SyntaxError"),
        ("import no_such_module\n", r"line 1 raises ModuleNotFoundError: No module named 'no_such_module'"),
        ("\n\ndef get_config():\n    return 1 / 0\n", r"line 4 raises ZeroDivisionError"),
        ("x = 1\n", r".*must define get_config"),
        ("def get_config():\n    return None\n", r"config = None must be a config"),
        (CONFIG.replace("model.depth", "model.dpeth"), r"line 6 raises (AttributeError|KeyError): .*depth"),
    ],
)
def test_faults_of_the_config_file_name_their_line(tmp_path, text, match):
    file = tmp_path / "broken.py"
    file.write_text(text)
    with pytest.raises(ConfigError, match=rf"--config=.*broken\.py: {match}"):
        cli.load_config(str(file))


def test_a_config_file_that_is_not_there(path):
    with pytest.raises(ConfigError, match=r"there is no file '.*confg_file\.py'\. Did you mean '.*config_file\.py'"):
        cli.load_config(str(Path(path).with_name("confg_file.py")))


def test_the_variant_is_passed_on(path):
    assert cli.load_config(f"{path}:deep").model.depth == 5
    with pytest.raises(ConfigError, match=r"line 6 raises KeyError: 'shallow'"):
        cli.load_config(f"{path}:shallow")


def test_an_override_of_an_axis_is_refused():
    axes = (("model.width", (2, 4)), ("seed", (0, 1)))
    with pytest.raises(ConfigError, match=r"--config\.model\.width would have no effect.*--axis model\.width="):
        cli.check_not_varied(["model.depth", "model.width"], axes)
    cli.check_not_varied(["model.depth", "optim.learning_rate"], axes)


CHOICES = ("--config.optim.name=sgd", "--config.optim.momentum=0.5", "--config.model.name=cnn")


def test_another_factory_brings_its_own_leaves(path):
    config, rest = cli.read_config(["sweep.py", f"--config={path}", *CHOICES, "--axis=seed=0:2"])
    flat = flatten(config)
    assert rest == ["sweep.py", *CHOICES, "--axis=seed=0:2"]
    assert "model.depth" not in flat and "optim.b1" not in flat
    assert (flat["model.name"], flat["optim.name"], flat["optim.momentum"]) == ("cnn", "sgd", 0.9)  # absl sets 0.5
    assert config.is_locked and complete(flat)


def test_what_both_factories_have_keeps_the_values_of_the_file(path):
    config = cli.load_config(path)
    with config.unlocked():
        config.optim.learning_rate, config.model.width = 0.25, 7
    cli.choose(config, {"optim.name": "sgd", "model.name": "cnn"})
    assert config.optim.learning_rate == 0.25 and config.model.width == 7


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (
            ["--config.optim.name=sgd", "--config.optim.momentun=1"],
            r"momentun does not exist\. Did you mean 'optim\.mom",
        ),
        (["--config.optim.name=sgd", "--config.optim.momentum=much"], r"momentum=much must be a number"),
        (
            ["--config.optim.b1=0.5", "--config.optim.name", "sgd"],
            r"optim\.b1 is a leaf of adam, and .* 'sgd' has none",
        ),
        (["--config.optim.momentum=0.5"], r"optim\.momentum does not exist\..*Leaves there: .*optim\.b1"),
        (
            ["--config.optim.name=sdg"],
            r"no 'sdg'\. Did you mean 'sgd'\? Known: adagrad, adam, adamw, lion, muon, rmsprop, sgd\. ",
        ),
        (["--config.filter.name=grokfast"], r"no 'grokfast'.*Known: butterworth, .*orthogonal_gradient\. "),
        (["--config.optim.name=cross_entropy"], r"'cross_entropy' is a loss; set config\.loss"),
    ],
)
def test_typos_beside_another_factory_are_one_error(path, arguments, match):
    with pytest.raises(ConfigError, match=match):
        cli.read_config(["sweep.py", f"--config={path}", *arguments])


def test_without_another_factory_nothing_changes():
    config = base_config()
    before = ml_collections.ConfigDict(config)
    cli.choose(config, {"model.name": "mlp"})
    assert config == before


def test_a_leaf_and_a_section_that_the_file_leaves_out_can_be_given(tmp_path):
    file = tmp_path / "partial.py"
    file.write_text("""
import ml_collections
def get_config():
    sections = {"task": {"name": "digits"}, "model": {"name": "mlp"}, "optim": {"name": "sgd"}}
    return ml_collections.ConfigDict(sections).lock()
""")
    arguments = ["--config.filter.name=grokfast_ema", "--config.filter.alpha=0.5", "--config.train.num_steps=5"]
    config, _ = cli.read_config(["sweep.py", f"--config={file}", *arguments])
    assert config.filter.name == "grokfast_ema" and config.filter.alpha == 0.98 and config.train.num_steps == 1000


def test_the_last_config_counts_and_words_behind_the_end_of_options_stay(path):
    config, rest = cli.read_config(["sweep.py", "--config=nothing.py", "--config", f"{path}:deep", "--", "--config=x"])
    assert config.model.depth == 5 and rest == ["sweep.py", "--", "--config=x"]
