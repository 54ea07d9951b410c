"""The runs of a sweep trained again with every gradient seen: for statistics that records are too coarse for."""

import functools
from collections.abc import Callable
from typing import Any

import jax

from gendyn import train
from gendyn.core import ConfigError, check_positive_int
from gendyn.sweep.execute.inputs import first_state, make_inputs
from gendyn.sweep.execute.population import take
from gendyn.sweep.plan.against_task import load_task
from gendyn.sweep.plan.one_run import run_at
from gendyn.sweep.plan.planned import Plan
from gendyn.sweep.plan.program import Hypers, Program, stops
from gendyn.sweep.plan.shapes import abstract_run
from gendyn.sweep.run import plan
from gendyn.types import Config, PyTree, Task

Step = Callable[[train.State], tuple[train.State, PyTree]]
"""One step of a run: ``state -> (state after it, gradient before the filter)``."""


def replay(
    config: Config, statistic: Callable[[Step, train.State], Any], *, axes: Any = None, start: int = 0, num_steps: int
) -> list[Any]:
    """Trains every run of a sweep again and returns a statistic of its steps ``start … start + num_steps``.

    The steps are those of the sweep, up to rounding: the same data, order, optimizer and filter; the gradients are
    those before the filter. Hence there are no more of them than in the sweep, and no stop rule ends a run. Nothing is
    stored. Cost: ``start + num_steps`` steps a run, one run after another.

    Args:
        config: of a sweep, as its config file returns it.
        statistic: ``statistic(step, state) -> pytree``; it takes ``num_steps`` steps from the state it is given. Traced
            once a program; the same function in two calls is traced once.
        axes: instead of the config's: ``{"arm": ("generalising",), "seed": (0,)}`` is one network.
        start: steps before.
        num_steps: steps that the statistic takes.

    Returns:
        What ``statistic`` returned, for each run in the order of the plan's chunks.

    Raises:
        ConfigError: a bad config, a stop rule, more steps than a run's ``train.num_steps``, or runs whose parameters
            differ in shape.

    >>> import jax.numpy as jnp
    >>> from gendyn.sweep import base_config
    >>> config = base_config(task="modular_arithmetic", model="embedding_mlp", optim="adamw")
    >>> config.task.modulus, config.data.train_fraction, config.model.width = 5, 0.5, 4
    >>> def largest(step, state):
    ...     state, gradient = step(state)
    ...     return state.step, jnp.max(gradient["readout"]["bias"])
    >>> found = replay(config, largest, axes={"seed": (0, 1)}, start=10, num_steps=1)
    >>> [int(step) for step, _ in found]
    [11, 11]
    """
    check_positive_int("start", start, low=0)
    check_positive_int("num_steps", num_steps)
    planned = plan(config, axes=axes)
    tasks: dict[str, Task] = {}
    _check(planned, start + num_steps, tasks)
    found = []
    for chunk in planned.chunks:
        task = load_task(chunk.settings, tasks)
        program = chunk.program(task)
        inputs = make_inputs(chunk, program, task)
        # What a run records is not part of its training.
        states = first_state(chunk, program, inputs)._replace(metrics={})
        for row in range(len(chunk.runs)):
            state, hypers, sample = take((states, inputs.hypers, inputs.sample), row)
            found.append(_replayed(program, statistic, start, state, hypers, sample, inputs.data))
    return found


def _check(planned: Plan, num_steps: int, tasks: dict[str, Task]) -> None:
    """Whether all runs have that many steps, and gradients of one shape."""
    flats = [run.flat for run in planned.runs]
    if any(stops(flat) for flat in flats):
        raise ConfigError(
            "the config has a stop rule (config.stop.…), and runs that end by themselves have no gradients from there "
            "on; switch it off: step and epoch to 0, train_loss and train_error to -1."
        )
    shortest = min(flat["train.num_steps"] for flat in flats)
    if num_steps > shortest:
        raise ConfigError(
            f"start + num_steps = {num_steps} must be at most config.train.num_steps = {shortest}, the least of all "
            "runs: its steps are those of the sweep; ask for fewer, or for longer runs alone with axes=."
        )
    first: dict[str, tuple[int, ...]] = {}
    for chunk in planned.chunks:
        task = load_task(chunk.settings, tasks)
        params = abstract_run(chunk.program(task), chunk, task).state.variables.params
        leaves, _ = jax.tree_util.tree_flatten_with_path(params)
        shapes = {jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape for path, leaf in leaves}
        first = first or shapes
        for name in first | shapes:
            one, other = first.get(name, "none"), shapes.get(name, "none")
            if one != other:
                raise ConfigError(
                    f"the runs' parameters differ in shape: {name} is {one} and {other}; ask for networks of one shape "
                    "at a time with axes=, such as {'model.width': (8,)}."
                )


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _replayed(
    program: Program,
    statistic: Callable[[Step, train.State], Any],
    start: int,
    state: train.State,
    hypers: Hypers,
    sample: train.Sample,
    data: train.Data,
) -> Any:
    run = run_at(program, hypers)

    def step(state: train.State) -> tuple[train.State, Any]:
        return train.step_and_gradient(run, state, sample.at(state.step), data)

    state = jax.lax.fori_loop(0, start, lambda _, state: step(state)[0], state)
    return statistic(step, state)
