"""Curvature as matrix-vector products over a data set: Hessian, Gauss-Newton, Fisher, gradient second moment.

All of them are ``sum_i w_i A_i`` over examples. ``reduction="mean"``: ``w_i = weights_i / sum(weights)``, the
curvature of the mean loss that a run minimises. ``reduction="sum"``: ``w_i = weights_i``, ``n`` times as large without
weights. Never the mean over outputs: whatever ``loss`` does with them stays.

``batch_size=None`` takes all examples at once and linearises once: the forward pass runs when the operator is made,
and its intermediates live as long as the operator. ``batch_size=b`` runs the forward pass again at every product, in
blocks of ``b``, in memory that does not depend on ``n``. Both give the same numbers to rounding, unless ``apply`` mixes
examples: BatchNorm in training mode normalises by each block's own moments. In evaluation mode it does not mix them.

They return a ``jax.tree_util.Partial``: a function ``v -> A v`` on pytrees like ``params``, and itself a pytree, so
that it can be an argument of jitted and vmapped functions. Precision: that of ``params``.
"""

import operator as python_operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from gendyn.core import ConfigError, check_choice, check_range, mask_of
from gendyn.measure.curvature._stream import Examples, Matvec, operator, prepare, sum_over_blocks
from gendyn.types import Array, ArrayLike, PyTree

Apply = Callable[[PyTree, Any], Array]
Loss = Callable[[Array, Any], Array]


def hessian_operator(
    apply: Apply,
    loss: Loss,
    params: PyTree,
    x: PyTree,
    y: PyTree,
    *,
    weights: ArrayLike | None = None,
    batch_size: int | None = None,
    reduction: str = "mean",
    mask: PyTree | None = None,
    damping: ArrayLike = 0.0,
    memory_limit: float | None = None,
    reserved: int = 0,
) -> Matvec:
    """The Hessian of a loss over a data set, exact, as ``v -> P H P v + damping P v``.

    ``H = sum_i w_i d²/dθ² loss(apply(θ, x_i), y_i)``.

    Cost: making it, a gradient; a product, about two gradients' arithmetic, three with ``batch_size``.

    Args:
      apply: ``(params, x [B, ...]) -> outputs [B, C]``, pure.
      loss: ``(outputs [B, C], y [B, ...]) -> [B]``, as :func:`gendyn.optim.cross_entropy`.
      params: pytree of real floating-point arrays.
      x: inputs, leading axis ``n``.
      y: targets, leading axis ``n``.
      weights: ``[n]``, not negative; ``None``: ones. A zero leaves an example out.
      batch_size: examples at a time; ``None``: all of them, linearised once.
      reduction: ``"mean"`` or ``"sum"`` over examples, see the top of this module.
      mask: pytree like ``params`` of arrays that broadcast to its leaves, nonzero where a coordinate is real.
      damping: added on the kept coordinates, at least 0; may be traced.
      memory_limit: bytes that the intermediates of a product may take; ``None``: what is free when this is called or
        traced.
      reserved: bytes of that which are for what the caller holds beside the operator, such as a Lanczos basis.

    Returns:
      The product, a function of a pytree like ``params``; symmetric.

    Raises:
      ConfigError: complex, integer or non-finite parameters; an empty batch; lengths that differ; a loss that is not
        one number an example; a mask that does not fit; ``reduction`` or ``batch_size`` out of range; needs beyond
        the limit.

    Linear regression with half the squared error: ``H = XᵀX / n``.

    >>> x, y = jnp.array([[1.0, 0.0], [1.0, 2.0]]), jnp.zeros((2, 1))
    >>> product = hessian_operator(lambda w, x: x @ w, lambda f, y: ((f - y) ** 2).sum(1) / 2, jnp.ones((2, 1)), x, y)
    >>> print(product(jnp.array([[1.0], [0.0]])).T, (x.T @ x)[0] / 2)
    [[1. 1.]] [1. 1.]

    Reference: Pearlmutter, "Fast Exact Multiplication by the Hessian", Neural Computation 1994, eq. 5.
    """
    mask = mask_of(mask, params)
    data = prepare(apply, loss, params, x, y, weights, batch_size, reduction, mask, damping)
    return operator(_Hessian(apply, loss), params, data, None, batch_size, mask, damping, memory_limit, reserved)


def ggn_matvec(
    apply: Apply,
    loss: Loss,
    params: PyTree,
    x: PyTree,
    y: PyTree,
    *,
    weights: ArrayLike | None = None,
    batch_size: int | None = None,
    reduction: str = "mean",
    mask: PyTree | None = None,
    damping: ArrayLike = 0.0,
    memory_limit: float | None = None,
    reserved: int = 0,
) -> Matvec:
    """The generalised Gauss-Newton matrix over a data set, exact, as ``v -> P G P v + damping P v``.

    ``G = sum_i w_i J_iᵀ L_i J_i`` with ``J_i = d apply(θ, x_i)/dθ`` and ``L_i`` the Hessian of ``loss`` in the outputs:
    the Hessian without the curvature of the network itself. Positive semi-definite where the loss is convex.

    Cost: a product is one forward-mode and one reverse-mode pass of the network.

    Args, Returns and Raises are those of :func:`hessian_operator`.

    A network that is linear in its parameters has ``G = H``:

    >>> x, y = jnp.array([[1.0, 0.0], [1.0, 2.0]]), jnp.zeros((2, 1))
    >>> product = ggn_matvec(lambda w, x: x @ w, lambda f, y: ((f - y) ** 2).sum(1) / 2, jnp.ones((2, 1)), x, y)
    >>> print(product(jnp.array([[1.0], [0.0]])).T)
    [[1. 1.]]

    Reference: Schraudolph, "Fast Curvature Matrix-Vector Products", Neural Computation 2002, section 3.
    """
    mask = mask_of(mask, params)
    data = prepare(apply, loss, params, x, y, weights, batch_size, reduction, mask, damping)
    return operator(_GaussNewton(apply, loss), params, data, None, batch_size, mask, damping, memory_limit, reserved)


def fisher_matvec(
    apply: Apply,
    loss: Loss,
    params: PyTree,
    x: PyTree,
    y: PyTree,
    *,
    kind: str = "true",
    likelihood: str = "softmax",
    variance: ArrayLike = 0.5,
    weights: ArrayLike | None = None,
    batch_size: int | None = None,
    reduction: str = "mean",
    mask: PyTree | None = None,
    damping: ArrayLike = 0.0,
    memory_limit: float | None = None,
    reserved: int = 0,
) -> Matvec:
    """The Fisher information matrix, exact, of the model's own labels or of the labels in the data.

    ``kind="true"``: ``F = sum_i w_i E_{y ~ p(y | x_i, θ)} [∇ log p ∇ log pᵀ] = sum_i w_i J_iᵀ F_i J_i``, with
    ``F_i = diag(p) - p pᵀ`` for ``likelihood="softmax"`` and ``F_i = I / variance`` for ``"gaussian"``. Equal to the
    Gauss-Newton matrix of the negative log-likelihood; neither ``loss`` nor the values of ``y`` enter, and no
    labels are sampled: the expectation is exact.
    ``kind="empirical"``: ``sum_i w_i g_i g_iᵀ`` with ``g_i`` the gradient of ``loss`` at the label in the data. It is
    *not* an estimate of the true one: it vanishes on fitted data. ``likelihood`` and ``variance`` do not enter.

    Args:
      kind: ``"true"`` or ``"empirical"``.
      likelihood: ``"softmax"`` (outputs are logits over the last axis) or ``"gaussian"`` (outputs are means).
      variance: of each output under ``"gaussian"``, positive. 0.5 is that of :func:`gendyn.optim.squared_error`, whose
        value is ``-log p`` up to a constant; 1 is that of half the squared error. May be traced.

    Other arguments, Returns and Raises are those of :func:`hessian_operator`.

    >>> w, x = jnp.zeros((1, 2)), jnp.ones((1, 1))
    >>> product = fisher_matvec(lambda w, x: x @ w, lambda f, y: -f[:, 0], w, x, jnp.zeros(1))
    >>> print(product(jnp.array([[1.0, 0.0]])))  # p = (1/2, 1/2): diag(p) - p pᵀ
    [[ 0.25 -0.25]]

    Reference: Kunstner, Balles, Hennig, "Limitations of the Empirical Fisher Approximation", NeurIPS 2019, eqs. 3-5.
    """
    check_choice("kind", kind, ("true", "empirical"))
    check_choice("likelihood", likelihood, ("softmax", "gaussian"))
    check_range("variance", variance, low=0.0, open_low=True)
    needed = loss if kind == "empirical" else None
    mask = mask_of(mask, params)
    data = prepare(apply, needed, params, x, y, weights, batch_size, reduction, mask, damping)
    if kind == "empirical":
        return operator(
            _SecondMoment(apply, loss), params, data, None, batch_size, mask, damping, memory_limit, reserved
        )
    softmax = likelihood == "softmax"
    return operator(_Fisher(apply, softmax), params, data, variance, batch_size, mask, damping, memory_limit, reserved)


def gradient_second_moment_matvec(
    apply: Apply,
    loss: Loss,
    params: PyTree,
    x: PyTree,
    y: PyTree,
    *,
    centred: bool = False,
    weights: ArrayLike | None = None,
    batch_size: int | None = None,
    reduction: str = "mean",
    mask: PyTree | None = None,
    damping: ArrayLike = 0.0,
    memory_limit: float | None = None,
    reserved: int = 0,
) -> Matvec:
    """Second moment of the per-example gradients, exact; ``centred=True`` is their covariance.

    ``M = sum_i w_i g_i g_iᵀ`` with ``g_i = ∇ loss(apply(θ, x_i), y_i)``; centred,
    ``C = sum_i w_i (g_i - g)(g_i - g)ᵀ`` with ``g = sum_i w_i g_i / sum_i w_i`` (divided by ``n``, not ``n - 1``, under
    ``reduction="mean"``). No gradient of a single example is ever formed: ``g_i · v`` is a forward-mode product.

    Cost: a product is one forward-mode and one reverse-mode pass; ``centred`` adds one gradient when it is made.

    Args:
      centred: subtract the mean gradient.

    Other arguments, Returns and Raises are those of :func:`hessian_operator`.

    >>> x, y = jnp.array([[1.0, 0.0], [1.0, 2.0]]), jnp.zeros(2)
    >>> product = gradient_second_moment_matvec(lambda w, x: x @ w, lambda f, y: f[:, 0], jnp.ones((2, 1)), x, y)
    >>> print(product(jnp.array([[0.0], [1.0]])).T)  # g_i = x_i
    [[1. 2.]]
    """
    if not isinstance(centred, bool):
        raise ConfigError(f"centred = {centred!r} must be True or False.")
    mask = mask_of(mask, params)
    data = prepare(apply, loss, params, x, y, weights, batch_size, reduction, mask, damping)
    mean = mean_gradient(apply, loss, params, data, batch_size) if centred else None
    return operator(_SecondMoment(apply, loss), params, data, mean, batch_size, mask, damping, memory_limit, reserved)


def mean_gradient(apply: Apply, loss: Loss, params: PyTree, data: Examples, batch_size: int | None) -> PyTree:
    """``sum_i w_i g_i / sum_i w_i``, streamed."""

    def total(params: PyTree, data: Examples) -> PyTree:
        def block(part: Examples) -> PyTree:
            return jax.grad(lambda p: jnp.vdot(part.weights, loss(apply(p, part.x), part.y)))(params)

        return sum_over_blocks(block, data, batch_size)

    return jax.tree.map(lambda leaf: leaf / jnp.sum(data.weights), jax.jit(total)(params, data))


@dataclass(frozen=True)
class _Hessian:
    """The gradient, linearised."""

    apply: Apply
    loss: Loss

    def __call__(self, params: PyTree, x: PyTree, y: PyTree, weights: Array, extra: Any) -> Matvec:
        def gradient(p: PyTree) -> PyTree:
            return jax.grad(lambda q: jnp.vdot(weights, self.loss(self.apply(q, x), y)))(p)

        return jax.linearize(gradient, params)[1]


@dataclass(frozen=True)
class _GaussNewton:
    """The outputs, linearised, around the Hessian of the loss in them."""

    apply: Apply
    loss: Loss

    def __call__(self, params: PyTree, x: PyTree, y: PyTree, weights: Array, extra: Any) -> Matvec:
        outputs, push = jax.linearize(lambda p: self.apply(p, x), params)
        middle = jax.linearize(jax.grad(lambda f: jnp.vdot(weights, self.loss(f, y))), outputs)[1]
        return Partial(_sandwich, push, middle)


@dataclass(frozen=True)
class _Fisher:
    """The outputs, linearised, around the Fisher information of the label's distribution in them."""

    apply: Apply
    softmax: bool

    def __call__(self, params: PyTree, x: PyTree, y: PyTree, weights: Array, extra: Any) -> Matvec:
        outputs, push = jax.linearize(lambda p: self.apply(p, x), params)
        each = weights.astype(outputs.dtype).reshape(-1, *(1,) * (outputs.ndim - 1))
        if self.softmax:
            return Partial(_sandwich, push, Partial(_softmax_information, each, jax.nn.softmax(outputs)))
        return Partial(_sandwich, push, Partial(python_operator.mul, each / extra))


@dataclass(frozen=True)
class _SecondMoment:
    """The outputs, linearised, around the outer product of each example's slope. ``extra``: the mean gradient, or none.

    Not the per-example losses, linearised: that passes the loss's own reductions twice in every product, and vmapped
    over 1100 examples XLA's CPU backend (jaxlib 0.10.2) fuses them to wrong values. See the test of large batches.
    """

    apply: Apply
    loss: Loss

    def __call__(self, params: PyTree, x: PyTree, y: PyTree, weights: Array, extra: Any) -> Matvec:
        outputs, push = jax.linearize(lambda p: self.apply(p, x), params)
        slopes = jax.grad(lambda f: jnp.sum(self.loss(f, y)))(outputs)
        return Partial(_outer_sandwich, push, slopes, weights.astype(slopes.dtype), extra)


def _sandwich(push: Matvec, middle: Callable[[Array], Array], v: PyTree) -> PyTree:
    """``Jᵀ M J v``: the transpose reuses what the linearisation of ``J`` kept."""
    (pulled,) = jax.linear_transpose(push, v)(middle(push(v)))
    return pulled


def _outer_sandwich(push: Matvec, slopes: Array, weights: Array, mean: PyTree | None, v: PyTree) -> PyTree:
    """``sum_i w_i g_i (g_i · v)`` with ``g_i = J_iᵀ slopes_i``, about ``mean`` where one is given."""
    projections = jnp.sum(slopes * push(v), axis=tuple(range(1, slopes.ndim)))  # g_i · v
    if mean is not None:
        projections -= sum(jax.tree.leaves(jax.tree.map(jnp.vdot, mean, v)))
    scaled = weights * projections
    (pulled,) = jax.linear_transpose(push, v)(slopes * scaled.reshape(-1, *(1,) * (slopes.ndim - 1)))
    if mean is None:
        return pulled
    # Both factors centred: symmetric to rounding.
    return jax.tree.map(lambda leaf, g: leaf - jnp.sum(scaled) * g, pulled, mean)


def _softmax_information(weights: Array, p: Array, tangent: Array) -> Array:
    """``w (diag(p) - p pᵀ) t``."""
    return weights * p * (tangent - jnp.sum(p * tangent, axis=-1, keepdims=True))
