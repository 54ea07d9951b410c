"""How a transformer's parameters are drawn: three published conventions, by name."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.models._initialisers import Initialiser, constant, scaled_normal
from gendyn.types import Array, ArrayLike


class Sizes(NamedTuple):
    """The true sizes of a network, possibly traced."""

    width: ArrayLike
    num_heads: ArrayLike
    head_size: ArrayLike
    mlp_width: ArrayLike
    num_outputs: int
    mlp_gain: float
    """``1 / E[act(z)^2]`` of the MLP's activation."""


class Draw(NamedTuple):
    """A distribution that is symmetric about 0."""

    kind: str
    """``"normal"`` or ``"uniform"``."""
    scale: ArrayLike
    """The standard deviation, or the bound; 0 for both is 0."""


ZERO = Draw("normal", 0.0)


class Draws(NamedTuple):
    """What each parameter is drawn from; biases that are not named start at 0, scales of layer norms at 1."""

    tokens: Draw
    positions: Draw
    attention_in: Draw
    """Of query, key and value."""
    attention_out: Draw
    mlp_in: Draw
    mlp_out: Draw
    readout: Draw
    mlp_in_bias: Draw = ZERO
    mlp_out_bias: Draw = ZERO
    readout_bias: Draw = ZERO


def _normal(variance: Any) -> Draw:
    return Draw("normal", variance**0.5)


def _standard(sizes: Sizes) -> Draws:
    """Unit second moments: of a token with its position, and of every product of a unit vector with a kernel."""
    wide = _normal(1.0 / sizes.width)
    heads = _normal(1.0 / (sizes.num_heads * sizes.head_size))
    half = _normal(0.5)
    return Draws(half, half, wide, heads, wide, _normal(sizes.mlp_gain / sizes.mlp_width), wide)


def _reference(sizes: Sizes) -> Draws:
    """PyTorch's own: what a network gets that says nothing of its initialisation."""

    def linear(fan_in: Any) -> Draw:
        return Draw("uniform", (1.0 / fan_in) ** 0.5)

    inner: Any = sizes.num_heads * sizes.head_size
    unit, wide, out = Draw("normal", 1.0), linear(sizes.width), linear(sizes.mlp_width)
    # Query, key and value are one matrix there, and its 3 * inner outputs count.
    stacked = Draw("uniform", (6.0 / (sizes.width + 3 * inner)) ** 0.5)
    return Draws(unit, unit, stacked, linear(inner), wide, out, wide, wide, out, wide)


def _nanda(sizes: Sizes) -> Draws:
    wide = _normal(1.0 / sizes.width)
    return Draws(wide, wide, wide, wide, wide, wide, _normal(1.0 / sizes.num_outputs))


INITIALISATIONS: dict[str, Callable[[Sizes], Draws]] = {
    "standard": _standard,
    "reference": _reference,
    "nanda": _nanda,
}


def initialiser(draw: Draw, init_scale: ArrayLike) -> Initialiser:
    """Draws times ``init_scale``, which may be traced."""
    if draw is ZERO:
        return constant(0.0)
    if draw.kind == "normal":
        return scaled_normal(draw.scale * init_scale)

    def uniform(key: Array, shape: tuple[int, ...]) -> Array:
        # A uniform draw by way of a normal one, z: erf(z / sqrt(2)) = 2 Phi(z) - 1 is uniform on (-1, 1). So all draws
        # come from the one program of core.normal, and a run's seed means the same whatever the shape.
        return jax.lax.erf(scaled_normal(1.0)(key, shape) * 0.5**0.5) * (draw.scale * init_scale)

    return uniform


def ones(init_scale: ArrayLike) -> Initialiser:
    """All entries ``init_scale``, which may be traced."""

    def initialise(key: Array | None, shape: tuple[int, ...]) -> Array:
        if isinstance(init_scale, jax.core.Tracer):
            return jnp.full(shape, init_scale, jnp.float32)
        return jax.device_put(np.full(shape, init_scale, np.float32))

    return initialise
