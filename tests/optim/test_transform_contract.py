"""What holds for every optimizer of the room; files are found by glob, so a new one is examined unasked.

Filters and projections have an exam of their own: test_filter_contract.py.
"""

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
from gendyn.types import LossExample, TransformExample

OPTIMIZERS = tuple(name for name in names("optim") if getattr(module("optim", name), "ROLE", "") == "optimizer")
STEPS = 4
# A matrix of each aspect ratio, and a vector.
SHAPES = {"first": (8, 12), "hidden": (12, 12), "last": (12, 3), "bias": (12,)}
PADDED = {"first": (8, 48), "hidden": (48, 48), "last": (48, 3), "bias": (48,)}

each_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


def draw(seed, *leading):
    """A tree of standard normal float32 arrays ``[*leading, *shape]``."""
    rng = np.random.default_rng(seed)
    return {leaf: jnp.asarray(rng.normal(size=(*leading, *s)), jnp.float32) for leaf, s in SHAPES.items()}


def some(tree):
    """A matrix and a vector: enough where shapes are not what a test is about, and half as much to compile."""
    return {leaf: tree[leaf] for leaf in ("hidden", "bias")}


def make(name, **overrides):
    example = module("optim", name).example()
    return lookup("optim", name)(**{**example.kwargs, **overrides})


def scan(transform, params, gradients):
    """Parameters and state after one update with each of the gradients ``[steps, ...]``."""

    def step(carry, gradient):
        params, state = carry
        updates, state = transform.update(gradient, state, params)
        return (optax.apply_updates(params, updates), state), None

    return jax.lax.scan(step, (params, transform.init(params)), gradients)[0]


def train(transform, params, gradients):
    """The same as a program of its own."""
    return jax.jit(functools.partial(scan, transform))(params, gradients)


@jax.disable_jit()
def walk(transform, params, gradients):
    """The same operation by operation, which compiles nothing new: equal operations are one program, of equal bits."""
    state = transform.init(params)
    for step in range(len(gradients["bias"])):
        updates, state = transform.update(jax.tree.map(lambda g, step=step: g[step], gradients), state, params)
        params = optax.apply_updates(params, updates)
    return params, state


@functools.cache
def program(name):
    """The example's own training, compiled once for all tests."""
    return jax.jit(functools.partial(scan, make(name)))


@functools.cache
def reference(name):
    return program(name)(draw(0), draw(1, STEPS))


def assert_close(actual, expected, rtol=2e-5):
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, rtol=rtol, atol=rtol), actual, expected)


def tolerance(name):
    # Newton-Schulz is steep at small singular values and amplifies rounding.
    return 2e-4 if name == "muon" else 2e-5


def array_like_arguments(name):
    """Arguments that may be tracers: those whose annotation admits a ``jax.Array``."""
    hints = typing.get_type_hints(lookup("optim", name))
    return [argument for argument, hint in hints.items() if argument != "return" and jax.Array in typing.get_args(hint)]


def test_the_glob_finds_the_optimizers():
    assert {"sgd", "adam", "adamw", "rmsprop", "adagrad", "lion", "muon"} <= set(OPTIMIZERS)
    assert {"cross_entropy", "squared_error", "grokfast_ema", "identity"}.isdisjoint(OPTIMIZERS)


@pytest.mark.parametrize("name", names("optim"))
def test_every_file_states_its_role(name):
    """By which a config's sections know their own: its folder's. An example of the right kind goes with it."""
    file = module("optim", name)
    assert hasattr(file, "ROLE"), f"{file.__name__} must say ROLE = 'optimizer', 'filter', 'projection' or 'loss'"
    folders = {"optimizer": "optimizers", "filter": "filters", "projection": "projections", "loss": "losses"}
    assert file.__name__ == f"gendyn.optim.{folders[file.ROLE]}.{name}"
    assert isinstance(file.example(), LossExample if file.ROLE == "loss" else TransformExample)


@each_optimizer
def test_file_and_export(name):
    file = module("optim", name)
    assert isinstance(file.PAD_SAFE, bool)
    assert file.FAMILY in ("sgd", "adam")
    assert getattr(gendyn.optim, name) is lookup("optim", name)


@each_optimizer
def test_example_sweeps_every_array_like_argument(name):
    sweeps = module("optim", name).example().sweeps
    assert set(sweeps) == set(array_like_arguments(name))
    assert "learning_rate" in sweeps
    assert all(len(set(values)) >= 2 for values in sweeps.values())


@each_optimizer
def test_vmap_over_every_hyperparameter_is_a_loop(name):
    """All points of the example's sweeps, one argument away from a base, as rows of one program and one by one."""
    sweeps, transform = module("optim", name).example().sweeps, lookup("optim", name)
    params, gradients = some(draw(0)), some(draw(1, STEPS))
    parameters = inspect.signature(transform).parameters
    base = {a: parameters[a].default for a in sweeps} | dict(module("optim", name).example().kwargs)
    points = [base | {argument: value} for argument, values in sweeps.items() for value in values]

    def run(point):
        return scan(transform(**point), params, gradients)[0]

    packed = jax.jit(jax.vmap(run))({a: jnp.asarray([point[a] for point in points]) for a in base})
    one = jax.jit(run)
    assert_close(packed, jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(one, points)), tolerance(name))
    assert_close(one(base), some(reference(name)[0]), tolerance(name))
    # Negative control: an argument that is ignored would pass the comparisons.
    for argument, values in sweeps.items():
        first, second = (points.index(base | {argument: value}) for value in values[:2])
        changes = [float(jnp.abs(leaf[first] - leaf[second]).max()) for leaf in jax.tree.leaves(packed)]
        assert max(changes) > 1e-4, f"{argument} has no effect"


@each_optimizer
def test_learning_rate_may_be_a_schedule(name):
    rate = module("optim", name).example().kwargs["learning_rate"]

    @jax.jit
    def scheduled(fall):
        transform = make(name, learning_rate=lambda step: rate / (1 + fall * step))
        return scan(transform, some(draw(0)), some(draw(1, STEPS)))[0]

    constant = some(reference(name)[0])
    assert_close(scheduled(0.0), constant, tolerance(name))
    assert float(jnp.abs(scheduled(1.0)["hidden"] - constant["hidden"]).max()) > 1e-3


@each_optimizer
def test_family_says_how_the_update_scales_with_the_gradient(name):
    run = jax.jit(functools.partial(scan, make(name, weight_decay=0.0)))

    def moved(scale):
        new, _ = run(some(draw(0)), jax.tree.map(lambda g: scale * g, some(draw(1, STEPS))))
        return jax.tree.map(jnp.subtract, new, some(draw(0)))

    expected = {"sgd": 8.0, "adam": 1.0}[module("optim", name).FAMILY]
    assert_close(moved(8.0), jax.tree.map(lambda m: expected * m, moved(1.0)), 1e-4)


@each_optimizer
def test_wrappers_of_optax(name):
    params, gradients = some(draw(0)), some(draw(1, STEPS))
    transform, expected = make(name), some(reference(name)[0])
    part = {"hidden": True, "bias": False}

    masked, _ = walk(optax.masked(transform, part), params, gradients)
    assert_close(masked["hidden"], expected["hidden"])
    # What is masked passes through: the gradients are added as they are.
    assert_close(masked["bias"], params["bias"] + gradients["bias"].sum(0))

    labels = {leaf: "moving" if moves else "frozen" for leaf, moves in part.items()}
    multi, _ = walk(
        optax.multi_transform({"moving": transform, "frozen": optax.set_to_zero()}, labels), params, gradients
    )
    assert_close(multi, {**expected, "bias": params["bias"]})

    factory = lookup("optim", name)
    static = set(inspect.signature(factory).parameters) - set(array_like_arguments(name))
    injected = optax.inject_hyperparams(factory, static_args=static)(**module("optim", name).example().kwargs)
    values, state = walk(injected, params, gradients)
    assert_close(values, expected, tolerance(name))
    assert float(state.hyperparams["learning_rate"]) == pytest.approx(
        module("optim", name).example().kwargs["learning_rate"]
    )

    halves = jax.tree.map(lambda g: jnp.repeat(g, 2, axis=0), gradients)
    steps = optax.MultiSteps(make(name), every_k_schedule=2)
    jax.eval_shape(functools.partial(scan, steps), params, halves)  # both branches of its cond have one type
    assert_close(walk(steps, params, halves)[0], expected, tolerance(name))


@each_optimizer
def test_a_step_with_nan_is_skipped_by_apply_if_finite(name):
    transform = optax.apply_if_finite(make(name), max_consecutive_errors=3)
    params, state = draw(0), transform.init(draw(0))
    bad = jax.tree.map(lambda p: jnp.full_like(p, jnp.nan), params)
    jax.eval_shape(transform.update, bad, state, params)  # both branches of its cond have one type
    with jax.disable_jit():
        updates, after = transform.update(bad, state, params)
    assert all(not leaf.any() for leaf in jax.tree.leaves(updates))
    jax.tree.map(np.testing.assert_array_equal, after.inner_state, state.inner_state)


@each_optimizer
def test_bfloat16_parameters_keep_their_dtypes(name):
    """Also where hyperparameters are float32 arrays, as in a sweep: the scan would refuse a changed carry."""
    example = module("optim", name).example()
    arrays = {a: jnp.asarray(v) if a in example.sweeps else v for a, v in example.kwargs.items()}
    params, gradients = draw(0), draw(1, STEPS)
    low = functools.partial(jax.tree.map, lambda leaf: leaf.astype(jnp.bfloat16))
    new, state = jax.jit(functools.partial(scan, make(name, **arrays)))(low(params), low(gradients))
    dtypes = functools.partial(jax.tree.map, lambda leaf: leaf.dtype)
    assert set(jax.tree.leaves(dtypes(new))) == {jnp.dtype(jnp.bfloat16)}
    initial = make(name).init(low(params))
    assert dtypes(state) == dtypes(initial)
    exact, _ = reference(name)
    error = optax.tree.norm(jax.tree.map(lambda a, b: a.astype(jnp.float32) - b, new, exact))
    assert float(error / optax.tree.norm(exact)) < 0.02


def pad(tree):
    return {
        leaf: jnp.pad(a, [(0, 0)] * (a.ndim - len(PADDED[leaf])) + tail)
        for leaf, a in tree.items()
        for tail in [[(0, p - s) for p, s in zip(PADDED[leaf], SHAPES[leaf], strict=True)]]
    }


@each_optimizer
def test_pad_safe_tells_the_truth(name):
    """200 updates of 12 units alone and as the first 12 of 48, with the same gradients and none on the padding."""
    params, gradients = draw(0), draw(1, 200)
    run = jax.jit(functools.partial(scan, make(name)))
    alone, _ = run(params, gradients)
    padded, _ = run(pad(params), pad(gradients))
    inside = {leaf: padded[leaf][tuple(map(slice, SHAPES[leaf]))] for leaf in SHAPES}
    outside = {leaf: padded[leaf].at[tuple(map(slice, SHAPES[leaf]))].set(0) for leaf in SHAPES}
    worst = max(float(jnp.abs(inside[leaf] - alone[leaf]).max() / jnp.abs(alone[leaf]).max()) for leaf in SHAPES)
    if module("optim", name).PAD_SAFE:
        assert worst <= 1e-5
        assert all(not leaf.any() for leaf in jax.tree.leaves(outside))
    else:
        # Zeros on the padding prove nothing: a transform that is not safe is wrong on the true coordinates.
        assert worst > 1e-2


def test_pad_safe_would_catch_a_mean_over_the_shape():
    """Negative control of the test above: centring reads the padded shape."""
    centred = optax.stateless(lambda updates, _: jax.tree.map(lambda u: u - u.mean(), updates))
    params, gradients = draw(0), draw(1, 200)
    transform = optax.chain(centred, optax.scale(-0.1))
    alone, padded = (scan(transform, f(params), f(gradients))[0]["bias"] for f in (lambda tree: tree, pad))
    assert float(jnp.abs(padded[:12] - alone).max()) > 1e-2
    assert padded[12:].any()


@each_optimizer
def test_state_is_made_of_pytrees_with_a_stable_structure(name):
    params, (_, after) = draw(0), reference(name)
    state = make(name).init(params)
    assert jax.tree.structure(state) == jax.tree.structure(after)
    # A swept value of 0 must not drop a buffer.
    zeros = {a: 0.0 for a in module("optim", name).example().sweeps if "eps" not in a}
    assert jax.tree.structure(make(name, **zeros).init(params)) == jax.tree.structure(state)
    leaves = jax.tree.leaves(state)
    assert all(isinstance(leaf, jax.Array) for leaf in leaves)


@each_optimizer
def test_works_inside_a_sharded_step(name):
    assert jax.device_count() >= 2
    mesh = jax.make_mesh((2,), ("run",), axis_types=(jax.sharding.AxisType.Auto,))
    over_runs = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("run"))
    params, gradients = jax.tree.map(lambda a: jnp.stack([a, 2 * a]), (draw(0), draw(1, STEPS)))
    run = jax.jit(jax.vmap(lambda p, g: scan(make(name), p, g)[0]))
    sharded = run(*jax.device_put((some(params), some(gradients)), over_runs))
    assert sharded["hidden"].sharding.is_equivalent_to(over_runs, 3)
    alone = [program(name)(*jax.tree.map(lambda a, i=i: a[i], (params, gradients)))[0] for i in range(2)]
    assert_close(sharded, some(jax.tree.map(lambda *rows: jnp.stack(rows), *alone)), tolerance(name))


ALIASES = {
    "sgd": lambda: (make("sgd", weight_decay=0.0), optax.sgd(0.1, 0.9)),
    "sgd, nesterov": lambda: (make("sgd", weight_decay=0.0, nesterov=True), optax.sgd(0.1, 0.9, nesterov=True)),
    "sgd, plain": lambda: (make("sgd", weight_decay=0.0, momentum=0.0), optax.sgd(0.1)),
    "adam": lambda: (make("adam", weight_decay=0.0), optax.adam(0.01)),
    "adam, coupled": lambda: (make("adam"), optax.chain(optax.add_decayed_weights(0.01), optax.adam(0.01))),
    "adamw": lambda: (make("adamw"), optax.adamw(0.01, weight_decay=0.1)),
    "rmsprop": lambda: (make("rmsprop", weight_decay=0.0), optax.rmsprop(0.01, eps_in_sqrt=False)),
    "rmsprop, coupled": lambda: (
        make("rmsprop"),
        optax.chain(optax.add_decayed_weights(0.01), optax.rmsprop(0.01, eps_in_sqrt=False)),
    ),
    "adagrad": lambda: (make("adagrad", weight_decay=0.0), optax.adagrad(0.01, 0.0, 1e-10)),
    "adagrad, coupled": lambda: (
        make("adagrad"),
        optax.chain(optax.add_decayed_weights(0.01), optax.adagrad(0.01, 0.0, 1e-10)),
    ),
    "lion": lambda: (make("lion"), optax.lion(0.01, weight_decay=0.1)),
    "muon": lambda: (
        make("muon"),
        optax.contrib.muon(0.02, weight_decay=0.1, adam_weight_decay=0.1, adam_learning_rate=0.02),
    ),
}


@pytest.mark.parametrize("alias", ALIASES)
def test_matches_optax_bit_for_bit(alias):
    ours, theirs = ALIASES[alias]()
    params, gradients = draw(0), draw(1, STEPS)
    jax.tree.map(np.testing.assert_array_equal, walk(ours, params, gradients)[0], walk(theirs, params, gradients)[0])


def test_rmsprop_and_adagrad_as_they_are_written():
    """Their equations in numpy, with an epsilon that matters: it is outside RMSProp's square root, inside Adagrad's."""
    gradients = np.random.default_rng(0).normal(size=(STEPS, 5)).astype(np.float32)
    mean, total, by_mean, by_total = np.zeros((4, 5))
    for gradient in gradients.astype(float):
        mean = 0.8 * mean + 0.2 * gradient**2
        total = total + gradient**2
        by_mean = by_mean - 0.1 * gradient / (np.sqrt(mean) + 0.3)
        by_total = by_total - 0.1 * gradient / np.sqrt(total + 0.3)
    for transform, expected in (
        (make("rmsprop", learning_rate=0.1, b2=0.8, eps=0.3, weight_decay=0.0), by_mean),
        (make("adagrad", learning_rate=0.1, eps=0.3, weight_decay=0.0), by_total),
    ):
        np.testing.assert_allclose(train(transform, jnp.zeros(5), jnp.asarray(gradients))[0], expected, rtol=1e-5)


def test_coupled_and_decoupled_decay_differ():
    """On a coordinate with a large gradient Adam's coupled decay vanishes; the decoupled one does not."""
    params, gradients = {"w": jnp.ones(1)}, {"w": jnp.full((STEPS, 1), 1e3)}
    adam, adamw, none = (
        float(train(t, params, gradients)[0]["w"][0])
        for t in (
            make("adam", weight_decay=1.0),
            make("adamw", weight_decay=1.0),
            make("adamw", weight_decay=0.0),
        )
    )
    assert adam == pytest.approx(none, abs=1e-6)
    assert adamw < none - 0.02


@each_optimizer
def test_bad_values_are_named(name):
    factory = lookup("optim", name)
    for argument in array_like_arguments(name):
        with pytest.raises(ConfigError, match=rf"^{argument} = -1 must be in"):
            factory(**{"learning_rate": 0.1, argument: -1})
        with pytest.raises(ConfigError, match=rf"^{argument} = nan must be in"):
            factory(**{"learning_rate": 0.1, argument: float("nan")})
    for argument in set(inspect.signature(factory).parameters) - set(array_like_arguments(name)):
        with pytest.raises(ConfigError, match=rf"^{argument} = 0\.5 must be"):
            factory(**{"learning_rate": 0.1, argument: 0.5})


def test_upper_ends_are_open():
    with pytest.raises(ConfigError, match=r"^momentum = 1 must be in \[0, 1\)"):
        make("sgd", momentum=1)
    with pytest.raises(ConfigError, match=r"^eps = 0\.0 must be in \(0, inf\)"):
        make("adam", eps=0.0)
    with pytest.raises(ConfigError, match=r"^b2 = 1\.0 must be in \[0, 1\)"):
        make("adamw", b2=1.0)
