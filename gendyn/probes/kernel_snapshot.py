"""The whole tangent kernel over some training and test inputs, with the outputs there: for movement and prediction."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gendyn.core import check_positive_int
from gendyn.measure.kernels.ntk import empirical_ntk
from gendyn.types import Array, Probe, ProbeData, ProbeExample, PyTree


def kernel_snapshot(*, num_examples: int = 48) -> Probe:
    """Exact: the kernel ``T = (1/C) sum_k J_k J_k^T`` over the first training and the first test inputs, and outputs.

    The first ``m1 = min(num_examples, N)`` rows are training inputs, the ``m2 = min(num_examples, M)`` after them test
    inputs; ``m = m1 + m2``. With one output ``T`` is the tangent kernel itself, so that two snapshots give its movement
    (:func:`gendyn.measure.kernel_alignment`), and the first one, if it covers the training set, predicts every later
    output of the linearised network (:func:`gendyn.measure.linearised_predictions`). Training rows from ``num_train``
    on are 0 in everything recorded. Zero-padded parameters have zero gradient, so that the kernel needs no mask.

    Cost: one traced :func:`gendyn.measure.empirical_ntk` of ``m`` rows; ``4 m (m + 2 C)`` bytes a record and run.

    Args:
      num_examples: inputs of each kind (all, where there are fewer).

    Returns:
      A probe with the float32 values

      - ``kernel`` ``[m, m]``;
      - ``outputs`` ``[m, C]``;
      - ``targets`` ``[m, C]``: labels as the run is told them, then clean test labels; classes as one-hot rows.

    Raises:
      ConfigError: a count that is not a positive integer.

    >>> x, y = jnp.eye(2), jnp.ones((2, 1))
    >>> data = ProbeData(x, y, jnp.int32(2), 2 * x, 2 * y, None)
    >>> values = kernel_snapshot(num_examples=1).fn(jax.random.key(0), lambda w, x: x @ w, 3 * y, data)
    >>> values["kernel"].tolist(), values["outputs"].ravel().tolist(), values["targets"].ravel().tolist()
    ([[1.0, 2.0], [2.0, 4.0]], [3.0, 6.0], [1.0, 2.0])

    Reference: Jacot et al. (2018), arXiv:1806.07572; Lee et al. (2019), arXiv:1902.06720, eqs. 10-11.
    """
    check_positive_int("num_examples", num_examples)

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        del key
        x_train, x_test = data.x_train[:num_examples], data.x_test[:num_examples]
        used = jnp.arange(len(x_train)) < data.num_train
        used = jnp.concatenate([used, jnp.ones(len(x_test), bool)])
        x = jnp.concatenate([x_train, x_test])
        outputs = apply(params, x)
        targets = jnp.concatenate([data.targets[:num_examples], data.y_test[:num_examples]])
        if jnp.issubdtype(targets.dtype, jnp.integer):
            targets = jax.nn.one_hot(targets, outputs.shape[1])
        kernel = empirical_ntk(apply, params, x, kind="trace")
        # where and not a product: what lies in unused rows may be anything, and inf * 0 is NaN.
        return {
            "kernel": jnp.where(used[:, None] & used, kernel, 0.0),
            "outputs": jnp.where(used[:, None], outputs, 0.0),
            "targets": jnp.where(used[:, None], targets.astype(jnp.float32), 0.0),
        }

    return Probe("kernel_snapshot", measure)


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={"num_examples": 7})
