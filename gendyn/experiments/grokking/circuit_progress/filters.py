"""The figure of gradient spectra, with the frequencies that the published filters of gradients keep."""

from typing import Any

import numpy as np

from gendyn import optim
from gendyn.measure import TemporalSpectrum
from gendyn.plots.gradient_spectrum import gradient_spectrum
from gendyn.types import Figure

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


def gradient_figure(found: TemporalSpectrum, *, note: str = "") -> Figure:
    """Draws the spectra of a sweep's gradients, with the half-power frequencies of the published Grokfast filters."""
    cutoffs = {}
    for name, arguments in FILTERS.items():
        named = ", ".join(f"{argument} {value:g}" for argument, value in arguments.items())
        cutoffs[f"{name} ({named})"] = half_power_frequency(name, **arguments)
    densities = {name: np.asarray(values) for name, values in found.density.items()}
    return gradient_spectrum(np.asarray(found.frequencies[0]), densities, cutoffs=cutoffs, note=note)
