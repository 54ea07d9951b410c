"""Gram matrices of a network's hidden features on fixed inputs: two records give the representation's movement."""

import inspect
from collections.abc import Callable, Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core.tracers import current_trace

from gendyn.core import ConfigError, check_positive_int
from gendyn.types import Array, Probe, ProbeData, ProbeExample, PyTree

Features = Callable[[PyTree, Array], Mapping[str, Array]]


def feature_snapshot(*, num_examples: int = 96, features: Features | None = None) -> Probe:
    """Exact: ``G = H F F^T H`` of each layer's features ``F [m, width]`` on ``m`` fixed inputs, ``H = I - 1 1^T / m``.

    Linear centred kernel alignment of two records, of one network at two steps or of two networks,

        ``CKA = <G, G'> / (||G|| ||G'||)``,

    is :func:`gendyn.measure.kernel_alignment` of their matrices: 1 if and only if they are equal up to a factor, as
    they are for features that differ by a rotation and a scale; ``1 - CKA`` is the movement. Inputs are ``m =
    min(num_examples, M)`` rows of the test set, evenly spaced; where the rest of a pool is the test set, of the whole
    pool. Features that are 0 (padding) change nothing.

    Cost: one forward pass on the inputs and a product ``m² width`` a layer; ``4 m²`` bytes a record, layer and run.

    Args:
        num_examples: at least 2.
        features: ``(params, x [B, ...]) -> {layer: [B, ...]}``, flattened to ``[B, width]``; ``None``: every real array
            ``[B, ...]`` that a flax module sows as an intermediate (gendyn's own sow ``hidden_<layer>``). The network
            calls that one module plainly: not inside ``jax.vmap``, ``jax.checkpoint``, a loop, or a ``jax.jit`` other
            than around the whole.

    Returns:
        A probe with a float32 ``[m, m]`` for each layer, by its name.

    Raises:
        ConfigError: a count below 2; by the probe, a network that sows nothing, or whose module is not found.

    >>> from gendyn.measure import kernel_alignment
    >>> x = jax.random.normal(jax.random.key(0), (9, 3))
    >>> data = ProbeData(x, None, jnp.int32(9), x, None, None)
    >>> probe = feature_snapshot(features=lambda params, x: {"hidden": x @ params})
    >>> at = [probe.fn(None, None, params, data)["hidden"] for params in (jnp.eye(3), 5 * jnp.eye(3)[::-1])]
    >>> round(float(kernel_alignment(*at)), 4)
    1.0

    Reference: Kornblith et al. (2019), arXiv:1905.00414, eq. 3 and section 3 (with a linear kernel).
    """
    check_positive_int("num_examples", num_examples, low=2)

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        del key
        rows = data.x_test.shape[0]
        count = min(num_examples, rows)
        x = data.x_test[jnp.arange(count) * rows // count]
        found = features(params, x) if features else _sown(apply, params, x)
        return {name: _gram(values) for name, values in found.items()}

    return Probe("feature_snapshot", measure)


def _gram(features: Array) -> Array:
    flat = features.reshape(features.shape[0], -1).astype(jnp.float32)
    flat = flat - jnp.mean(flat, axis=0)
    return jnp.dot(flat, flat.T, precision="highest")


def _sown(apply: Callable[[PyTree, Array], Array], params: PyTree, x: Array) -> dict[str, Array]:
    """What the flax module behind ``apply`` sows: it is met in a call, and called once more with a place to sow in."""
    met: list[Callable[[], PyTree]] = []
    outside = current_trace()

    def meet(call: Callable[..., object], args: tuple, kwargs: dict, context: nn.module.InterceptorContext) -> object:
        # Inside another transformation its arguments are tracers that mean nothing out here.
        if context.method_name == "__call__" and not context.module.path and current_trace() == outside:
            module, variables = context.module.unbind()
            met.append(lambda: module.apply(variables, *args, mutable=["intermediates"], **kwargs)[1])
        return call(*args, **kwargs)

    # A function that jit has traced before is not called again.
    plain = inspect.unwrap(apply, stop=lambda function: not isinstance(function, jax.stages.Wrapped))
    with nn.intercept_methods(meet):
        plain(params, x)
    if len(met) > 1:
        raise ConfigError(
            f"feature_snapshot: the network calls {len(met)} flax modules, and which has the features is not known; "
            "pass features=(params, x) -> {layer: [B, ...]}."
        )
    found = met[0]().get("intermediates", {}) if met else {}
    named = {
        # Each name holds a tuple with an entry a call; of one call, it has the name alone.
        jax.tree_util.keystr(path, simple=True, separator="/").removesuffix("/0"): leaf
        for path, leaf in jax.tree_util.tree_flatten_with_path(found)[0]
    }
    batched = {name: leaf for name, leaf in named.items() if leaf.ndim > 1 and leaf.shape[0] == x.shape[0]}
    if not batched:
        raise ConfigError(
            "feature_snapshot: no intermediates [B, ...] are found: the network is no flax module, sows nothing, or "
            "calls the module inside jit, vmap, checkpoint or a loop. Write self.sow('intermediates', 'hidden_0', x) "
            "in it and call it plainly on the whole batch, or pass features=(params, x) -> {layer: [B, ...]}."
        )
    return batched


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={"num_examples": 4})
