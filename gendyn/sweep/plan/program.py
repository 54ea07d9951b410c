"""The program of a group of runs: everything static, as data; and its networks."""

import functools
import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import train
from gendyn.core import ConfigError, lookup
from gendyn.models import as_model
from gendyn.sweep.config.agreement import gated
from gendyn.sweep.config.factories import build
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.config.schema import leaves_of
from gendyn.types import Array, Model, Task, Variables

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
    unseen_rows: bool = False
    """Full batch, and some run has fewer training rows than the program sees."""
    draws: bool = False
    """The network draws at random in training (dropout)."""

    def inputs(self, batch: int) -> jax.ShapeDtypeStruct:
        """Abstract inputs of a batch."""
        return jax.ShapeDtypeStruct((batch, *self.input_shape), jnp.dtype(self.input_dtype))


_HOST_ONLY = ("record.", "task.", "train.num_steps")
"""Static leaves that only steer the host's loop or choose the data."""


def program_of(flat: Flat, sizes: Mapping[str, int], task: Task) -> Program:
    """The program that a run on ``task`` needs when its sizes are padded to ``sizes``."""
    leaves = leaves_of(flat)
    static = tuple((name, flat[name]) for name in sorted(leaves.of_kind("static")) if not name.startswith(_HOST_ONLY))
    traced = tuple(sorted(leaves.of_kind("traced", "size")))
    program = Program(
        static=static,
        sizes=tuple(sorted(sizes.items())),
        traced=(*traced, "train.num_steps"),
        input_shape=task.x_train.shape[1:],
        num_outputs=task.num_outputs,
        input_dtype=str(task.x_train.dtype),
        rest_is_test=task.rest_is_test,
        **traits(flat),
    )
    return program._replace(draws=draws_alone(program, flat))


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


def model_alone(program: Program, flat: Flat) -> Model:
    """The network of a run at its own sizes. Runs of equal leaves share one, so that its ``init`` is traced once."""
    leaves = tuple((name, flat[name]) for name in program.traced if name.startswith("model."))
    return _model_alone(program._replace(sizes=(), draws=False), leaves)


@functools.lru_cache(maxsize=256)
def _model_alone(program: Program, leaves: tuple[tuple[str, Any], ...]) -> Model:
    return model_at(program, dict(leaves), padded=False)


def draws_alone(program: Program, flat: Flat) -> bool:
    """Whether the network of a run draws at random in training. Found by tracing it once, at its own sizes.

    Raises:
        ConfigError: whatever the network raises, said of the leaves of ``config.model`` at which it does.
    """
    of_model = tuple((name, value) for name, value in program.static if name.startswith("model."))
    traced = tuple(name for name in program.traced if name.startswith("model."))
    # Of the program only what the network depends on: sweeps that differ in the rest ask for it once.
    asked = Program(
        of_model,
        (),
        traced,
        program.input_shape,
        program.num_outputs,
        ema=False,
        stop=False,
        gated=False,
        penalised=False,
        input_dtype=program.input_dtype,
    )
    return _draws_alone(asked, tuple((name, flat[name]) for name in traced))


@functools.lru_cache(maxsize=1024)
def _draws_alone(program: Program, leaves: tuple[tuple[str, Any], ...]) -> bool:
    x = program.inputs(2)
    try:
        model = _model_alone(program, leaves)
        variables = shapes_at(program, dict(leaves), padded=False)
        if model.takes_key:
            return train.draws(model, variables, x)
        jax.eval_shape(lambda v, x: model.apply(v, x)[0], variables, x)
        return False
    except ConfigError:
        raise
    except Exception as error:
        settings = {name: value for name, value in (*program.static, *leaves) if name != "model.name"}
        where = ", ".join(f"config.{name} = {value!r}" for name, value in settings.items())
        raise ConfigError(
            f"config.model.name = {dict(program.static)['model.name']!r} raises {type(error).__name__}"
            f"{f' ({error})' if str(error) else ''} at {where}, on inputs {x.dtype} {list(x.shape)}. Correct the "
            "model, or leave these values out."
        ) from error


def shapes_at(program: Program, flat: Flat, *, padded: bool) -> Variables:
    """Abstract variables of a run at its own or at the program's sizes; nothing is allocated."""
    values = flat if not padded else flat | dict(program.sizes)
    x = program.inputs(1)
    return jax.eval_shape(lambda: model_alone(program, values).init(jax.random.key(0), x))
