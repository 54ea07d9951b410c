"""AdamW: Adam with decoupled weight decay."""

import optax

from gendyn.core import check_range
from gendyn.optim.learning_rate import LearningRate, check_learning_rate
from gendyn.optim.wrappers import keep_dtypes
from gendyn.types import ArrayLike, TransformExample

ROLE = "optimizer"
PAD_SAFE = True
FAMILY = "adam"
DECOUPLED_DECAY = True


def adamw(
    learning_rate: LearningRate = 1e-3,
    b1: ArrayLike = 0.9,
    b2: ArrayLike = 0.999,
    eps: ArrayLike = 1e-8,
    weight_decay: ArrayLike = 0.01,
) -> optax.GradientTransformation:
    """Adam with DECOUPLED weight decay; for coupled L2 use :func:`gendyn.optim.adam`.

    With gradient ``g`` and parameters ``p`` at update ``t = 1, 2, ...``::

        m_t = b1 m_(t-1) + (1 - b1) g_t          v_t = b2 v_(t-1) + (1 - b2) g_t^2
        p_(t+1) = p_t - learning_rate * ((m_t / (1 - b1^t)) / (sqrt(v_t / (1 - b2^t)) + eps) + weight_decay * p_t)

    The decay is multiplied by the learning rate, schedule and all (as in PyTorch and optax; the paper multiplies it
    by the schedule alone): a parameter without gradient shrinks by ``1 - learning_rate * weight_decay`` an update.
    Two buffers of the size of the parameters.

    Args:
      learning_rate: in [0, inf), or a function of the step (which counts from 0).
      b1: in [0, 1).
      b2: in [0, 1).
      eps: in (0, inf); outside the square root.
      weight_decay: in [0, inf), decoupled, on every parameter; exclude some with ``optax.masked`` or
        ``optax.multi_transform``.

    Returns:
      A transform whose ``update`` needs ``params``.

    Raises:
      ConfigError: a concrete hyperparameter outside its interval.

    >>> import jax.numpy as jnp
    >>> transform = adamw(0.1, weight_decay=0.5)
    >>> params = jnp.array([2.0])
    >>> updates, _ = transform.update(jnp.array([0.0]), transform.init(params), params)
    >>> print(updates)
    [-0.1]

    Reference: Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019, algorithm 2.
    """
    check_learning_rate(learning_rate)
    check_range("b1", b1, low=0, high=1, open_high=True)
    check_range("b2", b2, low=0, high=1, open_high=True)
    check_range("eps", eps, low=0, open_low=True)
    check_range("weight_decay", weight_decay, low=0)
    return keep_dtypes(optax.adamw(learning_rate, b1, b2, eps, weight_decay=weight_decay))


def example() -> TransformExample:
    return TransformExample(
        kwargs={"learning_rate": 0.01, "weight_decay": 0.1},
        sweeps={
            "learning_rate": (0.0, 0.01, 0.1),
            "b1": (0.0, 0.9),
            "b2": (0.0, 0.9, 0.999),
            "eps": (1e-8, 1e-1),
            "weight_decay": (0.0, 1.0),
        },
    )
