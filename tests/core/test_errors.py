"""Checks of arguments: what passes, what does not, and what the message says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError, check_choice, check_positive_int, check_range, is_concrete, nearest, said_of


@pytest.mark.parametrize(
    "value", [0, 0.5, 1, np.float32(0.25), jnp.asarray(0.25), np.linspace(0, 1, 5), jnp.bfloat16(1)]
)
def test_values_of_the_closed_interval_pass(value):
    check_range("rate", value, low=0, high=1)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf"), np.array([0.5, 2.0])])
def test_values_outside_are_named(value):
    with pytest.raises(ConfigError, match=r"rate = .* must be in \[0, 1\]\."):
        check_range("rate", value, low=0, high=1)


@pytest.mark.parametrize(
    ("options", "value", "interval"),
    [
        ({"low": 0, "high": 1, "open_high": True}, 1, r"\[0, 1\)"),
        ({"low": 0, "high": 1, "open_low": True}, 0, r"\(0, 1\]"),
        ({"low": 0}, float("inf"), r"\[0, inf\)"),
        ({"high": 3}, float("-inf"), r"\(-inf, 3\]"),
        ({}, float("nan"), r"\(-inf, inf\)"),
    ],
)
def test_the_message_shows_the_interval_that_is_checked(options, value, interval):
    with pytest.raises(ConfigError, match=rf"rate = {value} must be in {interval}\."):
        check_range("rate", value, **options)


@pytest.mark.parametrize("value", ["0.5", None, True, (), object()])
def test_other_types_are_named(value):
    if value == ():
        value = ("a", "b")
    with pytest.raises(ConfigError, match=r"rate = .* must be a number in \[0, 1\]"):
        check_range("rate", value, low=0, high=1)


def test_tracers_pass():
    seen = []

    @jax.jit
    def program(rate):
        seen.append(is_concrete(rate))
        check_range("rate", rate, low=0, high=1)
        return rate

    assert float(program(7.0)) == 7.0
    assert seen == [False]
    assert is_concrete(7.0)
    assert is_concrete(jnp.asarray(7.0))


def test_choices():
    check_choice("kind", "cosine", ("constant", "cosine"))
    with pytest.raises(ConfigError, match=r"kind = 'cosin' must be one of constant, cosine\. Did you mean 'cosine'\?"):
        check_choice("kind", "cosin", ("constant", "cosine"))
    with pytest.raises(ConfigError, match=r"kind = 3 must be one of constant, cosine\.$"):
        check_choice("kind", 3, ("constant", "cosine"))


@pytest.mark.parametrize("value", [1, 7, np.int64(3)])
def test_positive_integers_pass(value):
    check_positive_int("width", value)


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "3", None])
def test_other_values_are_not_positive_integers(value):
    with pytest.raises(ConfigError, match=rf"width = {value!r} must be an integer of at least 1\."):
        check_positive_int("width", value)


def test_a_lower_end_of_its_own():
    check_positive_int("depth", 0, low=0)
    with pytest.raises(ConfigError, match=r"depth = 1 must be an integer of at least 2"):
        check_positive_int("depth", 1, low=2)


def test_nearest_is_silent_without_a_close_name():
    assert nearest("widht", ("width", "depth")).startswith(" Did you mean 'width'")
    assert nearest("zzz", ("width", "depth")) == ""


def test_config_errors_are_value_errors():
    assert issubclass(ConfigError, ValueError)


def test_what_a_library_says_of_its_argument_is_said_of_the_leaf():
    with (
        pytest.raises(ConfigError, match=r"^config\.record\.steps = 0 must be") as caught,
        said_of("config.record"),
    ):
        check_positive_int("steps", 0)
    assert isinstance(caught.value.__cause__, ConfigError)
    with pytest.raises(ConfigError, match=r"^config\.optim\.b1 = 2"), said_of("config.optim", {"b1", "b2"}):
        check_range("b1", 2, high=1)
    # Of something else, and errors of other kinds, nothing is known.
    with pytest.raises(ConfigError, match=r"^momentum = 2"), said_of("config.optim", {"b1", "b2"}):
        check_range("momentum", 2, high=1)
    with pytest.raises(TypeError, match=r"^no"), said_of("config.optim"):
        raise TypeError("no")
