"""How fast gradients change along the training of a sweep's networks: their runs again, with every gradient seen."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import optim, sweep, train
from gendyn.core import ConfigError, check_positive_int
from gendyn.measure import TemporalSpectrum, temporal_gradient_spectrum
from gendyn.plots.gradient_spectrum import gradient_spectrum
from gendyn.sweep.execute import abstract_run, first_state, make_inputs
from gendyn.sweep.planner import load_task
from gendyn.sweep.population import take
from gendyn.sweep.program import Hypers, Program, run_at, stops
from gendyn.types import Array, Task

if TYPE_CHECKING:
    import ml_collections
    from matplotlib.figure import Figure

FILTERS: dict[str, dict[str, Any]] = {"grokfast_ema": {"alpha": 0.98}, "grokfast_ma": {"window": 100}}
"""Whose half-power frequencies are marked: those published."""


def half_power_frequency(name: str, **arguments: Any) -> float:
    """Up to which frequency a filter ``g + lamb H g`` keeps at least half of the slow part's power: ``|H|² >= 1/2``.

    >>> found = half_power_frequency("grokfast_ema", alpha=0.98), half_power_frequency("grokfast_ma", window=100)
    >>> [round(frequency, 4) for frequency in found]
    [0.0032, 0.0044]

    1/2, the highest frequency there is, where the filter keeps as much everywhere:

    >>> half_power_frequency("grokfast_ma", window=1)
    0.5
    """
    frequencies = np.linspace(0.0, 0.5, 50_001)
    kept = np.abs(optim.frequency_response(name, frequencies, lamb=1.0, **arguments) - 1.0) ** 2
    return float(frequencies[np.argmax(kept < 0.5)]) if np.any(kept < 0.5) else 0.5


def gradient_spectra(
    config: "ml_collections.ConfigDict",
    *,
    axes: Any = None,
    start: int = 0,
    num_steps: int = 1024,
    segment_length: int | None = None,
    cutoff: float = 0.01,
    key: Array | None = None,
) -> TemporalSpectrum:
    """Trains every run of a sweep again and returns the spectra of its gradients over steps ``start … + num_steps``.

    The steps are those of the sweep, up to rounding: the same data, order, optimizer and filter; the gradients are
    those before the filter. Hence there are no more of them than in the sweep, and no stop rule ends a run. Nothing is
    stored. Cost: ``start + num_steps`` steps a run, one run after another.

    Args:
        config: of a sweep, as its config file returns it.
        axes: instead of the config's: ``{"arm": ("generalising",), "seed": (0,), "task.seed": (0,)}`` is one network.
        start: steps before the series begins; past the first fit, for its large gradients outweigh all later ones.
        num_steps, segment_length, cutoff, key: as for :func:`gendyn.measure.temporal_gradient_spectrum`.

    Returns:
        The spectra with a leading axis, a run each in the order of the plan's chunks; ``state`` is a tuple, where each
        arrived: states of different optimizers and filters do not stack.

    Raises:
        ConfigError: a bad config, a stop rule, more steps than a run's ``train.num_steps``, runs whose parameters
            differ in shape, or what the measure says of its arguments.

    >>> from gendyn.sweep import base_config
    >>> config = base_config(task="modular_arithmetic", model="embedding_mlp", optim="adamw")
    >>> config.task.modulus, config.data.train_fraction, config.model.width = 5, 0.5, 4
    >>> found = gradient_spectra(config, axes={"seed": (0, 1)}, start=10, num_steps=64, cutoff=0.1)
    >>> found.frequencies.shape, found.density["embedding/table"].shape, [int(state.step) for state in found.state]
    ((2, 17), (2, 17), [74, 74])
    """
    check_positive_int("start", start, low=0)
    check_positive_int("num_steps", num_steps)
    plan = sweep.plan(config, axes=axes)
    tasks: dict[str, Task] = {}
    _check(plan, start + num_steps, tasks)
    key = jax.random.key(0) if key is None else key
    found = []
    for chunk in plan.chunks:
        task = load_task(chunk.runs[0].flat, tasks)
        program = chunk.program(task)
        inputs = make_inputs(chunk, program, task)
        # What a run records is not part of its training.
        states = first_state(chunk, program, inputs)._replace(metrics={})
        for row in range(len(chunk.runs)):
            state, hypers, sample = take((states, inputs.hypers, inputs.sample), row)
            found.append(
                _spectrum(program, start, num_steps, segment_length, cutoff, key, state, hypers, sample, inputs.data)
            )
    spectra = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(one._replace(state=()) for one in found))
    return spectra._replace(state=tuple(one.state for one in found))


def _check(plan: sweep.Plan, num_steps: int, tasks: dict[str, Task]) -> None:
    """Whether all runs have that many steps, and gradients of one shape."""
    flats = [run.flat for run in plan.runs]
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
    for chunk in plan.chunks:
        task = load_task(chunk.runs[0].flat, tasks)
        state, *_ = abstract_run(chunk.program(task), chunk, task)
        leaves, _ = jax.tree_util.tree_flatten_with_path(state.variables.params)
        shapes = {jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape for path, leaf in leaves}
        first = first or shapes
        for name in first | shapes:
            one, other = first.get(name, "none"), shapes.get(name, "none")
            if one != other:
                raise ConfigError(
                    f"the runs' parameters differ in shape: {name} is {one} and {other}; ask for networks of one shape "
                    "at a time with axes=, such as {'model.width': (8,)}."
                )


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3, 4))
def _spectrum(
    program: Program,
    start: int,
    num_steps: int,
    segment_length: int | None,
    cutoff: float,
    key: Array,
    state: train.State,
    hypers: Hypers,
    sample: train.Sample,
    data: train.Data,
) -> TemporalSpectrum:
    run = run_at(program, hypers)

    def step(state: train.State) -> tuple[train.State, Any]:
        return train.step_and_gradient(run, state, sample.at(state.step), data)

    state = jax.lax.fori_loop(0, start, lambda _, state: step(state)[0], state)
    return temporal_gradient_spectrum(step, state, num_steps, key=key, segment_length=segment_length, cutoff=cutoff)


def gradient_figure(found: TemporalSpectrum, *, note: str = "") -> "Figure":
    """Draws :func:`gradient_spectra`, with the half-power frequencies of the published Grokfast filters."""
    cutoffs = {
        f"{name} ({_named(arguments)})": half_power_frequency(name, **arguments) for name, arguments in FILTERS.items()
    }
    densities = {name: np.asarray(values) for name, values in found.density.items()}
    return gradient_spectrum(np.asarray(found.frequencies[0]), densities, cutoffs=cutoffs, note=note)


def _named(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in arguments.items())
