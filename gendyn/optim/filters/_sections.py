"""Linear recursive filters as chains of short sections, accurate in float32 at low cut-offs, with traced coefficients.

A section of order ``m`` is a rational transfer function in ``q = z - shift``::

    H = (b_0 q^m + b_1 q^(m-1) + … + b_m) / (q^m + a_1 q^(m-1) + … + a_m)

At ``shift = 0`` this is the transposed direct form II. Filters that pass slow gradients have their poles near ``z =
1``, where the coefficients in ``z`` nearly cancel: rounded to float32 they distort a cut-off of 0.001 visibly.
At ``shift = 1`` (the delta operator) the coefficients are small numbers, and keep their digits; as do
those of poles near -1 at ``shift = -1``.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import DTypeLike

from gendyn.optim._filter import amplify, map_leaves, widen, zeros
from gendyn.types import Array, ArrayLike, PyTree


class Section(NamedTuple):
    """One section; its order is ``len(feedback)``."""

    feedforward: Sequence[ArrayLike]
    """``b_0 … b_m``."""
    feedback: Sequence[ArrayLike]
    """``a_1 … a_m``."""
    shift: float
    """-1, 0 or 1."""


class LinearFilterState(NamedTuple):
    """State of :func:`gendyn.optim.linear_filter` and its designs."""

    registers: tuple[tuple[PyTree, ...], ...]
    """One tree like the parameters for each order of each section."""


def add_filtered(
    sections: Sequence[Section], lamb: ArrayLike, state_dtype: DTypeLike | None
) -> optax.GradientTransformation:
    """``g + lamb H(z) g`` with ``H`` the product of the sections, from a past of zero gradients."""
    orders = [len(section.feedback) for section in sections]

    def init(params: PyTree) -> LinearFilterState:
        return LinearFilterState(tuple(tuple(zeros(params, state_dtype) for _ in range(order)) for order in orders))

    def update(
        updates: PyTree, state: LinearFilterState, params: PyTree | None = None
    ) -> tuple[PyTree, LinearFilterState]:
        del params

        def one(gradient: Array, *registers: Array) -> tuple[Array, ...]:
            signal, rest, after = widen(gradient), list(registers), []
            for section, order in zip(sections, orders, strict=True):
                own, rest = rest[:order], rest[order:]
                signal, new = _advance(section, signal, [widen(register) for register in own])
                after += [n.astype(o.dtype) for n, o in zip(new, own, strict=True)]
            return amplify(gradient, signal, lamb), *after

        filtered, *flat = map_leaves(one, updates, *(tree for section in state.registers for tree in section))
        trees = iter(flat)
        return filtered, LinearFilterState(tuple(tuple(next(trees) for _ in range(order)) for order in orders))

    return optax.GradientTransformation(init, update)


def _advance(section: Section, signal: Array, registers: list[Array]) -> tuple[Array, list[Array]]:
    """Output of one section, and its registers after the step."""
    forward, back = ([jnp.asarray(c, signal.dtype) for c in side] for side in section[:2])
    output = forward[0] * signal + (registers[0] if registers else 0.0)
    following = [*registers[1:], None]
    after = []
    for k, (own, behind) in enumerate(zip(registers, following, strict=True)):
        new = forward[k + 1] * signal - back[k] * output
        new = new + section.shift * own if section.shift else new
        after.append(new if behind is None else new + behind)
    return output, after


def from_polynomials(numerator: Sequence[float] | np.ndarray, denominator: Sequence[float] | np.ndarray) -> Section:
    """The section of ``sum_k numerator_k z^-k / sum_k denominator_k z^-k``, shifted where poles are near 1 or -1."""
    order = max(len(numerator), len(denominator)) - 1
    b, a = (np.pad(np.asarray(side, np.float64), (0, order + 1 - len(side))) for side in (numerator, denominator))
    b, a = b / a[0], a / a[0]
    # The integer nearest to the mean of the poles; at order above 2 the section has none but 0.
    shift = float(np.round(-a[1] / order)) if order else 0.0
    return Section(_around(b, shift), _around(a, shift)[1:], shift)


def _around(coefficients: np.ndarray, shift: float) -> list[float]:
    """The polynomial in ``z - shift``, highest power first as given."""
    moved = np.polynomial.Polynomial(coefficients[::-1])(np.polynomial.Polynomial([shift, 1.0])).coef
    return [float(c) for c in np.pad(moved, (0, len(coefficients) - len(moved)))[::-1]]


def transfer(sections: Sequence[Section], frequencies: np.ndarray) -> np.ndarray:
    """``H(e^(2 pi i f))``, complex ``[F]``, of concrete sections."""
    total = np.ones(np.shape(frequencies), complex)
    for section in sections:
        q = np.exp(2j * np.pi * frequencies) - section.shift
        above, below = np.asarray(section.feedforward, np.float64), np.asarray([1.0, *section.feedback], np.float64)
        total = total * np.polyval(above, q) / np.polyval(below, q)
    return total
