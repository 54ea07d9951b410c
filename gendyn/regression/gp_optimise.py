"""Hyperparameters by maximising the evidence: an optax optimiser from several starts, in one program."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from gendyn.core import ConfigError, check_key, check_positive_int, check_range, normal, stream
from gendyn.types import Array, ArrayLike, PyTree


class Optimised(NamedTuple):
    """The best of ``S`` starts, and what each did."""

    params: PyTree
    """Like the start: those of the largest evidence seen anywhere; NaN where no start ever had one that is finite."""
    log_evidence: Array
    """``[]``, theirs; NaN likewise."""
    converged: Array
    """bool ``[]``, of the start that it came from."""
    trace: Array
    """``[S, num_steps + 1]``: the evidence before each step and after the last; NaN from where a start broke down."""
    gradient_norm: Array
    """``[S]``: largest absolute derivative by a hyperparameter, at the end; NaN where a start broke down."""
    all_converged: Array
    """bool ``[S]``: ``gradient_norm <= tol`` and finite."""


def gp_optimise(
    log_evidence: Callable[[PyTree], Array],
    params: PyTree,
    *,
    key: Array,
    num_restarts: int = 4,
    num_steps: int = 200,
    spread: ArrayLike = 1.0,
    tol: ArrayLike = 1e-2,
    optimiser: optax.GradientTransformation | None = None,
) -> Optimised:
    """Maximises ``log_evidence(params)`` by gradient ascent from ``params`` and from points around it.

    The evidence has several maxima in general (noise or signal). The first start is ``params`` itself; others have
    independent ``N(0, spread^2)`` added to every hyperparameter, a logarithm. A start whose evidence or gradient is
    not finite stops there, and disturbs no other.

    Cost: ``num_restarts * num_steps`` evidences with gradient. Jit- and vmap-safe.

    Args:
        log_evidence: pure, such as ``lambda p: gaussian_process(covariance, p, x, y).log_evidence``, where the noise
            is a ``white`` part of the covariance.
        params: a tree of floating arrays.
        key: random key of the starts.
        num_restarts: ``S``, of which the first is ``params``.
        num_steps: of the optimiser; all are made.
        spread: standard deviation of the starts, in logarithms.
        tol: largest derivative (nats per unit of a logarithm) at which a start counts as converged.
        optimiser: of a *loss*; ``None``: ``optax.adam`` with a learning rate that falls from 0.1 to 0 as a cosine.

    Raises:
        ConfigError: counts below 1, a negative spread or tolerance, no hyperparameters, or ones that are not floating.

    >>> found = gp_optimise(lambda p: -(p["a"] - 2.0) ** 2, {"a": jnp.zeros(())}, key=jax.random.key(0))
    >>> round(float(found.params["a"]), 2), found.trace.shape
    (2.0, (4, 201))

    Reference: Rasmussen & Williams (2006), section 5.4.1.
    """
    check_key("key", key)
    check_positive_int("num_restarts", num_restarts)
    check_positive_int("num_steps", num_steps)
    check_range("spread", spread, low=0)
    check_range("tol", tol, low=0)
    params = jax.tree.map(jnp.asarray, params)
    leaves = jax.tree.leaves(params)
    if not leaves or not all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in leaves):
        raise ConfigError("params must be a tree of at least one floating array. Start from covariance.init().")
    chosen = optimiser or optax.adam(optax.cosine_decay_schedule(0.1, num_steps))
    climb = partial(_climb, log_evidence, chosen, num_steps)
    starts = _starts(key, params, num_restarts, spread)
    trace, gradient_norm, best, best_params = jax.vmap(climb)(starts)
    converged = gradient_norm <= jnp.asarray(tol, gradient_norm.dtype)
    winner = jnp.argmax(best)
    found = best[winner] > -jnp.inf
    return Optimised(
        jax.tree.map(lambda leaf: jnp.where(found, leaf[winner], jnp.nan), best_params),
        jnp.where(found, best[winner], jnp.nan),
        converged[winner],
        trace,
        gradient_norm,
        converged,
    )


def _starts(key: Array, params: PyTree, count: int, spread: ArrayLike) -> PyTree:
    """``[S, ...]`` a leaf; the first row is the tree itself."""
    leaves, structure = jax.tree.flatten(params)

    def moved(leaf: Array, index: int) -> Array:
        noise = normal(stream(key, f"hyperparameter_{index}"), (count, *leaf.shape)).astype(leaf.dtype)
        return leaf + (jnp.asarray(spread, leaf.dtype) * noise).at[0].set(0.0)

    return jax.tree.unflatten(structure, [moved(leaf, index) for index, leaf in enumerate(leaves)])


def _climb(
    log_evidence: Callable[[PyTree], Array],
    optimiser: optax.GradientTransformation,
    num_steps: int,
    start: PyTree,
) -> tuple[Array, Array, Array, PyTree]:
    """Trace ``[num_steps + 1]``, the last gradient's largest entry, the best evidence and its hyperparameters."""
    evaluate = jax.value_and_grad(lambda params: -log_evidence(params))

    def largest(gradient: PyTree) -> Array:
        return jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(gradient)]))

    def step(carry: tuple[PyTree, PyTree, Array, PyTree, Array], _nothing: None) -> tuple[tuple, Array]:
        params, state, best, best_params, _last = carry
        loss, gradient = evaluate(params)
        norm = largest(gradient)
        sound = jnp.isfinite(loss) & jnp.isfinite(norm)
        better = sound & (-loss > best)
        best_params = jax.tree.map(lambda new, old: jnp.where(better, new, old), params, best_params)
        updates, following = optimiser.update(gradient, state, params)
        moved = optax.apply_updates(params, updates)
        # A start that broke down stays where it is: its evidence is NaN from here on, in the trace too.
        params, state = jax.tree.map(lambda new, old: jnp.where(sound, new, old), (moved, following), (params, state))
        kept = (params, state, jnp.where(better, -loss, best), best_params, jnp.where(sound, norm, jnp.nan))
        return kept, jnp.where(sound, -loss, jnp.nan)

    shape = jax.eval_shape(log_evidence, start)
    best = jnp.asarray(-jnp.inf, shape.dtype)
    norm = jnp.zeros((), jnp.result_type(*jax.tree.leaves(start)))
    carry = (start, optimiser.init(start), best, start, norm)
    (_, _, best, best_params, norm), trace = jax.lax.scan(step, carry, None, length=num_steps + 1)
    return trace, norm, best, best_params
