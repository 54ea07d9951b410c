"""Norm of one layer: the signature of slingshots when it is the last one's."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from gendyn.probes._leaf_paths import check_path, leaves_under
from gendyn.types import Array, Probe, ProbeData, ProbeExample, PyTree


def last_layer_norm(path: str) -> Probe:
    """Exact: the Euclidean norm of the parameters at ``path``, and its share of that of all parameters.

    ``norm = sqrt(sum over the leaves at path of ||leaf||²)``, ``share = norm / ||theta||`` (0 if all are 0). Cyclic
    growth of the last layer's norm, each time ended by a spike of the training loss, is a slingshot. A pytree does not
    know which of its layers is the last, so the path must be given. Zero-padding changes nothing.

    Cost: one pass over the parameters.

    Args:
        path: a leaf, ``"readout/kernel"``, or a layer, ``"readout"``: all leaves below it.

    Returns:
        A probe of the scalars ``norm`` and ``share``.

    Raises:
        ConfigError: an empty path; by the probe, one that the parameters lack (the message lists those there are).

    >>> params = {"dense_0": jnp.zeros(4), "readout": {"bias": jnp.array([3.0]), "kernel": jnp.array([[4.0]])}}
    >>> values = last_layer_norm("readout").fn(jax.random.key(0), None, params, None)
    >>> float(values["norm"]), float(values["share"])
    (5.0, 1.0)

    Reference: Thilak et al. (2022), The slingshot mechanism, arXiv:2206.04817, section 3.
    """
    check_path("path", path)

    def measure(
        key: Array, apply: Callable[[PyTree, Array], Array], params: PyTree, data: ProbeData
    ) -> dict[str, Array]:
        del key, apply, data
        # Squares of half-precision parameters would lose digits and overflow.
        norm = optax.tree.norm([leaf.astype(jnp.float32) for leaf in leaves_under("path", path, params)])
        total = optax.tree.norm([leaf.astype(jnp.float32) for leaf in jax.tree.leaves(params)])
        return {"norm": norm, "share": jnp.where(total == 0, 0.0, norm / jnp.where(total == 0, 1.0, total))}

    return Probe("last_layer_norm", measure)


def example() -> ProbeExample:
    """For the contract test of this room."""
    return ProbeExample(kwargs={"path": "readout"})
