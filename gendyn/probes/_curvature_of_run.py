"""The curvature of a run's training loss, as every Hessian probe sees it."""

from collections.abc import Callable

import jax.numpy as jnp

from gendyn.linalg.space import Matvec
from gendyn.measure.curvature.operators import ggn_matvec, hessian_operator
from gendyn.measure.memory import basis_bytes
from gendyn.types import Array, ProbeData, PyTree

CURVATURES = {"hessian": hessian_operator, "ggn": ggn_matvec}


def curvature_of_run(
    curvature: str,
    apply: Callable[[PyTree, Array], Array],
    params: PyTree,
    data: ProbeData,
    *,
    num_vectors: int,
    batch_size: int | None,
    memory_limit: float | None,
) -> Matvec:
    """One of ``CURVATURES`` of the mean loss over the rows in use, on the real parameters.

    Args:
      num_vectors: like the parameters, that the caller holds beside the operator.
    """
    return CURVATURES[curvature](
        apply,
        data.loss,
        params,
        data.x_train,
        data.targets,
        weights=jnp.arange(data.x_train.shape[0]) < data.num_train,
        batch_size=batch_size,
        mask=data.mask,
        memory_limit=memory_limit,
        reserved=basis_bytes(params, num_vectors),
    )
