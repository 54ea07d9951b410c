"""Axes: product and zip against plain loops, and the command line's notation against the values it stands for."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gendyn.core import ConfigError
from gendyn.sweep.config.axes import normalise, normalise_zips, parse, points

few = settings(deadline=None, max_examples=60)
NAMES = ("a", "b.c", "d", "e.f.g")
values = st.lists(st.integers(-99, 99), min_size=1, max_size=4, unique=True).map(tuple)
axes = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=4, unique_by=lambda axis: axis[0]).map(tuple)


@few
@given(axes)
def test_the_product_is_nested_loops_with_the_last_axis_fastest(axes):
    expected = [{}]
    for name, axis in axes:
        expected = [{**point, name: value} for point in expected for value in axis]
    assert points(axes) == expected


@few
@given(st.integers(1, 4), st.integers(1, 3), st.permutations(["x", "y", "z"]))
def test_zipped_axes_advance_together_and_multiply_the_others(length, other, order):
    axis = {
        "x": tuple(range(length)),
        "y": tuple(range(100, 100 + length)),
        "z": tuple(range(200, 200 + other)),
    }
    found = points(tuple((name, axis[name]) for name in order), zips=[("x", "y")])
    assert len(found) == length * other
    assert all(point["y"] == point["x"] + 100 for point in found)
    assert {(point["x"], point["z"]) for point in found} == set(itertools.product(axis["x"], axis["z"]))


def test_a_zip_of_all_axes_has_their_length():
    found = points((("a", (1, 2)), ("b", (3, 4)), ("c", (5, 6))), zips=[("c", "a", "b")])
    assert found == [{"c": 5, "a": 1, "b": 3}, {"c": 6, "a": 2, "b": 4}]


def test_no_axes_are_one_run():
    assert points(normalise(None)) == [{}]


@few
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=6, unique=True))
def test_integers_written_are_integers_read(numbers):
    name, read = parse(f"model.width={','.join(map(str, numbers))}")
    assert (name, read) == ("model.width", tuple(numbers))
    assert all(type(value) is int for value in read)


@few
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6, unique=True))
def test_floats_written_are_floats_read(numbers):
    assert parse(f"optim.learning_rate={','.join(map(repr, numbers))}") == ("optim.learning_rate", tuple(numbers))


@few
@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(-5, 5).filter(bool))
def test_a_range_is_pythons(start, stop, step):
    assert parse(f"seed={start}:{stop}:{step}") == ("seed", range(start, stop, step))
    assert parse(f"seed={start}:{stop}") == ("seed", range(start, stop))


def test_other_values_are_bools_and_strings():
    assert parse(" train.augment = True, false ") == ("train.augment", (True, False))
    assert parse("model.activation=relu,tanh") == ("model.activation", ("relu", "tanh"))


def test_a_value_with_a_comma_stands_in_quotes():
    assert parse('arm="Adam, no decay", EMA') == ("arm", ("Adam, no decay", "EMA"))
    with pytest.raises(ConfigError, match="close the double quotes"):
        parse('arm="Adam, no decay')


def test_a_long_range_is_not_built():
    name, read = parse("seed=0:1000000000000")
    with pytest.raises(ConfigError, match=r"axis 'seed' has 1000000000000 values"):
        normalise([(name, read)])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("seed", r"--axis='seed' must read leaf=values"),
        ("=1,2", r"--axis='=1,2' must read leaf=values"),
        ("seed=1,,2", r"--axis='seed=1,,2' has an empty value"),
        ("seed=1,2,", r"has an empty value"),
        ("seed=0:10:0", r"the step of a range must not be 0"),
    ],
)
def test_unreadable_axes(text, match):
    with pytest.raises(ConfigError, match=match):
        parse(text)


@pytest.mark.parametrize("text", ["seed=", "seed=5:5"])
def test_axes_without_values(text):
    with pytest.raises(ConfigError, match=r"axis 'seed' is empty"):
        normalise([parse(text)])


def test_every_form_of_axes_has_one_stored_form():
    expected = (("seed", (0, 1)), ("optim.learning_rate", (0.5,)))
    assert normalise({"seed": range(2), "optim.learning_rate": [0.5]}) == expected
    assert normalise([["seed", [0, 1]], ("optim.learning_rate", np.array([0.5]))]) == expected
    assert normalise(expected) == expected


def test_numbers_of_numpy_become_pythons():
    ((_, read),) = normalise({"seed": np.arange(3)})
    assert all(type(value) is int for value in read)
    ((_, read),) = normalise({"optim.learning_rate": np.array([0.5, 1.0])})
    assert all(type(value) is float for value in read)


def test_arrays_of_jax_are_axes_too():
    axes = {"seed": jnp.arange(2), "optim.learning_rate": jnp.linspace(0.25, 1, 4), "train.num_steps": np.int64([3])}
    expected = (("seed", (0, 1)), ("optim.learning_rate", (0.25, 0.5, 0.75, 1.0)), ("train.num_steps", (3,)))
    found = normalise(axes)
    assert found == expected
    assert all(type(value) in (int, float) for _, values in found for value in values)
    ((_, read),) = normalise({"optim.b1": [jnp.float32(0.5), jnp.bfloat16(0.25), np.longdouble(0.75)]})
    assert read == (0.5, 0.25, 0.75) and {type(value) for value in read} == {float}


@few
@given(st.lists(st.sampled_from([0, 1, 0.0, 1.0, True, "0", "1", -0.0]), min_size=1, max_size=4))
def test_equal_values_are_refused_and_others_accepted(axis):
    equal = any(a == b for a, b in itertools.combinations(axis, 2))
    if equal:
        with pytest.raises(ConfigError, match=r"axis 'seed' repeats"):
            normalise({"seed": axis})
    else:
        assert normalise({"seed": axis}) == (("seed", tuple(axis)),)


def test_lists_and_tuples_of_zips_are_equal():
    assert normalise_zips([["a", "b"]]) == normalise_zips((("a", "b"),)) == (("a", "b"),)
    assert normalise_zips(()) == ()


@few
@given(axes)
def test_the_number_of_runs(axes):
    assert len(points(axes)) == math.prod(len(axis) for _, axis in axes)
