"""Adagrad, with L2 regularisation that enters the sum (coupled)."""

import optax

from gendyn.core import check_range
from gendyn.optim.learning_rate import LearningRate, check_learning_rate
from gendyn.optim.wrappers import keep_dtypes
from gendyn.types import ArrayLike, TransformExample

ROLE = "optimizer"
PAD_SAFE = True
FAMILY = "adam"
DECOUPLED_DECAY = False


def adagrad(
    learning_rate: LearningRate = 1e-2,
    eps: ArrayLike = 1e-10,
    weight_decay: ArrayLike = 0.0,
) -> optax.GradientTransformation:
    """Adagrad: the gradient over the root of the sum of all its squares. ``weight_decay`` is COUPLED L2.

    With gradient ``g`` and parameters ``p`` at step ``t``::

        h_t = g_t + weight_decay * p_t
        s_t = s_(t-1) + h_t^2,  s_(-1) = 0
        p_(t+1) = p_t - learning_rate * h_t / sqrt(s_t + eps)

    The sum never forgets: steps shrink at least as fast as the gradients do. ``eps`` is inside the square root, as in
    optax, where it is what the sum starts at; PyTorch adds its own outside. One buffer of the size of the parameters.

    Args:
      learning_rate: in [0, inf), or a function of the step (which counts from 0).
      eps: in (0, inf).
      weight_decay: in [0, inf), coupled, as in PyTorch's ``Adagrad``.

    Returns:
      A transform whose ``update`` needs ``params``.

    Raises:
      ConfigError: a concrete hyperparameter outside its interval.

    >>> import jax.numpy as jnp
    >>> transform = adagrad(0.1)
    >>> params, state = jnp.array([1.0]), transform.init(jnp.array([1.0]))
    >>> for _ in range(4):
    ...     updates, state = transform.update(jnp.array([3.0]), state, params)
    >>> print(updates.round(3))  # the fourth of four equal gradients: 0.1 / sqrt(4)
    [-0.05]

    Reference: Duchi, Hazan and Singer, Adaptive subgradient methods for online learning and stochastic optimization,
    Journal of Machine Learning Research 12 (2011), figure 1.
    """
    check_learning_rate(learning_rate)
    check_range("eps", eps, low=0, open_low=True)
    check_range("weight_decay", weight_decay, low=0)
    return keep_dtypes(
        optax.chain(
            optax.add_decayed_weights(weight_decay),
            optax.adagrad(learning_rate, initial_accumulator_value=0.0, eps=eps),
        )
    )


def example() -> TransformExample:
    return TransformExample(
        kwargs={"learning_rate": 0.01, "weight_decay": 0.01},
        sweeps={"learning_rate": (0.0, 0.01, 0.1), "eps": (1e-10, 1e-1), "weight_decay": (0.0, 0.5)},
    )
