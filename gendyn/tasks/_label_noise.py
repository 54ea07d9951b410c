"""The three kinds of label noise that papers use, as pure functions of a key, the labels and a (traced) rate.

The kinds differ where it matters: at a rate of 0.2 with 10 classes, ``uniform_incorrect`` makes 20 % of the labels
wrong in expectation, ``uniform_any`` 18 %, and ``flip_exact`` 20 % to the last label.

Laws of all three, for a fixed key: a rate of 0 is the identity; labels corrupted at one rate are corrupted in the same
way at every higher rate; only the first ``num_train`` labels are touched; ``rate`` and ``num_train`` may be tracers.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from gendyn.core import ConfigError, check_choice, check_key, check_positive_int, check_range, stream
from gendyn.types import Array, ArrayLike


def _check(labels: Array, rate: ArrayLike, num_classes: int, num_train: ArrayLike) -> Array:
    labels = jnp.asarray(labels)
    if labels.ndim != 1 or not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ConfigError(
            f"labels of shape {labels.shape} and dtype {labels.dtype} must be integer classes [N]: "
            "label noise is for classification tasks."
        )
    check_positive_int("num_classes", num_classes, low=2)
    check_range("rate", rate, low=0.0, high=1.0)
    check_range("num_train", num_train, low=0, high=labels.shape[0])
    return labels.astype(jnp.int32)


def _different_class(key: Array, labels: Array, num_classes: int) -> Array:
    """A uniform draw over the ``num_classes - 1`` classes other than each label."""
    step = jax.random.randint(stream(key, "class"), labels.shape, 1, num_classes, jnp.int32)
    return (labels + step) % num_classes


def _independent(key: Array, labels: Array, rate: ArrayLike, num_train: ArrayLike) -> Array:
    """Which labels are hit: each of the first ``num_train`` with probability ``rate``; a higher rate only adds."""
    hit = jax.random.uniform(stream(key, "which"), labels.shape) < rate
    return hit & (jnp.arange(labels.shape[0]) < num_train)


def uniform_incorrect(key: Array, labels: Array, rate: ArrayLike, num_classes: int, num_train: ArrayLike) -> Array:
    """Replaces each label, with probability ``rate``, by a uniformly drawn *different* class.

    ``P(noisy = j | label = i) = 1 - rate`` for ``j = i`` and ``rate / (K - 1)`` otherwise.

    Args:
      key: typed or raw PRNG key.
      labels: int32 ``[N]`` in ``0 .. num_classes - 1``.
      rate: probability in [0, 1]; may be traced.
      num_classes: ``K >= 2``.
      num_train: labels in use, 0 .. N; the others are returned as they are. May be traced.

    Returns:
      int32 ``[N]``.

    Raises:
      ConfigError: a concrete ``rate`` or ``num_train`` out of range, fewer than 2 classes, labels that are not classes.

    Example:
      >>> labels = jnp.arange(6) % 3
      >>> noisy = uniform_incorrect(jax.random.key(0), labels, 1.0, 3, 4)
      >>> (noisy != labels).tolist()
      [True, True, True, True, False, False]

    Reference: Nakkiran et al., "Deep double descent", ICLR 2020 (arXiv:1912.02292), experimental setup: "a
    uniformly random incorrect label".
    """
    check_key("key", key)
    labels = _check(labels, rate, num_classes, num_train)
    hit = _independent(key, labels, rate, num_train)
    return jnp.where(hit, _different_class(key, labels, num_classes), labels)


def uniform_any(key: Array, labels: Array, rate: ArrayLike, num_classes: int, num_train: ArrayLike) -> Array:
    """Replaces each label, with probability ``rate``, by a uniform draw over *all* classes.

    The draw may return the true class, so the expected share of wrong labels is ``rate (K - 1) / K``.

    Args, Returns, Raises: as :func:`uniform_incorrect`.

    Example:
      >>> noisy = uniform_any(jax.random.key(0), jnp.zeros(4000, jnp.int32), 1.0, 4, 4000)
      >>> bool(abs((noisy != 0).mean() - 0.75) < 0.03)
      True

    Reference: Zhang et al., "Understanding deep learning requires rethinking generalization", ICLR 2017
    (arXiv:1611.03530), "partially corrupted labels".
    """
    check_key("key", key)
    labels = _check(labels, rate, num_classes, num_train)
    drawn = jax.random.randint(stream(key, "class"), labels.shape, 0, num_classes, jnp.int32)
    return jnp.where(_independent(key, labels, rate, num_train), drawn, labels)


def flip_exact(key: Array, labels: Array, rate: ArrayLike, num_classes: int, num_train: ArrayLike) -> Array:
    """Gives exactly ``round(rate * num_train)`` of the first ``num_train`` labels a different class.

    Which ones is a uniformly random subset, and the new class is uniform over the others. The product is taken in
    float32 (without x64) and halves round to even.

    Args, Returns, Raises: as :func:`uniform_incorrect`.

    Example:
      >>> labels = jnp.arange(10) % 2
      >>> int((flip_exact(jax.random.key(0), labels, 0.3, 2, 10) != labels).sum())
      3
    """
    check_key("key", key)
    labels = _check(labels, rate, num_classes, num_train)
    index = jnp.arange(labels.shape[0])
    score = jnp.where(index < num_train, jax.random.uniform(stream(key, "which"), labels.shape), jnp.inf)
    # The rank, by a stable sort, is unique even where float32 scores tie, so the count is exact.
    rank = jnp.zeros_like(index).at[jnp.argsort(score, stable=True)].set(index)
    hit = rank < jnp.round(jnp.asarray(rate) * num_train)
    return jnp.where(hit, _different_class(key, labels, num_classes), labels)


def label_probabilities(kind: str, labels: Array, rate: ArrayLike, num_classes: int) -> Array:
    """``P(noisy label = k)`` of each label, ``[N, K]``, of a kind that corrupts labels independently of each other.

    ``(1 - rate) [k = label] + rate / K`` for ``uniform_any``, and ``rate (1 - [k = label]) / (K - 1)`` in place of the
    second term for ``uniform_incorrect``.

    Args:
      kind: ``"uniform_any"`` or ``"uniform_incorrect"``; ``flip_exact`` hits a fixed number, so not independently.
      labels: int32 ``[N]`` in ``0 .. num_classes - 1``.
      rate: probability in [0, 1]; may be traced.
      num_classes: ``K >= 2``.

    Returns:
      float64 where it is enabled, else float32.

    Raises:
      ConfigError: another kind, and as :func:`uniform_incorrect`.

    Example:
      >>> label_probabilities("uniform_incorrect", jnp.array([1]), 0.5, 3).tolist()
      [[0.25, 0.5, 0.25]]
    """
    check_choice("kind", kind, INDEPENDENT_NOISE_KINDS)
    labels = _check(labels, rate, num_classes, 0)
    true = jax.nn.one_hot(labels, num_classes, dtype=jnp.result_type(float))
    other = (1.0 - true) / (num_classes - 1) if kind == "uniform_incorrect" else jnp.full_like(true, 1.0 / num_classes)
    return jnp.asarray((1.0 - rate) * true + rate * other)


INDEPENDENT_NOISE_KINDS = ("uniform_any", "uniform_incorrect")
"""Those that hit each label by itself: sums over labels have closed forms."""
LABEL_NOISE_KINDS: Mapping[str, Callable[[Array, Array, ArrayLike, int, ArrayLike], Array]] = {
    "uniform_incorrect": uniform_incorrect,
    "uniform_any": uniform_any,
    "flip_exact": flip_exact,
}
"""Name -> ``(key, labels [N], rate, num_classes, num_train) -> noisy labels [N]``."""
