"""What a linear gradient filter does to each frequency: gain in decibels and phase against cycles per step."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gendyn.core import ConfigError
from gendyn.plots import style
from gendyn.types import Figure

LINES = ("-", (0, (5, 2)), (0, (1, 1.3)), (0, (5, 2, 1, 2)))
FLOOR = -80.0
"""Decibels; a zero of the response is drawn here."""


class Response(NamedTuple):
    """A filter's response ``H(f)``: a gradient ``exp(2 pi i f t)`` leaves it as ``H(f) exp(2 pi i f t)``."""

    label: str
    frequencies: np.ndarray
    """``[F]``: cycles per step, in (0, 1/2], ascending."""
    response: np.ndarray
    """complex ``[F]``."""
    measured_frequencies: np.ndarray = np.zeros(0)
    measured: np.ndarray = np.zeros(0, complex)
    """Points measured on the filter itself, drawn as rings."""


def frequency_response(responses: Sequence[Response], *, note: str = "") -> Figure:
    """Draws gain (``20 log10 |H|``) above and phase (unwrapped from the lowest frequency, in degrees) below.

    Args:
        responses: at least one.
        note: added to the caption.

    Raises:
        ConfigError: no response, arrays that do not fit, or frequencies outside (0, 1/2].
    """
    if not responses:
        raise ConfigError("responses is empty; pass one Response for each filter.")
    made, axes = style.figure(2, 1, width=8.5, height=2.7)
    gain, phase = axes[:, 0]
    lowest = 0.0
    for i, (one, colour) in enumerate(zip(responses, style.sequence(len(responses)), strict=True)):
        _check(one)
        line = {"color": colour, "linestyle": LINES[i % len(LINES)], "linewidth": 2.2}
        decibels = _decibels(one.response)
        lowest = min(lowest, float(decibels.min()))
        gain.plot(one.frequencies, decibels, label=one.label, **line)
        degrees = np.degrees(np.unwrap(np.angle(one.response)))
        phase.plot(one.frequencies, degrees, **line)
        if len(one.measured):
            ring = {"color": colour, "linestyle": "none", "marker": "o", "markersize": 7, "markerfacecolor": "none"}
            gain.plot(one.measured_frequencies, _decibels(one.measured), **ring)
            angle = np.degrees(np.angle(one.measured))
            # On the branch of the curve, which may have turned more than once by then.
            curve = np.interp(one.measured_frequencies, one.frequencies, degrees)
            phase.plot(one.measured_frequencies, angle + 360.0 * np.round((curve - angle) / 360.0), **ring)
    gain.axhline(0.0, color=style.GREY, linewidth=0.9)
    phase.axhline(0.0, color=style.GREY, linewidth=0.9)
    gain.set_ylim(bottom=lowest - 2.0)
    gain.set_ylabel("gain, dB", fontsize=style.SIZES["label"])
    phase.set_ylabel("phase, degrees", fontsize=style.SIZES["label"])
    phase.set_xscale("log")
    phase.set_xlim(min(float(one.frequencies.min()) for one in responses), 0.5)
    phase.set_xlabel("frequency, cycles per step", fontsize=style.SIZES["label"])
    gain.legend(fontsize=style.SIZES["tick"], frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.03))
    rings = "rings: measured on the filter" if any(len(one.measured) for one in responses) else ""
    style.caption(made, "   ·   ".join(filter(None, (note, "0 dB: the gradient as it is", rings))))
    return made


def _decibels(response: np.ndarray) -> np.ndarray:
    return 20.0 * np.log10(np.maximum(np.abs(response), 10.0 ** (FLOOR / 20.0)))


def _check(one: Response) -> None:
    pairs = ((one.frequencies, one.response), (one.measured_frequencies, one.measured))
    if len(one.frequencies) == 0 or any(np.ndim(f) != 1 or np.shape(f) != np.shape(h) for f, h in pairs):
        raise ConfigError(f"{one.label}: frequencies and response must be two arrays [F] of equal length, F > 0.")
    for frequencies, _ in pairs:
        if np.any(np.asarray(frequencies) <= 0) or np.any(np.asarray(frequencies) > 0.5):
            raise ConfigError(f"{one.label}: frequencies must be in (0, 0.5] cycles per step; divide radians by 2 pi.")
    if np.any(np.diff(one.frequencies) <= 0):
        raise ConfigError(f"{one.label}: frequencies must ascend, or the phase cannot be unwrapped; sort them.")
