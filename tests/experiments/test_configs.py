"""What all configs share: their variants are locked, described, and named where an unknown one is asked for."""

import re
from pathlib import Path

import pytest

from gendyn.core import ConfigError
from tests.experiments.smoke import EXPERIMENTS, config_file_of


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_variants_are_locked_and_described_and_the_first_is_the_default(experiment):
    config_file = config_file_of(experiment)
    for variant in config_file.VARIANTS:
        config = config_file.get_config(variant)
        assert config.is_locked and config.experiment == experiment
    first = config_file.get_config(next(iter(config_file.VARIANTS))).to_dict()
    assert config_file.get_config().to_dict() == config_file.get_config("").to_dict() == first
    # The description is the second list of variants: one that gets lost is missed here.
    assert sorted(re.findall(r"^``(\w+)``", config_file.__doc__, re.MULTILINE)) == sorted(config_file.VARIANTS)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_unknown_variant_names_the_known(experiment):
    known = list(config_file_of(experiment).VARIANTS)
    for wrong, meant in [("smok", "smoke"), ("smoek", "smoke"), *((variant[:-1], variant) for variant in known)]:
        message = f"variant = {wrong!r} must be one of {', '.join(known)}. Did you mean {meant!r}"
        with pytest.raises(ConfigError, match=re.escape(message)):
            config_file_of(experiment).get_config(wrong)


ROOT = Path(__file__).parents[2]
TEXTS = [
    ROOT / "README.md",
    ROOT / "Makefile",
    ROOT / "BUILD_NOTES.md",
    *ROOT.glob("configs/*.py"),
    *ROOT.glob("scripts/**/*.py"),
]


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.name)
def test_variants_that_are_named_exist(file):
    for experiment, variant in re.findall(r"configs/(\w+)\.py:([a-z]\w*)", file.read_text()):
        assert variant in config_file_of(experiment).VARIANTS, f"{file.name}: configs/{experiment}.py:{variant}"
