"""Configs and variants that texts and programs name exist; a wrong variant is answered with the right one."""

import re
from pathlib import Path

import pytest

from gendyn.core import ConfigError
from tests.experiments.smoke import EXPERIMENTS, config_file_of, family_of

ROOT = Path(__file__).parents[2]
TEXTS = [
    *(path for pattern in ("*.md", "Makefile", "docs/**/*.md", "configs/**/*.py") for path in ROOT.glob(pattern)),
    *(path for folder in ("gendyn", "scripts") for path in (ROOT / folder).rglob("*.py")),
]


def faults(text: str) -> list[str]:
    """What is wrong with each ``configs/<family>/<name>.py:<variant>`` that a text names."""
    found = []
    for path, variant in re.findall(r"configs/([\w/]+)\.py(?::([a-z]\w*))?", text):
        family, _, name = path.rpartition("/")
        if name not in EXPERIMENTS or family != family_of(name):
            found.append(f"configs/{path}.py does not exist")
        elif variant and variant not in config_file_of(name).get_config.functions:
            found.append(f"configs/{path}.py has no variant {variant!r}")
    return found


def test_configs_and_variants_that_are_named_exist():
    assert len(TEXTS) > 100
    assert {str(path.relative_to(ROOT)): wrong for path in TEXTS if (wrong := faults(path.read_text()))} == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("--config=configs/grokking/grokking.py:smoke, configs/<family>/<name>.py", []),
        ("configs/grokking.py:smoke", ["configs/grokking.py does not exist"]),
        ("configs/curvature/grokking.py", ["configs/curvature/grokking.py does not exist"]),
        ("configs/grokking/grokking.py:smoek", ["configs/grokking/grokking.py has no variant 'smoek'"]),
    ],
)
def test_a_wrong_name_is_found(text, wrong):
    assert faults(text) == wrong


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_unknown_variant_names_the_known(experiment):
    get_config = config_file_of(experiment).get_config
    known = list(get_config.functions)
    for wrong, meant in [("smok", "smoke"), ("smoek", "smoke"), *((variant[:-1], variant) for variant in known)]:
        message = f"variant = {wrong!r} must be one of {', '.join(known)}. Did you mean {meant!r}"
        with pytest.raises(ConfigError, match=re.escape(message)):
            get_config(wrong)
