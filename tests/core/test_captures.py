"""A key of compiled programs that changes with what a function reads, and with nothing else."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import captured, count_flops
from gendyn.core.captures import Captured

X = jnp.linspace(0.0, 1.0, 6).reshape(2, 3)


@jax.custom_jvp
def own_rule(x):
    return x**2


own_rule.defjvp(lambda primals, tangents: (primals[0] ** 2, 2 * primals[0] * tangents[0]))


def scanned(x):
    return jax.lax.scan(lambda carry, row: (jnp.tanh(carry + row), None), jnp.zeros(3), x)[0].sum()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jax.nn.relu(x).sum(),
        lambda x: own_rule(x).sum(),
        lambda x: jax.checkpoint(scanned)(x),
        lambda x: jax.random.normal(jax.random.key(3), x.shape)[0, 0] * jax.nn.softmax(x).sum(),
    ],
    ids=["relu", "custom_jvp", "scan", "random"],
)
def test_a_function_that_reads_nothing_new_keeps_its_key(function):
    derivative = jax.grad(function)
    first = captured(function, derivative, X)
    again = captured(function, derivative, X)
    assert first is not again and first == again and hash(first) == hash(again)


def test_what_a_function_reads_is_part_of_its_key():
    reads = {"number": 1.0, "numpy": np.ones(3), "jax": jnp.ones(3), "branch": True, "key": jax.random.key(0)}

    def function(x):
        drawn = jax.random.bernoulli(reads["key"], 0.5, x.shape)
        return (x * drawn if reads["branch"] else x) * reads["number"] * reads["numpy"] + reads["jax"]

    before = captured(function, function, X)
    assert before == captured(function, function, X)
    reads["numpy"][1] = 2.0  # in place: the same array
    changed = [captured(function, function, X)]
    for name, value in {"number": 2.0, "jax": jnp.zeros(3), "key": jax.random.key(1), "branch": False}.items():
        reads[name] = value
        changed.append(captured(function, function, X))
    assert len({before, *changed}) == 6


def test_jax_keeps_what_the_caller_jitted():
    calls = []
    jitted = jax.jit(lambda x: calls.append(0) or x)
    assert captured(jitted, jitted, X) is jitted and not calls


@dataclasses.dataclass(frozen=True)
class Composed:
    inner: object
    outer: object
    power: int = 2

    def __call__(self, x):
        return self.outer(self.inner(x) ** self.power)


def test_what_is_made_of_jitted_functions_alone_is_kept_by_jax_too():
    jitted = Composed(jax.jit(jnp.sin), jax.jit(jnp.cos))
    assert captured(jitted, jitted, jnp.ones(3)) is jitted
    half = Composed(jax.jit(jnp.sin), lambda x: jnp.cos(x))
    assert isinstance(captured(half, half, jnp.ones(3)), Captured)
    with_an_array = Composed(jax.jit(jnp.sin), jax.jit(jnp.cos), jnp.array(2.0))  # as modules of Equinox are
    assert captured(with_an_array, with_an_array, jnp.ones(3)) is not with_an_array


def test_inside_a_transformation_and_without_a_hash_each_call_has_its_own_key():
    class NoHash:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, x):
            return x

    without = NoHash()
    assert captured(without, without, X) != captured(without, without, X)
    assert float(captured(without, without, X)(3.0)) == 3.0
    keys = []

    def double(x):
        return 2 * x

    jax.vmap(lambda x: keys.append(captured(double, double, x)) or x)(X)
    jax.jit(lambda x: keys.append(captured(double, lambda y: y * x, X[0])) or x)(X[0])  # reads a tracer
    assert keys[0] != captured(double, double, X[0]) and keys[1](1.0) == 2.0


def test_counts_are_of_what_a_function_reads_now():
    reads = {"matrix": jnp.ones((3, 5))}

    def product(x):
        return x @ reads["matrix"]

    assert count_flops(product, X) == 60
    reads["matrix"] = jnp.ones((3, 1))
    assert count_flops(product, X) == 12
