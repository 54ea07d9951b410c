"""Muon: momentum, orthogonalised by Newton-Schulz iterations."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
import optax.contrib

from gendyn.core import check_range
from gendyn.optim._checks import check_flag, check_static_int
from gendyn.optim.learning_rate import LearningRate, check_learning_rate
from gendyn.optim.wrappers import keep_dtypes
from gendyn.types import Array, ArrayLike, PyTree, TransformExample

ROLE = "optimizer"
# A matrix [fan_in, fan_out] is scaled by sqrt(max(1, fan_out / fan_in)), which would be read from the padded shape.
PAD_SAFE = False
# The update does not grow with the gradient, as in Adam.
FAMILY = "adam"
DECOUPLED_DECAY = True


def muon(
    learning_rate: LearningRate = 1e-3,
    momentum: ArrayLike = 0.95,
    eps: ArrayLike = 1e-8,
    weight_decay: ArrayLike = 0.0,
    nesterov: bool = True,
    num_iterations: int = 5,
    adam_learning_rate_scale: ArrayLike = 1.0,
    adam_b1: ArrayLike = 0.9,
    adam_b2: ArrayLike = 0.999,
) -> optax.GradientTransformation:
    """Muon on matrices, AdamW (with Nesterov momentum where ``nesterov``) on all parameters of other ranks.

    With a matrix parameter ``P [fan_in, fan_out]``, its gradient ``G`` and ``M`` the bias-corrected moving average of
    gradients::

        O = U V^T of the SVD M = U S V^T, approximately: ``num_iterations`` quintic Newton-Schulz steps
        P <- P - learning_rate * (sqrt(max(1, fan_out / fan_in)) O + weight_decay * P)

    The singular values of ``O`` end between about 0.7 and 1.2, not at 1. Costs ``num_iterations`` times three matrix
    products of the shape of the parameter, and one buffer (two for the parameters that go to Adam). Not pad-safe:
    the scale depends on the shape. The muP multipliers of family "adam" do not suit it: its updates of matrices are
    normalised in spectral norm already.

    Args:
      learning_rate: in [0, inf), or a function of the step; of the matrices.
      momentum: in [0, 1).
      eps: in (0, inf); added to the norm of ``M``, and Adam's ``eps``.
      weight_decay: in [0, inf), decoupled and multiplied by the learning rate, on all parameters.
      nesterov: static; look ahead by one step of the average.
      num_iterations: static, at least 1.
      adam_learning_rate_scale: in [0, inf); Adam's learning rate as a multiple of ``learning_rate``.
      adam_b1: in [0, 1).
      adam_b2: in [0, 1).

    Returns:
      A transform whose ``update`` needs ``params``.

    Raises:
      ConfigError: a concrete hyperparameter outside its interval, or a static one of the wrong type.

    >>> import jax, jax.numpy as jnp
    >>> params = jnp.zeros((4, 4))
    >>> gradient = jax.random.normal(jax.random.key(0), (4, 4))
    >>> transform = muon(1.0)
    >>> updates, _ = transform.update(gradient, transform.init(params), params)
    >>> singular_values = jnp.linalg.svd(updates, compute_uv=False)
    >>> bool((singular_values > 0.5).all() and (singular_values < 1.5).all())
    True

    Reference: Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024; the scale is that of
    Bernstein and Newhouse, Old optimizer, new norm, 2024.
    """
    check_learning_rate(learning_rate)
    check_range("momentum", momentum, low=0, high=1, open_high=True)
    check_range("eps", eps, low=0, open_low=True)
    check_range("weight_decay", weight_decay, low=0)
    check_flag("nesterov", nesterov)
    check_static_int("num_iterations", num_iterations)
    check_range("adam_learning_rate_scale", adam_learning_rate_scale, low=0)
    check_range("adam_b1", adam_b1, low=0, high=1, open_high=True)
    check_range("adam_b2", adam_b2, low=0, high=1, open_high=True)
    return keep_dtypes(
        optax.contrib.muon(
            learning_rate,
            ns_steps=num_iterations,
            beta=momentum,
            eps=eps,
            weight_decay=weight_decay,
            nesterov=nesterov,
            adam_b1=adam_b1,
            adam_b2=adam_b2,
            adam_weight_decay=weight_decay,
            adam_learning_rate=_scaled(learning_rate, adam_learning_rate_scale),
            muon_weight_dimension_numbers=_matrices,
        )
    )


def _matrices(params: PyTree) -> PyTree:
    """Which parameters are orthogonalised: optax's own choice, less matrices without entries, which have no norm."""

    def chosen(leaf: Any) -> optax.contrib.MuonDimensionNumbers | None:
        return optax.contrib.MuonDimensionNumbers() if jnp.ndim(leaf) == 2 and jnp.size(leaf) else None

    return jax.tree.map(chosen, params)


def _scaled(learning_rate: LearningRate, scale: ArrayLike) -> LearningRate:
    if not callable(learning_rate):
        return jnp.asarray(learning_rate) * scale
    rate = learning_rate

    def scaled(step: Array) -> Array:
        return rate(step) * jnp.asarray(scale)

    return scaled


def example() -> TransformExample:
    return TransformExample(
        kwargs={"learning_rate": 0.02, "weight_decay": 0.1},
        sweeps={
            "learning_rate": (0.0, 0.02, 0.1),
            "momentum": (0.0, 0.95),
            "eps": (1e-8, 1.0),
            "weight_decay": (0.0, 1.0),
            "adam_learning_rate_scale": (0.0, 0.1, 1.0),
            "adam_b1": (0.0, 0.9),
            "adam_b2": (0.0, 0.999),
        },
    )
