"""How fast gradients change along the training of a sweep's networks: their runs again, with every gradient seen."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import optim, sweep, train
from gendyn.core import check_positive_int
from gendyn.measure import TemporalSpectrum, temporal_gradient_spectrum
from gendyn.plots.gradient_spectrum import gradient_spectrum
from gendyn.sweep.execute import first_state, make_inputs
from gendyn.sweep.planner import load_task
from gendyn.sweep.population import take
from gendyn.sweep.program import Hypers, Program, run_at
from gendyn.types import Array

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
    """
    frequencies = np.linspace(0.0, 0.5, 50_001)
    kept = np.abs(optim.frequency_response(name, frequencies, lamb=1.0, **arguments) - 1.0) ** 2
    return float(frequencies[np.argmax(kept < 0.5)])


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
    those before the filter. Nothing is stored. Cost: ``start + num_steps`` steps a run, one run after another.

    Args:
        config: of a sweep, as its config file returns it.
        axes: instead of the config's: ``{"arm": ("generalising",), "seed": (0,), "task.seed": (0,)}`` is one network.
        start: steps before the series begins; past the first fit, for its large gradients outweigh all later ones.
        num_steps, segment_length, cutoff, key: as for :func:`gendyn.measure.temporal_gradient_spectrum`.

    Returns:
        The spectra with a leading axis, a run each in the order of the plan's chunks; ``state`` is where each arrived.

    Raises:
        ConfigError: a bad config, runs whose parameters differ in shape, or what the measure says of its arguments.

    >>> from gendyn.sweep import base_config
    >>> config = base_config(task="modular_arithmetic", model="embedding_mlp", optim="adamw")
    >>> config.task.modulus, config.data.train_fraction, config.model.width = 5, 0.5, 4
    >>> found = gradient_spectra(config, axes={"seed": (0, 1)}, start=10, num_steps=64, cutoff=0.1)
    >>> found.frequencies.shape, found.density["embedding/table"].shape, found.state.step.tolist()
    ((2, 17), (2, 17), [74, 74])
    """
    check_positive_int("start", start, low=0)
    key = jax.random.key(0) if key is None else key
    found = []
    for chunk in sweep.plan(config, axes=axes).chunks:
        task = load_task(chunk.runs[0].flat, {})
        program = chunk.program(task)
        inputs = make_inputs(chunk, program, task)
        # What a run records is not part of its training.
        states = first_state(chunk, program, inputs)._replace(metrics={})
        for row in range(len(chunk.runs)):
            state, hypers, sample = take((states, inputs.hypers, inputs.sample), row)
            found.append(
                _spectrum(program, start, num_steps, segment_length, cutoff, key, state, hypers, sample, inputs.data)
            )
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *found)


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
