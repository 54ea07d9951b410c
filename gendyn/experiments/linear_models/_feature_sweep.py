"""One redraw of ridge regression on random features: every number of features, ridge and label noise, and ensembles."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn.core import stream
from gendyn.experiments.linear_models._sphere import Sample
from gendyn.regression import ridge
from gendyn.types import Array


class Setting(NamedTuple):
    """What one compiled program depends on."""

    sizes: tuple[int, ...]
    members: int
    features: Callable[[Array, Array, int], Array]
    """``(key, x [n, d], N) -> [n, N]``."""
    data: Callable[[Array], Sample]
    """Of a redraw's key."""
    penalties: Callable[[int], np.ndarray]
    """Of ``N``: beside the sum of squared errors, ``[L]``."""
    classes: bool
    """Whether the outputs are those of classes, so that the largest decides; else each has a sign to be right about."""


@functools.partial(jax.jit, static_argnums=0)
def redraws(setting: Setting, seeds: Array) -> dict[str, Array]:
    """Records ``[R, V, L, P]``, and ``condition_number [R, P]``, of redraws one after the other.

    ``risk``, ``test_error`` and ``coefficient_norm`` are means over the feature draws of an ensemble, each on its own;
    ``ensemble_risk`` and ``ensemble_test_error`` are of the average of their predictions.
    """

    def one(seed: Array) -> dict[str, Array]:
        key = jax.random.key(seed)
        data = setting.data(stream(key, "data"))
        outputs = data.y_test.shape[1]
        keys = jax.random.split(stream(key, "features"), setting.members)
        draw = jax.vmap(lambda key, x: setting.features(key, x, max(setting.sizes)), (0, None))
        train, test = draw(keys, data.x_train), draw(keys, data.x_test)

        def score(predicted: Array) -> tuple[Array, Array]:
            """Risk and error, ``[..., V]``, of predictions ``[..., M, V, C]``."""
            clean = data.y_test[:, None]
            risk = jnp.mean(jnp.sum(jnp.square(predicted - clean), -1), -2)
            if setting.classes:
                wrong = (jnp.argmax(predicted, -1) != jnp.argmax(clean, -1)).astype(risk.dtype)
            else:
                wrong = jnp.mean(predicted * clean <= 0, -1)
            return risk, jnp.mean(wrong, -2)

        columns = []
        for size in setting.sizes:
            penalties = setting.penalties(size)
            solved = jax.vmap(lambda z, penalties=penalties: ridge(z, data.y_train, penalties))(train[..., :size])
            predicted = jnp.einsum("kmi,klic->klmc", test[..., :size], solved.coefficients)
            predicted = predicted.reshape(*predicted.shape[:3], -1, outputs)
            risk, error = score(predicted)
            ensemble_risk, ensemble_error = score(predicted.mean(0))
            norms = jnp.sum(jnp.square(solved.coefficients), 2).reshape(*predicted.shape[:2], -1, outputs).sum(-1)
            by_ridge = {
                "risk": risk.mean(0),
                "test_error": error.mean(0),
                "ensemble_risk": ensemble_risk,
                "ensemble_test_error": ensemble_error,
                "coefficient_norm": jnp.sqrt(size * norms).mean(0),
            }
            column = {name: value.T for name, value in by_ridge.items()}
            columns.append(column | {"condition_number": solved.condition_number.max()})
        return jax.tree.map(lambda *values: jnp.stack(values, -1), *columns)

    found: dict[str, Array] = jax.lax.map(one, seeds)
    return found
