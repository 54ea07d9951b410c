"""Margin a unit of parameter norm buys: by trigonometry, which generalises, and by everything else."""

from collections.abc import Callable

import jax.numpy as jnp
import optax

from gendyn.measure.fourier.components import trigonometric_component
from gendyn.probes._pairs import check_layout, class_places, evaluate_pairs, nan_without_pairs
from gendyn.types import Array, Probe, ProbeData, ProbeExample, PyTree


def circuit_efficiency(
    modulus: int,
    *,
    positions: tuple[int, int] | None = None,
    group: str = "additive",
    invert_second: bool = False,
    batch_size: int = 2048,
) -> Probe:
    """Exact: the correct class's margin in the trigonometric subspace and outside of it, per parameter norm.

    Logits of the group's ``n`` classes on all ``n²`` pairs are split, ``L = T + R``: ``T = sum_w A_w cos(2 pi w (a + b
    - c) / n)`` is their projection on the subspace of those cosines (:func:`gendyn.measure.trigonometric_component`),
    ``R`` the rest. The margin of a part ``M`` on a row with label ``y`` is ``M_y - mean over c != y of M_c``, which is
    linear, so that the two margins add up to that of ``L``. Efficiency is the mean margin on training rows over
    ``||theta||_2`` of all parameters.

    ``T`` serves rows not trained on as well as it serves the others; what ``R`` gives to training rows and not to the
    rest of the pool is memorised. Both circuits share one network and hence one norm: a circuit's efficiency on its
    own needs a network that has only this circuit (random labels, for the memorising one).

    Cost: ``n²`` forward passes. Zero-padding of parameters changes nothing.

    Args:
        modulus: ``p``; tokens ``0 … p - 1`` are the numbers, and so are classes.
        positions: columns of ``a`` and ``b`` in the inputs ``[N, L]``; ``None``: (0, 1) for two or three tokens, ``[a,
            b]`` and ``[a, b, =]``, and (0, 2) for four, ``[a, op, b, =]``. Where no row has a pair of the group there,
            every value is NaN.
        group: ``"additive"``, or ``"multiplicative"`` for a prime ``p`` (in the order of discrete logarithms, pairs
            with a zero left out).
        invert_second: for ``a - b`` and ``a / b``.
        batch_size: pairs at a time.

    Returns:
        A probe with the float32 scalars ``parameter_norm``; ``trigonometric_margin``, ``remainder_margin`` on training
        rows with the labels the run is told; the same over the norm, ``trigonometric_efficiency``,
        ``remainder_efficiency``; ``test_trigonometric_margin``, ``test_remainder_margin`` on the rest of the pool (NaN
        if there is none); and ``trigonometric_share = ||T||² / ||L||²`` of logits centred over classes.

    Raises:
        ConfigError: arguments out of range; by the probe, a task without such tokens or with fewer than ``p`` classes.

    >>> import jax
    >>> a, b = jnp.divmod(jnp.arange(25), 5)
    >>> pool, labels = jnp.stack([a, b], axis=1), (a + b) % 5
    >>> data = ProbeData(pool, labels, jnp.int32(10), pool, labels, None)
    >>> def apply(scale, x):
    ...     return scale * jnp.cos(2 * jnp.pi * (x[:, :1] + x[:, 1:] - jnp.arange(5)) / 5)
    >>> values = circuit_efficiency(5).fn(jax.random.key(0), apply, jnp.float32(4.0), data)
    >>> [round(float(values[name]), 4) for name in ("trigonometric_margin", "trigonometric_efficiency")]
    [5.0, 1.25]

    Reference: Varma et al. (2023), arXiv:2309.02390, section 3.
    """
    check_layout(modulus, group, positions, batch_size)

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        del key
        pairs = evaluate_pairs(
            apply,
            params,
            data,
            modulus=modulus,
            group=group,
            positions=positions,
            invert_second=invert_second,
            batch_size=batch_size,
        )
        logits = pairs.classes - jnp.mean(pairs.classes, axis=2, keepdims=True)
        trigonometric = trigonometric_component(logits)
        parts = {"trigonometric": trigonometric, "remainder": logits - trigonometric}
        norm = optax.tree.norm(params).astype(logits.dtype)
        values = {"parameter_norm": norm}
        for prefix, targets, rows in (
            ("", pairs.targets, pairs.trained),
            ("test_", pairs.clean, pairs.known & ~pairs.trained),
        ):
            place, inside = class_places(pairs, targets)
            counted = rows & inside
            for name, part in parts.items():
                flat = part.reshape(-1, part.shape[2])
                correct = jnp.take_along_axis(flat, place[:, None], axis=1)[:, 0]
                others = (jnp.sum(flat, axis=1) - correct) / (flat.shape[1] - 1)
                margin = jnp.sum(jnp.where(counted, correct - others, 0.0)) / jnp.sum(counted)
                values[f"{prefix}{name}_margin"] = margin
        for name in parts:
            values[f"{name}_efficiency"] = values[f"{name}_margin"] / norm
        power = jnp.sum(jnp.square(logits))
        share = jnp.sum(jnp.square(trigonometric)) / jnp.where(power == 0, 1.0, power)
        return nan_without_pairs(values | {"trigonometric_share": share}, pairs)

    return Probe("circuit_efficiency", measure)


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={"modulus": 5})
