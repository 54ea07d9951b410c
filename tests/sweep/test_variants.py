"""A config file's variants: the first is the default, a wrong name is answered with the right one."""

import ml_collections
import pytest

from gendyn.core import ConfigError
from gendyn.sweep import choose_variant

VARIANTS = {name: lambda name=name: ml_collections.ConfigDict({"made_by": name}) for name in ("digits", "smoke")}


@pytest.mark.parametrize(("variant", "made_by"), [("", "digits"), ("digits", "digits"), ("smoke", "smoke")])
def test_the_named_variant_or_the_first(variant, made_by):
    config = choose_variant("example", VARIANTS, variant)
    assert config.to_dict() == {"made_by": made_by, "experiment": "example"}
    assert not config.is_locked


def test_a_wrong_name():
    with pytest.raises(ConfigError, match=r"variant = 'smoek' must be one of digits, smoke\..*'smoke'"):
        choose_variant("example", VARIANTS, "smoek")
