"""What a function of the caller reads beside its arguments: seen by tracing, so that no program outlives a change."""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import numpy as np
from jax.extend import core as jex_core

from gendyn.core.errors import is_concrete

F = TypeVar("F", bound=Callable[..., Any])
_RULE = "rule"
"""In place of a derivative rule, which JAX wraps anew at each tracing. A traced derivative holds what it did."""


class Captured:
    """A function together with what it reads now. Equal where both are: the key of a compiled program.

    It holds the caller's function, and of what that reads only digests.
    """

    def __init__(self, function: Callable[..., Any], content: tuple[Any, ...]) -> None:
        self._function, self._content, self._hash = function, content, hash((function, content))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Captured)
            and self._hash == other._hash
            and (self._function, self._content) == (other._function, other._content)
        )


def captured(function: F, traced: Callable[..., Any], *args: Any) -> F:
    """``function`` as a key under which compiled programs may be kept: another one once what it reads has changed.

    JAX knows a function by its identity. A program kept by it would go on answering for the values that ``function``
    read from its surroundings when it was first traced: a number in a dictionary, a global array, an attribute.
    So ``traced`` is traced at every call, and what comes out (operations, constants, values of captured arrays) is
    part of the key. Nothing is compiled for it.

    Cost: tracing, and a digest of captured arrays. Whoever has jitted ``function`` has asked JAX to keep it, under
    JAX's own rule: it comes back as it is, and nothing is traced. So does a
    dataclass of jitted functions and whole numbers.

    Args:
        function: any function of arrays.
        traced: what to trace, such as a derivative of ``function``.
        *args: of ``traced``.

    Returns:
        A function equal to ``function``. What cannot be a key, and what is called inside another transformation, is a
        key of its own at each call.

    >>> import jax.numpy as jnp
    >>> scale = {"s": 1.0}
    >>> f = lambda x: scale["s"] * x
    >>> before = captured(f, f, jnp.ones(3))
    >>> same = captured(f, f, jnp.ones(3))
    >>> scale["s"] = 2.0
    >>> before == same, before == captured(f, f, jnp.ones(3))
    (True, False)
    """
    parts: Any = vars(function).values() if dataclasses.is_dataclass(function) else [function]
    if all(isinstance(part, (jax.stages.Wrapped, Captured, bool, int)) for part in parts):
        return function
    anew: Any = lambda *args, **kwargs: function(*args, **kwargs)  # noqa: E731 (a function of no other call)
    if not all(is_concrete(leaf) for leaf in jax.tree.leaves(args)):
        return anew
    closed = jax.make_jaxpr(lambda *args: traced(*args))(*args)  # by a new function: else JAX would know it already
    if not all(is_concrete(const) for const in closed.consts):
        return anew
    try:
        key: Any = Captured(function, _content(closed.jaxpr, closed.consts))
    except TypeError:  # not hashable
        return anew
    return key


def _content(jaxpr: Any, consts: Sequence[Any]) -> tuple[Any, ...]:
    """A jaxpr as nested tuples that are equal for equal computations."""
    numbers: dict[Any, int] = {}

    def named(variables: Sequence[Any]) -> tuple[Any, ...]:
        return tuple((numbers.setdefault(v, len(numbers)), v.aval) for v in variables)

    def read(variables: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(
            ("literal", v.aval, _value(v.val)) if isinstance(v, jex_core.Literal) else numbers[v] for v in variables
        )

    start = named([*jaxpr.constvars, *jaxpr.invars])
    steps = []
    for eqn in jaxpr.eqns:
        operands = read(eqn.invars)
        rules = eqn.primitive.name.startswith(("custom_jvp", "custom_vjp"))
        parameters = tuple(
            (name, _RULE if rules and _is_function(value) else _value(value))
            for name, value in sorted(eqn.params.items())
        )
        steps.append((eqn.primitive.name, operands, named(eqn.outvars), parameters))
    return start, tuple(_value(const) for const in consts), tuple(steps), read(jaxpr.outvars)


def _value(value: Any) -> Any:
    """A parameter, literal or constant as something hashable that is equal for equal values."""
    if isinstance(value, jex_core.ClosedJaxpr):
        return _content(value.jaxpr, value.consts)
    if isinstance(value, jex_core.Jaxpr):
        return _content(value, ())
    if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
        return tuple(_value(part) for part in value)
    if isinstance(value, dict):
        return tuple((str(name), _value(part)) for name, part in value.items())
    if isinstance(value, (np.ndarray, np.generic, jax.Array, bool, int, float, complex)):
        return _digest(value)
    return value


def _is_function(value: Any) -> bool:
    return callable(value) or hasattr(value, "call_wrapped")


def _digest(value: Any) -> tuple[Any, ...]:
    if isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        return ("key", str(value.dtype), _digest(jax.random.key_data(value)))
    array = np.asarray(value)
    return (
        type(value).__name__,
        array.shape,
        str(array.dtype),
        hashlib.blake2b(array.tobytes(), digest_size=16).digest(),
    )
