"""What a linear filter does to a gradient that oscillates."""

import inspect
from typing import Any

import numpy as np

from gendyn.core import ConfigError, check_range, lookup, module, names


def frequency_response(name: str, frequencies: Any, **arguments: Any) -> np.ndarray:
    """The complex response of a filter of this room, from the gradient ``g`` to ``g_hat``.

    A gradient ``exp(2 pi i f t)`` leaves the filter as ``R(f) exp(2 pi i f t)`` once the start is forgotten: ``|R|`` is
    the amplification, ``-angle(R) / (2 pi f)`` the delay in updates. For the filters that add, ``R = 1 + lamb H``.
    NumPy in float64, nothing is traced or simulated.

    Args:
      name: of a linear filter, such as ``"grokfast_ema"``: a file of this room with a function ``response``.
      frequencies: ``[F]`` or a number, in [0, 0.5], cycles per update.
      arguments: the filter's own, its defaults where absent.

    Returns:
      complex128, of the shape of ``frequencies``.

    Raises:
      ConfigError: a filter that is unknown or has no response, an argument it does not have, frequencies out of range.

    >>> print(abs(frequency_response("grokfast_ema", [0.0, 0.5], alpha=0.5, lamb=3.0)).round(6))
    [4. 2.]

    Reference: Oppenheim and Schafer, Discrete-time signal processing, section 2.6.
    """
    check_range("frequencies", frequencies, low=0, high=0.5)
    file, factory = module("optim", name), lookup("optim", name)
    if not hasattr(file, "response"):
        known = ", ".join(other for other in names("optim") if hasattr(module("optim", other), "response"))
        raise ConfigError(
            f"{name} has no frequency response: it is not linear, or no filter. Those that have: {known}."
        )
    try:
        bound = inspect.signature(factory).bind_partial(**arguments)
    except TypeError as error:
        raise ConfigError(f"frequency_response: {name}: {error}; it has {inspect.signature(factory)}.") from None
    factory(**arguments)  # for its checks
    bound.apply_defaults()
    values = np.asarray(frequencies, np.float64)
    return np.asarray(file.response(values.ravel(), **bound.arguments), np.complex128).reshape(values.shape)


def half_power_frequency(name: str, **arguments: Any) -> float:
    """Up to which frequency a filter ``g + lamb H g`` keeps at least half of the slow part's power: ``|H|^2 >= 1/2``.

    Args:
      name: of a filter that adds, such as ``"grokfast_ema"``.
      arguments: the filter's own except ``lamb``, its defaults where absent.

    Returns:
      In cycles per update, to 1e-5; 1/2, the highest frequency there is, where the filter keeps as much everywhere.

    Raises:
      ConfigError: as for :func:`frequency_response`.

    >>> found = half_power_frequency("grokfast_ema", alpha=0.98), half_power_frequency("grokfast_ma", window=100)
    >>> [round(frequency, 4) for frequency in found]
    [0.0032, 0.0044]
    """
    frequencies = np.linspace(0.0, 0.5, 50_001)
    kept = np.abs(frequency_response(name, frequencies, lamb=1.0, **arguments) - 1.0) ** 2
    return float(frequencies[np.argmax(kept < 0.5)]) if np.any(kept < 0.5) else 0.5
