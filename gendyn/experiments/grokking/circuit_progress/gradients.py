"""How fast gradients change along the training of a sweep's networks: their runs again, with every gradient seen."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gendyn import sweep
from gendyn.core import check_positive_int
from gendyn.measure import TemporalSpectrum, temporal_gradient_spectrum
from gendyn.types import Array, Config


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
    check_positive_int("num_steps", num_steps)
    statistic = _spectrum(num_steps, segment_length, cutoff)
    if key is not None:
        statistic = functools.partial(statistic, key=key)
    found = sweep.replay(config, statistic, axes=axes, start=start, num_steps=num_steps)
    spectra = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(one._replace(state=()) for one in found))
    return spectra._replace(state=tuple(one.state for one in found))


@functools.lru_cache(maxsize=16)  # one function for equal arguments, so that a program is traced once
def _spectrum(num_steps: int, segment_length: int | None, cutoff: float) -> Callable[..., TemporalSpectrum]:
    def statistic(step: Any, state: Any, key: Array | None = None) -> TemporalSpectrum:
        key = jax.random.key(0) if key is None else key
        return temporal_gradient_spectrum(step, state, num_steps, key=key, segment_length=segment_length, cutoff=cutoff)

    return statistic
