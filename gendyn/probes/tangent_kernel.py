"""The traced tangent kernel on the run's first training examples: its spectrum, and its alignment with the labels."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gendyn.core import check_positive_int, eigvalsh
from gendyn.measure.kernels.alignment import target_alignment
from gendyn.measure.kernels.decay import condition_number
from gendyn.measure.kernels.ntk import empirical_ntk
from gendyn.measure.ranks.spectrum_shape import participation_ratio
from gendyn.types import Array, Probe, ProbeData, ProbeExample, PyTree


def tangent_kernel(*, num_examples: int = 64, num_eigenvalues: int = 8) -> Probe:
    """Exact: quantities of ``T = (1/K) sum_k J_k J_k^T`` on the first ``num_examples`` training rows.

    Rows from ``num_train`` on count for nothing: with fewer training examples than ``num_examples`` the kernel is that
    of the ``n`` there are. Zero-padded parameters have zero gradient, so that the kernel needs no mask.

    Cost: one traced :func:`gendyn.measure.empirical_ntk` and an ``eigvalsh`` of ``[num_examples, num_examples]``.

    Args:
      num_examples: rows of the kernel (all, where the task has fewer).
      num_eigenvalues: leading eigenvalues to record (at most ``num_examples``).

    Returns:
      A probe with the float32 values

      - ``eigenvalues`` ``[num_eigenvalues]``, descending, 0 beyond ``n``; not divided by ``n``;
      - ``trace``, their sum over all ``n``, and ``condition_number`` and ``participation_ratio`` of the spectrum;
      - ``target_alignment`` with the labels the run is told: one-hot classes, or regression targets, minus their mean.

    Raises:
      ConfigError: a count that is not a positive integer.

    >>> data = ProbeData(jnp.eye(2), jnp.array([0, 1]), jnp.int32(2), jnp.eye(2), jnp.array([0, 1]), None)
    >>> probe = tangent_kernel(num_eigenvalues=2)
    >>> values = probe.fn(jax.random.key(0), lambda w, x: x @ w, jnp.ones((2, 2)), data)
    >>> values["eigenvalues"].tolist(), float(values["trace"])
    ([1.0, 1.0], 2.0)

    Reference: Jacot et al. (2018), arXiv:1806.07572; Baratin et al. (2021), arXiv:2008.00938.
    """
    check_positive_int("num_examples", num_examples)
    check_positive_int("num_eigenvalues", num_eigenvalues)

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        del key
        count = min(num_examples, data.x_train.shape[0])
        x, told = data.x_train[:count], data.targets[:count]
        used = (jnp.arange(count) < data.num_train).astype(jnp.float32)
        kernel = empirical_ntk(apply, params, x, kind="trace") * used[:, None] * used
        values = eigvalsh(kernel)[::-1]
        # A row left out adds an eigenvalue 0: the n real ones are the largest, since the kernel has no negative ones.
        size = used.sum()
        real = jnp.arange(count) < size
        top = jnp.zeros(num_eigenvalues).at[: min(count, num_eigenvalues)].set(values[:num_eigenvalues])
        classes = jax.eval_shape(apply, params, x).shape[1]
        targets = told if jnp.issubdtype(told.dtype, jnp.floating) else jax.nn.one_hot(told, classes)
        targets = targets.reshape(count, -1)
        centred = (targets - (used @ targets) / size) * used[:, None]
        return {
            "eigenvalues": top,
            "trace": jnp.trace(kernel),
            # The largest stands in for what is left out: it changes neither end of the spectrum.
            "condition_number": condition_number(jnp.where(real, values, values[0])),
            "participation_ratio": participation_ratio(values),
            "target_alignment": target_alignment(kernel, centred),
        }

    return Probe("tangent_kernel", measure)


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={"num_examples": 4, "num_eigenvalues": 3})
