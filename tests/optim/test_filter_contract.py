"""What holds for every gradient filter and projection of the room; files are found by glob."""

import functools
import inspect
import typing

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import gendyn.optim
from gendyn.core import ConfigError, lookup, module, names
from gendyn.optim import frequency_response, linear_filter

FILTERS = tuple(name for name in names("optim") if module("optim", name).ROLE in ("filter", "projection"))
LINEAR = tuple(name for name in FILTERS if hasattr(module("optim", name), "response"))
ADDING = tuple(
    n for n in LINEAR if "lamb" in inspect.signature(lookup("optim", n)).parameters and n != "gradient_split"
)
STEPS = 3
SHAPES = {"kernel": (4, 3), "bias": (3,)}
PADDED = {"kernel": (6, 8), "bias": (8,)}

each_filter = pytest.mark.parametrize("name", FILTERS)


def draw(seed, *leading):
    rng = np.random.default_rng(seed)
    return {leaf: jnp.asarray(rng.normal(size=(*leading, *s)), jnp.float32) for leaf, s in SHAPES.items()}


def make(name, **overrides):
    return lookup("optim", name)(**{**module("optim", name).example().kwargs, **overrides})


def arguments(name):
    return inspect.signature(lookup("optim", name)).parameters


def array_like_arguments(name):
    hints = typing.get_type_hints(lookup("optim", name))
    return {argument for argument, hint in hints.items() if argument != "return" and jax.Array in typing.get_args(hint)}


def scan(transform, params, gradients):
    """The updates ``[steps, ...]`` and the last state; the parameters move by a tenth of each update."""

    def step(carry, gradient):
        params, state = carry
        updates, state = transform.update(gradient, state, params)
        return (optax.apply_updates(params, jax.tree.map(lambda u: 0.1 * u, updates)), state), updates

    (_, state), updates = jax.lax.scan(step, (params, transform.init(params)), gradients)
    return updates, state


def walk(transform, params, gradients):
    """The same step by step, without a program of its own to compile."""
    state, steps = transform.init(params), []
    for i in range(jax.tree.leaves(gradients)[0].shape[0]):
        updates, state = transform.update(jax.tree.map(lambda g, i=i: g[i], gradients), state, params)
        params = optax.apply_updates(params, jax.tree.map(lambda u: 0.1 * u, updates))
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
    assert name in gendyn.optim.__all__
    # A config takes its leaves from the signature: each needs a default, and none may be None.
    assert all(p.default not in (inspect.Parameter.empty, None) for p in arguments(name).values())
    assert set(file.example().sweeps) == array_like_arguments(name)
    assert all(len(set(values)) >= 2 for values in file.example().sweeps.values())
    assert isinstance(lookup("optim", name)(), optax.GradientTransformation)


@each_filter
def test_vmap_over_every_hyperparameter_is_a_loop(name):
    sweeps = module("optim", name).example().sweeps
    if not sweeps:
        return  # that nothing is swept is checked against the signature above
    base = {a: arguments(name)[a].default for a in sweeps} | {
        a: v for a, v in module("optim", name).example().kwargs.items() if a in sweeps
    }
    points = [base | {argument: value} for argument, values in sweeps.items() for value in values]

    def run(point):
        return walk(make(name, **point), draw(0), draw(1, STEPS))[0]

    packed = jax.vmap(run)({a: jnp.asarray([float(point[a]) for point in points]) for a in base})
    assert_close(packed, jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(run, points)))
    assert_close(run(base), reference(name)[0])
    for argument, values in sweeps.items():
        first, second = (points.index(base | {argument: value}) for value in values[:2])
        changes = [float(jnp.abs(leaf[first] - leaf[second]).max()) for leaf in jax.tree.leaves(packed)]
        assert max(changes) > 1e-4, f"{argument} has no effect"


@each_filter
def test_one_program_is_the_same_as_step_by_step(name):
    updates, state = walk(make(name), draw(0), draw(1, STEPS))
    assert_close(reference(name)[0], updates)
    assert jax.tree.structure(reference(name)[1]) == jax.tree.structure(state)


@each_filter
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


@each_filter
def test_inject_hyperparams(name):
    static = set(arguments(name)) - array_like_arguments(name)
    injected = optax.inject_hyperparams(lookup("optim", name), static_args=static)(
        **module("optim", name).example().kwargs
    )
    updates, state = walk(injected, draw(0), draw(1, STEPS))
    assert_close(updates, reference(name)[0])
    assert set(state.hyperparams) == array_like_arguments(name)


@each_filter
def test_multi_steps_and_apply_if_finite(name):
    params, gradients = draw(0), draw(1, STEPS)
    halves = jax.tree.map(lambda g: jnp.repeat(g, 2, axis=0), gradients)
    accumulated, _ = train(optax.MultiSteps(make(name), every_k_schedule=2), params, halves)
    assert_close(jax.tree.map(lambda u: u[1::2], accumulated), reference(name)[0])
    assert all(not leaf[::2].any() for leaf in jax.tree.leaves(accumulated))

    guarded = optax.apply_if_finite(make(name), max_consecutive_errors=3)
    state = guarded.init(params)
    updates, after = guarded.update(jax.tree.map(lambda p: jnp.full_like(p, jnp.nan), params), state, params)
    assert all(not leaf.any() for leaf in jax.tree.leaves(updates))
    assert_same_bits(after.inner_state, state.inner_state)


@each_filter
def test_none_leaves_stay_none_and_do_not_count(name):
    kernel = {"kernel": draw(0)["kernel"]}
    gradients = {"kernel": draw(1)["kernel"]}
    transform = make(name)
    expected, _ = transform.update(gradients, transform.init(kernel), kernel)
    for bias in (None, jnp.ones(3)):
        params = {**kernel, "bias": bias}
        state = transform.init(params)
        updates, after = transform.update({**gradients, "bias": None}, state, params)
        assert updates["bias"] is None
        assert_close(updates["kernel"], expected["kernel"])
        assert jax.tree.structure(state) == jax.tree.structure(after)


@each_filter
def test_bfloat16_parameters_keep_their_dtypes(name):
    """Also where hyperparameters are float32 arrays, as in a sweep; and a float32 state on request is more accurate."""
    swept = {a: jnp.asarray(arguments(name)[a].default, jnp.float32) for a in array_like_arguments(name)}
    low = functools.partial(jax.tree.map, lambda leaf: leaf.astype(jnp.bfloat16))
    params, gradients = low(draw(0)), low(draw(1, 20))
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


@each_filter
def test_pad_safe_tells_the_truth(name):
    params, gradients = draw(0), draw(1, 20)
    alone, padded = walk(make(name), params, gradients)[0], walk(make(name), pad(params), pad(gradients))[0]
    inside = {leaf: (slice(None), *map(slice, SHAPES[leaf])) for leaf in SHAPES}
    worst = max(float(jnp.abs(padded[k][inside[k]] - alone[k]).max() / jnp.abs(alone[k]).max()) for k in SHAPES)
    if module("optim", name).PAD_SAFE:
        assert worst <= 1e-5
        assert all(not padded[leaf].at[inside[leaf]].set(0).any() for leaf in SHAPES)
    else:
        assert worst > 1e-2


# Elements of the state for each parameter, and beside them: (factor, more).
STATE_SIZES = {
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


@each_filter
def test_state_has_the_size_that_the_docstring_states(name):
    assert "state" in lookup("optim", name).__doc__.lower(), "the docstring must state the size of the state"
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


@each_filter
def test_sharded_parameters(name):
    """Rows of the kernel live on two devices; the answer and the sharding stay."""
    assert jax.device_count() >= 2
    mesh = jax.make_mesh((2,), ("rows",), axis_types=(jax.sharding.AxisType.Auto,))
    split, whole = (jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes)) for axes in (("rows",), ()))
    transform = make(name)
    params = jax.device_put(draw(0), {"kernel": split, "bias": whole})
    state, steps = jax.jit(transform.init)(params), []
    step = jax.jit(transform.update, out_shardings=({"kernel": split, "bias": whole}, None))
    for i in range(2):
        gradient = {leaf: array[i] for leaf, array in draw(1, STEPS).items()}
        updates, state = step(jax.device_put(gradient, {"kernel": split, "bias": whole}), state, params)
        steps.append(updates)
    alone, plain_state = [], transform.init(draw(0))
    for i in range(2):
        gradient = {leaf: array[i] for leaf, array in draw(1, STEPS).items()}
        updates, plain_state = transform.update(gradient, plain_state, draw(0))
        alone.append(updates)
    assert_close(steps, alone)
    assert steps[-1]["kernel"].sharding.is_equivalent_to(split, 2)


OPTIMIZERS = ("adam", "adamw", "sgd", "lion", "muon")


@each_filter
def test_composed_with_optimizers_under_vmap(name):
    """Two runs side by side are two runs; the published filters with every optimizer, the others with AdamW."""
    params, gradients = jax.tree.map(lambda a: jnp.stack([a, -0.5 * a]), (draw(0), draw(1, 2)))
    chosen = OPTIMIZERS if name in ("grokfast_ema", "grokfast_ma") else ("adamw",)

    def run(params, gradients):
        found = {}
        for optimizer in chosen:
            parts = [make(name), lookup("optim", optimizer)(learning_rate=0.01)]
            chain = optax.chain(*(parts[::-1] if module("optim", name).ROLE == "projection" else parts))
            found[optimizer] = walk(chain, params, gradients)[0]
        return found

    packed = jax.vmap(run)(params, gradients)
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


FREQUENCIES = np.concatenate([[0.0], np.geomspace(1e-3, 0.5, 40)])


def impulse_response(transform, steps, begin):
    """Answers to a gradient of 1 at step ``begin``, before and after which there is none."""
    impulse = jnp.zeros((steps, 1)).at[begin].set(1.0)
    outputs, _ = train(transform, jnp.zeros(1), impulse)
    return np.asarray(outputs, np.float64)[begin:, 0]


@pytest.mark.parametrize("name", LINEAR)
def test_measured_response_is_the_designed_one(name):
    """The Fourier transform of the impulse response against the formula, for the defaults and for the example."""
    for kwargs in ({}, module("optim", name).example().kwargs):
        # Moving averages that start at the first gradient, and warm-ups, are over when the impulse comes.
        answers = impulse_response(lookup("optim", name)(**kwargs), 2200, 100)
        phases = np.exp(-2j * np.pi * FREQUENCIES[:, None] * np.arange(len(answers)))
        designed = frequency_response(name, FREQUENCIES, **kwargs)
        np.testing.assert_allclose(phases @ answers, designed, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ADDING)
def test_the_gain_adds_to_one(name):
    one, two = (frequency_response(name, FREQUENCIES, lamb=lamb) for lamb in (1.0, 2.0))
    np.testing.assert_allclose(two - 1, 2 * (one - 1), atol=1e-12)
    assert np.ptp(np.abs(one)) > 0.5


def test_a_response_that_is_not_there_says_so():
    with pytest.raises(ConfigError, match=r"orthogonal_gradient has no frequency response.*grokfast_ema"):
        frequency_response("orthogonal_gradient", 0.1)
    with pytest.raises(ConfigError, match=r"grokfast_ema: got an unexpected keyword argument 'alhpa'"):
        frequency_response("grokfast_ema", 0.1, alhpa=0.9)
    with pytest.raises(ConfigError, match=r"frequencies = 0\.6 must be in \[0, 0\.5\]"):
        frequency_response("grokfast_ema", 0.6)
    with pytest.raises(ConfigError, match=r"filter\.alpha = 1\.0 must be in \[0, 1\)"):
        frequency_response("grokfast_ema", 0.1, alpha=1.0, lamb=2.0)
    assert frequency_response("kalman", 0.1).shape == ()


@each_filter
def test_bad_values_are_named(name):
    for argument in array_like_arguments(name):
        for bad in (-1, float("nan")):
            with pytest.raises(ConfigError, match=rf"filter\.{argument} = {bad} must be in"):
                make(name, **{argument: bad})
    for argument in set(arguments(name)) - array_like_arguments(name):
        with pytest.raises(ConfigError, match=rf"filter\.{argument} = .* must "):
            make(name, **{argument: "nonsense" if isinstance(arguments(name)[argument].default, str) else 0.5})


def test_any_sequence_of_numbers_is_a_filter():
    assert_same_bits(
        *(
            walk(linear_filter(*given), draw(0), draw(1, 3))[0]
            for given in (("0.1, 0.2", "1 -0.5"), ((0.1, 0.2), np.array([1.0, -0.5])))
        )
    )
