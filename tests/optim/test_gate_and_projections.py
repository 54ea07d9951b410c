"""The gate, and the transforms that look at the weights or at a whole matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gendyn.core import ConfigError
from gendyn.optim import adamw, egalitarian_gradient, gate, grokfast_ema, identity, orthogonal_gradient, project_norm
from gendyn.optim.filters._sections import Section, add_filtered

LOSSES = (3.0, 1.0, 0.5, 2.0, 0.4, 9.0)


def gradients(seed=0, steps=len(LOSSES)):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(steps, 3)), jnp.float32)


def walk(transform, losses=LOSSES):
    state, found = transform.init(jnp.zeros(3)), []
    for gradient, loss in zip(gradients(), losses, strict=True):
        extra = {} if loss is None else {"value": jnp.asarray(loss)}
        updates, state = transform.update(gradient, state, **extra)
        found.append(updates)
    return jnp.stack(found), state


def active(found):
    """At which updates the answer is the filter's; at the others it is the gradient, bit for bit."""
    filtered, _ = walk(optax.with_extra_args_support(grokfast_ema(0.9, 2.0)))
    result = []
    for i, gradient in enumerate(gradients()):
        on, off = bool((found[i] == filtered[i]).all()), bool((found[i] == gradient).all())
        assert on != off
        result.append(on)
    return result


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [1, 1, 1, 1, 1, 1]),
        ({"start_step": 2}, [0, 0, 1, 1, 1, 1]),
        ({"stop_step": 4}, [1, 1, 1, 1, 0, 0]),
        ({"start_step": 1, "stop_step": 3}, [0, 1, 1, 0, 0, 0]),
        ({"stop_step": 0}, [0, 0, 0, 0, 0, 0]),
        ({"start_train_loss": 0.5}, [0, 0, 1, 1, 1, 1]),
        ({"start_train_loss": 1.0, "start_step": 3, "stop_step": 5}, [0, 0, 0, 1, 1, 0]),
        ({"start_train_loss": 0.1}, [0, 0, 0, 0, 0, 0]),
        ({"start_train_loss": jnp.inf, "stop_train_loss": -jnp.inf}, [1, 1, 1, 1, 1, 1]),
        # The loss rises again after the third update; the filter stays off.
        ({"stop_train_loss": 0.5}, [1, 1, 0, 0, 0, 0]),
        ({"stop_train_loss": 0.1}, [1, 1, 1, 1, 1, 1]),
        ({"start_train_loss": 1.0, "stop_train_loss": 0.4}, [0, 1, 1, 1, 0, 0]),
        ({"start_train_loss": 1.0, "stop_train_loss": 0.4, "stop_step": 3}, [0, 1, 1, 0, 0, 0]),
        ({"start_step": 3, "stop_train_loss": 0.5}, [0, 0, 0, 0, 0, 0]),
    ],
)
def test_gate_opens_and_closes(options, expected):
    found, state = walk(gate(grokfast_ema(0.9, 2.0), **options))
    assert active(found) == [bool(e) for e in expected]
    # The filter has seen every gradient, whether applied or not.
    _, alone = walk(optax.with_extra_args_support(grokfast_ema(0.9, 2.0)))
    jax.tree.map(np.testing.assert_array_equal, state.inner, alone)


def test_gate_sweeps_as_a_loop():
    points = {
        "start_step": (0, 2, 0),
        "stop_step": (-1, 5, 3),
        "start_train_loss": (jnp.inf, 1.0, 0.5),
        "stop_train_loss": (-jnp.inf, -jnp.inf, 0.4),
    }
    packed = jax.vmap(lambda p: walk(gate(grokfast_ema(0.9, 2.0), **p))[0])(
        {k: jnp.array(v) for k, v in points.items()}
    )
    rows = [walk(gate(grokfast_ema(0.9, 2.0), **{k: v[i] for k, v in points.items()}))[0] for i in range(3)]
    np.testing.assert_allclose(packed, jnp.stack(rows), atol=1e-6)


def test_gate_in_a_chain_needs_a_loss_only_for_a_threshold():
    chain = optax.chain(gate(grokfast_ema(0.9, 2.0), start_step=1), adamw(0.1))
    params = jnp.ones(3)
    for extra in ({}, {"value": jnp.float32(jnp.nan)}):
        updates, _ = chain.update(gradients()[0], chain.init(params), params, **extra)
        assert updates.all()
    # A NaN is not at or below any threshold, but there is none.
    found, _ = walk(gate(grokfast_ema(0.9, 2.0)), (float("nan"),) * 6)
    assert all(active(found))
    assert not any(active(walk(gate(grokfast_ema(0.9, 2.0), start_train_loss=1e9), (float("nan"),) * 6)[0]))
    assert all(active(walk(gate(grokfast_ema(0.9, 2.0), stop_train_loss=1e9), (float("nan"),) * 6)[0]))
    for threshold in ("start_train_loss", "stop_train_loss"):
        with pytest.raises(ConfigError, match=r"need the train loss: call update\(.*value=loss\)"):
            walk(gate(grokfast_ema(), **{threshold: 0.5}), (None,) * 6)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"start_step": -1}, r"^start_step = -1 must be in \[0, inf\)"),
        ({"start_step": 1.5}, r"^start_step = 1\.5 must be an integer"),
        ({"stop_step": 2.5}, r"^stop_step = 2\.5 must be an integer"),
        ({"start_step": 100, "stop_step": 50}, r"stop_step = 50 must be greater than start_step = 100: .* never"),
        ({"start_step": 7, "stop_step": 7}, r"stop_step = 7 must be greater than start_step = 7"),
        ({"start_train_loss": float("nan")}, r"^start_train_loss = nan must be a number"),
        ({"stop_train_loss": float("nan")}, r"^stop_train_loss = nan must be a number"),
        ({"start_train_loss": "0.5"}, r"^start_train_loss = '0\.5' must be a number, or None"),
        ({"stop_train_loss": True}, r"^stop_train_loss = True must be a number, or None"),
        ({"start_train_loss": 0.1, "stop_train_loss": 0.5}, r"stop_train_loss = 0\.5 must be less than .* = 0\.1"),
    ],
)
def test_a_gate_that_cannot_be_is_refused(options, match):
    with pytest.raises(ConfigError, match=match):
        gate(identity(), **options)


def test_a_gate_without_a_threshold_needs_no_loss_under_jit():
    """Injected hyperparameters are tracers there, whatever was given."""
    transform = optax.inject_hyperparams(gate)(grokfast_ema(0.9, 2.0), start_step=2)
    state, found = transform.init(jnp.zeros(3)), []
    assert set(state.hyperparams) == {"start_step", "stop_step"}
    for gradient in gradients():
        updates, state = jax.jit(transform.update)(gradient, state)
        found.append(updates)
    expected, _ = walk(gate(grokfast_ema(0.9, 2.0), start_step=2), (None,) * len(LOSSES))
    np.testing.assert_allclose(jnp.stack(found), expected, rtol=1e-6)


def test_gate_hands_its_extra_arguments_on():
    def update(updates, state, params=None, *, value, scale):
        return value * scale * updates, state

    inner = optax.GradientTransformationExtraArgs(optax.init_empty_state, update)
    gated = gate(inner)
    updates, _ = gated.update(jnp.ones(2), gated.init(jnp.ones(2)), value=2.0, scale=5.0)
    assert updates.tolist() == [10.0, 10.0]


def test_gate_leaves_none_alone():
    transform = gate(grokfast_ema(0.9, 2.0))
    params = {"a": jnp.ones(2), "b": None}
    updates, _ = transform.update(params, transform.init(params))
    assert updates["b"] is None


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def orthogonal(gradient, weights):
    transform = orthogonal_gradient()
    return transform.update(gradient, transform.init(weights), weights)[0]


@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e25])
def test_orthogonal_gradient_is_orthogonal_and_as_long(scale):
    weights, gradient = {"a": draw(4, 3), "b": draw(5, seed=1)}, {"a": draw(4, 3, seed=2), "b": draw(5, seed=3)}
    found = orthogonal(jax.tree.map(lambda g: scale * g, gradient), weights)
    for leaf in weights:
        w, g, f = (np.asarray(a, np.float64).ravel() for a in (weights[leaf], scale * gradient[leaf], found[leaf]))
        # The published formula in float64.
        rest = g - (w @ g) / (w @ w + 1e-30) * w
        np.testing.assert_allclose(f, rest * np.linalg.norm(g) / np.linalg.norm(rest), rtol=1e-4, atol=1e-6 * scale)
        assert abs(w @ f) < 1e-5 * np.linalg.norm(w) * np.linalg.norm(g)


def test_of_a_parallel_gradient_nothing_is_left():
    weights = draw(40)
    assert not orthogonal(-3.7 * weights, weights).any()
    assert not orthogonal(jnp.array([2.0]), jnp.array([0.3])).any()
    np.testing.assert_allclose(orthogonal(weights, jnp.zeros(40)), weights, rtol=1e-6)
    assert not orthogonal(jnp.zeros(40), weights).any()
    # Nothing left is not nothing known.
    for broken in (jnp.nan, jnp.inf):
        assert jnp.isnan(orthogonal(weights.at[3].set(broken), weights)).any()
        assert jnp.isnan(orthogonal(weights, weights.at[3].set(broken))).any()
    with pytest.raises(ConfigError, match="orthogonal_gradient needs the weights"):
        orthogonal_gradient().update(weights, optax.EmptyState())


def test_orthogonal_steps_keep_the_norm_to_second_order():
    weights, gradient = draw(30), draw(30, seed=1)
    grown = [float(jnp.sum((weights - rate * orthogonal(gradient, weights)) ** 2 - weights**2)) for rate in (0.1, 0.2)]
    assert grown[1] / grown[0] == pytest.approx(4.0, rel=1e-2)


def test_project_norm_keeps_the_norm_and_the_direction():
    params = {"kernel": draw(4, 3), "bias": draw(3, seed=1)}
    chain = optax.chain(adamw(0.1, weight_decay=1.0), project_norm())
    state, free = chain.init(params), adamw(0.1, weight_decay=1.0)
    free_updates, _ = free.update(params, free.init(params), params)
    aim = optax.apply_updates(params, free_updates)
    new = params
    for i in range(20):
        updates, state = chain.update(params, state, new)
        new = optax.apply_updates(new, updates)
        assert float(optax.tree.norm(new)) == pytest.approx(float(optax.tree.norm(params)), rel=1e-6)
        if i == 0:
            cosine = optax.tree.vdot(new, aim) / optax.tree.norm(new) / optax.tree.norm(aim)
            assert float(cosine) == pytest.approx(1.0, abs=1e-6)
    assert float(optax.tree.norm(jax.tree.map(jnp.subtract, new, params))) > 0.1


def test_project_norm_of_what_moves_alone():
    params = {"kernel": draw(4, 3), "fixed": draw(3, seed=1)}
    transform = project_norm()
    state = transform.init(params)
    updates, _ = transform.update({"kernel": params["kernel"], "fixed": None}, state, params)
    np.testing.assert_allclose(updates["kernel"], jnp.zeros((4, 3)), atol=1e-6)
    # Zero cannot be rescaled: the update passes.
    updates, _ = transform.update(jax.tree.map(jnp.negative, params), state, params)
    np.testing.assert_array_equal(updates["kernel"], -params["kernel"])
    with pytest.raises(ConfigError, match="project_norm needs the parameters"):
        transform.update(params, state)


def equalise(gradient, **options):
    transform = egalitarian_gradient(**options)
    return transform.update(gradient, transform.init(gradient))[0]


def test_egalitarian_gradient_makes_singular_values_equal():
    gradient = draw(6, 4)
    left, _, right = np.linalg.svd(np.asarray(gradient, np.float64), full_matrices=False)
    np.testing.assert_allclose(equalise(gradient), left @ right, atol=1e-5)
    np.testing.assert_allclose(equalise(100 * gradient), equalise(gradient), atol=1e-5)
    np.testing.assert_array_equal(equalise(gradient[0]), gradient[0])
    kernel = draw(3, 3, 2, 5)
    np.testing.assert_allclose(equalise(kernel).reshape(18, 5), equalise(kernel.reshape(18, 5)), atol=1e-6)


def test_egalitarian_gradient_on_a_mesh_of_explicit_axes_wants_the_matrix_whole():
    mesh = jax.make_mesh((2,), ("rows",), axis_types=(jax.sharding.AxisType.Explicit,))
    split, whole = (jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes)) for axes in (("rows",), ()))
    gradient = jax.device_put(draw(6, 4), split)
    with pytest.raises(Exception, match="must be unsharded"):
        equalise(gradient)
    np.testing.assert_allclose(equalise(jax.sharding.reshard(gradient, whole)), equalise(draw(6, 4)), atol=1e-5)


def test_egalitarian_gradient_of_low_rank_stays_of_low_rank():
    gradient = draw(6, 2) @ draw(2, 4, seed=1)
    values = np.linalg.svd(np.asarray(equalise(gradient)), compute_uv=False)
    np.testing.assert_allclose(values, [1, 1, 0, 0], atol=1e-5)
    assert not equalise(jnp.zeros((3, 3))).any()
    strong = np.linalg.svd(np.asarray(equalise(jnp.diag(jnp.array([1.0, 0.6, 0.4])), relative_tolerance=0.5)))[1]
    np.testing.assert_allclose(strong, [1, 1, 0], atol=1e-6)


def test_a_section_by_hand():
    """Order 1 at shift 1: ``s' = s + (b_1 g - a_1 y)``, ``y = b_0 g + s``."""
    transform = add_filtered([Section((0.5, 0.25), (0.125,), 1.0)], 1.0, None)
    state, register = transform.init(jnp.zeros(1)), 0.0
    for gradient in (1.0, -2.0, 3.0):
        updates, state = transform.update(jnp.array([gradient]), state)
        output = 0.5 * gradient + register
        register += 0.25 * gradient - 0.125 * output
        assert float(updates[0]) == pytest.approx(gradient + output)
