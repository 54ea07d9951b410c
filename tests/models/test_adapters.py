"""Networks of any make through one contract, and initialisation without a forward pass."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gendyn.core import ConfigError
from gendyn.models import cnn, from_flax, from_functions, from_nnx, mlp, parameter_count, resnet18
from gendyn.models._initialisers import scaled_normal
from gendyn.types import Variables

KEY = jax.random.key(3)
IMAGE = (8, 8, 3)
MODULES = {
    "mlp": mlp(num_outputs=4, width=6),
    "resnet18": resnet18(num_outputs=4, width=2, blocks=(1,), input_shape=IMAGE),
}


def count_compilations(function):
    """The result and the number of programs XLA compiled for it."""
    events = []

    def listen(event, duration, **kwargs):
        del duration, kwargs
        if event == "/jax/core/compile/backend_compile_duration":
            events.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        result = jax.block_until_ready(function())
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    return result, len(events)


def equal(a, b):
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        (x == y).all() and x.dtype == y.dtype for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


@pytest.mark.parametrize("name", MODULES)
def test_init_is_flax_init_to_the_bit(name):
    x = jax.random.normal(jax.random.key(9), (1, *IMAGE))
    expected = MODULES[name].init(KEY, x)
    model = from_flax(MODULES[name])
    for given in (x, jax.ShapeDtypeStruct(x.shape, x.dtype)):
        variables = model.init(KEY, given)
        assert equal({"params": variables.params, **variables.statistics}, expected)
    other = model.init(jax.random.key(4), x)
    assert not equal(other.params, variables.params)


def test_init_agrees_with_flax_lazy_init():
    module = MODULES["mlp"]
    x = jax.ShapeDtypeStruct((1, 5), jnp.float32)
    assert equal(module.lazy_init(KEY, x)["params"], from_flax(module).init(KEY, x).params)


class Watched(nn.Module):
    """Counts how often its forward pass is really executed."""

    calls: Callable[[jax.Array], jax.Array]

    @nn.compact
    def __call__(self, x):
        y = nn.Dense(3)(x)
        return jax.pure_callback(self.calls, jax.ShapeDtypeStruct(y.shape, y.dtype), y)


def test_init_does_not_run_the_forward_pass():
    calls = []

    def watch(y):
        calls.append(y.shape)
        return np.asarray(y)

    x = jnp.ones((1, 5))
    variables = from_flax(Watched(watch)).init(KEY, x)
    assert calls == []
    assert equal(variables.params, Watched(watch).init(KEY, x)["params"])
    assert calls == [(1, 3)]


def test_initialising_a_new_width_compiles_nothing():
    x = jax.ShapeDtypeStruct((1, *IMAGE), jnp.float32)

    def init(width, seed):
        model = from_flax(cnn(num_outputs=4, width=width, input_shape=IMAGE))
        return lambda: model.init(jax.random.key(seed), x)

    init(5, 0)()
    assert count_compilations(init(7, 1))[1] == 0
    assert count_compilations(lambda: jax.jit(lambda x: x * 7.25 - 1)(jnp.ones(11)))[1] > 0  # the counter counts


class Wrapped(nn.Module):
    """A draw used on the way to a parameter: it cannot be put off."""

    @nn.compact
    def __call__(self, x):
        kernel = self.param("kernel", lambda key, shape: 3.0 + scaled_normal(2.0)(key, shape), (x.shape[-1], 3))
        return x @ kernel


def test_a_wrapped_initialiser_is_drawn_in_place():
    x = jnp.ones((1, 5))
    params = from_flax(Wrapped()).init(KEY, x).params
    assert equal(params, Wrapped().init(KEY, x)["params"])
    assert float(jnp.std(params["kernel"])) > 0.5


class DataDependent(nn.Module):
    """Takes its scale from the first batch."""

    @nn.compact
    def __call__(self, x):
        scale = self.param("scale", lambda key: jnp.std(x))
        return nn.Dense(3)(x / scale)


def test_data_dependent_init_needs_data():
    model = from_flax(DataDependent())
    x = jnp.asarray([[1.0, 5.0]])
    assert float(model.init(KEY, x).params["scale"]) == 2.0
    with pytest.raises(ConfigError, match=r"x = .* must be an array: the variables of DataDependent"):
        model.init(KEY, jax.ShapeDtypeStruct((1, 2), jnp.float32))


def test_init_under_jit_and_vmap():
    model = from_flax(MODULES["mlp"])
    x = jax.ShapeDtypeStruct((1, 5), jnp.float32)
    keys = jax.random.split(KEY, 2)
    batched = jax.jit(jax.vmap(lambda key: model.init(key, x)))(keys)
    for i in range(2):
        one = model.init(keys[i], x)
        jax.tree.map(lambda b, o: np.testing.assert_allclose(b[i], o, rtol=1e-6), batched, one)  # noqa: B023


class Plain(nn.Module):
    """Somebody else's module: no ``train`` argument."""

    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(nn.relu(nn.Dense(7)(x)))


def test_a_foreign_flax_module():
    model = from_flax(Plain())
    x = jnp.ones((2, 5))
    variables = model.init(KEY, x[:1])
    for train in (False, True):
        outputs, statistics = model.apply(variables, x, train=train)
        assert outputs.shape == (2, 3) and statistics == {}
    assert model.learning_rate_scales is None
    with pytest.raises(ConfigError, match=r"must be an instance of flax.linen.Module.*from_nnx"):
        from_flax(Plain)


class Nnx(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Linear(5, 7, rngs=rngs)
        self.norm = nnx.BatchNorm(7, rngs=rngs, momentum=0.9)
        self.last = nnx.Linear(7, 3, rngs=rngs)

    def __call__(self, x):
        return self.last(nnx.relu(self.norm(self.first(x))))


def test_an_nnx_module():
    model = from_nnx(lambda rngs: Nnx(rngs))
    x = jax.random.normal(KEY, (6, 5)) + 1.0
    variables = model.init(KEY, x[:1])
    direct = Nnx(nnx.Rngs(KEY))
    direct.eval()
    apply = jax.jit(model.apply, static_argnames="train")
    outputs, unchanged = apply(variables, x)
    np.testing.assert_allclose(outputs, direct(x), rtol=1e-5, atol=1e-6)
    assert equal(unchanged, variables.statistics)

    direct.train()
    outputs, moved = apply(variables, x, train=True)
    np.testing.assert_allclose(outputs, direct(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["norm"]["mean"], direct.norm.mean[...], rtol=1e-5)
    assert float(jnp.abs(moved["norm"]["mean"]).max()) > 1e-3
    # The statistics fed back are the ones used: nothing hides in the closure.
    again, _ = apply(Variables(variables.params, moved), x)
    assert float(jnp.abs(again - apply(variables, x)[0]).max()) > 1e-4

    gradients = jax.jit(jax.grad(lambda params: model.apply(Variables(params, moved), x)[0].sum()))(variables.params)
    assert jax.tree.structure(gradients) == jax.tree.structure(variables.params)
    keys = jax.random.split(KEY, 2)
    many = jax.jit(jax.vmap(lambda key: model.init(key, x[:1])))(keys)
    assert many.params["first"]["kernel"].shape == (2, 5, 7)
    assert not (many.params["first"]["kernel"][0] == many.params["first"]["kernel"][1]).all()
    assert parameter_count(model, (5,)) == 5 * 7 + 7 + 14 + 7 * 3 + 3


def test_an_nnx_instance_is_refused():
    with pytest.raises(ConfigError, match=r"build = Linear\(...\) is an nnx module .* Pass a function of nnx.Rngs"):
        from_nnx(nnx.Linear(5, 3, rngs=nnx.Rngs(0)))


def test_plain_functions():
    def init(key, x):
        return {"w": jax.random.normal(key, (x.shape[-1], 3))}

    model = from_functions(init, lambda params, x: x @ params["w"])
    x = jnp.ones((2, 5))
    variables = model.init(KEY, jax.ShapeDtypeStruct((1, 5), jnp.float32))
    outputs, statistics = model.apply(variables, x, train=True)
    np.testing.assert_allclose(outputs, x @ variables.params["w"])
    assert statistics == {} and parameter_count(model, (5,)) == 15


class Sowing(nn.Module):
    """Sows by flax's own reduction, and by a sum; beside a statistic that is real."""

    @nn.compact
    def __call__(self, x):
        self.sow("intermediates", "x", x)
        self.sow("features", "hidden", x)
        self.sow("losses", "norm", jnp.sum(x**2), reduce_fn=jnp.add, init_fn=lambda: jnp.zeros(()))
        calls = self.variable("counts", "calls", lambda: jnp.zeros((), jnp.int32))
        if self.is_mutable_collection("counts") and not self.is_initializing():
            calls.value += 1
        return nn.Dense(3)(x)


def test_what_is_only_sown_is_no_statistic():
    """Its shape is that of a batch, and by flax's own reduction it grows at every step: no state of a run."""
    model, x = from_flax(Sowing()), jnp.ones((2, 5))
    variables = model.init(KEY, jax.ShapeDtypeStruct((1, 5), jnp.float32))
    assert variables.statistics.keys() == {"counts"}
    assert equal(variables.params, Sowing().init(KEY, x)["params"])
    outputs, statistics = model.apply(variables, x, train=True)
    assert outputs.shape == (2, 3) and int(statistics["counts"]["calls"]) == 1
    _, statistics = model.apply(Variables(variables.params, statistics), x, train=True)
    assert int(statistics["counts"]["calls"]) == 2


class Remembers(nn.Module):
    """Keeps its last batch."""

    @nn.compact
    def __call__(self, x):
        last = self.variable("memory", "last", jnp.zeros, x.shape)
        if self.is_mutable_collection("memory") and not self.is_initializing():
            last.value = x
        return nn.Dense(3)(x)


def test_a_statistic_that_changes_its_shape_is_refused():
    model = from_flax(Remembers())
    variables = model.init(KEY, jax.ShapeDtypeStruct((1, 5), jnp.float32))
    with pytest.raises(ConfigError, match=r"'memory' changes its shapes in training, .*\(1, 5\).*\(2, 5\).*Use sow"):
        model.apply(variables, jnp.ones((2, 5)), train=True)


class Sees(nnx.Module):
    """Outputs and what lies before them; and sows."""

    def __init__(self, rngs):
        self.dense = nnx.Linear(5, 3, rngs=rngs)

    def __call__(self, x):
        self.sow(nnx.Intermediate, "x", x)
        return self.dense(x), x


class TwoOutputs(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(x), x


MANY = {
    "flax": lambda **kwargs: from_flax(TwoOutputs(), **kwargs),
    "nnx": lambda **kwargs: from_nnx(lambda rngs: Sees(rngs), **kwargs),
}


@pytest.mark.filterwarnings("ignore:Using 'Module.sow")
@pytest.mark.parametrize("name", MANY)
def test_a_network_that_returns_more_than_outputs(name):
    x = jnp.ones((2, 5))
    model = MANY[name]()
    variables = model.init(KEY, x[:1])
    with pytest.raises(ConfigError, match=rf"returned a tuple of 2; .*from_{name}\(\w+, outputs=lambda returned"):
        model.apply(variables, x)
    chosen = MANY[name](outputs=lambda returned: returned[0])
    for train in (False, True):
        outputs, statistics = chosen.apply(variables, x, train=train)
        assert outputs.shape == (2, 3) and statistics == {}
    functions = from_functions(lambda key, x: {}, lambda params, x: {"logits": x})
    with pytest.raises(ConfigError, match="apply returned a dict of 1; outputs must be one array"):
        functions.apply(Variables({}, {}), x)


def test_a_seed_is_no_key():
    x = jnp.ones((1, 5))
    for model in (from_flax(Plain()), MANY["nnx"](), from_functions(lambda key, x: {}, lambda params, x: x)):
        with pytest.raises(ConfigError, match=r"key = 0 must be a random key: key=jax.random.key\(0\)"):
            model.init(0, x)
        with pytest.raises(ConfigError, match="key = an array float32"):
            model.init(x, KEY)


def test_parameter_count_of_no_model():
    with pytest.raises(ConfigError, match=r"model = Plain must be a gendyn.types.Model: from_flax"):
        parameter_count(Plain(), (5,))


def test_parameter_count_allocates_nothing():
    """Half a trillion parameters: this would not fit."""
    assert parameter_count(from_flax(mlp(num_outputs=1, width=500_000, depth=3)), (8,)) > 5e11
