"""Losses in other precisions, StableMax, and the Jacobian penalty."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.optim import (
    cross_entropy,
    cross_entropy_bfloat16,
    cross_entropy_float16,
    cross_entropy_float64,
    jacobian_norm,
    stablemax_cross_entropy,
    stablemax_cross_entropy_with_integer_labels,
)
from gendyn.optim.losses._loss import accurate_cross_entropy
from gendyn.optim.losses._precision import rounded

MARGINS = np.array([0.0, 3.0, 20.0, 30.0, 45.0])
CLASSES = np.zeros(5, np.int32)


def logits():
    """Right class first, ahead by each of the margins; the others differ."""
    others = np.array([0.0, -1.0, 0.5]) + np.zeros((5, 1))
    return np.concatenate([MARGINS[:, None] + 0.5, others], 1).astype(np.float32)


def exact(outputs, classes):
    """In long double, with log1p: the loss and its gradient."""
    f = outputs.astype(np.longdouble)
    right = np.arange(f.shape[1]) == classes[:, None]
    rest = np.where(right, 0, np.exp(f - f[right][:, None])).sum(1)
    p = np.where(right, 0, np.exp(f - f[right][:, None])) / (1 + rest)[:, None]
    return np.log1p(rest).astype(np.float64), np.where(right, -(rest / (1 + rest))[:, None], p).astype(np.float64)


def gradient(loss, outputs=None, transform=jax.jit):
    outputs = logits() if outputs is None else outputs
    return transform(jax.grad(lambda f: loss(f, jnp.asarray(CLASSES)).sum()))(jnp.asarray(outputs))


def test_float64_is_exact_where_float32_collapses():
    assert not jax.config.jax_enable_x64
    values, slopes = exact(logits(), CLASSES)
    found = cross_entropy_float64(logits(), CLASSES)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, values, rtol=1e-6, atol=3e-16)
    assert float(cross_entropy(logits(), CLASSES)[3]) == 0.0 < float(found[3])
    # At a margin of 45 float64 has collapsed as well.
    assert float(found[4]) == 0.0
    np.testing.assert_allclose(gradient(cross_entropy_float64), slopes, rtol=1e-5, atol=3e-16)
    assert float(gradient(cross_entropy)[3, 0]) == 0.0 > float(gradient(cross_entropy_float64)[3, 0])


def test_float64_inside_traced_programs_of_float32():
    """jit, vmap, scan, and derivatives of derivatives in both modes, while the switch of the process is off."""
    slopes = gradient(cross_entropy_float64)
    eager = gradient(cross_entropy_float64, transform=lambda f: f)
    np.testing.assert_allclose(eager, slopes, rtol=1e-6)
    stacked = jnp.stack([jnp.asarray(logits())] * 2)
    np.testing.assert_allclose(gradient(cross_entropy_float64, stacked, jax.vmap)[1], slopes, rtol=1e-6)

    def mean(f):
        return cross_entropy_float64(f, jnp.asarray(CLASSES)).mean()

    def step(f, _):
        return f - jax.grad(mean)(f), mean(f)

    last, losses = jax.jit(lambda f: jax.lax.scan(step, f, None, length=3))(jnp.asarray(logits()))
    assert last.dtype == losses.dtype == jnp.float32
    assert losses[2] < losses[0]

    f, tangent = jnp.asarray(logits()), jnp.ones((5, 4)).at[:, 0].set(-1.0)
    forward = jax.jit(lambda f: jax.jvp(jax.grad(mean), (f,), (tangent,))[1])(f)
    backward = jax.jit(jax.grad(lambda f: jnp.vdot(jax.grad(mean)(f), tangent)))(f)
    p = jax.nn.softmax(f)
    expected = (p * tangent - p * (p * tangent).sum(1, keepdims=True)) / 5
    np.testing.assert_allclose(forward, expected, atol=1e-7)
    np.testing.assert_allclose(backward, expected, atol=1e-7)
    assert jnp.zeros(1).dtype == jnp.float32


@pytest.mark.parametrize(("bits", "dtype"), [((5, 10), np.float16), ((8, 7), jnp.bfloat16)])
def test_rounded_is_the_types_own_rounding(bits, dtype):
    rng = np.random.default_rng(0)
    values = (rng.normal(size=2000) * 10.0 ** rng.uniform(-9, 4, 2000)).astype(np.float32)
    expected = values.astype(dtype).astype(np.float32)
    np.testing.assert_array_equal(jax.jit(lambda x: rounded(x, *bits))(values), expected)
    assert (expected != values).mean() > 0.9
    if dtype == np.float16:
        assert ((np.abs(expected) < 2**-14) & (expected != 0)).any(), "no subnormal was tried"


@pytest.mark.parametrize(("loss", "margin"), [(cross_entropy_float16, 7.9), (cross_entropy_bfloat16, 5.8)])
def test_short_losses_are_near_and_collapse_early(loss, margin):
    outputs, classes = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32), np.arange(50) % 5
    exact32 = np.asarray(cross_entropy(outputs, classes))
    relative = np.abs(np.asarray(jax.jit(loss)(outputs, classes)) - exact32) / exact32
    assert 1e-5 < relative.max() < 0.05
    pair = jnp.array([[margin, 0.0]])
    assert float(loss(pair, jnp.array([0]))[0]) == 0.0 < float(cross_entropy(pair, jnp.array([0]))[0])
    slope = jax.jit(jax.grad(lambda f: loss(f, classes).sum()))(outputs)
    expected = jax.jit(jax.grad(lambda f: cross_entropy(f, classes).sum()))(outputs)
    np.testing.assert_allclose(slope, expected, atol=0.02)
    assert float(jnp.abs(slope - expected).max()) > 1e-5
    # The cotangent is not rounded: a mean over many examples loses nothing.
    tiny = jax.jit(jax.grad(lambda f: 1e-9 * loss(f, classes).sum()))(outputs)
    np.testing.assert_allclose(tiny, 1e-9 * slope, rtol=1e-6)


def test_float16_overflows():
    assert jnp.isnan(cross_entropy_float16(jnp.array([[1e5, 0.0]]), jnp.array([0]))).all()
    assert jnp.isfinite(cross_entropy_bfloat16(jnp.array([[1e5, 0.0]]), jnp.array([0]))).all()


def stablemax(outputs, classes):
    """The authors' formula, in float64."""
    x = outputs.astype(np.float64)
    s = np.where(x >= 0, x + 1, 1 / (1 - x))
    return np.log(s.sum(-1)) - np.log(np.take_along_axis(s, classes[..., None], -1)[..., 0])


def test_stablemax_is_the_formula():
    rng = np.random.default_rng(0)
    outputs, classes = (10 * rng.normal(size=(2, 9, 4))).astype(np.float32), rng.integers(4, size=(2, 9))
    found = stablemax_cross_entropy_with_integer_labels(outputs, classes)
    np.testing.assert_allclose(found, stablemax(outputs, classes), rtol=1e-5)
    np.testing.assert_allclose(stablemax_cross_entropy(outputs[0], classes[0]), found[0], rtol=1e-6)
    mixed = 0.25 * sum(stablemax(outputs[0], np.full(9, c)) for c in range(4))
    np.testing.assert_allclose(stablemax_cross_entropy(outputs[0], np.full((9, 4), 0.25, np.float32)), mixed, rtol=1e-5)


def test_stablemax_does_not_collapse():
    outputs = np.array([[1e5, -1e5, -3e4], [1e3, 0.0, 0.0]], np.float32)
    x = outputs.astype(np.longdouble)
    s = np.where(x >= 0, x + 1, 1 / (1 - x))
    expected = np.log1p(s[:, 1:].sum(1) / s[:, 0]).astype(np.float64)
    np.testing.assert_allclose(stablemax_cross_entropy(outputs, np.zeros(2, int)), expected, rtol=1e-5)
    slope = jax.jit(jax.grad(lambda f: stablemax_cross_entropy(f, jnp.zeros(2, int)).sum()))(jnp.asarray(outputs))
    assert (slope[:, 0] < 0).all()
    assert (slope[:, 1:] > 0).all()
    assert not np.asarray(jax.grad(lambda f: cross_entropy(f, jnp.zeros(2, int)).sum())(jnp.asarray(outputs))).any()


def test_stablemax_has_a_gradient_at_zero():
    slope = jax.grad(lambda f: stablemax_cross_entropy_with_integer_labels(f, jnp.array(1)))(jnp.zeros(3))
    np.testing.assert_allclose(slope, [1 / 3, -2 / 3, 1 / 3], rtol=1e-6)
    with pytest.raises(ConfigError, match=r"logits \(3,\) float32 and labels \(3,\) int32 must be"):
        stablemax_cross_entropy_with_integer_labels(jnp.zeros(3), jnp.zeros(3, int))


def test_accurate_cross_entropy_and_its_derivatives():
    values, slopes = exact(logits(), CLASSES)
    targets = jax.nn.one_hot(CLASSES, 4)
    np.testing.assert_allclose(accurate_cross_entropy(logits(), targets), values, rtol=1e-6)
    slope = jax.jit(jax.grad(lambda f: accurate_cross_entropy(f, targets).sum()))
    np.testing.assert_allclose(slope(jnp.asarray(logits())), slopes, rtol=1e-6)
    # Soft targets, not summing to 1, against automatic differentiation of the plain formula, twice.
    f, q = jnp.asarray(logits()[:2]), jnp.array([[0.1, 0.2, 0.3, 0.9]] * 2)

    def plain(f, q):
        return jnp.sum(q * -jax.nn.log_softmax(f)) ** 2

    def ours(f, q):
        return accurate_cross_entropy(f, q).sum() ** 2

    def derivatives(fn):
        return jax.jit(lambda f, q: (jax.grad(fn, (0, 1))(f, q), jax.hessian(fn)(f, q)))(f, q)

    for found, expected in zip(*map(jax.tree.leaves, (derivatives(ours), derivatives(plain))), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


def network(params, x):
    return jnp.tanh(x.reshape(len(x), -1) @ params["first"]) @ params["second"]


def drawn():
    rng = np.random.default_rng(0)
    params = {"first": rng.normal(size=(6, 7)), "second": rng.normal(size=(7, 4))}
    return jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), params), jnp.asarray(
        rng.normal(size=(5, 2, 3)), "float32"
    )


def test_jacobian_norm_is_that_of_the_dense_jacobian():
    params, x = drawn()
    dense = jax.jit(jax.vmap(jax.jacobian(lambda one: network(params, one[None])[0])))(x)
    expected = jnp.sum(dense**2, axis=(1, 2, 3))
    np.testing.assert_allclose(jacobian_norm(network, params, x, num_probes=0), expected, rtol=1e-5)
    estimate = jax.jit(lambda key: jacobian_norm(network, params, x, key=key, num_probes=200))
    draws = jnp.stack([estimate(jax.random.key(i)) for i in range(5)])
    error = draws.std(0) / np.sqrt(5)
    assert (jnp.abs(draws.mean(0) - expected) < 5 * error + 1e-6).all()
    assert (draws.std(0) > 1e-3).all()


def test_jacobian_norm_is_a_penalty():
    """Its gradient exists, also of one probe under jit and vmap, and descending it lowers it."""
    params, x = drawn()

    def penalty(params, key):
        return jacobian_norm(network, params, x, key=key).mean()

    slopes = jax.jit(jax.vmap(jax.grad(penalty), (None, 0)))(params, jax.random.split(jax.random.key(0), 3))
    step = jax.tree.map(lambda p, g: p - 1e-3 * g.mean(0), params, slopes)
    before, after = (float(jacobian_norm(network, p, x, num_probes=0).mean()) for p in (params, step))
    assert after < before


def test_jacobian_norm_names_bad_input():
    params, x = drawn()
    with pytest.raises(ConfigError, match=r"num_probes = 1 needs key"):
        jacobian_norm(network, params, x)
    with pytest.raises(ConfigError, match=r"x \(5,\) int32 must be floating point: let apply start at the embeddings"):
        jacobian_norm(network, params, jnp.arange(5))
    with pytest.raises(ConfigError, match=r"num_probes = -1 must be an integer of at least 0"):
        jacobian_norm(network, params, x, num_probes=-1)
