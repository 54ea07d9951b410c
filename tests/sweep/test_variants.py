"""A config file's variants: the first is the default, a wrong name is answered with the right one."""

import ml_collections
import pytest

from gendyn.core import ConfigError
from gendyn.sweep import Variants


def digits():
    """Made by digits."""
    return ml_collections.ConfigDict({"made_by": "digits"}).lock()


def smoke():
    """Made by smoke."""
    return ml_collections.ConfigDict({"made_by": "smoke"})


get_config = Variants("example", digits, smoke)


@pytest.mark.parametrize(("variant", "made_by"), [("", "digits"), ("digits", "digits"), ("smoke", "smoke")])
def test_the_named_variant_or_the_first(variant, made_by):
    config = get_config(variant)
    assert config.to_dict() == {"made_by": made_by, "experiment": "example"}
    assert config.is_locked


def test_a_wrong_name():
    with pytest.raises(ConfigError, match=r"variant = 'smoek' must be one of digits, smoke\..*'smoke'"):
        get_config("smoek")


def test_each_says_what_it_computes():
    assert get_config.describe() == {"digits": "Made by digits.", "smoke": "Made by smoke."}
    smoke.__doc__, before = None, smoke.__doc__
    with pytest.raises(ConfigError, match=r"variant 'smoke' of 'example' needs a docstring that says what it computes"):
        Variants("example", digits, smoke)
    smoke.__doc__ = before
