"""RMSProp, with L2 regularisation that enters the moment (coupled)."""

import optax

from gendyn.core import check_range
from gendyn.optim.learning_rate import LearningRate, check_learning_rate
from gendyn.optim.wrappers import keep_dtypes
from gendyn.types import ArrayLike, TransformExample

ROLE = "optimizer"
PAD_SAFE = True
FAMILY = "adam"
DECOUPLED_DECAY = False


def rmsprop(
    learning_rate: LearningRate = 1e-3,
    b2: ArrayLike = 0.9,
    eps: ArrayLike = 1e-8,
    weight_decay: ArrayLike = 0.0,
) -> optax.GradientTransformation:
    """RMSProp: the gradient over the root of the running mean of its square. ``weight_decay`` is COUPLED L2.

    With gradient ``g`` and parameters ``p`` at step ``t``::

        h_t = g_t + weight_decay * p_t
        v_t = b2 v_(t-1) + (1 - b2) h_t^2,  v_(-1) = 0
        p_(t+1) = p_t - learning_rate * h_t / (sqrt(v_t) + eps)

    This is Adam with ``b1 = 0`` and without its bias correction, so that the first updates are longer, the very first
    by ``1 / sqrt(1 - b2)``. The arguments are called as Adam's are (``b2`` is optax's ``decay`` and PyTorch's
    ``alpha``), and ``eps`` is outside the square root as there and in PyTorch; optax puts it inside unless told
    otherwise. One buffer of the size of the parameters.

    Args:
      learning_rate: in [0, inf), or a function of the step (which counts from 0).
      b2: in [0, 1).
      eps: in (0, inf); outside the square root. Zero would make 0 / 0 of a parameter without gradient.
      weight_decay: in [0, inf), coupled, as in PyTorch's ``RMSprop``.

    Returns:
      A transform whose ``update`` needs ``params``.

    Raises:
      ConfigError: a concrete hyperparameter outside its interval.

    >>> import jax.numpy as jnp
    >>> transform = rmsprop(0.1, b2=0.75)
    >>> params = jnp.array([1.0, -1.0])
    >>> updates, _ = transform.update(jnp.array([3.0, -0.01]), transform.init(params), params)
    >>> print(updates.round(3))  # 0.1 / sqrt(1 - 0.75)
    [-0.2  0.2]

    Reference: Tieleman and Hinton, Neural networks for machine learning (Coursera, 2012), lecture 6.5.
    """
    check_learning_rate(learning_rate)
    check_range("b2", b2, low=0, high=1, open_high=True)
    check_range("eps", eps, low=0, open_low=True)
    check_range("weight_decay", weight_decay, low=0)
    return keep_dtypes(
        optax.chain(optax.add_decayed_weights(weight_decay), optax.rmsprop(learning_rate, b2, eps, eps_in_sqrt=False))
    )


def example() -> TransformExample:
    return TransformExample(
        kwargs={"learning_rate": 0.01, "weight_decay": 0.01},
        sweeps={
            "learning_rate": (0.0, 0.01, 0.1),
            "b2": (0.0, 0.9, 0.999),
            "eps": (1e-8, 1e-1),
            "weight_decay": (0.0, 0.5),
        },
    )
