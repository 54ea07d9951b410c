"""What holds for every gradient filter and projection of the room, found by glob, and for one under a gate."""

import functools
import inspect
import itertools
import typing

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import gendyn.optim
from gendyn.core import ConfigError, lookup, module, names
from gendyn.optim import gate, grokfast_ema
from gendyn.types import ArrayLike, TransformExample

FILTERS = tuple(n for n in names("optim") if getattr(module("optim", n), "ROLE", "") in ("filter", "projection"))
LINEAR = tuple(name for name in FILTERS if hasattr(module("optim", name), "response"))
ADDING = tuple(
    n for n in LINEAR if "lamb" in inspect.signature(lookup("optim", n)).parameters and n != "gradient_split"
)
STEPS = 3
SHAPES = {"kernel": (4, 3), "bias": (3,)}
PADDED = {"kernel": (6, 8), "bias": (8,)}

LOSS = 0.5  # the train loss that every update is given
GATE = TransformExample(
    kwargs={},
    sweeps={
        "start_step": (0, 2),
        "stop_step": (-1, 1),
        "start_train_loss": (1.0, 0.3),
        "stop_train_loss": (0.1, 0.7),
    },
)

each_filter = pytest.mark.parametrize("name", FILTERS)
each_transform = pytest.mark.parametrize("name", (*FILTERS, "gate"))


def gated_ema(
    start_step: ArrayLike = 0,
    stop_step: ArrayLike = -1,
    start_train_loss: ArrayLike = 1.0,
    stop_train_loss: ArrayLike = 0.1,
) -> optax.GradientTransformationExtraArgs:
    return gate(
        grokfast_ema(),
        start_step=start_step,
        stop_step=stop_step,
        start_train_loss=start_train_loss,
        stop_train_loss=stop_train_loss,
    )


def factory_of(name):
    return gated_ema if name == "gate" else lookup("optim", name)


def example_of(name):
    return GATE if name == "gate" else module("optim", name).example()


def draw(seed, *leading):
    rng = np.random.default_rng(seed)
    return {leaf: jnp.asarray(rng.normal(size=(*leading, *s)), jnp.float32) for leaf, s in SHAPES.items()}


def make(name, **overrides):
    return factory_of(name)(**{**example_of(name).kwargs, **overrides})


def update(transform, gradient, state, params):
    return optax.with_extra_args_support(transform).update(gradient, state, params, value=LOSS)


def arguments(name):
    return inspect.signature(factory_of(name)).parameters


def array_like_arguments(name):
    hints = typing.get_type_hints(factory_of(name))
    return {argument for argument, hint in hints.items() if argument != "return" and jax.Array in typing.get_args(hint)}


def scan(transform, params, gradients):
    """The updates ``[steps, ...]`` and the last state; the parameters move by a tenth of each update."""

    def step(carry, gradient):
        params, state = carry
        updates, state = update(transform, gradient, state, params)
        return (optax.apply_updates(params, jax.tree.map(lambda u: 0.1 * u, updates)), state), updates

    (_, state), updates = jax.lax.scan(step, (params, transform.init(params)), gradients)
    return updates, state


def walk(transform, params, gradients, rate=0.1):
    """The same step by step, without a program of its own to compile."""
    state, steps = transform.init(params), []
    for i in range(jax.tree.leaves(gradients)[0].shape[0]):
        updates, state = update(transform, jax.tree.map(lambda g, i=i: g[i], gradients), state, params)
        params = optax.apply_updates(params, jax.tree.map(lambda u: rate * u, updates))
        steps.append(updates)
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *steps), state


def train(transform, params, gradients):
    return jax.jit(functools.partial(scan, transform))(params, gradients)


@functools.cache
def reference(name):
    return train(make(name), draw(0), draw(1, STEPS))


def assert_close(actual, expected, rtol=2e-5):
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, rtol=rtol, atol=rtol), actual, expected)


def assert_same_bits(actual, expected):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(e).tobytes()


def test_the_globs_find_the_filters():
    assert {"grokfast_ema", "grokfast_ma", "butterworth", "kalman", "gradient_split", "linear_filter"} <= set(LINEAR)
    assert {"orthogonal_gradient", "project_norm", "egalitarian_gradient", "identity"} <= set(FILTERS)
    assert "adam" not in FILTERS
    assert {"grokfast_ema", "grokfast_ma", "butterworth", "kalman", "linear_filter"} == set(ADDING)


@each_filter
def test_file_export_and_arguments(name):
    file = module("optim", name)
    assert isinstance(file.PAD_SAFE, bool)
    assert getattr(gendyn.optim, name) is lookup("optim", name)
    # A config takes its leaves from the signature: each needs a default, and none may be None.
    assert all(p.default not in (inspect.Parameter.empty, None) for p in arguments(name).values())
    assert set(file.example().sweeps) == array_like_arguments(name)
    assert all(len(set(values)) >= 2 for values in file.example().sweeps.values())
    assert isinstance(lookup("optim", name)(), optax.GradientTransformation)


@each_transform
def test_vmap_over_every_hyperparameter_is_a_loop(name):
    sweeps = example_of(name).sweeps
    if not sweeps:
        return  # that nothing is swept is checked against the signature above
    base = {a: arguments(name)[a].default for a in sweeps} | {
        a: v for a, v in example_of(name).kwargs.items() if a in sweeps
    }
    points = [base | {argument: value} for argument, values in sweeps.items() for value in values]

    def run(point):
        return walk(make(name, **point), draw(0), draw(1, STEPS))[0]

    packed = jax.jit(jax.vmap(run))({a: jnp.asarray([float(point[a]) for point in points]) for a in base})
    assert_close(packed, jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(run, points)))
    assert_close(run(base), reference(name)[0])
    for argument, values in sweeps.items():
        first, second = (points.index(base | {argument: value}) for value in values[:2])
        changes = [float(jnp.abs(leaf[first] - leaf[second]).max()) for leaf in jax.tree.leaves(packed)]
        assert max(changes) > 1e-4, f"{argument} has no effect"


@each_transform
def test_one_program_is_the_same_as_step_by_step(name):
    updates, state = walk(make(name), draw(0), draw(1, STEPS))
    assert_close(reference(name)[0], updates)
    assert jax.tree.structure(reference(name)[1]) == jax.tree.structure(state)


@each_transform
def test_masked_and_multi_transform(name):
    params, gradients, part = draw(0), draw(1, STEPS), {"kernel": True, "bias": False}
    alone, _ = walk(make(name), {"kernel": params["kernel"]}, {"kernel": gradients["kernel"]})
    masked, _ = walk(optax.masked(make(name), part), params, gradients)
    assert_close(masked["kernel"], alone["kernel"])
    assert_same_bits(masked["bias"], gradients["bias"])
    labels = {"kernel": "moving", "bias": "frozen"}
    multi, _ = walk(
        optax.multi_transform({"moving": make(name), "frozen": optax.set_to_zero()}, labels), params, gradients
    )
    assert_close(multi["kernel"], alone["kernel"])
    assert not multi["bias"].any()


@each_transform
def test_inject_hyperparams(name):
    static = set(arguments(name)) - array_like_arguments(name)
    injected = optax.inject_hyperparams(factory_of(name), static_args=static)(**example_of(name).kwargs)
    updates, state = walk(injected, draw(0), draw(1, STEPS))
    assert_close(updates, reference(name)[0])
    assert set(state.hyperparams) == array_like_arguments(name)


@each_transform
def test_multi_steps_and_apply_if_finite(name):
    params, gradients = draw(0), draw(1, STEPS)
    halves = jax.tree.map(lambda g: jnp.repeat(g, 2, axis=0), gradients)
    steps = optax.MultiSteps(make(name), every_k_schedule=2)  # its own transformation takes no extra arguments
    extra = optax.GradientTransformationExtraArgs(steps.init, steps.update)
    guarded, bad = optax.apply_if_finite(make(name), 3), jax.tree.map(lambda p: jnp.full_like(p, jnp.nan), params)
    state = guarded.init(params)
    # In a program both branches of their conds must have one type; outside of one they would be compiled at every step.
    jax.eval_shape(lambda: (scan(extra, params, halves), update(guarded, bad, state, params)))
    with jax.disable_jit():
        accumulated, _ = walk(extra, params, halves)
        updates, after = update(guarded, bad, state, params)
    assert_close(jax.tree.map(lambda u: u[1::2], accumulated), reference(name)[0])
    assert all(not leaf[::2].any() for leaf in jax.tree.leaves(accumulated))
    assert all(not leaf.any() for leaf in jax.tree.leaves(updates))
    assert_same_bits(after.inner_state, state.inner_state)


@each_transform
@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_is_not_hidden(name, broken):
    """In the leaf that holds it, whether it is the first or meets a filter that has begun.

    In the first row and column: there LAPACK's singular value decomposition never returns.
    """
    transform, params = make(name), draw(0)
    begun = update(transform, draw(1), transform.init(params), params)[1]
    for leaf, state in itertools.product(SHAPES, (transform.init(params), begun)):
        gradient = draw(2)
        gradient[leaf] = gradient[leaf].at[(0,) * gradient[leaf].ndim].set(broken)
        assert not jnp.isfinite(update(transform, gradient, state, params)[0][leaf]).all()


@each_transform
def test_none_leaves_stay_none_and_do_not_count(name):
    kernel = {"kernel": draw(0)["kernel"]}
    gradients = {"kernel": draw(1)["kernel"]}
    transform = make(name)
    expected, _ = update(transform, gradients, transform.init(kernel), kernel)
    for bias in (None, jnp.ones(3)):
        params = {**kernel, "bias": bias}
        state = transform.init(params)
        updates, after = update(transform, {**gradients, "bias": None}, state, params)
        assert updates["bias"] is None
        assert_close(updates["kernel"], expected["kernel"])
        assert jax.tree.structure(state) == jax.tree.structure(after)


@each_transform
def test_bfloat16_parameters_keep_their_dtypes(name):
    """Also where hyperparameters are float32 arrays, as in a sweep; and a float32 state on request is more accurate."""
    swept = {a: jnp.asarray(arguments(name)[a].default, jnp.float32) for a in array_like_arguments(name)}
    low = functools.partial(jax.tree.map, lambda leaf: leaf.astype(jnp.bfloat16))
    params, gradients = low(draw(0)), low(draw(1, 8))
    widened = functools.partial(jax.tree.map, lambda leaf: leaf.astype(jnp.float32))

    def error(**options):
        transform = make(name, **swept, **options)
        updates, state = walk(transform, params, gradients)
        assert {leaf.dtype for leaf in jax.tree.leaves(updates)} == {jnp.dtype(jnp.bfloat16)}
        dtypes = [leaf.dtype for leaf in jax.tree.leaves(transform.init(params))]
        assert dtypes == [leaf.dtype for leaf in jax.tree.leaves(state)]
        kept = {leaf.dtype for leaf in jax.tree.leaves(state) if leaf.ndim > 0}
        assert not options or kept == {jnp.dtype(jnp.float32)}
        exact, _ = walk(make(name, **swept), widened(params), widened(gradients))
        difference = jax.tree.map(lambda a, b: a.astype(jnp.float32) - b, updates, exact)
        return float(optax.tree.norm(difference) / optax.tree.norm(exact))

    assert error() < 0.03
    if "state_dtype" in arguments(name):
        assert error(state_dtype="float32") < 0.005


def pad(tree):
    return {
        leaf: jnp.pad(a, [(0, 0)] * (a.ndim - len(PADDED[leaf])) + tail)
        for leaf, a in tree.items()
        for tail in [[(0, p - s) for p, s in zip(PADDED[leaf], SHAPES[leaf], strict=True)]]
    }


@each_transform
def test_pad_safe_tells_the_truth(name):
    params, gradients = draw(0), draw(1, 8)
    alone, padded = walk(make(name), params, gradients)[0], walk(make(name), pad(params), pad(gradients))[0]
    inside = {leaf: (slice(None), *map(slice, SHAPES[leaf])) for leaf in SHAPES}
    worst = max(float(jnp.abs(padded[k][inside[k]] - alone[k]).max() / jnp.abs(alone[k]).max()) for k in SHAPES)
    if name == "gate" or module("optim", name).PAD_SAFE:
        assert worst <= 1e-5
        assert all(not padded[leaf].at[inside[leaf]].set(0).any() for leaf in SHAPES)
    else:
        assert worst > 1e-2


# Elements of the state for each parameter, and beside them: (factor, more).
STATE_SIZES = {
    "gate": ({}, 1, 1 + 3),
    "grokfast_ema": ({}, 1, 1),
    "grokfast_ma": ({"window": 7}, 9, 2),
    "gradient_split": ({}, 1, 1),
    "linear_filter": ({}, 4, 0),
    "butterworth": ({"order": 5}, 5, 0),
    "kalman": ({"model": "trend"}, 2, 0),
    "project_norm": ({}, 0, len(SHAPES)),
    "orthogonal_gradient": ({}, 0, 0),
    "egalitarian_gradient": ({}, 0, 0),
    "identity": ({}, 0, 0),
}


@each_transform
def test_state_has_the_size_that_the_docstring_states(name):
    documented = gate if name == "gate" else lookup("optim", name)
    assert "state" in documented.__doc__.lower(), "the docstring must state the size of the state"
    state = make(name, **STATE_SIZES.get(name, ({},))[0]).init(draw(0))
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(state))
    # A state is donated: no buffer may stand in two places of it.
    pointers = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(state)]
    assert len(set(pointers)) == len(pointers)
    if name in STATE_SIZES:
        _, factor, more = STATE_SIZES[name]
        count = sum(leaf.size for leaf in jax.tree.leaves(state))
        assert count == factor * sum(leaf.size for leaf in jax.tree.leaves(draw(0))) + more
    # A swept value of 0 must not drop a buffer.
    zero = make(name, **({"lamb": 0.0} if "lamb" in arguments(name) else {})).init(draw(0))
    assert jax.tree.structure(zero) == jax.tree.structure(make(name).init(draw(0)))


@each_transform
@pytest.mark.parametrize("kind", ["Auto", "Explicit"])
def test_sharded_parameters(name, kind):
    """Rows of the kernel live on two devices; the answer and the sharding stay, and the state has it from the start."""
    if (name, kind) == ("egalitarian_gradient", "Explicit"):
        return  # JAX refuses to gather unasked: tested beside its equation
    assert jax.device_count() >= 2
    mesh = jax.make_mesh((2,), ("rows",), axis_types=(getattr(jax.sharding.AxisType, kind),))
    split, whole = (jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes)) for axes in (("rows",), ()))
    layout = {"kernel": split, "bias": whole}
    transform = make(name)
    params = jax.device_put(draw(0), layout)
    eager = transform.init(params)
    for path, leaf in jax.tree.leaves_with_path(eager):
        if "kernel" in jax.tree_util.keystr(path) and leaf.ndim:
            assert leaf.sharding.shard_shape(leaf.shape) == (*leaf.shape[:-2], 2, 3)
        elif leaf.ndim:
            assert leaf.sharding.device_set == set(mesh.devices.flat)
    step = jax.jit(functools.partial(update, transform), out_shardings=(layout, None))
    expected, _ = walk(transform, draw(0), draw(1, 2), rate=0.0)
    with jax.set_mesh(mesh):
        traced = jax.jit(transform.init)(params)
    for state in (eager, traced):
        for i in range(2):
            gradient = jax.tree.map(lambda leaf, i=i: leaf[i], draw(1, 2))
            updates, state = step(jax.device_put(gradient, layout), state, params)
            assert_close(updates, jax.tree.map(lambda leaf, i=i: leaf[i], expected))
        assert updates["kernel"].sharding.is_equivalent_to(split, 2)


OPTIMIZERS = ("adam", "adamw", "sgd", "lion", "muon")


@each_transform
def test_composed_with_optimizers_under_vmap(name):
    """Two runs side by side are two runs; the published filters with every optimizer, the others with AdamW."""
    params, gradients = jax.tree.map(lambda a: jnp.stack([a, -0.5 * a]), (draw(0), draw(1, 2)))
    chosen = OPTIMIZERS if name in ("grokfast_ema", "grokfast_ma") else ("adamw",)

    def run(params, gradients):
        found = {}
        for optimizer in chosen:
            parts = [make(name), lookup("optim", optimizer)(learning_rate=0.01)]
            last = name != "gate" and module("optim", name).ROLE == "projection"
            chain = optax.chain(*(parts[::-1] if last else parts))
            found[optimizer] = walk(chain, params, gradients)[0]
        return found

    packed = jax.jit(jax.vmap(run))(params, gradients)
    with jax.disable_jit():
        rows = [run(*jax.tree.map(lambda a, i=i: a[i], (params, gradients))) for i in range(2)]
    # Newton-Schulz amplifies rounding.
    assert_close(packed, jax.tree.map(lambda *leaves: jnp.stack(leaves), *rows), 5e-4)


@pytest.mark.parametrize("name", ADDING)
def test_without_gain_bits_pass(name):
    """Negative zeros and infinities, too, whatever has gone through the filter before."""
    special = jnp.asarray([-0.0, 0.0, 1e-40, jnp.inf, -jnp.inf, jnp.nan, 1.5, -2.0], jnp.float32)
    gradients = jnp.stack([special, special[::-1], -special, jnp.roll(special, 3)])
    for lamb in (0.0, jnp.float32(0.0)):
        assert_same_bits(walk(make(name, lamb=lamb), jnp.zeros(8), gradients)[0], gradients)
    assert not np.array_equal(walk(make(name, lamb=1.0), jnp.zeros(8), gradients)[0], gradients, equal_nan=True)


@each_filter
def test_bad_values_are_named(name):
    for argument in array_like_arguments(name):
        for bad in (-1, float("nan")):
            with pytest.raises(ConfigError, match=rf"^{argument} = {bad} must be in"):
                make(name, **{argument: bad})
    for argument in set(arguments(name)) - array_like_arguments(name):
        with pytest.raises(ConfigError, match=rf"^{argument} = .* must "):
            make(name, **{argument: "nonsense" if isinstance(arguments(name)[argument].default, str) else 0.5})
