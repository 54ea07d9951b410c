"""The program of a group of runs: everything static, as data, and the pure segment built from it."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gendyn import optim, train
from gendyn.core import lookup, module, stream
from gendyn.models import as_model
from gendyn.sweep.config import Flat, leaves_of
from gendyn.sweep.masks import parameter_mask
from gendyn.sweep.points import build, gated
from gendyn.sweep.probes import make_probes
from gendyn.types import Array, Model, PyTree, Task, Variables

Hypers = dict[str, Array]
"""Traced leaves by dotted name, true sizes among them: ``[]`` inside a run, ``[R]`` outside."""


class Program(NamedTuple):
    """What one compiled segment depends on, apart from array shapes. Hashable."""

    static: tuple[tuple[str, Any], ...]
    sizes: tuple[tuple[str, int], ...]
    """Padded sizes: the shapes of the parameters."""
    traced: tuple[str, ...]
    input_shape: tuple[int, ...]
    num_outputs: int
    ema: bool
    stop: bool
    gated: bool
    penalised: bool
    input_dtype: str = "float32"
    rest_is_test: bool = False

    def inputs(self, batch: int) -> jax.ShapeDtypeStruct:
        """Abstract inputs of a batch."""
        return jax.ShapeDtypeStruct((batch, *self.input_shape), jnp.dtype(self.input_dtype))


_HOST_ONLY = ("record.", "task.", "train.num_steps")
"""Static leaves that only steer the host's loop or choose the data."""


def program_of(flat: Flat, sizes: Mapping[str, int], task: Task) -> Program:
    """The program that a run on ``task`` needs when its sizes are padded to ``sizes``."""
    leaves = leaves_of(flat)
    static = tuple(
        (name, flat[name])
        for name, leaf in sorted(leaves.items())
        if leaf.kind == "static" and not name.startswith(_HOST_ONLY)
    )
    traced = tuple(sorted(name for name, leaf in leaves.items() if leaf.kind in ("traced", "size")))
    return Program(
        static=static,
        sizes=tuple(sorted(sizes.items())),
        traced=(*traced, "train.num_steps"),
        input_shape=task.x_train.shape[1:],
        num_outputs=task.num_outputs,
        input_dtype=str(task.x_train.dtype),
        rest_is_test=task.rest_is_test,
        **traits(flat),
    )


def traits(flat: Flat) -> dict[str, bool]:
    """Parts of the program that a run has or does not have, by its values."""
    return {
        "ema": flat["train.ema_decay"] > 0,
        "stop": stops(flat),
        "gated": gated(flat),
        "penalised": flat["train.jacobian_penalty"] > 0,
    }


def stops(flat: Flat) -> bool:
    """Whether any stop rule is on for a run."""
    return (
        flat["stop.step"] > 0 or flat["stop.epoch"] > 0 or flat["stop.train_loss"] >= 0 or flat["stop.train_error"] >= 0
    )


def hypers_of(program: Program, flats: list[Flat]) -> dict[str, np.ndarray]:
    """The traced leaves of the runs, each ``[R]``, int32 or float32 by the type of the leaf."""
    dtypes = {int: np.int32, float: np.float32}
    return {name: np.asarray([flat[name] for flat in flats], dtypes[type(flats[0][name])]) for name in program.traced}


def task_arguments(program: Program) -> dict[str, Any]:
    """What a model's factory wants to know of the task: ``num_outputs``, and ``input_shape`` where it asks for it."""
    given = {"num_outputs": program.num_outputs, "input_shape": program.input_shape}
    parameters = inspect.signature(lookup("models", dict(program.static)["model.name"])).parameters
    return {name: value for name, value in given.items() if name in parameters}


def host_data(task: Task, num_rows: int) -> train.Data:
    """The arrays of a task that a program sees, still on the host."""
    arrays: tuple[Any, ...] = (task.x_train[:num_rows], task.x_test, task.y_test)
    return train.Data(*arrays)


def model_at(program: Program, values: Mapping[str, Any], *, padded: bool) -> Model:
    """The network with the traced leaves ``values``: at its true sizes, or padded to the program's."""
    flat = dict(program.static) | {name: values[name] for name in program.traced if name.startswith("model.")}
    extra = task_arguments(program)
    if padded:
        for name, size in program.sizes:
            if name.startswith("model."):
                leaf = name.removeprefix("model.")
                extra |= {leaf: size, f"active_{leaf}": values[name]}
    return as_model(build("model", flat, **extra))


def run_at(program: Program, hypers: Mapping[str, Any]) -> train.Run:
    """The run as values for :mod:`gendyn.train`; ``hypers`` may be tracers."""
    static = dict(program.static)
    values = static | dict(hypers)
    optim_leaves = {n: values[n] for n in values if n.startswith("optim.")}
    optim_leaves["optim.learning_rate"] = optim.schedule(
        static["schedule.name"],
        hypers["optim.learning_rate"],
        num_steps=hypers["train.num_steps"],
        warmup_steps=hypers["schedule.warmup_steps"],
    )
    model = model_at(program, hypers, padded=True)
    optimizer = build("optim", optim_leaves)
    if model.learning_rate_scales is not None:
        about = module("optim", static["optim.name"])
        scales = model.learning_rate_scales
        optimizer = optim.scale_updates(
            optimizer, lambda params: scales(params, about.FAMILY), decoupled_decay=about.DECOUPLED_DECAY
        )
    stop = None
    if program.stop:
        names = ("step", "epoch", "train_loss", "train_error")
        stop = train.Stop(**{name: hypers[f"stop.{name}"] for name in names})
    return train.Run(
        model=model,
        optimizer=_chained(program, values, optimizer),
        loss=lookup("optim", static["loss"]),
        batch_size=static["train.batch_size"],
        augment=train.crop_and_flip if static["train.augment"] else None,
        ema_decay=hypers["train.ema_decay"] if program.ema else None,
        penalty=_penalty(hypers["train.jacobian_penalty"]) if program.penalised else None,
        rest_is_test=program.rest_is_test,
        stop=stop,
        probes=make_probes(static["probes"]),
        mask=_mask(program, hypers) if static["probes"] else None,
        evaluation_batch_size=static["train.evaluation_batch_size"],
    )


def _penalty(weight: Array) -> Callable[..., Array]:
    def penalty(key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, x: Array) -> Array:
        return weight * optim.jacobian_norm(apply, params, x, key=key)

    return penalty


def _chained(
    program: Program, values: Mapping[str, Any], optimizer: optax.GradientTransformation
) -> optax.GradientTransformation:
    """Filter, optimizer, projection: what is ``identity`` leaves no trace in the state."""
    parts = [optimizer]
    if values["filter.name"] != "identity":
        made = build("filter", values)
        if program.gated:
            start, stop = (values[f"gate.{name}"] for name in ("start_train_loss", "stop_train_loss"))
            made = optim.gate(
                made,
                start_step=values["gate.start_step"],
                stop_step=values["gate.stop_step"],
                start_train_loss=jnp.where(start >= 0, start, jnp.inf),
                stop_train_loss=jnp.where(stop >= 0, stop, -jnp.inf),
            )
        parts.insert(0, made)
    if values["projection.name"] != "identity":
        parts.append(build("projection", values))
    return parts[0] if len(parts) == 1 else optax.chain(*parts)


def _mask(program: Program, hypers: Mapping[str, Any]) -> PyTree:
    sizes = {name: size for name, size in program.sizes if name.startswith("model.")}
    if not sizes:
        return None
    x = program.inputs(1)

    def shapes_at(sizes: Mapping[str, int]) -> PyTree:
        model = model_at(program, {**hypers, **sizes}, padded=False)
        return jax.eval_shape(lambda: model.init(jax.random.key(0), x)).params

    return parameter_mask(shapes_at, sizes, hypers)


Member = Callable[..., tuple[train.State, dict[str, Array]]]


def member(program: Program) -> Member:
    """One run's segment: ``(state, hypers, sample, data, num_steps) -> (state, record)``, all pure.

    The record repeats ``state.metrics`` and adds the steps at which the run diverged and finished (-1: not).
    """

    def segment(
        state: train.State, hypers: Hypers, sample: train.Sample, data: train.Data, num_steps: Array
    ) -> tuple[train.State, dict[str, Array]]:
        state = train.segment(run_at(program, hypers), state, sample, data, num_steps)
        return state, {**state.metrics, "diverged_step": state.diverged_step, "finished_step": state.finished_step}

    return segment


@functools.lru_cache(maxsize=64)
def initialiser(program: Program) -> Callable[..., train.State]:
    """Jitted, over runs: ``(hypers, variables, sample, data) -> state`` of step 0."""

    def initial(hypers: Hypers, variables: Variables, sample: train.Sample, data: train.Data) -> train.State:
        return train.initial_state(run_at(program, hypers), variables, sample, data)

    return jax.jit(jax.vmap(initial, in_axes=(0, 0, 0, None)))


def draw_variables(program: Program, flat: Flat) -> Variables:
    """A run's initial parameters at its own sizes, drawn from ``stream(key(seed), "init")``, on the host."""
    x = program.inputs(1)
    key = stream(jax.random.key(flat["seed"]), "init")
    return jax.tree.map(np.asarray, model_alone(program, flat).init(key, x))


def model_alone(program: Program, flat: Flat) -> Model:
    """The network of a run at its own sizes. Runs of equal leaves share one, so that its ``init`` is traced once."""
    leaves = tuple((name, flat[name]) for name in program.traced if name.startswith("model."))
    return _model_alone(program._replace(sizes=()), leaves)


@functools.lru_cache(maxsize=256)
def _model_alone(program: Program, leaves: tuple[tuple[str, Any], ...]) -> Model:
    return model_at(program, dict(leaves), padded=False)
