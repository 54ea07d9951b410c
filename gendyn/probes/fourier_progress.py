"""Progress measures of modular arithmetic: which frequencies the logits use, and what the loss owes to them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gendyn.core import check_range
from gendyn.measure.fourier.components import sum_component, trigonometric_coefficients
from gendyn.measure.fourier.spectra import frequency_shares, gini, key_frequencies, logit_spectrum
from gendyn.probes._pairs import check_layout, evaluate_pairs, nan_without_pairs
from gendyn.types import Array, ArrayLike, Probe, ProbeData, ProbeExample, PyTree


def fourier_progress(
    modulus: int,
    *,
    positions: tuple[int, int] | None = None,
    group: str = "additive",
    invert_second: bool = False,
    threshold: ArrayLike = 0.01,
    contrast: ArrayLike = 3.0,
    spectrum: bool = False,
    batch_size: int = 2048,
) -> Probe:
    """Exact: key frequencies of a network on pairs of Z_p; restricted, excluded and ablated losses.

    Let ``L`` be the logits on all ``n²`` pairs ``(a, b)`` of the group and ``P_w L`` the part along ``cos`` and ``sin``
    of ``2 pi w (a + b) / n``, class by class (:func:`gendyn.measure.sum_component`), ``w = 1 … F = floor(n / 2)``.

    - A frequency is *key* if its share of the logits' variance (:func:`gendyn.measure.frequency_shares`) is at least
      ``threshold``, and at least ``contrast`` times the lower quartile of all shares; all ``w`` are candidates, the top
      one included. The second half leaves out what a look-up table of a fraction ``f`` of the pairs has: ``f / F`` at
      each.
    - restricted: ``mean over pairs of L + sum over key w of P_w L`` (the mean is the bias correction), on the pool.
    - excluded: ``L - sum over key w of P_w L``, on the training rows with the labels that the run is told; and
      ``L - P_w L`` for each key ``w`` alone.
    - ablated key: the same on the pool. Ablated rest: ``L - sum over other w of P_w L``, on the pool.

    Losses are those of the run. The pool is all pairs that the training rows and the test set hold; with products,
    pairs with a zero are no part of the group and count nowhere. Tokens at other positions are those of the first row.

    Products are analysed in the order of discrete logarithms, in which they are sums: ``n = p - 1``.

    Cost: ``n²`` forward passes, and losses of 6 tables ``[n², C]`` and of one for each key frequency (for each of the
    ``F``, where runs go side by side). Parameters are not looked at, so padding cannot matter.

    Args:
        modulus: ``p``; tokens ``0 … p - 1`` are the numbers, and so are classes.
        positions: columns of ``a`` and ``b`` in the inputs ``[N, L]``; ``None``: (0, 1) for two or three tokens, ``[a,
            b]`` and ``[a, b, =]``, and (0, 2) for four, ``[a, op, b, =]``. Where no row has a pair of the group there,
            every value is NaN.
        group: ``"additive"``, or ``"multiplicative"`` for a prime ``p``.
        invert_second: for ``a - b`` and ``a / b``.
        threshold: share of variance from which a frequency is key, in (0, 1]; may be traced.
        contrast: at least 0 (which switches this half of the rule off); may be traced.
        spectrum: whether to record the 2-D power spectrum as well.
        batch_size: pairs at a time.

    Returns:
        A probe with the scalars ``num_key_frequencies``, ``key_share``, ``sum_share`` (the shares of the key and of all
        frequencies), ``gini`` (of the norms of all ``P_w L``), ``loss``, ``accuracy`` (on the pool),
        ``restricted_loss``, ``restricted_accuracy``, ``excluded_loss``, ``max_single_excluded_loss`` (``train_loss``
        where no frequency is key), ``train_loss``, ``ablated_key_loss``, ``ablated_key_accuracy``,
        ``ablated_rest_loss``, ``ablated_rest_accuracy``; the vectors ``[F]`` ``shares``, ``is_key`` (0 or 1),
        ``single_excluded_loss`` (NaN where ``w`` is not key) and ``coefficients`` (amplitudes of ``cos(2 pi w (a + b -
        c) / n)``); and with ``spectrum`` the matrix ``power`` ``[F + 1, F + 1]``.

    Raises:
        ConfigError: arguments out of range; by the probe, a task without such tokens or with fewer than ``p`` classes.

    >>> a, b = jnp.divmod(jnp.arange(49), 7)
    >>> pool, labels = jnp.stack([a, b], axis=1), (a + b) % 7
    >>> from gendyn.optim import cross_entropy
    >>> data = ProbeData(pool, labels, jnp.int32(20), pool, labels, cross_entropy)
    >>> def apply(scale, x):
    ...     return scale * jnp.cos(2 * jnp.pi * 3 * (x[:, :1] + x[:, 1:] - jnp.arange(7)) / 7)
    >>> values = fourier_progress(7).fn(jax.random.key(0), apply, 4.0, data)
    >>> values["is_key"].tolist(), float(values["coefficients"][2].round(4))
    ([0.0, 0.0, 1.0], 4.0)
    >>> round(float(values["restricted_loss"]), 4), round(float(values["ablated_key_loss"]), 4)
    (0.3782, 1.9459)

    Reference: Nanda et al. (2023), arXiv:2301.05217, sections 4.2 and 5.1. Here frequencies are chosen by the logits
    (there, by the neurons).
    """
    check_layout(modulus, group, positions, batch_size)
    check_range("threshold", threshold, low=0.0, high=1.0, open_low=True)
    check_range("contrast", contrast, low=0.0)

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        del key
        pairs = evaluate_pairs(
            apply,
            params,
            data,
            modulus=modulus,
            group=group,
            positions=positions,
            invert_second=invert_second,
            batch_size=batch_size,
        )
        logits, classes = pairs.logits, pairs.classes
        shares = frequency_shares(classes)
        # Of diverged logits there is neither a frequency nor a largest one: no count of 0, and no accuracy of chance.
        finite = jnp.isfinite(shares).all()
        is_key = key_frequencies(shares, threshold=threshold, contrast=contrast)
        key_part, all_part = sum_component(logits, is_key), sum_component(logits, jnp.ones_like(shares))
        rows = logits.reshape(-1, logits.shape[2])

        def judge(name: str, table: Array) -> dict[str, Array]:
            outputs = table.reshape(rows.shape)
            truth = pairs.clean if jnp.issubdtype(pairs.clean.dtype, jnp.integer) else jnp.argmax(pairs.clean, axis=1)
            return {
                f"{name}loss": _mean(data.loss(outputs, pairs.clean), pairs.known),
                f"{name}accuracy": _mean(jnp.where(finite, jnp.argmax(outputs, axis=1) == truth, jnp.nan), pairs.known),
            }

        def train_loss(table: Array) -> Array:
            return _mean(data.loss(table.reshape(rows.shape), pairs.targets), pairs.trained)

        full = train_loss(logits)
        single = jax.lax.map(
            lambda w: jax.lax.cond(
                is_key[w],
                lambda: train_loss(logits - sum_component(logits, jnp.arange(shares.size) == w)),
                lambda: jnp.full((), jnp.nan, full.dtype),
            ),
            jnp.arange(shares.size),
        )
        largest = jnp.max(jnp.where(is_key, single, -jnp.inf))
        values = judge("", logits)
        values |= judge("restricted_", key_part + jnp.mean(logits, axis=(0, 1)))
        values |= judge("ablated_key_", logits - key_part)
        values |= judge("ablated_rest_", logits - (all_part - key_part))
        values |= {
            "num_key_frequencies": jnp.where(finite, jnp.sum(is_key), jnp.nan).astype(rows.dtype),
            "key_share": jnp.where(finite, jnp.sum(jnp.where(is_key, shares, 0.0)), jnp.nan),
            "sum_share": jnp.sum(shares),
            "gini": gini(jnp.sqrt(shares)),
            "train_loss": full,
            "excluded_loss": train_loss(logits - key_part),
            "single_excluded_loss": single,
            "max_single_excluded_loss": jnp.where(jnp.any(is_key), largest, full),
            "shares": shares,
            "is_key": jnp.where(finite, is_key, jnp.nan).astype(rows.dtype),
            "coefficients": trigonometric_coefficients(classes),
        }
        if spectrum:
            values["power"] = logit_spectrum(classes)
        return nan_without_pairs(values, pairs)

    return Probe("fourier_progress", measure)


def _mean(values: Array, counted: Array) -> Array:
    """The mean over what counts; NaN where nothing does."""
    # where, not a product: a pair that does not count may have any loss.
    return jnp.sum(jnp.where(counted, values, 0.0)) / jnp.sum(counted)


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={"modulus": 5})
