"""Two Gaussian classes with flipped labels, separated by the largest margin: harmful in few dimensions, benign in many.

It is the direction that gradient descent on logistic loss turns to.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import check_key, check_positive_int, check_range, stream
from gendyn.regression.implicit_bias import max_margin
from gendyn.types import Array, ArrayLike


class MixtureSample(NamedTuple):
    """Examples ``x_i = y_i mu + z_i`` by what the largest margin depends on."""

    gram: Array
    """``x_i . x_j``, ``[n, n]``."""
    along: Array
    """``x_i . mu / |mu|``, ``[n]``."""
    labels: Array
    """As told, ``[n]``: some are flipped."""


def mixture_sample(
    key: Array, *, num_examples: int, num_features: int, signal: ArrayLike, num_flipped: int
) -> MixtureSample:
    """``n`` examples of two classes at ``+-mu`` with unit Gaussian noise, of which some have the other's label. Pure.

    Args:
        key: of everything.
        num_examples, num_features: ``n`` and ``p``.
        signal: ``|mu|``.
        num_flipped: how many labels are flipped, from 0 to ``n``.

    Raises:
        ConfigError: an argument out of range.

    >>> shape = {"num_examples": 4, "num_features": 9, "signal": 3.0, "num_flipped": 1}
    >>> found = mixture_sample(jax.random.key(0), **shape)
    >>> found.gram.shape, int((jnp.sign(found.along) != found.labels).sum())
    ((4, 4), 1)
    """
    check_key("key", key)
    check_positive_int("num_examples", num_examples)
    check_positive_int("num_features", num_features)
    check_range("signal", signal, low=0)
    check_positive_int("num_flipped", num_flipped, low=0)
    check_range("num_flipped", num_flipped, low=0, high=num_examples)
    y = jnp.where(jax.random.bernoulli(stream(key, "labels"), shape=(num_examples,)), 1.0, -1.0)
    x = jax.random.normal(stream(key, "noise"), (num_examples, num_features), float).at[:, 0].add(signal * y)
    flipped = jax.random.permutation(stream(key, "flipped"), num_examples) < num_flipped
    return MixtureSample(x @ x.T, x[:, 0], jnp.where(flipped, -y, y))


def mixture_error(sample: MixtureSample, signal: float) -> tuple[float, float]:
    """Error of the largest margin against true labels, ``Phi(-|mu| cos)``, and the margin. On the host.

    Args:
        sample: with more features than examples, so that any labels are separable.
        signal: ``|mu|``.

    Raises:
        ConfigError: as for :func:`~gendyn.regression.max_margin`.

    >>> sample = MixtureSample(np.diag([9.0, 9.0]), np.array([3.0, 0.0]), np.array([1.0, -1.0]))
    >>> [round(value, 4) for value in mixture_error(sample, 3.0)]  # 45 degrees off the mean
    [0.0169, 2.1213]
    """
    from scipy.special import ndtr

    # The examples in an orthonormal basis of their span.
    examples = np.linalg.cholesky(np.asarray(sample.gram, np.float64))
    best = max_margin(examples, np.asarray(sample.labels, np.float64))
    cosine = best.direction @ np.linalg.solve(examples, np.asarray(sample.along, np.float64))
    return float(ndtr(-signal * cosine)), best.margin
