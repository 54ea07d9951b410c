"""Tokens as vectors: one-hot codes, and embeddings looked up or summed."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gendyn.models._initialisers import scaled_normal
from gendyn.types import Array, ArrayLike, PyTree

INPUTS = ("tokens", "vectors")
"""What a model that takes both is told: integers ``[B, L]`` of a vocabulary, or real numbers."""


def one_hot(x: Array, vocab_size: int, dtype: PyTree = jnp.float32) -> Array:
    """``[B, L, vocab_size]`` of tokens ``x [B, L]``, which may be stored as floats; a foreign token is all zeros."""
    return jax.nn.one_hot(x.astype(jnp.int32), vocab_size, dtype=dtype)


class Embedding(nn.Module):
    """``E[x]``, with ``E [vocab_size, features] ~ N(0, std^2)``, or one such table for each position.

    A sum of embeddings is a product of token counts with the table: on a CPU its step takes 0.5 to 0.9 of the time of
    look-ups, whose gradient is a scatter. Without the sum look-ups are faster than a product of one-hot codes.
    """

    vocab_size: int
    features: int
    std: ArrayLike
    shared: bool = True
    """One table for all positions; otherwise ``E [L, vocab_size, features]``."""
    summed: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """``[B, L, features]``, or summed over positions ``[B, features]``."""
        length = x.shape[1]
        shape = (self.vocab_size, self.features) if self.shared else (length, self.vocab_size, self.features)
        table = self.param("table", scaled_normal(self.std), shape)
        if self.summed:
            codes = one_hot(x, self.vocab_size, table.dtype)
            # One product: the tables of all positions are rows of one matrix.
            codes = jnp.sum(codes, axis=1) if self.shared else codes.reshape(len(x), -1)
            return codes @ table.reshape(-1, self.features)
        tokens = x.astype(jnp.int32)
        return jnp.take(table, tokens, axis=0) if self.shared else jnp.asarray(table)[jnp.arange(length), tokens]
