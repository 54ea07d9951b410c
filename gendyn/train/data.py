"""What a run trains on: one shared copy of the data, and the few small arrays in which runs differ."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.types import Array, ArrayLike


class Data(NamedTuple):
    """On the device once, shared by all runs of a program."""

    x_train: Array
    """``[N, ...]``, float32 or int32 tokens; a run uses the first ``num_train`` rows."""
    x_test: Array
    """``[M, ...]``; where the rest is the test set, the whole pool, whose first ``N`` rows are ``x_train``."""
    y_test: Array
    """int32 ``[M]`` or float32 ``[M, C]``."""


class Sample(NamedTuple):
    """One run's view of the data: the labels it is told, how many it sees, and in which order."""

    targets: Array
    """``[N]`` int32 labels after label noise, or float32 ``[N, C]``."""
    num_train: Array
    """int32 ``[]``: the run trains on the first ``num_train`` rows."""
    order_key: Array
    """uint32 ``[2]``: raw key of the batch order, of augmentation and of the network's own draws."""
    change_step: ArrayLike = np.int32(0)
    """int32 ``[]``: from this step on the training set has ``changed_num_train`` rows instead; 0 is never. A segment
    begins there: the planner makes it a record."""
    changed_num_train: ArrayLike = np.int32(0)
    """int32 ``[]``."""

    def at(self, step: Array) -> "Sample":
        """The sample in force at a step. Its rows are a prefix: a change only removes examples, or only adds some."""
        changed = (jnp.asarray(self.change_step) > 0) & (step >= self.change_step)
        return self._replace(num_train=jnp.where(changed, self.changed_num_train, self.num_train))

    def rows_ever(self) -> Array:
        """Rows trained on at any step: the others are never seen."""
        changes = jnp.asarray(self.change_step) > 0
        return jnp.where(changes, jnp.maximum(self.num_train, self.changed_num_train), self.num_train)


_ROUNDS = 24


def _mix(word: Array) -> Array:
    """A bijective hash of uint32 words (the finaliser of MurmurHash3): elementwise, so it fuses into one loop."""
    word = (word ^ (word >> 16)) * jnp.uint32(0x85EBCA6B)
    word = (word ^ (word >> 13)) * jnp.uint32(0xC2B2AE35)
    return word ^ (word >> 16)


def permute(key: Array, index: Array, num_train: ArrayLike) -> Array:
    """Values at ``index`` of a pseudo-random permutation of ``0 … num_train - 1``, without building it.

    The swap-or-not shuffle: in each of 24 rounds, with a pivot ``k`` and a pseudo-random bit ``b`` of the unordered
    pair, ``i -> k - i mod n`` if ``b(max(i, k - i mod n))``. Each round is an involution, so the result is a
    permutation for every key and every ``n``, which may be traced; a step computes only its own batch.

    Cost: about 24 × 12 integer operations an index; no sort, no memory. The quality is that of a data order
    (tests check uniformity of positions and pairs), not of cryptography.

    Args:
        key: uint32 ``[]``, a hashed word that names the permutation.
        index: int32 ``[B]`` in ``[0, num_train)``.
        num_train: int32 ``[]``, ``n``.

    Returns:
        int32 ``[B]``, distinct for distinct indices.

    >>> sorted(permute(jnp.uint32(7), jnp.arange(5), 5).tolist())
    [0, 1, 2, 3, 4]

    Reference: Hoang, Morris and Rogaway, "An Enciphering Scheme Based on a Card Shuffle", CRYPTO 2012, figure 1.
    """
    size = jnp.asarray(num_train, jnp.int32)
    rounds = _mix(key + jnp.arange(1, _ROUNDS + 1, dtype=jnp.uint32) * jnp.uint32(0x9E3779B9))
    pivots = (rounds % size.astype(jnp.uint32)).astype(jnp.int32)
    salts = _mix(rounds)
    current = index.astype(jnp.int32)

    def swap_or_not(r: Array, current: Array) -> Array:
        partner = pivots[r] - current
        partner = jnp.where(partner < 0, partner + size, partner)
        pair = _mix(jnp.maximum(current, partner).astype(jnp.uint32) ^ salts[r])
        return jnp.where(pair >> 31, partner, current)

    return jax.lax.fori_loop(0, _ROUNDS, swap_or_not, current)


def batch_indices(order_key: Array, step: Array, batch_size: int, num_train: ArrayLike) -> Array:
    """Rows of the mini-batch of a step: epoch ``e = step // (n // B)`` visits its own permutation of the ``n`` rows.

    A pure function of (order key, epoch, n): nothing of the order is state, so resuming cannot change it. The
    ``n mod B`` rows left over at the end of an epoch are dropped, as is usual; every epoch drops others.

    Args:
        order_key: uint32 ``[2]``; step: int32 ``[]``; batch_size: ``B <= num_train``; num_train: ``n``.

    Returns:
        int32 ``[B]``.
    """
    steps_per_epoch = jnp.asarray(num_train, jnp.int32) // batch_size
    epoch, position = step // steps_per_epoch, step % steps_per_epoch
    key = _mix(_mix(order_key[0] + epoch.astype(jnp.uint32)) ^ order_key[1])
    return permute(key, position * batch_size + jnp.arange(batch_size, dtype=jnp.int32), num_train)
