"""Signal-to-noise ratio of minibatch gradients, layer by layer, where the network stands."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gendyn.core import check_positive_int, stream
from gendyn.measure.dynamics.signal_to_noise import signal_to_noise
from gendyn.types import Array, Probe, ProbeData, ProbeExample, PyTree


def gradient_noise(*, num_batches: int = 32, batch_size: int = 64) -> Probe:
    """Estimates ``||m||² / mean of ||g - m||²`` of each leaf's gradient ``g`` on a batch, ``m`` its mean over batches.

    ``g`` is the gradient of the mean loss on ``batch_size`` rows drawn with replacement from the training rows, so
    ``m`` is the full gradient and the noise falls as ``1 / batch_size``: ``batch_size / ratio`` is the batch size at
    which the noise equals the signal (the simple noise scale). Both terms are unbiased; the ratio of two estimates is
    so only for many batches, and where there is no signal it scatters about 0 and may be negative.

    Cost: ``2 num_batches`` gradients, one at a time: the second pass draws the same batches again, so that memory is
    that of two gradients. Zero-padded parameters have no gradient.

    Args:
        num_batches: ``K``, at least 3.
        batch_size: rows of a batch.

    Returns:
        A probe of the scalars ``<leaf>/ratio``, ``<leaf>/ratio_standard_error`` (jackknife over batches) for each
        leaf's path and for ``total``, and ``total/signal``, ``total/noise``, in squared units of the gradient.

    Raises:
        ConfigError: ``num_batches`` below 3 or ``batch_size`` below 1.

    >>> x = jnp.array([[1.0], [3.0]])
    >>> data = ProbeData(x, jnp.zeros(2), jnp.int32(2), x, jnp.zeros(2), lambda outputs, targets: outputs[:, 0])
    >>> probe = gradient_noise(num_batches=4000, batch_size=1)
    >>> values = probe.fn(jax.random.key(0), lambda w, x: x * w["w"], {"w": jnp.ones(1)}, data)
    >>> print(jnp.abs(values["w/ratio"] - 2.0**2 / 1.0**2) < 4 * values["w/ratio_standard_error"])
    True

    Reference: McCandlish et al. (2018), arXiv:1812.06162, section 2.2 and appendix A.1.
    """
    check_positive_int("num_batches", num_batches, low=3)
    check_positive_int("batch_size", batch_size)

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        keys = jax.random.split(stream(key, "batches"), num_batches)

        def gradient(key: Array) -> list[Array]:
            rows = jax.random.randint(key, (batch_size,), 0, data.num_train)
            x, targets = data.x_train[rows], data.targets[rows]
            found = jax.grad(lambda p: jnp.mean(data.loss(apply(p, x), targets)))(params)
            return [leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32)) for leaf in jax.tree.leaves(found)]

        def add(total: list[Array], key: Array) -> tuple[list[Array], None]:
            return [a + b for a, b in zip(total, gradient(key), strict=True)], None

        zeros = [jnp.zeros(leaf.shape, leaf.dtype) for leaf in jax.eval_shape(gradient, keys[0])]
        mean = [total / num_batches for total in jax.lax.scan(add, zeros, keys)[0]]

        def deviate(_: None, key: Array) -> tuple[None, tuple[Array, Array]]:
            deviations = [g - m for g, m in zip(gradient(key), mean, strict=True)]
            squares = jnp.stack([jnp.sum(jnp.square(d)) for d in deviations])
            return None, (squares, jnp.stack([jnp.sum(d * m) for d, m in zip(deviations, mean, strict=True)]))

        squares, products = jax.lax.scan(deviate, None, keys)[1]
        mean_squares = jnp.stack([jnp.sum(jnp.square(m)) for m in mean])
        leaves = signal_to_noise(mean_squares, squares.T, products.T)
        whole = signal_to_noise(jnp.sum(mean_squares), jnp.sum(squares, axis=1), jnp.sum(products, axis=1))
        values: dict[str, Array] = {}
        for index, (path, _) in enumerate(jax.tree_util.tree_flatten_with_path(params)[0]):
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            values[f"{name}/ratio"] = leaves.ratio[index]
            values[f"{name}/ratio_standard_error"] = leaves.standard_error[index]
        return values | {
            "total/ratio": whole.ratio,
            "total/ratio_standard_error": whole.standard_error,
            "total/signal": whole.signal,
            "total/noise": whole.noise,
        }

    return Probe("gradient_noise", measure)


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={"num_batches": 6, "batch_size": 3})
