"""Ridge regression on random features: every number of features of several draws, and the average of their fits."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import ConfigError, check_positive_int
from gendyn.regression._design import full_precision
from gendyn.regression.least_squares import ridge
from gendyn.types import Array


class FeatureEnsemble(NamedTuple):
    """Scores of the noiseless targets; ``V`` versions of the labels, ``L`` penalties, ``P`` numbers of features."""

    risk: Array
    """Squared error, summed over targets: of a single draw, averaged over draws, ``[V, L, P]``."""
    test_error: Array
    """Share of wrong predictions, likewise: of another class, or for a target that is no class of another sign."""
    ensemble_risk: Array
    """Of the average of the draws' predictions, ``[V, L, P]``."""
    ensemble_test_error: Array
    """Likewise."""
    coefficient_norm: Array
    """``sqrt(N)`` times that of the coefficients, which belongs to features divided by it; averaged over draws."""
    condition_number: Array
    """The largest of the draws, ``[P]``."""


@full_precision
def feature_ensemble(
    keys: Array,
    features: Callable[[Array, Array, int], Array],
    x: Array,
    y: Array,
    x_test: Array,
    targets: Array,
    *,
    sizes: Sequence[int],
    penalties: np.ndarray,
    one_hot: bool,
) -> FeatureEnsemble:
    """Fits every version of the labels on the first ``N`` features of each draw, and scores the fits and their average.

    Pure; for use under ``jit`` and ``lax.map``, in float64: at ``N = n`` designs are ill-conditioned.

    Args:
        keys: ``[K]``, one for each draw.
        features: ``(key, x [n, d], N) -> [n, N]``, such as :func:`~gendyn.regression.random_sphere_features`.
        x: ``[n, d]``.
        y: labels ``[n, V C]``: version by version, ``C`` targets each.
        x_test: ``[M, d]``.
        targets: noiseless, ``[M, C]``.
        sizes: ``P`` numbers of features, static.
        penalties: ``[P, L]``, beside the sum of squared errors, for each of ``sizes``.
        one_hot: whether the targets are classes.

    Raises:
        ConfigError: shapes that do not fit, a negative penalty, or a size below 1.

    >>> from gendyn.regression import random_sphere_features, sphere_sample
    >>> shape = {"dimension": 4, "num_train": 6, "num_test": 5, "num_targets": 1}
    >>> data = sphere_sample(jax.random.key(0), **shape, noise_variances=(0.0, 1.0))
    >>> keys, several = jax.random.split(jax.random.key(1), 3), {"sizes": (3, 9), "penalties": np.ones([2, 1])}
    >>> found = feature_ensemble(keys, random_sphere_features, *data, **several, one_hot=False)
    >>> found.risk.shape, bool((found.ensemble_risk <= found.risk).all())
    ((2, 1, 2), True)
    """
    outputs, clean, strengths = targets.shape[1], targets[:, None], np.asarray(penalties)
    if strengths.ndim != 2 or len(strengths) != len(sizes) or y.shape[1] % outputs:
        raise ConfigError(
            f"penalties {strengths.shape} must be [{len(sizes)}, L], a row for each size, and y {y.shape} hold whole "
            f"versions of the {outputs} targets."
        )
    for size in sizes:
        check_positive_int("sizes: each", size)
    draw = jax.vmap(lambda key, x: features(key, x, max(sizes)), (0, None))
    train, test = draw(keys, x), draw(keys, x_test)

    def score(predicted: Array) -> tuple[Array, Array]:
        """Risk and error, ``[..., V]``, of predictions ``[..., M, V, C]``."""
        risk = jnp.mean(jnp.sum(jnp.square(predicted - clean), -1), -2)
        if one_hot:
            wrong = (jnp.argmax(predicted, -1) != jnp.argmax(clean, -1)).astype(risk.dtype)
        else:
            wrong = jnp.mean(predicted * clean <= 0, -1)
        # NaN is of no class and of no sign, and would be of the first or right.
        return risk, jnp.mean(jnp.where(jnp.isnan(predicted).any(-1), jnp.nan, wrong), -2)

    columns = []
    for size, penalty in zip(sizes, strengths, strict=True):
        solved = jax.vmap(ridge, (0, None, None))(train[..., :size], y, penalty)
        predicted = jnp.einsum("kmi,klic->klmc", test[..., :size], solved.coefficients)
        predicted = predicted.reshape(*predicted.shape[:3], -1, outputs)
        risk, error = score(predicted)
        ensemble_risk, ensemble_error = score(predicted.mean(0))
        norms = jnp.sum(jnp.square(solved.coefficients), 2).reshape(*predicted.shape[:2], -1, outputs).sum(-1)
        column = FeatureEnsemble(
            risk.mean(0).T,
            error.mean(0).T,
            ensemble_risk.T,
            ensemble_error.T,
            jnp.sqrt(size * norms).mean(0).T,
            solved.condition_number.max(),
        )
        columns.append(column)
    stacked: FeatureEnsemble = jax.tree.map(lambda *values: jnp.stack(values, -1), *columns)
    return stacked
