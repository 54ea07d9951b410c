"""Stochastic gradient descent with momentum and L2 regularisation."""

import optax

from gendyn.core import check_range
from gendyn.optim._checks import check_flag
from gendyn.optim.learning_rate import LearningRate, check_learning_rate
from gendyn.optim.wrappers import keep_dtypes
from gendyn.types import ArrayLike, TransformExample

ROLE = "optimizer"
PAD_SAFE = True
FAMILY = "sgd"
DECOUPLED_DECAY = False


def sgd(
    learning_rate: LearningRate = 1e-3,
    momentum: ArrayLike = 0.9,
    nesterov: bool = False,
    weight_decay: ArrayLike = 0.0,
) -> optax.GradientTransformation:
    """Gradient descent with heavy-ball (or Nesterov) momentum.

    With gradient ``g`` and parameters ``p`` at step ``t``::

        h_t = g_t + weight_decay * p_t             coupled L2: the loss has 1/2 weight_decay |p|^2 added
        m_t = h_t + momentum * m_(t-1),  m_(-1) = 0
        p_(t+1) = p_t - learning_rate(t) * m_t                      nesterov=False
        p_(t+1) = p_t - learning_rate(t) * (h_t + momentum * m_t)   nesterov=True

    There is no factor ``1 - momentum``: at ``momentum = 0.9`` a constant gradient moves ten times as far as at 0.
    One buffer of the size of the parameters, also at ``momentum = 0``, so that momentum can be swept.

    Args:
      learning_rate: in [0, inf), or a function of the step.
      momentum: in [0, 1). At 0 this is plain gradient descent, exactly.
      nesterov: static; Nesterov's momentum in place of the heavy ball.
      weight_decay: in [0, inf); enters the momentum, as in PyTorch's ``SGD``.

    Returns:
      A transform whose ``update`` needs ``params``.

    Raises:
      ConfigError: a concrete hyperparameter outside its interval, or ``nesterov`` that is not a bool.

    >>> import jax.numpy as jnp
    >>> transform = sgd(0.1, momentum=0.5)
    >>> params, state = jnp.array([1.0]), transform.init(jnp.array([1.0]))
    >>> for _ in range(2):
    ...     updates, state = transform.update(jnp.array([1.0]), state, params)
    ...     print(updates)
    [-0.1]
    [-0.15]

    Reference: Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013, eq. 1-4.
    """
    check_learning_rate(learning_rate)
    check_range("momentum", momentum, low=0, high=1, open_high=True)
    check_flag("nesterov", nesterov)
    check_range("weight_decay", weight_decay, low=0)
    return keep_dtypes(
        optax.chain(optax.add_decayed_weights(weight_decay), optax.sgd(learning_rate, momentum, nesterov))
    )


def example() -> TransformExample:
    return TransformExample(
        kwargs={"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.01},
        sweeps={"learning_rate": (0.0, 0.05, 0.2), "momentum": (0.0, 0.9), "weight_decay": (0.0, 0.1)},
    )
