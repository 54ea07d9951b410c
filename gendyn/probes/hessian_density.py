"""The whole spectrum of the training loss's Hessian, as quadrature nodes and weights, and what follows from them."""

from collections.abc import Callable, Sequence

import jax.numpy as jnp

from gendyn import linalg
from gendyn.core import check_choice, check_positive_int, check_range
from gendyn.measure.ranks.effective_dimension import effective_dimension_from_quadrature
from gendyn.probes._curvature_of_run import CURVATURES, curvature_of_run
from gendyn.types import Array, Probe, ProbeData, ProbeExample, PyTree


def hessian_density(
    *,
    curvature: str = "hessian",
    num_probes: int = 4,
    num_steps: int = 64,
    alphas: Sequence[float] = (),
    zero_tolerance: float = 1e-5,
    batch_size: int | None = None,
    memory_limit: float | None = None,
) -> Probe:
    """Estimates the eigenvalue density of the Hessian (or Gauss-Newton matrix) of the mean training loss.

    Stochastic Lanczos quadrature: ``φ(t) ≈ 1/P Σ_k Σ_i weights[k, i] δ(t - nodes[k, i])``, over the ``p`` real
    parameters. From it ``negative_fraction``, the share of eigenvalues below ``-zero_tolerance max|nodes|``, and
    ``effective_dimension[a] = Σ_j λ⁺_j / (λ⁺_j + alphas[a])`` with ``λ⁺ = max(λ, 0)``: negative eigenvalues, for which
    the sum has a pole, count as 0. The sum is over all ``p`` eigenvalues, not over ``num_steps`` Ritz values.

    Standard errors are over the probes and do not know the quadrature's own error; raise ``num_steps`` to see it.

    Cost: ``num_probes * num_steps`` products over the pool, and one basis of ``num_steps`` vectors.

    Args:
      curvature: ``"hessian"`` or ``"ggn"``.
      num_probes: random start vectors ``P``, at least 2.
      num_steps: Lanczos steps ``m`` for each.
      alphas: positive, in the unit of the eigenvalues: regularisation strengths of the mean loss.
      zero_tolerance: eigenvalues closer to 0 than this, relative to the largest, count as zero.
      batch_size: examples at a time; ``None``: all at once, linearised once.
      memory_limit: bytes that one network's products and Lanczos vectors may take; ``None``: what is free when the
        probe is traced. A sweep that trains ``R`` networks side by side needs ``R`` times as much.

    Returns:
      A probe of float32 arrays: ``nodes [P, m]``, ``weights [P, m]``, ``dimension``, ``trace``, ``second_moment``,
      ``negative_fraction``, each estimate with ``…_standard_error``; and with ``alphas`` ``effective_dimension [A]``.

    Raises:
      ConfigError: an unknown curvature; counts or ``alphas`` out of range; when traced,
        needs beyond the limit.

    >>> import jax
    >>> from gendyn.optim import squared_error
    >>> x, y = jnp.array([[1.0, 0.0], [0.0, 2.0]]), jnp.zeros((2, 1))
    >>> data = ProbeData(x, y, jnp.int32(2), x, y, squared_error)
    >>> probe = hessian_density(num_probes=2, num_steps=2, alphas=(1.0,))
    >>> values = probe.fn(jax.random.key(0), lambda w, x: x @ w, jnp.ones((2, 1)), data)
    >>> round(float(values["trace"]), 3), round(float(values["effective_dimension"][0]), 3)  # 1 / 2 + 4 / 5
    (5.0, 1.3)

    Reference: Ghorbani, Krishnan, Xiao, "An Investigation into Neural Net Optimization via Hessian Eigenvalue Density",
    ICML 2019; Maddox, Benton, Wilson, "Rethinking Parameter Counting", 2020, eq. 2.
    """
    check_choice("curvature", curvature, tuple(CURVATURES))
    check_positive_int("num_probes", num_probes, low=2)
    check_positive_int("num_steps", num_steps)
    check_range("zero_tolerance", zero_tolerance, low=0.0, high=1.0)
    for alpha in alphas:
        check_range("alphas", alpha, low=0.0, open_low=True)

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        matvec = curvature_of_run(
            curvature,
            apply,
            params,
            data,
            num_vectors=num_steps,
            batch_size=batch_size,
            memory_limit=memory_limit,
        )
        found = linalg.spectral_density(
            matvec,
            params,
            key=key,
            num_probes=num_probes,
            num_steps=num_steps,
            mask=data.mask,
            memory_limit=memory_limit,
        )
        cut = -zero_tolerance * jnp.max(jnp.abs(found.nodes))
        below = found.trace_of(lambda t: jnp.where(t < cut, 1.0, 0.0))
        values = {
            "nodes": found.nodes,
            "weights": found.weights,
            "dimension": found.dimension,
            "trace": found.trace.value,
            "trace_standard_error": found.trace.standard_error,
            "second_moment": found.second_moment.value,
            "second_moment_standard_error": found.second_moment.standard_error,
            "negative_fraction": below.value / found.dimension,
            "negative_fraction_standard_error": below.standard_error / found.dimension,
        }
        if alphas:
            sums = [
                effective_dimension_from_quadrature(found.nodes, found.weights, found.dimension, alpha)
                for alpha in alphas
            ]
            values["effective_dimension"] = jnp.stack([estimate.value for estimate in sums])
            values["effective_dimension_standard_error"] = jnp.stack([estimate.standard_error for estimate in sums])
        return values

    return Probe("hessian_density", measure)


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={"num_probes": 2, "num_steps": 8, "alphas": (0.01, 0.1)})
