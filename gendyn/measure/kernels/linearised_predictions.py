"""Predictions of the linearised network at any time of training: kernel regression on the squared loss."""

import jax.numpy as jnp

from gendyn.core import ConfigError, check_choice
from gendyn.measure.kernels.decay import RULES, gain, residual_projection
from gendyn.types import Array, ArrayLike


def linearised_predictions(
    values: Array,
    vectors: Array,
    outputs: Array,
    targets: Array,
    times: ArrayLike,
    *,
    learning_rate: ArrayLike,
    rule: str = "flow",
    cross_kernel: Array | None = None,
    test_outputs: Array | None = None,
) -> Array:
    """Outputs of the network linearised at its parameters, after training on ``sum of squares / 2``.

    With the kernel ``K = V diag(lambda) V^T`` on the training examples and the outputs ``f0`` there,

        f(t) = f0 + K V diag(g(lambda, t)) V^T (y - f0),    g = (1 - exp(-eta lambda t)) / lambda,

    and on other examples the same with the kernel between them and the training ones in place of the first ``K``:
    exact in the eigenbasis, with no time stepping. ``rule="descent"`` has ``(1 - eta lambda)^t`` for the exponential:
    gradient descent to the step. At infinite time this is (ridgeless) kernel regression; eigenvalues below
    ``m eps max(lambda)`` then count as 0. For a mean over ``n`` examples ``eta`` is the learning rate over ``n``.

    Cost: ``O(m^2)`` for each column and time.

    Args:
      values: ``[r]`` and
      vectors: ``[m, r]`` of the kernel, as :func:`ntk_eigh` returns them; with fewer than all, modes left out stay.
      outputs: ``[N, K]`` at the start: with a ``full`` kernel (``m = N K``), or a ``trace`` one (``m = N``), which then
        acts on each output alike.
      targets: like ``outputs``.
      times: ``[S]`` or a scalar, in steps.
      learning_rate: ``eta``.
      rule: ``"flow"`` or ``"descent"``.
      cross_kernel: ``[M * K, N * K]`` or ``[M, N]``: ``empirical_ntk(apply, params, x_test, x_train, kind=...)``.
      test_outputs: ``[M, K]`` at the start; with ``cross_kernel``.

    Returns:
      ``[S, N, K]``, or ``[S, M, K]`` with a cross kernel; without the leading axis for one time.

    Raises:
      ConfigError: shapes that do not fit, one of ``cross_kernel`` and ``test_outputs`` alone, an unknown rule.

    >>> identity = jnp.eye(2)
    >>> start, targets = jnp.zeros((2, 1)), jnp.ones((2, 1))
    >>> f = linearised_predictions(jnp.ones(2), identity, start, targets, jnp.inf, learning_rate=1.0)
    >>> f.ravel().tolist()
    [1.0, 1.0]

    Reference: Lee et al. (2019), arXiv:1902.06720, eqs. 10-11.
    """
    check_choice("rule", rule, RULES)
    values, outputs, targets = jnp.asarray(values), jnp.asarray(outputs), jnp.asarray(targets)
    if outputs.shape != targets.shape or outputs.ndim != 2:
        raise ConfigError(f"outputs {outputs.shape} and targets {targets.shape} must both be [N, K].")
    if (cross_kernel is None) != (test_outputs is None):
        raise ConfigError("cross_kernel and test_outputs go together: give both, or neither for the training examples.")
    # [r, columns], one column for a full kernel.
    moved = residual_projection(vectors, targets - outputs)
    gains = gain(values, times, learning_rate, rule)[..., None]
    if cross_kernel is None:
        change = jnp.asarray(vectors) @ (gains * values[:, None] * moved)
        start = outputs
    else:
        start, cross_kernel = jnp.asarray(test_outputs), jnp.asarray(cross_kernel)
        rows = start.size // moved.shape[1]
        if cross_kernel.shape != (rows, len(vectors)) or start.shape[1:] != outputs.shape[1:]:
            raise ConfigError(
                f"cross_kernel {cross_kernel.shape} must be ({rows}, {len(vectors)}) for test_outputs {start.shape}: "
                "rows are the test examples, columns the training ones."
            )
        change = cross_kernel @ (jnp.asarray(vectors) @ (gains * moved))
    return start + change.reshape(*change.shape[:-2], *start.shape)
