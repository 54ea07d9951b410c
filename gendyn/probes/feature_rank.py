"""Rank of what a network makes of its training data: of its outputs, or of any features given as a function."""

from collections.abc import Callable

import jax.numpy as jnp

from gendyn.core import check_positive_int, singular_values
from gendyn.measure.ranks.matrix_ranks import spectral_effective_rank
from gendyn.measure.ranks.spectrum_shape import participation_ratio
from gendyn.types import Array, Probe, ProbeData, ProbeExample, PyTree

Features = Callable[[PyTree, Array], Array]


def feature_rank(*, num_examples: int = 512, features: Features | None = None) -> Probe:
    """Exact on the rows used: ranks of the covariance ``C`` of features over the first training examples.

    With ``l`` the eigenvalues of ``C = mean of (f - mean f)(f - mean f)^T``: ``stable_rank = trace(C) / max l``,
    ``effective_rank = exp(entropy of l / trace(C))`` and ``participation_ratio = trace(C)^2 / sum of l^2``; all 0 where
    ``C`` is. Rows from ``num_train`` on have weight 0. Features that are 0 (padding) change nothing.

    Cost: one forward pass on ``num_examples`` rows (all at once) and a singular value decomposition ``[n, F]``.

    Args:
        num_examples: at most so many of the first training rows, which are a stratified sample.
        features: ``(params, x [B, ...]) -> [B, ...]``, flattened to ``[B, F]``; ``None``: the network's outputs.

    Returns:
        A probe whose values are scalars ``{"effective_rank", "participation_ratio", "stable_rank"}``.

    Raises:
        ConfigError: ``num_examples`` below 2.

    >>> from gendyn.types import ProbeData
    >>> x = jnp.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> data = ProbeData(x, jnp.zeros(4), jnp.int32(4), x, jnp.zeros(4), lambda outputs, targets: outputs)
    >>> values = feature_rank().fn(None, lambda params, x: x @ params, jnp.eye(2), data)
    >>> {name: round(float(value), 4) for name, value in values.items()}
    {'effective_rank': 2.0, 'participation_ratio': 2.0, 'stable_rank': 2.0}

    References: Roy & Vetterli (2007), definition 1; Gao et al. (2017), eq. 5.
    """
    check_positive_int("num_examples", num_examples, low=2)

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        del key
        x = data.x_train[:num_examples]
        rows = (features or apply)(params, x).reshape(x.shape[0], -1)
        rows = rows.astype(jnp.promote_types(rows.dtype, jnp.float32))
        weights = (jnp.arange(x.shape[0]) < data.num_train).astype(rows.dtype)
        weights = weights / jnp.sum(weights)
        # where, not a product: a row that does not count may hold anything.
        counted = jnp.where(weights[:, None] > 0, rows, 0.0)
        centred = (counted - weights @ counted) * jnp.sqrt(weights)[:, None]
        # Singular values of the rows: eigenvalues of C itself would lose the small half of their digits.
        eigenvalues = jnp.square(singular_values(centred))
        top = jnp.max(eigenvalues)
        return {
            "effective_rank": spectral_effective_rank(eigenvalues),
            "participation_ratio": participation_ratio(eigenvalues),
            "stable_rank": jnp.where(top == 0, 0.0, jnp.sum(eigenvalues) / jnp.where(top == 0, 1.0, top)),
        }

    return Probe("feature_rank", measure)


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={"num_examples": 5})
