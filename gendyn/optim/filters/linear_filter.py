"""Adds what a linear filter of the gradients, given by its coefficients, lets through."""

from collections.abc import Sequence

import numpy as np
import optax
from jax.typing import DTypeLike

from gendyn.core import ConfigError, is_concrete
from gendyn.optim._checks import check_no_array
from gendyn.optim._filter import check_gain, check_state_dtype
from gendyn.optim.filters._sections import Section, add_filtered, from_polynomials, transfer
from gendyn.types import ArrayLike, TransformExample

ROLE = "filter"
PAD_SAFE = True
TOLERANCE = 1e-6
"""Of the factored response against the polynomials, relative to its largest value."""


def linear_filter(
    numerator: str | Sequence[float] = "0.02",
    denominator: str | Sequence[float] = "1 -0.98",
    lamb: ArrayLike = 2.0,
    state_dtype: DTypeLike | None = "",
) -> optax.GradientTransformation:
    """``g_hat = g + lamb H(z) g`` for any stable filter, finite or infinite. Put it before the optimizer.

    With numerator ``b``, denominator ``a`` and gradient ``g_t`` at update ``t``, from a past of zeros::

        H(z) = (b_0 + b_1 z^-1 + …) / (a_0 + a_1 z^-1 + …)
        a_0 s_t = b_0 g_t + b_1 g_(t-1) + … - a_1 s_(t-1) - a_2 s_(t-2) - …
        g_hat_t = g_t + lamb s_t

    The default is the moving average of :func:`gendyn.optim.grokfast_ema`, started at 0. A recursive filter of order
    above 2 is factored into sections of order 2; all run in the delta operator where their poles are near 1, which
    keeps a low cut-off accurate in float32. State: one buffer of the size of the parameters for each order,
    ``max(len(b), len(a)) - 1``, each read and written at every update; for a long plain mean use
    :func:`gendyn.optim.grokfast_ma`. Of a recursion a gradient that is not finite stays in the buffers for good:
    ``optax.apply_if_finite`` around the chain drops it.

    Args:
      numerator: static; numbers, or a string of them, separated by spaces or commas. First, as in
        ``scipy.signal.lfilter``: swapped, a recursion becomes a finite filter that is valid too, so no check can
        tell; :func:`gendyn.optim.frequency_response` shows it.
      denominator: static; the same; ``"1"`` for a finite response. Its roots must lie inside the unit circle.
      lamb: in [0, inf); 0 is the identity, bit for bit.
      state_dtype: static; of the buffers. Empty: that of each parameter. Recursion in bfloat16 loses slow signals.

    Returns:
      A transform whose ``update`` does not need ``params``.

    Raises:
      ConfigError: coefficients that are no numbers, an unstable filter, one too ill-conditioned to factor, a negative
        concrete gain, or an unknown dtype.

    >>> import jax.numpy as jnp
    >>> transform = linear_filter(numerator="0.5 0.5", denominator="1", lamb=1.0)
    >>> state = transform.init(jnp.zeros(1))
    >>> for gradient in (1.0, 3.0):
    ...     updates, state = transform.update(jnp.array([gradient]), state)
    ...     print(updates)
    [1.5]
    [5.]

    Reference: Lee et al., Grokfast, 2024 (arXiv 2405.20233) (the general filter); Middleton and Goodwin,
    Digital control and estimation, 1990 (the delta operator).
    """
    check_gain(lamb)
    check_state_dtype(state_dtype)
    return add_filtered(
        _sections(_numbers("numerator", numerator), _numbers("denominator", denominator)), lamb, state_dtype
    )


def _numbers(name: str, given: str | Sequence[float]) -> np.ndarray:
    if not is_concrete(given):
        check_no_array(name, given)
    try:
        items = given.replace(",", " ").split() if isinstance(given, str) else list(given)
        values = np.asarray([float(item) for item in items], np.float64)
    except (TypeError, ValueError):
        values = np.zeros(0)
    if not values.size or not np.isfinite(values).all():
        raise ConfigError(f"{name} = {given!r} must be numbers, such as '0.02' or '1 -0.98' or (1.0, -0.98).")
    return values


def _sections(numerator: np.ndarray, denominator: np.ndarray) -> list[Section]:
    if denominator[0] == 0:
        raise ConfigError(f"denominator = {_text(denominator)} must not begin with 0: divide by z.")
    radius = float(np.abs(np.roots(denominator)).max(initial=0.0))
    if radius >= 1:
        raise ConfigError(
            f"denominator = {_text(denominator)} has a root of size {radius:.6g}: the filter is unstable; all "
            "roots must lie inside the unit circle."
        )
    finite = not denominator[1:].any()
    if finite or max(len(numerator), len(denominator)) <= 3:
        return [from_polynomials(numerator, denominator[:1] if finite else denominator)]
    from scipy.signal import tf2sos  # slow to import

    sections = [from_polynomials(row[:3], row[3:]) for row in tf2sos(*_same_length(numerator, denominator))]
    frequencies = np.linspace(0.0, 0.5, 257)
    z = np.exp(-2j * np.pi * frequencies)
    wanted = np.polyval(numerator[::-1], z) / np.polyval(denominator[::-1], z)
    error = np.abs(transfer(sections, frequencies) - wanted).max() / np.abs(wanted).max()
    if not error <= TOLERANCE:
        raise ConfigError(
            f"denominator = {_text(denominator)} is too ill-conditioned: factored into sections of order 2 the "
            f"response is off by {error:.1g} of its peak. Use a lower order, or chain filters."
        )
    return sections


def _same_length(*sides: np.ndarray) -> list[np.ndarray]:
    longest = max(map(len, sides))
    return [np.pad(side, (0, longest - len(side))) for side in sides]


def _text(values: np.ndarray) -> str:
    return repr(" ".join(f"{value:g}" for value in values))


def response(
    frequencies: np.ndarray,
    *,
    numerator: str | Sequence[float],
    denominator: str | Sequence[float],
    lamb: float,
    state_dtype: object,
) -> np.ndarray:
    """``1 + lamb H(e^(2 pi i f))``, from the polynomials; see :func:`gendyn.optim.frequency_response`."""
    del state_dtype
    z = np.exp(-2j * np.pi * frequencies)
    b, a = _numbers("numerator", numerator), _numbers("denominator", denominator)
    return 1.0 + lamb * np.polyval(b[::-1], z) / np.polyval(a[::-1], z)


def example() -> TransformExample:
    # Order 4, two pairs of poles: 0.9 and 0.5, 0.3 +- 0.4i.
    return TransformExample(
        kwargs={"numerator": "0.05 0.02 0.01", "denominator": "1 -2.0 1.54 -0.62 0.1125"}, sweeps={"lamb": (0.0, 2.0)}
    )
