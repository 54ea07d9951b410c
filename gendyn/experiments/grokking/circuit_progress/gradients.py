"""How fast gradients change along the training of a sweep's networks: their runs again, with every gradient seen."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import sweep
from gendyn.core import check_positive_int
from gendyn.measure import TemporalSpectrum, temporal_gradient_spectrum
from gendyn.optim import half_power_frequency
from gendyn.plots import gradient_spectrum
from gendyn.types import Array, Config, Figure


def gradient_spectra(
    config: Config,
    *,
    axes: Any = None,
    start: int = 0,
    num_steps: int = 1024,
    segment_length: int | None = None,
    cutoff: float = 0.01,
    key: Array | None = None,
) -> TemporalSpectrum:
    """Trains every run of a sweep again, as :func:`gendyn.sweep.replay` does, for the spectra of its gradients.

    Args:
        config, axes, start: as there; let ``start`` be past the first fit, for its large gradients outweigh all later.
        num_steps, segment_length, cutoff, key: as for :func:`gendyn.measure.temporal_gradient_spectrum`.

    Returns:
        The spectra with a leading axis, a run each in the order of the plan's chunks; ``state`` is a tuple, where each
        arrived: states of different optimizers and filters do not stack.

    Raises:
        ConfigError: as those two.

    >>> from gendyn.sweep import base_config
    >>> config = base_config(task="modular_arithmetic", model="embedding_mlp", optim="adamw")
    >>> config.task.modulus, config.data.train_fraction, config.model.width = 5, 0.5, 4
    >>> found = gradient_spectra(config, axes={"seed": (0, 1)}, start=10, num_steps=64, cutoff=0.1)
    >>> found.frequencies.shape, found.density["embedding/table"].shape, [int(state.step) for state in found.state]
    ((2, 17), (2, 17), [74, 74])
    """
    check_positive_int("num_steps", num_steps)
    statistic = _statistic(num_steps, segment_length, cutoff)
    if key is not None:
        statistic = functools.partial(statistic, key=key)
    found = sweep.replay(config, statistic, axes=axes, start=start, num_steps=num_steps)
    spectra = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(one._replace(state=()) for one in found))
    return spectra._replace(state=tuple(one.state for one in found))


@functools.lru_cache(maxsize=16)  # one function for equal arguments, so that a program is traced once
def _statistic(num_steps: int, segment_length: int | None, cutoff: float) -> Callable[..., TemporalSpectrum]:
    options: dict[str, Any] = {"num_steps": num_steps, "segment_length": segment_length, "cutoff": cutoff}
    return functools.partial(temporal_gradient_spectrum, key=jax.random.key(0), **options)


def gradient_figure(found: TemporalSpectrum, *, note: str = "") -> Figure:
    """Draws the spectra of a sweep's gradients, with the half-power frequencies of the published Grokfast filters."""
    cutoffs = {
        "grokfast_ema (alpha 0.98)": half_power_frequency("grokfast_ema", alpha=0.98),
        "grokfast_ma (window 100)": half_power_frequency("grokfast_ma", window=100),
    }
    densities = {name: np.asarray(values) for name, values in found.density.items()}
    return gradient_spectrum(np.asarray(found.frequencies[0]), densities, cutoffs=cutoffs, note=note)
