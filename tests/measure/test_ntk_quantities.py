"""Derived quantities of a kernel and linearised training, against definitions and against training itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import measure as quantities
from gendyn.core import ConfigError
from gendyn.measure.kernels.linearised_predictions import linearised_predictions
from gendyn.measure.kernels.ntk import empirical_ntk, ntk_eigh
from gendyn.probes.tangent_kernel import tangent_kernel
from gendyn.types import ProbeData


def linear(weights, x):
    return x @ weights


def descend(weights, x, y, rate, steps):
    """Gradient descent on the sum of squares / 2, one step after another."""
    for _ in range(steps):
        weights = weights - rate * x.T @ (x @ weights - y)
    return weights


@pytest.mark.parametrize("kind", ["full", "trace"])
def test_gradient_descent_of_a_linear_model_is_predicted_exactly(kind):
    rng = np.random.default_rng(0)
    x, y, x_test = rng.standard_normal((6, 4)), rng.standard_normal((6, 2)), rng.standard_normal((3, 4))
    with jax.enable_x64(True):
        weights = jnp.asarray(rng.standard_normal((4, 2)))
        eigen = ntk_eigh(linear, weights, x, kind=kind)
        rate = 1.7 / eigen.values[0]  # some modes change their sign at every step
        steps = jnp.array([0, 1, 7])
        trained = [descend(weights, x, y, rate, int(t)) for t in steps]
        found = linearised_predictions(
            eigen.values, eigen.vectors, x @ weights, y, steps, learning_rate=rate, rule="descent"
        )
        np.testing.assert_allclose(found, np.stack([x @ w for w in trained]), rtol=1e-9, atol=1e-9)
        cross = empirical_ntk(linear, weights, x_test, x, kind=kind)
        tested = linearised_predictions(
            eigen.values,
            eigen.vectors,
            x @ weights,
            y,
            steps,
            learning_rate=rate,
            rule="descent",
            cross_kernel=cross,
            test_outputs=x_test @ weights,
        )
        np.testing.assert_allclose(tested, np.stack([x_test @ w for w in trained]), rtol=1e-8, atol=1e-8)
        # The residual, mode by mode.
        decay = quantities.predicted_decay(eigen.values, steps, rate, rule="descent")
        before = quantities.residual_projection(eigen.vectors, x @ weights - y)
        after = quantities.residual_projection(eigen.vectors, x @ trained[2] - y)
        np.testing.assert_allclose(after, decay[2][:, None] * before, rtol=1e-8, atol=1e-9)


def test_gradient_flow_is_the_limit_of_small_steps_and_ends_at_least_squares():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((6, 3)), rng.standard_normal((6, 1))
    with jax.enable_x64(True):
        start = jnp.zeros((6, 1))
        eigen = ntk_eigh(linear, jnp.zeros((3, 1)), x)
        flow = linearised_predictions(eigen.values, eigen.vectors, start, y, 0.1, learning_rate=1.0)
        slow = descend(jnp.zeros((3, 1)), x, y, 1e-4, 1000)
        np.testing.assert_allclose(flow, x @ slow, rtol=2e-3, atol=1e-4)
        end = linearised_predictions(eigen.values, eigen.vectors, start, y, jnp.inf, learning_rate=1.0)
        np.testing.assert_allclose(end, x @ np.linalg.lstsq(x, y)[0], rtol=1e-9, atol=1e-9)


def test_alignments():
    rng = np.random.default_rng(2)
    y = rng.standard_normal((9, 2))
    a = rng.standard_normal((9, 5))
    kernel = a @ a.T
    outer = y @ y.T
    expected = np.sum(kernel * outer) / np.linalg.norm(kernel) / np.linalg.norm(outer)
    np.testing.assert_allclose(quantities.target_alignment(kernel, y), expected, rtol=1e-5)
    centring = np.eye(9) - 1 / 9
    k, o = centring @ kernel @ centring, centring @ outer @ centring
    expected = np.sum(k * o) / np.linalg.norm(k) / np.linalg.norm(o)
    np.testing.assert_allclose(quantities.kernel_alignment(kernel, outer), expected, rtol=1e-5)
    np.testing.assert_allclose(quantities.kernel_velocity(kernel, 3 * kernel, 2.0), 0.0, atol=1e-6)
    assert quantities.kernel_velocity(kernel, outer) > 0.01


def test_change_of_a_kernel_is_its_movement_rotation_and_growth():
    random = np.random.default_rng(0)
    kernel, other = (jnp.asarray(np.cov(random.normal(size=(5, 9)))) for _ in range(2))
    targets = jnp.asarray(random.normal(size=(5, 2)))
    found = quantities.kernel_change(kernel, other, targets)
    labels = targets @ targets.T
    assert float(found.movement) == pytest.approx(float(jnp.linalg.norm(other - kernel) / jnp.linalg.norm(kernel)))
    assert float(found.rotation) == pytest.approx(1.0 - float(quantities.kernel_alignment(kernel, other)))
    growth = quantities.kernel_alignment(other, labels) - quantities.kernel_alignment(kernel, labels)
    assert float(found.growth) == pytest.approx(float(growth))
    with pytest.raises(ConfigError, match="must have one shape"):
        quantities.kernel_change(kernel, other[:3, :3], targets)


def test_debiased_alignment_of_independent_kernels_is_zero_on_average():
    a, b = jax.random.normal(jax.random.key(0), (2, 200, 8, 20))

    def alignment(a, b, debiased):
        return quantities.kernel_alignment(a @ a.T, b @ b.T, debiased=debiased)

    plain = jax.vmap(lambda a, b: alignment(a, b, False))(a, b)
    debiased = jax.vmap(lambda a, b: alignment(a, b, True))(a, b)
    assert plain.mean() > 0.5
    assert abs(debiased.mean()) < 4 * debiased.std() / 200**0.5
    np.testing.assert_allclose(alignment(a[0], a[0], True), 1.0, rtol=1e-5)


def test_probe_counts_only_the_rows_in_use_and_knows_the_labels():
    x = jax.random.normal(jax.random.key(0), (6, 4))
    labels = jnp.array([0, 1, 0, 1, 1, 0])
    weights = jnp.ones((4, 2))
    probe = tangent_kernel(num_examples=5, num_eigenvalues=4)

    def measured(num_train, rows=6):
        data = ProbeData(x[:rows], labels[:rows], num_train, x, labels, None)
        return probe.fn(jax.random.key(0), linear, weights, data)

    found, small = jax.jit(measured)(3), measured(3, rows=3)
    for name in small:
        np.testing.assert_allclose(found[name], small[name], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["eigenvalues"][:3], jnp.linalg.eigvalsh(x[:3] @ x[:3].T)[::-1], rtol=1e-4)
    np.testing.assert_allclose(found["condition_number"], np.linalg.cond(x[:3] @ x[:3].T), rtol=1e-3)
    assert abs(found["trace"] - measured(5)["trace"]) > 0.1


def test_bad_input():
    with pytest.raises(ConfigError, match=r"kernel has shape \(2, 3\)"):
        quantities.target_alignment(jnp.ones((2, 3)), jnp.ones(2))
    with pytest.raises(ConfigError, match=r"targets has shape \(3,\)"):
        quantities.target_alignment(jnp.eye(2), jnp.ones(3))
    with pytest.raises(ConfigError, match="m >= 4"):
        quantities.kernel_alignment(jnp.eye(3), jnp.eye(3), debiased=True)
    with pytest.raises(ConfigError, match="must have one shape"):
        quantities.kernel_velocity(jnp.eye(3), jnp.eye(2))
    with pytest.raises(ConfigError, match="rule = 'euler' must be one of flow, descent"):
        quantities.predicted_decay(jnp.ones(2), 1.0, 1.0, rule="euler")
    with pytest.raises(ConfigError, match="go together"):
        linearised_predictions(
            jnp.ones(1),
            jnp.ones((1, 1)),
            jnp.ones((1, 1)),
            jnp.ones((1, 1)),
            1.0,
            learning_rate=1.0,
            test_outputs=jnp.ones((1, 1)),
        )
    with pytest.raises(ConfigError, match="num_examples = 0"):
        tangent_kernel(num_examples=0)
