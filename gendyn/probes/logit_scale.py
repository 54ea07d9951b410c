"""Size of the logits on the training rows, and the examples that float arithmetic has stopped training."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gendyn.core import check_positive_int
from gendyn.measure.dynamics.logits import collapsed, logit_margin
from gendyn.types import Array, Probe, ProbeData, ProbeExample, PyTree


def logit_scale(*, num_examples: int | None = None) -> Probe:
    """Exact on the rows used: scale and margin of the logits, and the fractions of rows without a gradient.

    - ``scale = sqrt(mean over rows and classes of (f_c - mean_c f)²)``: the standard deviation of centred logits.
    - ``margin``: the mean over rows of ``f_y - max over c != y of f_c``.
    - ``softmax_collapse``: fraction of rows where ``sum_c exp(f_c - max f)`` in float32 is ``exp(f_y - max f) = 1``
      exactly: the other classes are absorbed, and the correct class's entry of the softmax gradient is exactly 0.
    - ``zero_loss``: fraction of rows where the run's own loss is exactly 0.
    - ``zero_gradient``: fraction where all entries of the gradient of that loss by the outputs are exactly 0.

    Rows from ``num_train`` on count for nothing; labels are those the run is told. Collapse comes first: absorbed
    classes keep a tiny gradient until their exponentials underflow.

    Cost: one forward pass on the rows used, all at once. Parameters are not looked at.

    Args:
        num_examples: at most so many of the first training rows; ``None``: all.

    Returns:
        A probe of the scalars above.

    Raises:
        ConfigError: ``num_examples`` below 1; by the probe, targets that are no integer classes.

    >>> from gendyn.optim import cross_entropy
    >>> x = jnp.array([[20.0, 0.0], [1.0, 0.0]])
    >>> data = ProbeData(x, jnp.array([0, 0]), jnp.int32(2), x, jnp.array([0, 0]), cross_entropy)
    >>> values = logit_scale().fn(jax.random.key(0), lambda params, x: x, None, data)
    >>> {name: round(float(values[name]), 4) for name in ("margin", "softmax_collapse", "zero_gradient")}
    {'margin': 10.5, 'softmax_collapse': 0.5, 'zero_gradient': 0.0}

    Reference: Prieto et al. (2025), arXiv:2501.04697, section 3 (softmax collapse).
    """
    if num_examples is not None:
        check_positive_int("num_examples", num_examples)

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        del key
        x, targets = data.x_train[:num_examples], data.targets[:num_examples]
        used = jnp.arange(x.shape[0]) < data.num_train
        outputs = apply(params, x)
        gradient = jax.grad(lambda f: jnp.sum(data.loss(f, targets)))(outputs)
        logits = outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))
        spread = jnp.mean(jnp.square(logits - jnp.mean(logits, axis=1, keepdims=True)), axis=1)

        def mean(values: Array) -> Array:
            # where, not a product: a row that does not count may hold anything.
            return jnp.sum(jnp.where(used, values, 0.0)) / jnp.sum(used)

        # What a comparison says of NaN is "no": a diverged network would look like one without collapse.
        known = jnp.where(used, jnp.isfinite(logits).all(axis=1), True).all()
        return {
            "scale": jnp.sqrt(mean(spread)),
            "margin": mean(logit_margin(logits, targets)),
            "softmax_collapse": jnp.where(known, mean(collapsed(logits, targets)), jnp.nan),
            "zero_loss": jnp.where(known, mean(data.loss(outputs, targets) == 0), jnp.nan),
            "zero_gradient": jnp.where(known, mean(jnp.all(gradient == 0, axis=1)), jnp.nan),
        }

    return Probe("logit_scale", measure)


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={"num_examples": 7})
