"""Activations by name, with the two numbers a layer needs to know about one: act(0) and E[act(z)^2]."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.types import Array, ArrayLike


def quadratic(x: Array) -> Array:
    """``x^2``, the activation of exactly solvable grokking and teacher-student models."""
    return jnp.square(x)


def identity(x: Array) -> Array:
    """``x``: a deep linear network."""
    return x


def exact_gelu(x: Array) -> Array:
    """``x Phi(x)``, PyTorch's default; ``"gelu"`` is its approximation by tanh, up to 5e-4 away."""
    return 0.5 * x * (1.0 + jax.lax.erf(x * 0.5**0.5))


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "cos": jnp.cos,
    "elu": jax.nn.elu,
    "erf": jax.lax.erf,
    "exact_gelu": exact_gelu,
    "gelu": jax.nn.gelu,
    "hard_tanh": jax.nn.hard_tanh,
    "identity": identity,
    "leaky_relu": jax.nn.leaky_relu,
    "mish": jax.nn.mish,
    "quadratic": quadratic,
    "relu": jax.nn.relu,
    "selu": jax.nn.selu,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "sin": jnp.sin,
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
}


class Profile(NamedTuple):
    """What initialisation and padding need to know about an activation."""

    at_zero: float
    """``act(0)``: where it is not 0, a padded unit would be alive, so the layer masks it."""
    gain: float
    """``1 / E[act(z)^2]`` for ``z ~ N(0, 1)``: weights of variance ``gain / fan_in`` keep unit second moments."""


@functools.cache
def profile(name: str) -> Profile:
    """Both numbers by quadrature, so that a new activation is one line above and no table of constants.

    He et al. (2015), eq. 10, is the case of relu: gain 2.

    >>> profile("relu").at_zero, round(profile("relu").gain, 3), profile("sigmoid").at_zero
    (0.0, 2.0, 0.5)
    """
    # An odd number of points, so that z = 0 is one of them; the normal's tail beyond 9 is below float32.
    z = np.linspace(-9.0, 9.0, 4001)
    with jax.ensure_compile_time_eval():
        value = np.asarray(ACTIVATIONS[name](jnp.asarray(z, jnp.float32)), np.float64)
    weight = np.exp(-0.5 * z**2)
    second_moment = float(np.sum(weight * value**2) / np.sum(weight))
    return Profile(at_zero=float(value[len(z) // 2]), gain=1.0 / second_moment)


def activate(name: str, x: Array, active_width: ArrayLike | None) -> Array:
    """``act(x)`` on the true units and exactly 0 on padded ones. Costs a mask only where ``act(0) != 0``."""
    y = ACTIVATIONS[name](x)
    if active_width is None or profile(name).at_zero == 0.0:
        return y
    return jnp.where(np.arange(x.shape[-1]) < active_width, y, 0.0)
