"""Covariance functions: their formulas, scikit-learn, the closed forms in NumPy, and positive semidefiniteness."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.gaussian_process import kernels

from gendyn import theory
from gendyn.core import ConfigError
from gendyn.regression import (
    Covariance,
    arc_cosine,
    constant,
    linear,
    matern12,
    matern32,
    matern52,
    rbf,
    relu_tangent,
    white,
)

RNG = np.random.default_rng(0)
X, X2 = RNG.standard_normal((12, 3)), RNG.standard_normal((7, 3))
WIDE, WIDE2 = RNG.standard_normal((12, 20)), RNG.standard_normal((7, 20))
EVERY = {
    "rbf": (rbf(1.3), kernels.RBF(1.3)),
    "rbf per feature": (rbf([0.5, 1.0, 2.0]), kernels.RBF([0.5, 1.0, 2.0])),
    "matern12": (matern12(1.3), kernels.Matern(1.3, nu=0.5)),
    "matern32": (matern32(1.3), kernels.Matern(1.3, nu=1.5)),
    "matern52": (matern52(1.3), kernels.Matern(1.3, nu=2.5)),
    "linear": (linear(1.0), kernels.DotProduct(0.0)),
    "constant": (constant(2.0), kernels.ConstantKernel(2.0)),
    "white": (white(0.3), kernels.WhiteKernel(0.3)),
    "composed": (
        (rbf(0.7).scaled(2.0) + matern32(1.1)) * linear() + white(0.1),
        (2.0 * kernels.RBF(0.7) + kernels.Matern(1.1, nu=1.5)) * kernels.DotProduct(0.0) + kernels.WhiteKernel(0.1),
    ),
}
NETWORKS = {
    "step": arc_cosine(0),
    "relu": arc_cosine(1),
    "deep with biases": arc_cosine(1, 3, bias_variance=0.2),
    "deep steps": arc_cosine(0, 2, bias_variance=0.2),
    "tangent": relu_tangent(),
    "deep tangent": relu_tangent(3, bias_variance=0.2),
}


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("name", EVERY)
def test_equals_scikit_learn(name):
    ours, theirs = EVERY[name]
    params = ours.init()
    found = jax.jit(lambda p: (ours(p, X), ours(p, X, X2), ours.variance(p, X)))(params)
    for one, other in zip(found, (theirs(X), theirs(X, X2), theirs.diag(X)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_many_features_go_through_a_product_and_agree():
    covariance = matern12(4.0)
    params, theirs = covariance.init(), kernels.Matern(4.0, nu=0.5)
    np.testing.assert_allclose(covariance(params, WIDE, WIDE2), theirs(WIDE, WIDE2), atol=1e-12)
    np.testing.assert_allclose(covariance(params, 1e3 + WIDE), theirs(WIDE), atol=1e-9)
    # Duplicates in two lists: rounding of the squares, then a root.
    np.testing.assert_allclose(jnp.diagonal(covariance(params, WIDE, WIDE)), 1.0, atol=1e-7)


def test_networks_equal_the_closed_forms():
    for ours, theirs in ((arc_cosine(1), theory.relu_nngp), (relu_tangent(), theory.relu_ntk)):
        # On the diagonal NumPy's arccos of a rounded 1 is 1e-8 off; here the angle there is exactly 0.
        np.testing.assert_allclose(ours(ours.init(), X), theirs(X), rtol=2e-8, atol=1e-8)
        np.testing.assert_allclose(ours(ours.init(), X, X2), theirs(X, X2), rtol=1e-12)
    cosine = X @ X2.T / np.outer(np.linalg.norm(X, axis=1), np.linalg.norm(X2, axis=1))
    order_0 = arc_cosine(0)
    np.testing.assert_allclose(order_0(order_0.init(), X, X2), theory.arc_cosine_0(cosine), rtol=1e-12)
    deep = arc_cosine(1, 2)
    norms = np.outer(np.linalg.norm(X, axis=1), np.linalg.norm(X2, axis=1)) / 3
    expected = norms * theory.arc_cosine_1(theory.arc_cosine_1(cosine))
    np.testing.assert_allclose(deep(deep.init(), X, X2), expected, rtol=1e-12)


def test_a_bias_is_a_further_input_for_one_hidden_layer():
    """``x . x' / d + b`` is the product of inputs with ``sqrt(b d)`` appended, up to the dimension it is divided by."""
    biased, plain = arc_cosine(1, bias_variance=0.2), arc_cosine(1)
    extended = np.concatenate([X, np.full((12, 1), np.sqrt(0.2 * 3))], axis=1)
    expected = 4 / 3 * plain(plain.init(), extended) + 0.2
    np.testing.assert_allclose(biased(biased.init(), X), expected, rtol=1e-10)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_variance_of_a_network_is_its_diagonal(name):
    covariance = NETWORKS[name]
    params = covariance.init()
    x = jnp.concatenate([X, jnp.zeros((1, 3))])
    variance, matrix = jax.jit(lambda p: (covariance.variance(p, x), covariance(p, x)))(params)
    np.testing.assert_allclose(variance, np.diagonal(matrix), rtol=1e-12)


@pytest.mark.parametrize("covariance", [*(pair[0] for pair in EVERY.values()), *NETWORKS.values()])
def test_is_positive_semidefinite_and_symmetric(covariance):
    x = jnp.concatenate([X, X[:3], 1e-6 * X[:2], jnp.zeros((1, 3))])  # duplicates and near zeros
    matrix = np.asarray(jax.jit(covariance)(covariance.init(), x))
    values = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-14, atol=1e-300)
    assert values[0] > -1e-7 * values[-1]
    assert values[-1] > 0


@pytest.mark.parametrize("name", ["matern12", "matern52", "composed", "deep with biases", "deep tangent"])
def test_gradients_are_finite_at_duplicates_and_equal_differences(name):
    covariance = NETWORKS[name] if name in NETWORKS else EVERY[name][0]
    x = jnp.concatenate([X, X[:2]])
    mixing = np.random.default_rng(5).standard_normal((14, 14))
    params = covariance.init()

    @jax.jit
    @lambda f: jax.value_and_grad(f, argnums=(0, 1))
    def total(shift, inputs):
        return jnp.sum(mixing * covariance(jax.tree.map(lambda leaf: leaf + shift, params), inputs))

    at = lambda steps: total(1e-4 * steps, x)[0]  # noqa: E731
    numeric = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / 12e-4  # of fourth order
    by_shift, by_inputs = total(0.0, x)[1]
    np.testing.assert_allclose(by_shift, numeric, rtol=1e-6, atol=1e-6)
    assert np.all(np.isfinite(by_inputs))


def test_hyperparameters_are_batched():
    covariance = rbf().scaled() + relu_tangent(bias_variance=1.0)
    stack = jax.tree.map(lambda leaf: leaf + jnp.array([0.0, 0.5]), covariance.init())
    at = jax.jit(lambda params: covariance(params, X))
    together = jax.jit(jax.vmap(at))(stack)
    for index in range(2):
        alone = at(jax.tree.map(lambda leaf, i=index: leaf[i], stack))
        np.testing.assert_allclose(together[index], alone, rtol=1e-13)


def test_names_of_parts():
    assert list((rbf() + rbf()).initial) == ["rbf", "rbf_2"]
    assert float((rbf() + rbf())((rbf(1.0) + rbf(2.0)).init(), X)[0, 0]) == 2.0


def test_equal_is_the_same_function_whatever_its_hyperparameters():
    makers = (
        rbf,
        matern12,
        linear,
        white,
        relu_tangent,
        lambda: relu_tangent(2),
        lambda: relu_tangent(bias_variance=1.0),
    )
    for i, one in enumerate(makers):
        for j, other in enumerate(makers):
            for wrap in (lambda c: c, lambda c: c.scaled(), lambda c: c + rbf(), lambda c: white() * c):
                assert (wrap(one()) == wrap(other())) == (i == j)
    assert rbf(0.5) == rbf(2.0) and hash(rbf(0.5)) == hash(rbf(2.0))
    own = [Covariance("own", {}, lambda p, x, x2: x @ x.T, lambda p, x: x[:, 0]) for _ in range(2)]
    assert own[0] == own[0] != own[1]


def test_dtype_follows_the_inputs():
    for covariance in (rbf(), matern12(), relu_tangent(), linear() + white()):
        params = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), covariance.init())
        assert covariance(params, X.astype(np.float32)).dtype == jnp.float32


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match=r"lengthscale = -1.0 must be in \(0, inf\)"):
        rbf(-1.0)
    with pytest.raises(ConfigError, match=r"x has shape \(3,\); it must be \[points, features\].*x\[:, None\]"):
        rbf()(rbf().init(), np.ones(3))
    with pytest.raises(ConfigError, match="equally many features"):
        rbf()(rbf().init(), np.ones((3, 2)), np.ones((3, 1)))
    with pytest.raises(ConfigError, match=r"the covariance 'sum' needs .*covariance\.init\(\)"):
        (rbf() + white())(rbf().init(), X)
    with pytest.raises(ConfigError, match="order = 2 must be 0"):
        arc_cosine(2)
    with pytest.raises(ConfigError, match="depth = 0 must be"):
        relu_tangent(0)
    with pytest.raises(ConfigError, match=r"3.0 is no covariance function.*scaled"):
        rbf() * 3.0
