"""Networks that draw at random in training: every spelling of the mode works, or is refused by name."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gendyn.core import ConfigError
from gendyn.models import from_flax, from_functions, from_nnx
from gendyn.types import Variables

KEYS = jax.random.split(jax.random.key(5), 2)
X = jax.random.normal(jax.random.key(9), (4, 5))
RATE = 0.5


class Train(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(3)(nn.Dropout(RATE)(x, deterministic=not train))


class Training(nn.Module):
    @nn.compact
    def __call__(self, x, *, training=False):
        return nn.Dense(3)(nn.Dropout(RATE, deterministic=not training)(x))


class Deterministic(nn.Module):
    @nn.compact
    def __call__(self, x, deterministic=True):
        return nn.Dense(3)(nn.Dropout(RATE)(x, deterministic))


class Field(nn.Module):
    is_training: bool = False

    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(nn.Dropout(RATE, deterministic=not self.is_training)(x))


class Merged(nn.Module):
    """Flax's own idiom: a field or an argument."""

    deterministic: bool | None = None

    @nn.compact
    def __call__(self, x, deterministic=None):
        off = nn.merge_param("deterministic", self.deterministic, deterministic)
        return nn.Dense(3)(nn.Dropout(RATE)(x, deterministic=off))


class HasRng(nn.Module):
    """Noise wherever there is a stream."""

    @nn.compact
    def __call__(self, x):
        noise = jax.random.normal(self.make_rng("dropout"), x.shape) if self.has_rng("dropout") else 0.0
        return nn.Dense(3)(x + noise)


class InNnx(nnx.Module):
    def __init__(self, rngs):
        self.dropout = nnx.Dropout(RATE, rngs=rngs)
        self.dense = nnx.Linear(5, 3, rngs=rngs)

    def __call__(self, x):
        return self.dense(self.dropout(x))


class NnxRngs(nnx.Module):
    """The stream is an argument of the call."""

    def __init__(self, rngs):
        self.training = False
        self.dropout = nnx.Dropout(RATE)
        self.dense = nnx.Linear(5, 3, rngs=rngs)

    def __call__(self, x, *, rngs):
        return self.dense(self.dropout(x, deterministic=not self.training, rngs=rngs))


def dropout_by_hand(params, x, *, key=None):
    kept = x if key is None else jnp.where(jax.random.bernoulli(key, RATE, x.shape), x / RATE, 0)
    return kept @ params["kernel"] + params["bias"]


def dense(key, x):
    return {"kernel": jax.random.normal(key, (x.shape[-1], 3)), "bias": jnp.zeros(3)}


MODELS = {
    "train": lambda: from_flax(Train()),
    "training": lambda: from_flax(Training()),
    "deterministic": lambda: from_flax(Deterministic()),
    "field": lambda: from_flax(Field()),
    "merged": lambda: from_flax(Merged()),
    "merged-field": lambda: from_flax(Merged(deterministic=True)),
    "has_rng": lambda: from_flax(HasRng()),
    "nnx": lambda: from_nnx(lambda rngs: InNnx(rngs)),
    "nnx-rngs": lambda: from_nnx(lambda rngs: NnxRngs(rngs)),
    "functions": lambda: from_functions(dense, dropout_by_hand),
}


def of_dense(variables):
    """The one layer of each of the networks."""
    (found,) = [v for v in jax.tree.leaves(variables.params, is_leaf=lambda v: "kernel" in v)]
    return found


@pytest.mark.parametrize("name", MODELS)
def test_every_spelling_draws_in_training_and_only_there(name):
    model = MODELS[name]()
    assert model.takes_key
    variables = model.init(KEYS[0], X[:1])
    # No key of a stream is state: a checkpoint holds numbers.
    assert all(np.asarray(leaf).dtype == np.float32 for leaf in jax.tree.leaves(variables))
    layer = of_dense(variables)
    np.testing.assert_allclose(
        jax.jit(model.apply)(variables, X)[0], X @ layer["kernel"] + layer["bias"], rtol=1e-5, atol=1e-6
    )
    first, again, other = (model.apply(variables, X, train=True, key=key)[0] for key in (KEYS[0], KEYS[0], KEYS[1]))
    np.testing.assert_array_equal(first, again)
    assert (np.abs(first - other).max(axis=1) > 1e-3).any()
    assert jax.tree.structure(model.apply(variables, X, train=True, key=KEYS[0])[1]) == jax.tree.structure(
        variables.statistics
    )


@pytest.mark.parametrize("name", ["train", "nnx", "functions"])
def test_a_key_is_needed_in_training(name):
    model = MODELS[name]()
    variables = model.init(KEYS[0], X[:1])
    with pytest.raises(ConfigError, match=r"draws at random in training.*apply\(variables, x, train=True, key=key\)"):
        model.apply(variables, X, train=True)


def test_layers_draw_apart():
    """Two dropouts of one network, and those of one key, share no mask."""

    class Two(nnx.Module):
        def __init__(self, rngs):
            self.first, self.second = (nnx.Dropout(RATE, rngs=rngs) for _ in range(2))

        def __call__(self, x):
            return jnp.stack([self.first(x), self.second(x)], axis=-1)

    model = from_nnx(lambda rngs: Two(rngs))
    outputs, _ = model.apply(model.init(KEYS[0], X[:1]), jnp.ones((50, 50)), train=True, key=KEYS[1])
    both = np.asarray(outputs) > 0
    assert abs((both[..., 0] == both[..., 1]).mean() - 0.5) < 0.05
    assert abs(both.mean() - 0.5) < 0.05


class Off(nn.Module):
    """A switch that nobody can know."""

    quiet: bool = True

    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(nn.Dropout(RATE, deterministic=self.quiet, name="drop")(x))


class OwnNoise(nn.Module):
    """Flax's attention has these fields too."""

    dropout_rate: float = 0.1
    deterministic: bool = True

    @nn.compact
    def __call__(self, x):
        return x if self.deterministic else x + jax.random.normal(self.make_rng("dropout"), x.shape)


class Nested(nn.Module):
    @nn.compact
    def __call__(self, x):
        return OwnNoise(name="noise")(x)


class OffInNnx(InNnx):
    def __call__(self, x):
        return self.dense(self.dropout(x, deterministic=True))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: from_flax(Off()), r"drop \(Dropout, rate 0.5\) is deterministic in training.*not train"),
        (lambda: from_flax(Nested()), r"noise \(OwnNoise, rate 0.1\) is deterministic in training"),
        (lambda: from_nnx(lambda rngs: OffInNnx(rngs)), r"OffInNnx: dropout \(Dropout, rate 0.5\) draws nothing"),
    ],
)
def test_dropout_that_stays_off_is_refused(make, message):
    model = make()
    variables = model.init(KEYS[0], X[:1])
    model.apply(variables, X)
    with pytest.raises(ConfigError, match=message):
        model.apply(variables, X, train=True, key=KEYS[0])


class AlwaysOn(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(nn.Dropout(RATE, deterministic=False)(x))


class OnInNnx(InNnx):
    def __call__(self, x):
        return self.dense(self.dropout(x, deterministic=False))


@pytest.mark.parametrize("make", [lambda: from_flax(AlwaysOn()), lambda: from_nnx(lambda rngs: OnInNnx(rngs))])
def test_a_draw_in_evaluation_is_refused(make):
    model = make()
    variables = model.init(KEYS[0], X[:1])
    model.apply(variables, X, train=True, key=KEYS[0])
    for apply in (model.apply, jax.jit(model.apply)):
        with pytest.raises(ConfigError, match="draws at random in evaluation too, which must be deterministic"):
            apply(variables, X)


class Noise(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        return nn.Dense(3)(x + (jax.random.normal(self.make_rng("noise"), x.shape) if train else 0))


def test_a_stream_of_another_name_is_named():
    model = from_flax(Noise())
    variables = model.init(KEYS[0], X[:1])
    with pytest.raises(ConfigError, match=r"not in streams = \('dropout',\).*\"noise\".*streams=\(...\)"):
        model.apply(variables, X, train=True, key=KEYS[0])
    named = from_flax(Noise(), streams=("noise",))
    assert named.apply(variables, X, train=True, key=KEYS[0])[0].shape == (4, 3)
    with pytest.raises(ConfigError, match=r"streams = 'noise' must be a tuple of names"):
        from_flax(Noise(), streams="noise")


class Normed(nn.Module):
    """BatchNorm told by its own word."""

    @nn.compact
    def __call__(self, x, use_running_average):
        return nn.BatchNorm(use_running_average, momentum=0.0, name="norm")(x)


class BatchOnly(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.BatchNorm(use_running_average=False)(x)


def test_running_averages():
    model = from_flax(Normed())
    variables = model.init(KEYS[0], X[:1])
    np.testing.assert_allclose(model.apply(variables, X)[0], X, rtol=1e-4)
    outputs, statistics = model.apply(variables, X, train=True, key=KEYS[0])
    np.testing.assert_allclose(outputs.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(statistics["batch_stats"]["norm"]["mean"], X.mean(0), rtol=1e-5, atol=1e-6)
    batch_only = from_flax(BatchOnly())
    with pytest.raises(ConfigError, match=r"BatchOnly changes its statistics in evaluation.*use_running_average=not"):
        batch_only.apply(batch_only.init(KEYS[0], X[:1]), X)


class Masked(nn.Module):
    @nn.compact
    def __call__(self, x, mask):
        return nn.Dense(3)(x * mask)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: from_flax(Masked()), "Masked.__call__ needs the argument 'mask'.*Give 'mask' a default"),
        (lambda: from_functions(dense, lambda params, x, mask: x), "apply needs the argument 'mask'"),
        (lambda: from_functions(dense, lambda params, rng, x: x), "takes 'rng' before its inputs, as haiku's does"),
        (lambda: from_functions(dropout_by_hand, dense), "apply's first argument is 'key'.*look swapped"),
        (lambda: from_functions(dense, 3), "apply = 3 must be a function"),
    ],
)
def test_an_argument_that_nobody_gives(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_functions_are_told_the_mode():
    model = from_functions(dense, lambda params, x, train: jnp.where(train, x, -x))
    variables = Variables({}, {})
    assert not model.takes_key
    np.testing.assert_array_equal(model.apply(variables, X, train=True)[0], X)
    np.testing.assert_array_equal(model.apply(variables, X)[0], -X)
