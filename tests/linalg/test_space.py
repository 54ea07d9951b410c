"""The flat space of a tree: ravelling, its real coordinates, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.linalg import make_space

TREE = {"a": jnp.arange(3.0), "b": jnp.ones((2, 2))}


def test_a_masked_operator_acts_on_the_real_coordinates_alone():
    mask = {"a": jnp.array([True, False, True]), "b": False}
    space, operator = make_space(lambda v: jax.tree.map(lambda leaf: 2 * leaf + v["a"][1], v), TREE, mask)
    flat = space.project(space.ravel(TREE))
    assert flat.tolist() == [0, 0, 2, 0, 0, 0, 0]
    assert operator(flat).tolist() == [0, 0, 4, 0, 0, 0, 0]
    assert (space.size, float(space.dimension)) == (7, 2.0)
    jax.tree.map(np.testing.assert_array_equal, space.unravel(space.ravel(TREE)), TREE)


@pytest.mark.parametrize(
    ("like", "matvec", "message"),
    [
        ({}, lambda v: v, "like holds no coordinates"),
        ({"a": jnp.arange(3)}, lambda v: v, "like has a leaf of dtype int32"),
        (TREE, lambda v: v["a"], "matvec must return the structure and shapes"),
    ],
)
def test_bad_spaces(like, matvec, message):
    with pytest.raises(ConfigError, match=message):
        make_space(matvec, like)
