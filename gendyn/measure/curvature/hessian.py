"""Hessian of a scalar loss, and the Gauss-Newton matrix over a data set: products, extreme eigenpairs, spectra.

Scaling is that of the loss: a mean over examples has the curvature of the mean. Precision is that of ``params``; inside
``with jax.enable_x64(True)`` with float64 parameters all is float64.

Programs are kept for the next call with the same function object, as long as what it reads beside its arguments is
unchanged; to see that, each call traces it (:func:`gendyn.core.captured`). Loops over checkpoints should pass the same
function object each time, and spare the tracing by passing ``jax.jit(loss)``, and ``jax.jit(apply)`` where there is
one: JAX never traces these again.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax.tree_util import Partial

from gendyn import linalg
from gendyn.core import captured, check_key, check_memory, check_positive_int, check_range, mask_of, peak_bytes
from gendyn.linalg.eigenpairs import vectors_held
from gendyn.measure._checks import as_arrays, check_count, check_mask, check_parameters, check_scalar_loss
from gendyn.measure._forward_mode import said_of_forward_mode
from gendyn.measure.curvature._stream import WITHOUT_FORWARD_MODE, Matvec, projected
from gendyn.measure.curvature.operators import Apply, Loss, ggn_matvec
from gendyn.measure.memory import basis_bytes, is_roomy, product_bytes
from gendyn.types import Array, ArrayLike, PyTree

ScalarLoss = Callable[[PyTree], Array]
_FEWEST = "use fewer vectors (num_steps, k) or examples, or an operator over the data with batch_size"
_FEWER = f"pass linearise=False (the forward pass runs again at every product), {_FEWEST}"


def hessian_matvec(
    loss: ScalarLoss,
    params: PyTree,
    *,
    mask: PyTree | None = None,
    damping: ArrayLike = 0.0,
    linearise: bool = True,
    memory_limit: float | None = None,
) -> Matvec:
    """The Hessian of a scalar loss, exact, as ``v -> P H P v + damping P v`` with ``H = d² loss/dθ²``.

    ``linearise=True`` runs the forward and backward pass once and keeps what the products need, which pays from the
    second product on. ``False`` runs them at every product and keeps nothing. For a data set that does not fit, use
    :func:`hessian_operator` with ``batch_size``.

    Args:
      loss: ``params -> scalar``, pure, twice differentiable (a ReLU counts as zero curvature at its kink).
      params: pytree of real floating-point arrays.
      mask: pytree like ``params``, nonzero where a coordinate is real; broadcasts to the leaves. Or a function of
        ``params`` that makes one, as in ``optax.masked``.
      damping: added on the kept coordinates, at least 0; may be traced.
      linearise: see above.
      memory_limit: bytes that the intermediates of a product may take; ``None``: what is free when this is called.

    Returns:
      A symmetric function of a pytree like ``params``; a ``jax.tree_util.Partial``, so that it may be an argument of a
      jitted or vmapped function.

    Raises:
      ConfigError: a loss that is no real scalar; complex, integer or non-finite parameters; a mask that does not fit;
        a negative damping; intermediates beyond the limit.

    >>> import jax.numpy as jnp
    >>> product = hessian_matvec(lambda w: (w**3).sum() / 6, jnp.array([1.0, 2.0]))  # H = diag(w)
    >>> print(product(jnp.array([1.0, 1.0])))
    [1. 2.]

    Reference: Pearlmutter, "Fast Exact Multiplication by the Hessian", Neural Computation 1994, eq. 5.
    """
    check_parameters(params)
    params = as_arrays(params)
    check_scalar_loss(loss, params)
    mask = mask_of(mask, params)
    check_mask(mask, params)
    check_range("damping", damping, low=0.0)
    return _hessian_matvec(loss, params, mask, damping, linearise, memory_limit, 0)


def _hessian_matvec(
    loss: ScalarLoss,
    params: PyTree,
    mask: PyTree | None,
    damping: ArrayLike,
    linearise: bool,
    memory_limit: float | None,
    reserved: int,
) -> Matvec:
    """The same, with room left for ``reserved`` bytes of vectors."""
    loss = captured(loss, lambda p: jax.jvp(jax.grad(loss), (p,), (p,))[1], params)
    beside = {"for vectors beside it": reserved}
    if linearise:
        kept = jax.eval_shape(lambda p: _linearised_gradient(loss, p), params)
        if not is_roomy(kept, params, memory_limit, reserved):
            check_memory(product_bytes(kept, params) | beside, memory_limit, _FEWER)
        linear = _linearised_gradient(loss, params)
    else:
        linear = Partial(_forward_over_reverse, Partial(loss), params)
        if memory_limit is not None:  # else not worth another tracing: it is what one training step takes
            product = peak_bytes(lambda p, v: _forward_over_reverse(Partial(loss), p, v), params, params)
            check_memory({"for a product": product} | beside, memory_limit, _FEWEST)
    return Partial(projected, linear, mask, damping)


def hessian_top(
    loss: ScalarLoss,
    params: PyTree,
    k: int,
    *,
    key: Array,
    which: str = "largest",
    tol: ArrayLike = 1e-3,
    max_steps: int = 500,
    mask: PyTree | None = None,
    linearise: bool = True,
    memory_limit: float | None = None,
) -> linalg.Eigenpairs:
    """The ``k`` extreme eigenpairs of the Hessian of a scalar loss, by Lanczos with a stopping test.

    ``H v_j = λ_j v_j`` up to the returned bounds ``residuals [k] >= ||H v - λ v||``; see
    :func:`gendyn.linalg.top_eigenpairs`, which does the work.

    Cost: ``num_matvecs`` Hessian products and a basis of ``max(64, 4 k)`` vectors.

    Args:
      loss, params, mask, linearise: as for :func:`hessian_matvec`.
      k: eigenpairs, at most the number of real coordinates.
      key: random key of the start vector.
      which: ``"largest"``, ``"smallest"`` (algebraically) or ``"magnitude"``.
      tol: relative residual at which to stop.
      max_steps: products at most.
      memory_limit: bytes that intermediates and basis may take; ``None``: what is free when this is called.

    Raises:
      ConfigError: what :func:`hessian_matvec` raises; ``k`` above the dimension; needs beyond the limit.

    >>> import jax, jax.numpy as jnp
    >>> found = hessian_top(lambda w: (w**3).sum() / 6, jnp.array([1.0, 5.0, 3.0]), 2, key=jax.random.key(0))
    >>> [round(value, 3) for value in found.values.tolist()]
    [5.0, 3.0]
    """
    check_key("key", key)
    mask = mask_of(mask, params)
    params, reserved = _checked_top(params, k, max_steps, mask)
    check_scalar_loss(loss, params)
    check_mask(mask, params)
    matvec = _hessian_matvec(loss, params, mask, 0.0, linearise, memory_limit, reserved)
    return _top(matvec, params, mask, key, tol, k=k, which=which, max_steps=max_steps, memory_limit=memory_limit)


def hessian_spectrum(
    loss: ScalarLoss,
    params: PyTree,
    *,
    key: Array,
    num_probes: int = 10,
    num_steps: int = 64,
    mask: PyTree | None = None,
    linearise: bool = True,
    memory_limit: float | None = None,
) -> linalg.SpectralDensity:
    """Estimates the eigenvalue density of the Hessian of a scalar loss, by stochastic Lanczos quadrature.

    ``φ(t) = 1/p Σ_j δ(t - λ_j)`` over the ``p`` real coordinates; ``nodes`` and ``weights`` of each probe, ``density``
    on a grid, trace and second moment with standard errors: see :func:`gendyn.linalg.spectral_density`.

    Cost: ``num_probes * num_steps`` Hessian products and one basis of ``num_steps`` vectors.

    Args:
      loss, params, mask, linearise: as for :func:`hessian_matvec`.
      key: random key of the probes.
      num_probes: at least 2.
      num_steps: Lanczos steps for each; no more than that many eigenvalues can be told apart.
      memory_limit: bytes that intermediates and basis may take; ``None``: what is free when this is called.

    Raises:
      ConfigError: what :func:`hessian_matvec` raises; counts out of range; needs beyond the limit.

    >>> import jax, jax.numpy as jnp
    >>> found = hessian_spectrum(lambda w: (w**3).sum() / 6, jnp.array([1.0, 5.0, 3.0]), key=jax.random.key(0),
    ...                          num_probes=2, num_steps=3)
    >>> round(float(found.trace.value), 3)
    9.0
    """
    check_key("key", key)
    mask = mask_of(mask, params)
    params, reserved = _checked_spectrum(params, num_probes, num_steps)
    check_scalar_loss(loss, params)
    check_mask(mask, params)
    matvec = _hessian_matvec(loss, params, mask, 0.0, linearise, memory_limit, reserved)
    return _spectrum(matvec, params, mask, key, num_probes=num_probes, num_steps=num_steps, memory_limit=memory_limit)


def ggn_top(
    apply: Apply,
    loss: Loss,
    params: PyTree,
    x: PyTree,
    y: PyTree,
    k: int,
    *,
    key: Array,
    which: str = "largest",
    tol: ArrayLike = 1e-3,
    max_steps: int = 500,
    mask: PyTree | None = None,
    memory_limit: float | None = None,
    **data: Any,
) -> linalg.Eigenpairs:
    """The ``k`` extreme eigenpairs of the generalised Gauss-Newton matrix, by Lanczos with a stopping test.

    Args:
      apply, loss, params, x, y, mask: as for :func:`ggn_matvec`.
      k, key, which, tol, max_steps, memory_limit: as for :func:`hessian_top`.
      **data: ``weights``, ``batch_size``, ``reduction`` and ``damping`` of :func:`ggn_matvec`.

    Raises:
      ConfigError: what :func:`ggn_matvec` and :func:`hessian_top` raise.

    >>> import jax, jax.numpy as jnp
    >>> x, y = jnp.diag(jnp.array([2.0, 4.0])), jnp.zeros((2, 1))
    >>> half_square = lambda f, y: ((f - y) ** 2).sum(1) / 2
    >>> found = ggn_top(lambda w, x: x @ w, half_square, jnp.ones((2, 1)), x, y, 1, key=jax.random.key(0))
    >>> round(float(found.values[0]), 3)  # the largest eigenvalue of XᵀX / n
    8.0
    """
    check_key("key", key)
    mask = mask_of(mask, params)
    params, reserved = _checked_top(params, k, max_steps, mask)
    matvec = ggn_matvec(apply, loss, params, x, y, mask=mask, memory_limit=memory_limit, reserved=reserved, **data)
    with said_of_forward_mode(*WITHOUT_FORWARD_MODE):
        return _top(matvec, params, mask, key, tol, k=k, which=which, max_steps=max_steps, memory_limit=memory_limit)


def ggn_spectrum(
    apply: Apply,
    loss: Loss,
    params: PyTree,
    x: PyTree,
    y: PyTree,
    *,
    key: Array,
    num_probes: int = 10,
    num_steps: int = 64,
    mask: PyTree | None = None,
    memory_limit: float | None = None,
    **data: Any,
) -> linalg.SpectralDensity:
    """Estimates the eigenvalue density of the Gauss-Newton matrix, by stochastic Lanczos quadrature.

    Args:
      apply, loss, params, x, y, mask: as for :func:`ggn_matvec`.
      key, num_probes, num_steps, memory_limit: as for :func:`hessian_spectrum`.
      **data: ``weights``, ``batch_size``, ``reduction`` and ``damping`` of :func:`ggn_matvec`.

    Raises:
      ConfigError: what :func:`ggn_matvec` and :func:`hessian_spectrum` raise.

    >>> import jax, jax.numpy as jnp
    >>> x, y = jnp.diag(jnp.array([2.0, 4.0])), jnp.zeros((2, 1))
    >>> half_square = lambda f, y: ((f - y) ** 2).sum(1) / 2
    >>> found = ggn_spectrum(lambda w, x: x @ w, half_square, jnp.ones((2, 1)), x, y, key=jax.random.key(0),
    ...                      num_probes=2, num_steps=2)
    >>> [round(node, 3) for node in found.nodes[0].tolist()]
    [2.0, 8.0]
    """
    check_key("key", key)
    mask = mask_of(mask, params)
    params, reserved = _checked_spectrum(params, num_probes, num_steps)
    matvec = ggn_matvec(apply, loss, params, x, y, mask=mask, memory_limit=memory_limit, reserved=reserved, **data)
    with said_of_forward_mode(*WITHOUT_FORWARD_MODE):
        return _spectrum(
            matvec, params, mask, key, num_probes=num_probes, num_steps=num_steps, memory_limit=memory_limit
        )


@jax.jit(static_argnums=0)
def _linearised_gradient(loss: ScalarLoss, params: PyTree) -> Matvec:
    return jax.linearize(jax.grad(loss), params)[1]


@jax.jit
def _forward_over_reverse(loss: ScalarLoss, params: PyTree, v: PyTree) -> PyTree:
    return jax.jvp(jax.grad(loss), (params,), (v,))[1]


@jax.jit(static_argnames=("k", "which", "max_steps", "memory_limit"))
def _top(
    matvec: Matvec,
    like: PyTree,
    mask: PyTree | None,
    key: Array,
    tol: ArrayLike,
    *,
    k: int,
    which: str,
    max_steps: int,
    memory_limit: float | None,
) -> linalg.Eigenpairs:
    # Jitted with the operator as an argument: its arrays are no constants of the program.
    return linalg.top_eigenpairs(
        matvec, like, k, key=key, tol=tol, max_steps=max_steps, which=which, mask=mask, memory_limit=memory_limit
    )


@jax.jit(static_argnames=("num_probes", "num_steps", "memory_limit"))
def _spectrum(
    matvec: Matvec,
    like: PyTree,
    mask: PyTree | None,
    key: Array,
    *,
    num_probes: int,
    num_steps: int,
    memory_limit: float | None,
) -> linalg.SpectralDensity:
    return linalg.spectral_density(
        matvec, like, key=key, num_probes=num_probes, num_steps=num_steps, mask=mask, memory_limit=memory_limit
    )


def _checked_top(params: PyTree, k: int, max_steps: int, mask: PyTree | None) -> tuple[PyTree, int]:
    """The parameters as arrays, and bytes of the vectors that the search will hold, once it is seen to be possible."""
    check_parameters(params)
    params = as_arrays(params)
    check_mask(mask, params)
    check_count("k", k, params, mask)
    check_positive_int("max_steps", max_steps, low=k)
    return params, basis_bytes(params, vectors_held(sum(leaf.size for leaf in jax.tree.leaves(params)), k))


def _checked_spectrum(params: PyTree, num_probes: int, num_steps: int) -> tuple[PyTree, int]:
    check_parameters(params)
    check_positive_int("num_probes", num_probes, low=2)
    check_positive_int("num_steps", num_steps)
    params = as_arrays(params)
    return params, basis_bytes(params, num_steps)
