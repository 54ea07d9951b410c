"""A network's logits on all pairs of a cyclic group, and which of the pairs a run trains on."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_positive_int
from gendyn.measure.fourier.group_table import group_elements, second_elements
from gendyn.types import Array, ProbeData, PyTree


class Pairs(NamedTuple):
    """Where the logits of a network on all ``n²`` pairs come from, and what they are compared with."""

    logits: Array
    """``[n, n, C]``: all ``C`` outputs, in the order of the tokens."""
    elements: np.ndarray
    """int32 ``[n]``: the token of each element of the group."""
    targets: Array
    """``[n * n]`` or ``[n * n, C]``: what the run is told for the pairs it trains on, clean targets for the others."""
    clean: Array
    """The same, clean for every pair that the test set holds."""
    trained: Array
    """bool ``[n * n]``: pairs among the run's training rows."""
    known: Array
    """bool ``[n * n]``: pairs with a target: those of the pool."""

    @property
    def classes(self) -> Array:
        """``[n, n, n]``: outputs of the group's elements, in its order."""
        return self.logits[..., self.elements]


def check_layout(modulus: int, group: str, positions: tuple[int, int] | None, batch_size: int) -> None:
    """Raises :class:`ConfigError` for arguments that no task could fit."""
    group_elements(modulus, group)
    check_positive_int("batch_size", batch_size)
    if positions is None:
        return
    ok = isinstance(positions, (tuple, list)) and len(positions) == 2 and all(type(p) is int for p in positions)
    if not ok or positions[0] == positions[1]:
        raise ConfigError(
            f"positions = {positions!r} must be two different columns of the inputs: (0, 1) for tokens [a, b] and "
            "[a, b, =], (0, 2) for [a, op, b, =], or None for that choice by the number of tokens."
        )


_POSITIONS = {2: (0, 1), 3: (0, 1), 4: (0, 2)}
"""Number of tokens -> columns of ``a`` and ``b``: the layouts of :mod:`gendyn.tasks`."""


def _positions(given: tuple[int, int] | None, x: Array) -> tuple[int, int]:
    """The columns of ``a`` and ``b`` in inputs that have them."""
    tokens = x.ndim == 2 and jnp.issubdtype(x.dtype, jnp.integer)
    if given is None and tokens and x.shape[1] in _POSITIONS:
        return _POSITIONS[x.shape[1]]
    if given is None or not tokens or x.shape[1] <= max(given) or min(given) < 0:
        length = "2, 3 or 4" if given is None else f"above {max(given)}"
        raise ConfigError(
            f"positions = {given} needs integer tokens [N, L] with L {length}; "
            f"the task has {x.dtype} inputs of shape {x.shape}. Leave the probe out, or give the columns of a and b."
        )
    return given


def nan_without_pairs(values: dict[str, Array], pairs: Pairs) -> dict[str, Array]:
    """The values; NaN, all of them, where no row of the task is a pair of the group: the columns are not its operands.

    The network is then asked what it was never trained on, and shares or counts would look like results.
    """
    there = jnp.any(pairs.known)
    return {name: jnp.where(there, value, jnp.nan) for name, value in values.items()}


def evaluate_pairs(
    apply: Callable[[PyTree, Array], Array],
    params: PyTree,
    data: ProbeData,
    *,
    modulus: int,
    group: str,
    positions: tuple[int, int] | None,
    invert_second: bool,
    batch_size: int,
) -> Pairs:
    """Applies the network to every pair of a group, the other tokens being those of the first training row."""
    elements = group_elements(modulus, group)
    size, seconds = len(elements), second_elements(elements, invert_second)
    x = data.x_train
    positions = first, second = _positions(positions, x)
    tokens = jnp.broadcast_to(x[0], (size * size, x.shape[1]))
    tokens = tokens.at[:, first].set(np.repeat(elements, size)).at[:, second].set(np.tile(seconds, size))
    logits = _in_batches(lambda rows: apply(params, rows), tokens, batch_size)
    if logits.ndim != 2 or logits.shape[1] < modulus:
        raise ConfigError(f"modulus = {modulus} needs as many classes; the network has outputs {logits.shape[1:]}.")

    place_first, place_second = (_places(tokens, modulus) for tokens in (elements, seconds))

    def places(x: Array) -> Array:
        """Flat place of each row's pair, and ``n²`` (dropped) where it is no pair of the group."""
        pair = x[:, jnp.asarray(positions)]
        inside = jnp.all((pair >= 0) & (pair < modulus), axis=1)
        row, column = (
            table[jnp.clip(x[:, p], 0, modulus - 1)] for table, p in ((place_first, first), (place_second, second))
        )
        return jnp.where(inside & (row < size) & (column < size), row * size + column, size * size)

    train_places = jnp.where(jnp.arange(x.shape[0]) < data.num_train, places(x), size * size)
    test_places = places(data.x_test)
    nothing = jnp.zeros((size * size, *data.targets.shape[1:]), data.targets.dtype)
    told = nothing.at[test_places].set(data.y_test.astype(nothing.dtype), mode="drop")
    told = told.at[train_places].set(data.targets, mode="drop")
    clean = nothing.at[train_places].set(data.targets, mode="drop")
    clean = clean.at[test_places].set(data.y_test.astype(nothing.dtype), mode="drop")
    absent = jnp.zeros(size * size, bool)
    trained = absent.at[train_places].set(True, mode="drop")
    known = trained.at[test_places].set(True, mode="drop")
    table = logits.reshape(size, size, -1).astype(jnp.promote_types(logits.dtype, jnp.float32))
    return Pairs(table, elements, told, clean, trained, known)


def _places(tokens: np.ndarray, modulus: int) -> Array:
    """``[p]``: the place of each token among ``tokens``; their number where it is not."""
    places = np.full(modulus, len(tokens), np.int32)
    places[tokens] = np.arange(len(tokens))
    return jnp.asarray(places)


def _in_batches(function: Callable[[Array], Array], rows: Array, batch_size: int) -> Array:
    """``function(rows)``, so many rows at a time."""
    count = rows.shape[0]
    if count <= batch_size:
        return function(rows)
    # Repeated rows fill the last batch: they are real tokens, which zeros need not be.
    padded = rows[jnp.arange(count + -count % batch_size) % count]
    outputs = jax.lax.map(function, padded.reshape(-1, batch_size, *rows.shape[1:]))
    return outputs.reshape(-1, *outputs.shape[2:])[:count]


def class_places(pairs: Pairs, targets: Array) -> tuple[Array, Array]:
    """Place ``[n * n]`` of each target among the group's elements, and whether it is one of them."""
    classes = targets if jnp.issubdtype(targets.dtype, jnp.integer) else jnp.argmax(targets, axis=-1)
    matches = classes[:, None] == jnp.asarray(pairs.elements)
    return jnp.argmax(matches, axis=1), jnp.any(matches, axis=1)
