"""Gradient filters: the moving average over a window against the exponential one, 422,784 parameters.

A training step is that of a residual stack of square matrices on 512 examples, with AdamW: about a fifth of the
arithmetic of the two-layer transformer of the same size on its five tokens. The step of the filter alone moves memory
and nothing else: the exponential average reads and writes one buffer, the other two and a row of a ring of 169 MB.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.rows import Row, of_ratio
from benchmarks.timing import Timing, alternate, ratio, timed
from gendyn.optim import adamw, grokfast_ema, grokfast_ma

SHAPES = {"embed": (99, 128), "position": (5, 128), "layers": (6, 256, 256), "head": (128, 29), "rest": (12_544,)}
"""Together as many as the transformer's 422,784."""
WINDOW, BATCH, STEPS, FILTER_STEPS = 100, 512, 30, 300
LAYERS = (6, 256, 256)


def run(repeats: int) -> list[Row]:
    """Paired steps of the same training with each filter; and of the filters alone, at two windows."""
    candidates: dict[str, Callable[[], Timing]] = {
        "train, ema": _training(grokfast_ema()),
        "train, ma": _training(grokfast_ma(WINDOW)),
        "ema": _alone(grokfast_ema()),
        "ma": _alone(grokfast_ma(WINDOW)),
        "ma, short": _alone(grokfast_ma(10)),
    }
    for warm_up in candidates.values():
        warm_up()
    measured = alternate(candidates, repeats)
    rate = 1e3 * np.median([timing.wall for timing in measured["train, ema"]])
    alone = 1e3 * np.median([timing.wall for timing in measured["ma"]])
    return [
        of_ratio(
            f"training step with ma({WINDOW}) / with ema",
            ratio(measured["train, ma"], measured["train, ema"]),
            at_most=1.15,
            note=f"ema {rate:.1f} ms",
        ),
        of_ratio(
            f"filter alone, ma({WINDOW}) / ema", ratio(measured["ma"], measured["ema"]), note=f"ma {alone:.2f} ms"
        ),
        of_ratio(f"filter alone, ma({WINDOW}) / ma(10)", ratio(measured["ma"], measured["ma, short"])),
        _ring_copies(),
    ]


def _drawn() -> dict[str, jax.Array]:
    keys = jax.random.split(jax.random.key(0), len(SHAPES))
    params = {name: 0.05 * jax.random.normal(k, s) for k, (name, s) in zip(keys, SHAPES.items(), strict=True)}
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    if count != 422_784:
        raise AssertionError(f"{count} parameters, not 422,784")
    return params


def _loss(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    def layer(hidden: jax.Array, kernel: jax.Array) -> tuple[jax.Array, None]:
        return hidden + jax.nn.relu(hidden @ kernel), None

    hidden, _ = jax.lax.scan(layer, x, params["layers"])
    others = sum(jnp.sum(jnp.square(params[name])) for name in ("embed", "position", "head", "rest"))
    return jnp.mean(jnp.square(hidden)) + 1e-3 * others


def _training(transform: optax.GradientTransformation) -> Callable[[], Timing]:
    x = jax.random.normal(jax.random.key(1), (BATCH, LAYERS[1]))
    chain = optax.chain(transform, adamw(1e-3))

    def step(carry: Any, _: None) -> tuple[Any, jax.Array]:
        params, state = carry
        loss, gradient = jax.value_and_grad(_loss)(params, x)
        updates, state = chain.update(gradient, state, params)
        return (optax.apply_updates(params, updates), state), loss

    many = jax.jit(lambda carry: jax.lax.scan(step, carry, None, length=STEPS), donate_argnums=0)
    return _carried(many, lambda params: (params, chain.init(params)), STEPS)


def _alone(transform: optax.GradientTransformation) -> Callable[[], Timing]:
    def step(carry: Any, scale: jax.Array) -> tuple[Any, None]:
        gradient, state = carry
        updates, state = transform.update(gradient, state)
        # The next gradient depends on the answer, so that none is dropped.
        return (jax.tree.map(lambda u: scale * u, updates), state), None

    many = jax.jit(lambda carry: jax.lax.scan(step, carry, jnp.full(FILTER_STEPS, 0.3)), donate_argnums=0)
    return _carried(many, lambda params: (params, transform.init(params)), FILTER_STEPS)


def _carried(many: Callable[[Any], Any], initial: Callable[[Any], Any], steps: int) -> Callable[[], Timing]:
    """Goes on from where the last measurement stopped: the state is donated, and made once."""
    held = [jax.block_until_ready(initial(_drawn()))]

    def measure() -> Timing:
        def advance() -> Any:
            held[0], result = many(held[0])
            return held[0], result

        return timed(advance).per(steps)

    return measure


def _ring_copies() -> Row:
    """Temporary memory of the compiled loop against the ring: a copy of the ring would show as at least 1."""
    transform = grokfast_ma(WINDOW)
    size = 422_784

    def many(state: Any, gradient: jax.Array) -> Any:
        def step(carry: Any, scale: jax.Array) -> tuple[Any, jax.Array]:
            updates, carry = transform.update(scale * gradient, carry)
            return carry, jnp.sum(updates)

        return jax.lax.scan(step, state, jnp.arange(100.0))

    state = jax.eval_shape(transform.init, jnp.zeros(size))
    gradient = jax.ShapeDtypeStruct((size,), jnp.float32)
    memory = jax.jit(many, donate_argnums=0).lower(state, gradient).compile().memory_analysis()
    share = memory.temp_size_in_bytes / (4.0 * WINDOW * size)
    return Row("temporary memory of the ma loop / ring", share, unit="", at_most=0.1)
