"""The exam every model takes: padding changes nothing, and every traced argument can be batched."""

import functools
import inspect

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn import core, types
from gendyn.models import as_model, from_flax

OUTPUTS = 3
BATCH = 6
# A file without an example is a fault of the layout, and keeps nobody else's models from their exam.
NAMES = tuple(name for name in core.names("models") if hasattr(core.module("models", name), "example"))
# (the run's own width, the bucket's) by the dimensions of an example; 12 does not share the tiling of 48. Compiling is
# what these tests cost, and two pairs of widths are one program.
WIDTHS = {1: (12, 48), 3: (3, 7)}
compiled = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def module(name, width, **kwargs):
    """The flax module of a file under its own ``example()``."""
    example = core.module("models", name).example()
    factory = core.lookup("models", name)
    arguments = {"num_outputs": OUTPUTS, "width": width, **example.kwargs, **kwargs}
    if "input_shape" in inspect.signature(factory).parameters:
        arguments["input_shape"] = example.input_shape
    return factory(**arguments)


def build(name, width, **kwargs):
    return as_model(module(name, width, **kwargs)), core.module("models", name).example().input_shape


def batch(shape, seed=0):
    x_key, y_key = jax.random.split(jax.random.key(seed))
    return jax.random.normal(x_key, (BATCH, *shape)), jax.random.normal(y_key, (BATCH, OUTPUTS))


def batch_of(name, seed=0):
    """A batch of what the file's example takes: numbers, or tokens."""
    example = core.module("models", name).example()
    x, y = batch(example.input_shape, seed)
    if example.input_dtype == "int32":
        x = jax.random.randint(jax.random.key(seed), x.shape, 0, example.num_tokens or OUTPUTS)
    return x, y


def initial(model, shape, seed=1):
    """Initial variables moved off their start, so that biases and BatchNorm statistics are not 0 and 1."""
    return moved(model.init(jax.random.key(seed), jax.ShapeDtypeStruct((1, *shape), jnp.float32)), seed)


def moved(variables, seed=1):
    """Also off where some networks answer 0 whatever their arguments."""
    leaves, structure = jax.tree.flatten(variables)
    rng = np.random.default_rng(seed)
    leaves = [leaf + jnp.asarray(rng.uniform(0.05, 0.3, leaf.shape), jnp.float32) for leaf in leaves]
    return jax.tree.unflatten(structure, leaves)


def pad(tree, like):
    """Zeros at the end of every axis, as the sweep pads."""

    def one(leaf, wide):
        return jnp.asarray(
            np.pad(leaf, [(0, large - small) for small, large in zip(leaf.shape, wide.shape, strict=True)])
        )

    return jax.tree.map(one, tree, like)


def crop(tree, like):
    return jax.tree.map(lambda wide, leaf: wide[tuple(slice(size) for size in leaf.shape)], tree, like)


def outside(tree, like):
    """The largest absolute entry on the padding."""
    largest = 0.0
    for wide, leaf in zip(jax.tree.leaves(tree), jax.tree.leaves(like), strict=True):
        rest = np.array(wide)
        rest[tuple(slice(size) for size in leaf.shape)] = 0.0
        largest = max(largest, float(np.abs(rest).max()))
    return largest


def train_mode(model, variables, x, y):
    """``(gradients, (outputs, statistics))`` of a squared loss."""

    def loss(params):
        outputs, statistics = model.apply(types.Variables(params, variables.statistics), x, train=True)
        return jnp.mean(jnp.square(outputs - y)), (outputs, statistics)

    return jax.grad(loss, has_aux=True)(variables.params)


def examine(model, variables, x, y):
    """Everything padding might change: both forward modes, new statistics, gradients."""
    gradients, (train_outputs, statistics) = train_mode(model, variables, x, y)
    outputs, unchanged = model.apply(variables, x, train=False)
    return {"train": train_outputs, "eval": outputs}, {"gradients": gradients, "new": statistics, "old": unchanged}


def close(actual, desired, tolerance=1e-5):
    scale = max(1.0, max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(desired)))
    jax.tree.map(lambda a, d: np.testing.assert_allclose(a, d, rtol=tolerance, atol=tolerance * scale), actual, desired)


def padded_and_alone(make, true, bucket, x, y):
    """``examine`` of a network alone and padded; ``make(width, active_width) -> Model``."""
    alone = make(true, None)
    variables = initial(alone, x.shape[1:])
    like = jax.eval_shape(lambda: make(bucket, None).init(jax.random.key(0), x[:1]))
    wide = pad(variables, like)

    @compiled
    def both(variables, wide, active):
        return examine(alone, variables, x, y), examine(make(bucket, active), wide, x, y)

    (outputs, states), (wide_outputs, wide_states) = both(variables, wide, jnp.int32(true))
    return outputs, states, wide_outputs, wide_states


def assert_padding_law(make, true, bucket, x, y):
    """Returns the gradients of the network alone."""
    outputs, states, wide_outputs, wide_states = padded_and_alone(make, true, bucket, x, y)
    close(wide_outputs, outputs)
    assert outside(wide_states, states) == 0.0
    close(crop(wide_states, states), states)
    return states["gradients"]


def test_every_model_is_examined():
    assert {"mlp", "cnn", "resnet18"} <= set(NAMES)


def cases():
    for name in NAMES:
        dimensions = len(core.module("models", name).example().input_shape)
        yield name, *WIDTHS[dimensions], {}
    # The other choices that touch padding.
    yield "mlp", 5, 8, {"activation": "sigmoid"}
    yield "mlp", 5, 8, {"activation": "softplus", "parametrisation": "ntk"}
    yield "mlp", 5, 8, {"activation": "cos", "parametrisation": "mup"}
    yield "mlp", 5, 8, {"depth": 0}
    yield "cnn", 3, 4, {"normalisation": "group", "num_groups": 4}
    yield "embedding_mlp", 5, 8, {"embedding_size": 0, "activation": "cos", "depth": 2}
    yield "quadratic_mlp", 5, 8, {"parametrisation": "mean_field"}


@pytest.mark.parametrize(("name", "true", "bucket", "kwargs"), list(cases()))
def test_padding_changes_nothing(name, true, bucket, kwargs):
    """And the parameters named as such are those whose gradient vanishes identically."""
    make = lambda width, active: build(name, width, active_width=active, **kwargs)[0]  # noqa: E731
    gradients = assert_padding_law(make, true, bucket, *batch_of(name))
    size = {
        "/".join(key.key for key in path): float(jnp.abs(leaf).max())
        for path, leaf in jax.tree_util.tree_leaves_with_path(gradients)
    }
    named = getattr(module(name, true, **kwargs), "vanishing_gradient", ())
    assert {path for path, value in size.items() if value < 1e-5} == set(named)
    assert set(getattr(module(name, bucket, active_width=true, **kwargs), "vanishing_gradient", ())) == set(named)


@pytest.mark.parametrize("name", NAMES)
def test_every_array_like_argument_can_be_batched(name):
    """vmap over traced knobs equals a Python loop: one knob at a time, through init and forward pass."""
    signature = inspect.signature(core.lookup("models", name)).parameters
    knobs = [key for key, parameter in signature.items() if parameter.annotation is types.ArrayLike]
    assert knobs, "a model has at least a traced initial scale"
    x, _ = batch_of(name)

    def run(values):
        model, shape = build(name, 4, **values)
        variables = model.init(jax.random.key(0), jax.ShapeDtypeStruct((1, *shape), jnp.float32))
        return model.apply(moved(variables), x, train=True), variables

    defaults = {knob: float(signature[knob].default) for knob in knobs}
    points = [{**defaults, knob: defaults[knob] * factor} for knob in knobs for factor in (0.5, 1.5)]
    stacked = {knob: jnp.asarray([point[knob] for point in points]) for knob in knobs}
    batched = compiled(jax.vmap(run))(stacked)
    one = compiled(run)
    singles = [one({knob: jnp.float32(value) for knob, value in point.items()}) for point in points]
    close(batched, jax.tree.map(lambda *leaves: jnp.stack(leaves), *singles))
    # A knob that did nothing would pass the comparison above.
    effects = jax.tree.map(lambda leaf: np.abs(np.diff(leaf, axis=0))[::2].reshape(len(knobs), -1).max(1), batched)
    assert np.max(jax.tree.leaves(effects), axis=0).min() > 1e-2


@pytest.mark.parametrize("name", NAMES)
def test_active_width_can_be_batched(name):
    """vmap = lax.map = loop over runs of different widths in one program."""
    if "active_width" not in inspect.signature(core.lookup("models", name)).parameters:
        return  # a model that cannot be padded: the sweep gives it one group per width
    trues, bucket = (1, 2, 3), 3
    shape = build(name, bucket)[1]
    x, _ = batch_of(name)
    like = initial(build(name, bucket)[0], shape)
    runs = [(pad(initial(build(name, true)[0], shape), like), jnp.int32(true)) for true in trues]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *runs)

    def forward(run):
        variables, active = run
        return build(name, bucket, active_width=active)[0].apply(variables, x)[0]

    one = compiled(forward)
    loop = jnp.stack([one(run) for run in runs])
    close(compiled(jax.vmap(forward))(stacked), loop)
    close(compiled(functools.partial(jax.lax.map, forward))(stacked), loop)


class Unmasked(nn.Module):
    """Not pad-safe: act(0) != 0, or a mean over the stored width."""

    width: int
    kind: str

    @nn.compact
    def __call__(self, x):
        x = nn.Dense(self.width)(x)
        x = jax.nn.sigmoid(x) if self.kind == "sigmoid" else jax.nn.relu(nn.LayerNorm()(x))
        return nn.Dense(OUTPUTS)(x)


def test_an_unmasked_sigmoid_fails_the_law():
    """Its outputs stay right, as its padded outgoing weights are 0, but their gradients are not."""
    make = lambda width, active: from_flax(Unmasked(width, "sigmoid"))  # noqa: E731
    _, states, _, wide_states = padded_and_alone(make, 5, 8, *batch((7,)))
    assert outside(wide_states["gradients"], states["gradients"]) > 1e-2
    with pytest.raises(AssertionError):
        assert_padding_law(make, 5, 8, *batch((7,)))


def test_a_layer_norm_of_the_stored_width_fails_the_law():
    make = lambda width, active: from_flax(Unmasked(width, "layer_norm"))  # noqa: E731
    outputs, _, wide_outputs, _ = padded_and_alone(make, 5, 8, *batch((7,)))
    assert float(jnp.abs(outputs["eval"] - wide_outputs["eval"]).max()) > 1e-2
