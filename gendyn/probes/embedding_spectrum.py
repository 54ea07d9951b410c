"""Fourier content of an embedding table: which frequencies of Z_p the network represents its numbers with."""

from collections.abc import Callable

import jax.numpy as jnp

from gendyn.core import ConfigError, check_positive_int, check_range
from gendyn.measure.fourier.group_table import group_elements
from gendyn.measure.fourier.spectra import fourier_norms, gini
from gendyn.measure.ranks.spectrum_shape import participation_ratio
from gendyn.probes._leaf_paths import check_path, leaves_under
from gendyn.types import Array, ArrayLike, Probe, ProbeData, ProbeExample, PyTree


def embedding_spectrum(
    modulus: int, path: str, *, group: str = "additive", position: int = 0, share: ArrayLike = 0.9
) -> Probe:
    """Exact: norm of each frequency of a table ``[vocabulary, d]`` over its first ``p`` rows, and how few carry it.

    ``norms[w - 1]`` is :func:`gendyn.measure.fourier_norms` of the rows of the numbers, ``w = 1 … F = floor(n / 2)``;
    the mean row is left out. ``gini`` is that of the norms, ``participation_ratio`` that of the powers ``norms²``, and
    ``num_frequencies`` counts how many of the strongest frequencies hold ``share`` of the power together.

    Cost: one Fourier transform ``[n, d]``. Columns of zeros (padding) change nothing.

    Args:
        modulus: ``p``: rows ``0 … p - 1`` of the table are the numbers; further rows are left out.
        path: the leaf, as in ``"embedding/table"``.
        group: ``"additive"`` (``n = p``), or ``"multiplicative"`` for a prime ``p``: row 0 left out, the others in the
            order of discrete logarithms (``n = p - 1``).
        position: which table of a leaf ``[L, vocabulary, d]``, one for each place of the input; unused for one table.
        share: of the power, in (0, 1]; may be traced.

    Returns:
        A probe with ``norms`` ``[F]`` and the scalars ``gini``, ``participation_ratio`` and ``num_frequencies``.

    Raises:
        ConfigError: arguments out of range; by the probe, a path without such a table.

    >>> import jax
    >>> angles = 2 * jnp.pi * jnp.arange(7) / 7
    >>> table = jnp.stack([jnp.cos(2 * angles), jnp.sin(2 * angles), jnp.zeros(7)], axis=1)
    >>> values = embedding_spectrum(7, "table").fn(jax.random.key(0), None, {"table": table}, None)
    >>> [round(float(norm), 3) for norm in values["norms"]], float(values["num_frequencies"])
    ([0.0, 2.646, 0.0], 1.0)

    Reference: Nanda et al. (2023), arXiv:2301.05217, sections 4.1 and 5.2.
    """
    elements = group_elements(modulus, group)
    check_path("path", path)
    check_positive_int("position", position, low=0)
    check_range("share", share, low=0.0, high=1.0, open_low=True)

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        del key, apply, data
        leaves = leaves_under("path", path, params)
        shapes = ", ".join(str(leaf.shape) for leaf in leaves)
        if len(leaves) > 1 or leaves[0].ndim not in (2, 3) or leaves[0].shape[-2] < modulus:
            raise ConfigError(
                f"path = {path!r} holds {shapes}; it must be one table [vocabulary, d] (or [L, vocabulary, d]) with at "
                f"least modulus = {modulus} rows."
            )
        table = leaves[0]
        if table.ndim == 3:
            if position >= table.shape[0]:
                raise ConfigError(
                    f"position = {position} must be below the {table.shape[0]} tables at path = {path!r}."
                )
            table = table[position]
        norms = fourier_norms(table[elements])
        power = jnp.sort(jnp.square(norms))[::-1]
        held = jnp.cumsum(power)
        # Rounding of a sum of F terms must not ask for one more.
        enough = share * held[-1] * (1 - power.size * jnp.finfo(power.dtype).eps)
        number = jnp.where(held[-1] > 0, jnp.sum(held < enough) + 1, 0).astype(norms.dtype)
        return {
            "norms": norms,
            "gini": gini(norms),
            "participation_ratio": participation_ratio(power),
            "num_frequencies": jnp.where(jnp.isfinite(held[-1]), number, jnp.nan),
        }

    return Probe("embedding_spectrum", measure)


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={"modulus": 5, "path": "embedding"})
