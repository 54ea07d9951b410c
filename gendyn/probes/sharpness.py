"""How sharp the training loss is where the network stands: extreme Hessian eigenvalues and the trace."""

from collections.abc import Callable

import jax

from gendyn import linalg
from gendyn.core import check_positive_int, check_range, stream
from gendyn.linalg.eigenpairs import vectors_held
from gendyn.measure.masks import count_parameters
from gendyn.probes._curvature_of_run import curvature_of_run
from gendyn.types import Array, ArrayLike, Probe, ProbeData, ProbeExample, PyTree


def sharpness(
    *,
    learning_rate: ArrayLike | None = None,
    num_probes: int = 16,
    tol: ArrayLike = 1e-3,
    max_steps: int = 64,
    batch_size: int | None = None,
    memory_limit: float | None = None,
) -> Probe:
    """Estimates the ends of the spectrum and the trace of the Hessian ``H`` of the run's mean training loss.

    ``lambda_max`` and ``lambda_min`` are Ritz values of a Lanczos run that stops at the relative residual ``tol`` or
    after ``max_steps`` products: some eigenvalue lies within the residual of each, and the true extremes lie no
    further inside. ``trace`` is Hutchinson's mean over random signs, with its standard error.
    ``edge_of_stability_ratio = lambda_max η / 2``: gradient descent on the quadratic model diverges above 1.

    Cost: at most ``2 max_steps + num_probes`` Hessian products over the pool, its rows beyond ``num_train`` included.

    Args:
      learning_rate: ``η`` of the run; may be traced. ``None``: no ratio is given.
      num_probes: random vectors of the trace, at least 2.
      tol: relative residual at which an eigenvalue is good enough; may be traced.
      max_steps: products at most for each end.
      batch_size: examples at a time; ``None``: all at once, linearised once.
      memory_limit: bytes that one network's products and Lanczos vectors may take; ``None``: what is free when the
        probe is traced. A sweep that trains ``R`` networks side by side needs ``R`` times as much.

    Returns:
      A probe of float32 scalars, in the unit of the loss per squared parameter (those of ``trace`` too):
      ``lambda_max``, ``lambda_max_residual``, ``lambda_min``, ``lambda_min_residual``, ``trace``,
      ``trace_standard_error``, ``mean_eigenvalue`` (the trace over the number of real parameters), and with a learning
      rate ``edge_of_stability_ratio``.

    Raises:
      ConfigError: counts or rates out of range; when traced, needs beyond the limit.

    >>> import jax.numpy as jnp
    >>> from gendyn.optim import squared_error
    >>> x, y = jnp.array([[1.0, 0.0], [0.0, 2.0]]), jnp.zeros((2, 1))
    >>> data = ProbeData(x, y, jnp.int32(2), x, y, squared_error)
    >>> values = sharpness(learning_rate=0.5).fn(jax.random.key(0), lambda w, x: x @ w, jnp.ones((2, 1)), data)
    >>> {name: round(float(values[name]), 3) for name in ("lambda_max", "lambda_min", "edge_of_stability_ratio")}
    {'lambda_max': 4.0, 'lambda_min': 1.0, 'edge_of_stability_ratio': 1.0}

    Reference: Cohen et al., "Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability", ICLR 2021.
    """
    check_positive_int("num_probes", num_probes, low=2)
    check_positive_int("max_steps", max_steps)
    check_range("tol", tol, low=0.0)
    if learning_rate is not None:
        check_range("learning_rate", learning_rate, low=0.0)

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        size = sum(leaf.size for leaf in jax.tree.leaves(params))
        matvec = curvature_of_run(
            "hessian",
            apply,
            params,
            data,
            num_vectors=vectors_held(size, 1),
            batch_size=batch_size,
            memory_limit=memory_limit,
        )
        values: dict[str, Array] = {}
        for name, which in (("lambda_max", "largest"), ("lambda_min", "smallest")):
            found = linalg.top_eigenpairs(
                matvec,
                params,
                1,
                key=stream(key, name),
                tol=tol,
                max_steps=max_steps,
                which=which,
                mask=data.mask,
                memory_limit=memory_limit,
            )
            values |= {name: found.values[0], f"{name}_residual": found.residuals[0]}
        trace = linalg.trace(
            matvec,
            params,
            key=stream(key, "trace"),
            num_probes=num_probes,
            method="hutchinson",
            mask=data.mask,
            memory_limit=memory_limit,
        )
        values |= {"trace": trace.value, "trace_standard_error": trace.standard_error}
        values["mean_eigenvalue"] = trace.value / count_parameters(params, data.mask)
        if learning_rate is not None:
            values["edge_of_stability_ratio"] = values["lambda_max"] * learning_rate / 2
        return values

    return Probe("sharpness", measure)


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={"learning_rate": 0.1, "num_probes": 4, "max_steps": 40})
