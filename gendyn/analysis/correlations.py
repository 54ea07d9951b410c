"""Rank correlations along the last axis, with one rule for both.

Ties share their mean rank (Spearman) or count for neither side (Kendall's tau-b); ``inf`` is the largest value, so that
runs which never arrive come last and tie. A side whose values are all equal follows nothing: its correlation is 0, and
not undefined, so that such a row counts against a claim and is not left out of it. One NaN makes the correlation NaN,
and no value at all is refused.
"""

import numpy as np

from gendyn.core import ConfigError


def spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation: Pearson's of the ranks, by the rule at the top of this file.

    Args:
        first, second: ``[..., P]``; leading axes broadcast.

    Returns:
        ``[...]`` in [-1, 1].

    Raises:
        ConfigError: last axes of unequal length, or of none.

    >>> rows = np.array([[0.1, 0.2, 0.3], [3.0, 2.0, 1.0], [5.0, 5.0, 5.0], [1.0, np.inf, np.inf]])
    >>> spearman(np.array([1.0, 2.0, 9.0]), rows).round(3).tolist()
    [1.0, -1.0, 0.0, 0.866]

    Reference: Kendall & Gibbons (1990), Rank correlation methods, chapters 1 and 3 (ties).
    """
    first, second = _checked(first, second)
    # Ranks are whole or half numbers, and so is what follows: exact.
    a, b = (_ranks(values) - (values.shape[-1] - 1) / 2 for values in (first, second))
    products = np.sum(a * b, axis=-1)
    norms = np.sqrt(np.sum(a**2, axis=-1) * np.sum(b**2, axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(norms == 0, 0.0, products / norms))


def kendall(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Kendall's tau-b, by the rule at the top of this file.

    ``(C - D) / sqrt((N - T) (N - U))`` with ``C`` pairs in the same and ``D`` in opposite order, of ``N = P (P - 1) /
    2``, ``T`` and ``U`` of which tie on one side. Cost: ``P^2`` for each row.

    Args:
        first, second: ``[..., P]``; leading axes broadcast.

    Returns:
        ``[...]`` in [-1, 1].

    Raises:
        ConfigError: last axes of unequal length, or of none.

    >>> times = np.array([[9.0, 5.0, 2.0], [np.inf, np.inf, 5.0], [4.0, 4.0, 4.0]])
    >>> kendall(np.array([1.0, 2.0, 3.0]), times).round(3).tolist()
    [-1.0, -0.816, 0.0]

    Reference: Kendall (1945), The treatment of ties in ranking problems.
    """
    first, second = _checked(first, second)
    left, right = np.triu_indices(first.shape[-1], 1)
    signs = []
    for values in (first, second):
        a, b = values[..., left], values[..., right]
        # By comparison, since the difference of two infinities is not a number.
        order = np.greater(a, b).astype(float) - np.less(a, b)
        signs.append(np.where(np.isnan(values).any(axis=-1, keepdims=True), np.nan, order))
    excess = np.sum(signs[0] * signs[1], axis=-1)
    untied = [np.sum(np.abs(each), axis=-1) for each in signs]
    with np.errstate(divide="ignore", invalid="ignore"):
        # In this order, and clipped, as scipy does, to the last bit.
        tau = np.clip(excess / np.sqrt(untied[0]) / np.sqrt(untied[1]), -1.0, 1.0)
    follows = (untied[0] != 0) & (untied[1] != 0) | np.isnan(excess)
    return np.asarray(np.where(follows, tau, 0.0))


def kendall_over_lines(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Kendall's tau between a knob and the time to arrive, mean over lines of a grid on which any run arrives.

    Args:
        values: ``[V]``, of the knob.
        times: ``[V, L, S]``: of ``L`` lines (values of all other knobs) and ``S`` seeds; ``inf``: never.

    Returns:
        ``[S]``. A line on which no run arrives says nothing and is left out, and so is one with a time of NaN; NaN
        where none is left.

    >>> falling, flat, never = [[9.0], [5.0], [2.0]], [[4.0]] * 3, [[np.inf]] * 3
    >>> kendall_over_lines(np.arange(3.0), np.stack([falling, flat, never], axis=1)).tolist()
    [-0.5]
    """
    table = np.moveaxis(np.asarray(times, float), 0, -1)
    taus = np.where(np.isfinite(table).any(axis=-1), kendall(np.asarray(values, float), table), np.nan)
    counts = np.sum(~np.isnan(taus), axis=0)
    return np.where(counts > 0, np.nansum(taus, axis=0) / np.maximum(counts, 1), np.nan)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0 on along the last axis, ties sharing their mean; NaN in all of a row that has one.

    What ``scipy.stats.rankdata`` gives, less 1, in a twentieth of its time on the thousands of rows of a bootstrap.
    """
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    place = np.broadcast_to(np.arange(values.shape[-1]), values.shape)
    differs = ordered[..., 1:] != ordered[..., :-1]
    edge = np.ones((*values.shape[:-1], 1), bool)
    first = np.maximum.accumulate(np.where(np.concatenate([edge, differs], axis=-1), place, 0), axis=-1)
    ends = np.where(np.concatenate([differs, edge], axis=-1), place, values.shape[-1])
    last = np.minimum.accumulate(ends[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2, axis=-1)
    ranks[np.isnan(values).any(axis=-1)] = np.nan
    return ranks


def _checked(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(first, float), np.asarray(second, float)
    if not first.ndim or not second.ndim or first.shape[-1] != second.shape[-1] or not first.shape[-1]:
        raise ConfigError(
            f"first {first.shape} and second {second.shape} must have equally long last axes, of one value or more."
        )
    return first, second
