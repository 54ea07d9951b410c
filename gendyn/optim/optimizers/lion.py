"""Lion: the sign of an interpolated momentum."""

import optax

from gendyn.core import check_range
from gendyn.optim.learning_rate import LearningRate, check_learning_rate
from gendyn.optim.wrappers import keep_dtypes
from gendyn.types import ArrayLike, TransformExample

ROLE = "optimizer"
PAD_SAFE = True
FAMILY = "adam"
DECOUPLED_DECAY = True


def lion(
    learning_rate: LearningRate = 1e-3,
    b1: ArrayLike = 0.9,
    b2: ArrayLike = 0.99,
    weight_decay: ArrayLike = 0.0,
) -> optax.GradientTransformation:
    """Lion, with decoupled weight decay.

    With gradient ``g`` and parameters ``p`` at step ``t``::

        p_(t+1) = p_t - learning_rate * (sign(b1 m_(t-1) + (1 - b1) g_t) + weight_decay * p_t)
        m_t = b2 m_(t-1) + (1 - b2) g_t,  m_(-1) = 0

    Every coordinate with a gradient moves by the learning rate, so rates are three to ten times smaller than Adam's,
    and decays as much larger. One buffer of the size of the parameters.

    Args:
      learning_rate: in [0, inf), or a function of the step.
      b1: in [0, 1); weight of the past in the update.
      b2: in [0, 1); weight of the past in the momentum.
      weight_decay: in [0, inf), decoupled and multiplied by the learning rate.

    Returns:
      A transform whose ``update`` needs ``params``.

    Raises:
      ConfigError: a concrete hyperparameter outside its interval.

    >>> import jax.numpy as jnp
    >>> transform = lion(0.01)
    >>> params = jnp.array([1.0, 1.0, 1.0])
    >>> updates, _ = transform.update(jnp.array([5.0, -1e-3, 0.0]), transform.init(params), params)
    >>> print(updates)
    [-0.01  0.01 -0.  ]

    Reference: Chen et al., Symbolic discovery of optimization algorithms, NeurIPS 2023, program 1.
    """
    check_learning_rate(learning_rate)
    check_range("b1", b1, low=0, high=1, open_high=True)
    check_range("b2", b2, low=0, high=1, open_high=True)
    check_range("weight_decay", weight_decay, low=0)
    return keep_dtypes(optax.lion(learning_rate, b1, b2, weight_decay=weight_decay))


def example() -> TransformExample:
    return TransformExample(
        kwargs={"learning_rate": 0.01, "weight_decay": 0.1},
        sweeps={
            "learning_rate": (0.0, 0.01, 0.1),
            "b1": (0.0, 0.9),
            "b2": (0.0, 0.99),
            "weight_decay": (0.0, 1.0),
        },
    )
