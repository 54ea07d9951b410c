"""Training the same run alone and padded to a bucket, under every optimizer at once, and what must hold between."""

import functools
import inspect
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn import optim, train
from gendyn.core import lookup, module
from gendyn.sweep.execute.inputs import Inputs, make_inputs
from gendyn.sweep.execute.pack import pack_variables, unpad_like
from gendyn.sweep.plan import Program, make_plan
from gendyn.sweep.plan.one_run import run_at
from gendyn.types import Model, Probe, Variables

OPTIMIZERS = ("sgd", "adam", "adamw")
KWARGS: dict[str, dict[str, float]] = {
    "sgd": {"learning_rate": 0.02, "momentum": 0.9},
    "adam": {"learning_rate": 3e-3},
    "adamw": {"learning_rate": 3e-3, "weight_decay": 0.1},
    "muon": {"learning_rate": 0.02},
}
PROBE = Probe("outputs", lambda key, apply, params, data: {"test": apply(params, data.x_test)})


def transform(name: str, model: Model, **kwargs: float) -> optax.GradientTransformation:
    """An optimizer with this file's hyperparameters and the model's learning rates per parameter, if it has them."""
    file, factory = module("optim", name), lookup("optim", name)
    accepted = {k: v for k, v in kwargs.items() if k in inspect.signature(factory).parameters}
    made = factory(**KWARGS[name], **accepted)
    if model.learning_rate_scales is None:
        return made
    scales = functools.partial(model.learning_rate_scales, family=file.FAMILY)
    return optim.scale_updates(made, scales, decoupled_decay=file.DECOUPLED_DECAY)


class AnyOf(NamedTuple):
    """One state for each transform; only the chosen one's updates are applied."""

    states: tuple[Any, ...]


def any_of(transforms: Any, choice: Any) -> optax.GradientTransformation:
    """The transform whose place is ``choice``, which may be traced: one program compiles for all of them."""

    def init(params: Any) -> AnyOf:
        return AnyOf(tuple(transform.init(params) for transform in transforms))

    def update(gradient: Any, state: AnyOf, params: Any = None) -> tuple[Any, AnyOf]:
        results = [t.update(gradient, s, params) for t, s in zip(transforms, state.states, strict=True)]
        chosen = jax.tree.map(lambda *leaves: jnp.stack(leaves)[choice], *(updates for updates, _ in results))
        return chosen, AnyOf(tuple(new for _, new in results))

    return optax.GradientTransformation(init, update)


_planned: dict[str, Any] = {}


def planned(config: Any, width: int, bucket: int) -> Any:
    """``(task, chunk)`` of the two widths; float32 and float64 share one plan."""
    key = f"{config.to_json_best_effort()} {width} {bucket}"
    if key not in _planned:
        tasks: dict[str, Any] = {}
        plan = make_plan(config, axes={"model.width": (width, bucket)}, devices=jax.devices()[:1], tasks=tasks)
        (task,), (chunk,) = tasks.values(), plan.chunks
        _planned[key] = task, chunk
    return _planned[key]


class Trained(NamedTuple):
    """Runs of one width under each optimizer; leaves are ``[optimizers, ...]``."""

    initial: train.State
    states: dict[int, train.State]
    """After so many steps."""


class Case:
    """A model at one width, on a few examples; as its own program or padded to a bucket."""

    def __init__(
        self, config: Any, width: int, bucket: int, *, optimizers: Any = OPTIMIZERS, model: Any = None, **kwargs: float
    ):
        """``model(width, active_width) -> Model`` replaces the config's; ``kwargs`` go to optimizers that take them."""
        self.optimizers, self.model, self.kwargs = tuple(optimizers), model, kwargs
        self.task, self.chunk = planned(config, width, bucket)
        padded = self.chunk.program(self.task)
        self.programs = {
            "alone": padded._replace(sizes=tuple((dict(padded.sizes) | {"model.width": width}).items())),
            "padded": padded,
        }
        self.width, self.bucket = width, bucket

    def initial_variables(self, kind: str) -> Variables:
        program, flat = self.programs[kind], self.chunk.runs[0].flat
        if self.model is None:
            return jax.tree.map(lambda leaf: leaf[0], pack_variables(program, [flat]))
        x = jnp.zeros((1, *program.input_shape))
        drawn = self.model(self.width, None).init(jax.random.key(0), x)
        if kind == "alone":
            return drawn
        like = jax.eval_shape(lambda: self.model(self.bucket, None).init(jax.random.key(0), x))
        pads = lambda leaf, wide: [(0, b - a) for a, b in zip(leaf.shape, wide.shape, strict=True)]  # noqa: E731
        return jax.tree.map(lambda leaf, wide: np.pad(leaf, pads(leaf, wide)), drawn, like)

    def run(self, program: Program, hypers: Any, choice: Any) -> train.Run:
        """The sweep's own run, but for the optimizer; a model of the test's gets the width and the true width."""
        run = run_at(program, hypers)._replace(probes=(PROBE,))
        if self.model is not None:
            run = run._replace(model=self.model(dict(program.sizes)["model.width"], hypers["model.width"]))
        return run._replace(optimizer=any_of([transform(n, run.model, **self.kwargs) for n in self.optimizers], choice))

    def train(self, kind: str, steps: tuple[int, ...], dtype: Any = np.float32) -> Trained:
        """Segments up to each of ``steps``, one optimizer after another in one program."""
        program = self.programs[kind]
        cast = functools.partial(
            jax.tree.map, lambda leaf: leaf.astype(dtype) if np.issubdtype(leaf.dtype, np.floating) else leaf
        )
        with jax.enable_x64(dtype == np.float64):
            inputs: Inputs = make_inputs(self.chunk, program, self.task)
            hypers, sample = jax.tree.map(lambda leaf: leaf[0], (inputs.hypers, inputs.sample))
            hypers, data, variables = cast((hypers, inputs.data, self.initial_variables(kind)))

            @functools.partial(jax.jit, static_argnums=0)
            def over_choices(fn: Any, states: Any, hypers: Any, data: Any, num_steps: Any) -> train.State:
                def one(pair: Any) -> train.State:
                    state, choice = pair
                    return fn(self.run(program, hypers, choice), state, sample, data, num_steps)

                return jax.lax.map(one, (states, jnp.arange(len(self.optimizers))))

            def start(run: train.Run, _: Any, *inputs: Any) -> train.State:
                return train.initial_state(run, variables, *inputs[:2])

            states = initial = over_choices(start, None, hypers, data, 0)
            found, before = {}, 0
            for after in steps:
                states = over_choices(train.segment, states, hypers, data, np.int32(after - before))
                found[after], before = jax.device_get(states), after
            return Trained(jax.device_get(initial), found)


def arrays(state: train.State) -> Any:
    """What has the model's shapes: parameters, statistics and the optimizers' moments."""
    return state.variables, state.opt_state


def padding(padded: Any, alone: Any) -> float:
    """The largest absolute entry outside the corner that ``alone`` fills."""
    largest = 0.0
    for wide, leaf in zip(jax.tree.leaves(padded), jax.tree.leaves(alone), strict=True):
        rest = np.array(wide)
        rest[tuple(slice(size) for size in leaf.shape)] = 0
        largest = max(largest, float(np.abs(rest).max(initial=0.0)))
    return largest


def assert_padding_is_zero(padded: train.State, alone: train.State) -> None:
    assert padding(arrays(padded), arrays(alone)) == 0.0
    wide, small = (sum(leaf.size for leaf in jax.tree.leaves(arrays(state))) for state in (padded, alone))
    assert wide > small, "there is padding to look at"


def assert_initial_state_is_equal(padded: train.State, alone: train.State) -> None:
    jax.tree.map(np.testing.assert_array_equal, unpad_like(padded, alone), alone)
    assert_padding_is_zero(padded, alone)


def assert_close(actual: Any, desired: Any, tolerance: float) -> None:
    """Relative to the largest entry of all leaves, or 1."""
    scale = max(1.0, max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(desired)))
    jax.tree.map(lambda a, d: np.testing.assert_allclose(a, d, rtol=0, atol=tolerance * scale), actual, desired)


def assert_observables_agree(padded: train.State, alone: train.State, tolerance: float) -> None:
    """Outputs on the test set and losses; errors are counts, so they are equal."""
    assert alone.metrics.keys() == padded.metrics.keys() >= {"train_loss", "test_loss", "outputs/test"}
    for name, value in alone.metrics.items():
        assert_close(padded.metrics[name], value, 0.0 if name.endswith("error") else tolerance)
    np.testing.assert_array_equal(padded.diverged_step, -1)


def assert_parameters_agree(
    padded: train.State, alone: train.State, left_out: tuple[str, ...], tolerance: float
) -> None:
    """All parameters but those whose gradient vanishes, and all statistics."""
    small = jax.tree_util.tree_leaves_with_path(alone.variables)
    wide = jax.tree.leaves(unpad_like(padded.variables, alone.variables))
    compared = 0
    for (path, leaf), other in zip(small, wide, strict=True):
        name = jax.tree_util.keystr(path[1:], simple=True, separator="/")
        if name not in left_out:
            assert_close(other, leaf, tolerance)
            compared += 1
    assert compared == len(small) - len(left_out)
