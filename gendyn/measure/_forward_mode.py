"""Networks without forward-mode derivatives: those with a ``jax.custom_vjp``, a rule for reverse mode alone."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.extend import core as jex_core

from gendyn.core import ConfigError
from gendyn.types import PyTree

_JAX_SAYS, _PLACEHOLDER = "custom_vjp", "custom_lin"


def has_forward_mode(function: Callable[[PyTree], PyTree], params: PyTree) -> bool:
    """Whether ``function`` can be pushed forward. JAX finds out when it compiles: till then there is a placeholder."""
    return not _holds_placeholder(jax.make_jaxpr(lambda p: jax.jvp(function, (p,), (p,)))(params).jaxpr)


def _holds_placeholder(jaxpr: Any) -> bool:
    for eqn in jaxpr.eqns:
        inner = [value for value in jax.tree.leaves(eqn.params, is_leaf=_is_jaxpr) if _is_jaxpr(value)]
        if eqn.primitive.name == _PLACEHOLDER or any(_holds_placeholder(getattr(j, "jaxpr", j)) for j in inner):
            return True
    return False


def _is_jaxpr(value: Any) -> bool:
    return isinstance(value, (jex_core.Jaxpr, jex_core.ClosedJaxpr))


@contextlib.contextmanager
def said_of_forward_mode(what: str, instead: str) -> Iterator[None]:
    """JAX's TypeError, which names neither the caller's function nor a way out, as a ConfigError."""
    try:
        yield
    except TypeError as error:
        if _JAX_SAYS not in str(error):
            raise
        raise ConfigError(
            f"{what} needs forward-mode derivatives, which a jax.custom_vjp in the network or loss does not have. "
            f"Use {instead}, or write its rule as a jax.custom_jvp, which has both."
        ) from error
