"""Learners multiply float32 in float32 on every platform: each product of their programs asks for it, whoever calls."""

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import regression

KEY = jax.random.key(0)
X = jnp.linspace(-1.0, 1.0, 12).reshape(6, 2)
SPHERE = {"dimension": 3, "num_train": 6, "num_test": 4}
CIRCLE = {"num_units": 4, "num_points": 8, "frequencies": (1, 2), "amplitude": 0.1}
STUDENT = {"dimension": 3, "num_train": 6, "num_test": 4, "tolerance": 0.1}
DESCENT = {"steps": (1, 3), "learning_rate": 0.1}


def ensemble():
    data = regression.sphere_sample(KEY, **SPHERE, num_targets=1, noise_variances=(0.1,))
    features, keys = regression.random_sphere_features, jax.random.split(KEY, 2)
    return regression.feature_ensemble(keys, features, *data, sizes=(2, 5), penalties=np.ones((2, 1)), one_hot=False)


def crossed():
    learner = lambda key, x, y, at: at @ x.T @ y  # noqa: E731
    return regression.crossed_sphere_fits(KEY, learner, **SPHERE, noise_variance=0.1, members=2)


LEARNERS = {
    "circle_network": lambda: regression.circle_network(KEY, use_bias=True, **CIRCLE, **DESCENT),
    "linear_student": lambda: regression.linear_student(KEY, **STUDENT, **DESCENT),
    "two_layer_descent": lambda: regression.two_layer_descent(KEY, X, X[:, 0], X, width=3, **DESCENT),
    "factored_descent": lambda: regression.factored_descent(jnp.ones((2, 3, 3)), jnp.eye(3), 0.1, (1, 3)),
    "sphere_features_ridge": lambda: regression.sphere_features_ridge(
        KEY, X, X[:, 0], X, sizes=(2, 4), ridges=(0.0, 0.1)
    ),
    "feature_ensemble": ensemble,
    "crossed_sphere_fits": crossed,
}


def products(jaxpr):
    """The precision of every matrix product, in loops and inner functions too."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            yield equation.params["precision"]
        for inner in jax.extend.core.jaxprs_in_params(equation.params):
            yield from products(inner)


@pytest.mark.parametrize("name", LEARNERS)
def test_every_product_asks_for_full_precision(name):
    with jax.default_matmul_precision("bfloat16"):  # what a caller on an accelerator may have set
        found = list(products(jax.make_jaxpr(LEARNERS[name])().jaxpr))
    highest = jax.lax.Precision.HIGHEST
    assert found and set(found) == {(highest, highest)}


def test_the_walk_sees_a_product_without_it():
    with jax.default_matmul_precision("bfloat16"):
        found = list(products(jax.make_jaxpr(lambda x: jax.lax.map(lambda row: row @ X.T, x))(X).jaxpr))
    assert found and set(found) != {(jax.lax.Precision.HIGHEST,) * 2}
