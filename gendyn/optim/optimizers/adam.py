"""Adam, with L2 regularisation that enters the moments (coupled)."""

import optax

from gendyn.core import check_range
from gendyn.optim.learning_rate import LearningRate, check_learning_rate
from gendyn.optim.wrappers import keep_dtypes
from gendyn.types import ArrayLike, TransformExample

ROLE = "optimizer"
PAD_SAFE = True
FAMILY = "adam"
DECOUPLED_DECAY = False


def adam(
    learning_rate: LearningRate = 1e-3,
    b1: ArrayLike = 0.9,
    b2: ArrayLike = 0.999,
    eps: ArrayLike = 1e-8,
    weight_decay: ArrayLike = 0.0,
) -> optax.GradientTransformation:
    """Adam. ``weight_decay`` is COUPLED L2; for decoupled decay use :func:`gendyn.optim.adamw`.

    With gradient ``g`` and parameters ``p`` at update ``t = 1, 2, ...``::

        h_t = g_t + weight_decay * p_t
        m_t = b1 m_(t-1) + (1 - b1) h_t          v_t = b2 v_(t-1) + (1 - b2) h_t^2
        p_(t+1) = p_t - learning_rate * (m_t / (1 - b1^t)) / (sqrt(v_t / (1 - b2^t)) + eps)

    The coupled term is divided by ``sqrt(v)`` like the gradient: parameters with large gradients decay less.
    Two buffers of the size of the parameters.

    Args:
      learning_rate: in [0, inf), or a function of the step (which counts from 0).
      b1: in [0, 1).
      b2: in [0, 1).
      eps: in (0, inf); outside the square root. Zero would make 0 / 0 of a parameter without gradient.
      weight_decay: in [0, inf), coupled, as in PyTorch's ``Adam``.

    Returns:
      A transform whose ``update`` needs ``params``.

    Raises:
      ConfigError: a concrete hyperparameter outside its interval.

    >>> import jax.numpy as jnp
    >>> transform = adam(0.1)
    >>> params = jnp.array([1.0, -1.0])
    >>> updates, _ = transform.update(jnp.array([3.0, -0.01]), transform.init(params), params)
    >>> [round(float(update), 4) for update in updates]
    [-0.1, 0.1]

    Reference: Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1.
    """
    check_learning_rate(learning_rate)
    check_range("b1", b1, low=0, high=1, open_high=True)
    check_range("b2", b2, low=0, high=1, open_high=True)
    check_range("eps", eps, low=0, open_low=True)
    check_range("weight_decay", weight_decay, low=0)
    return keep_dtypes(optax.chain(optax.add_decayed_weights(weight_decay), optax.adam(learning_rate, b1, b2, eps)))


def example() -> TransformExample:
    return TransformExample(
        kwargs={"learning_rate": 0.01, "weight_decay": 0.01},
        sweeps={
            "learning_rate": (0.0, 0.01, 0.1),
            "b1": (0.0, 0.9),
            "b2": (0.0, 0.9, 0.999),
            "eps": (1e-8, 1e-1),
            "weight_decay": (0.0, 0.5),
        },
    )
