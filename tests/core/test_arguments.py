"""One sentence for what users pass by mistake: swapped arguments, a seed as a key, a whole module, statistics."""

import dataclasses
import functools
import importlib
import inspect
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError, check_arrays, check_function, check_key, mask_of
from gendyn.types import Variables

KEY = jax.random.key(0)


@functools.partial(jax.tree_util.register_dataclass, data_fields=["weight", "activation"], meta_fields=[])
@dataclasses.dataclass
class Module:
    """As Equinox has them: a pytree that may be called, with functions and keys among its leaves."""

    weight: jax.Array
    activation: object

    def __call__(self, x):
        return self.activation(x @ self.weight)


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (
            lambda: check_function("loss", {"w": 1}, "f(loss, params)"),
            r"loss is a dict, .*swapped\? Write f\(loss, params",
        ),
        (
            lambda: check_function("apply", jnp.ones(2), "f(apply)"),
            r"apply is an array float32 \[2\], but must be a func",
        ),
        (lambda: check_key("key", 0), r"key = 0 must be a random key: key=jax.random.key\(0\)"),
        (lambda: check_key("key", 7), r"key=jax.random.key\(7\)"),
        (lambda: check_key("key", None), r"key = None must be a random key"),
        (lambda: check_key("key", jnp.ones(3)), r"key = an array float32 \[3\] must be a random key"),
        (lambda: check_key("key", jax.random.split(KEY)), r"key holds \(2,\) random keys, but must be one"),
        (lambda: check_arrays("params", lambda x: x), r"params is a function, .*are the arguments swapped"),
        (
            lambda: check_arrays("params", Module(jnp.ones(2), jax.nn.relu)),
            r"leaf .activation is .*whole module.*eqx.part",
        ),
        (lambda: check_arrays("params", {"w": 1.0, "key": KEY}), r"leaf \['key'\] is a random key, no array"),
        (
            lambda: check_arrays("params", {"params": {}, "batch_stats": {}}),
            r"params, batch_stats; statistics are no par",
        ),
        (
            lambda: check_arrays("like", Variables({"w": 1.0}, {})),
            r"like holds .* statistics.*variables.params, and close",
        ),
    ],
)
def test_a_mistake_is_named(check: Callable[[], None], message):
    with pytest.raises(ConfigError, match=message):
        check()


def test_what_is_right_passes():
    check_function("loss", Module(jnp.ones(2), jax.nn.relu), "")
    for key in (KEY, jax.random.PRNGKey(0), np.asarray(jax.random.PRNGKey(0))):
        check_key("key", key)
    jax.eval_shape(lambda key: check_key("key", key), KEY)
    jax.eval_shape(jax.vmap(lambda key: check_key("key", key)), jax.random.split(KEY))
    check_arrays("params", {"w": 1.0, "b": jnp.ones(2), "shape": jax.ShapeDtypeStruct((2,), jnp.float32), "none": None})
    check_arrays("params", {"params": {"w": 1.0}})
    check_arrays("params", Module(jnp.ones(2), jnp.ones(2)))


def takers_of_keys():
    """Every public function of a room with an argument ``key``."""
    for room in ("linalg", "measure", "optim", "regression", "tasks", "train"):
        for name, function in vars(importlib.import_module(f"gendyn.{room}")).items():
            if name != "permute" and inspect.isroutine(inspect.unwrap(function)):  # permute's is a hashed word
                parameters = inspect.signature(function).parameters
                if "key" in parameters:
                    yield pytest.param(function, parameters, id=f"{room}.{name}")


@pytest.mark.parametrize(("function", "parameters"), list(takers_of_keys()))
def test_no_seed_is_taken_for_a_key(function, parameters):
    """Whatever else is passed, and also where the function is jitted: the key is looked at first."""
    given = (
        {"apply": lambda params, x: x, "params": jnp.ones(1), "x": jnp.ones((1, 1))} if "apply" in parameters else {}
    )
    needed = {
        name: given.get(name)
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    }
    with pytest.raises(
        ConfigError, match=r"key = (0|an array int32 \[\]) must be a random key: key=jax.random.key\(0\)"
    ):
        function(**needed | {"key": 0})


def test_masks():
    params = Module(jnp.ones((2, 2)), jnp.ones(2))
    by_rank = lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree)  # noqa: E731
    assert mask_of(by_rank, params) == Module(True, False)
    mask = Module(True, False)
    assert callable(mask) and mask_of(mask, params) is mask  # a tree that may be called is a tree
    assert mask_of(None, params) is None
