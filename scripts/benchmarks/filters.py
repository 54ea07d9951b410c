"""Gradient filters: the moving average over a window against the exponential one, 422,784 parameters.

A training step is that of the published transformer as a sweep takes it. The step of the filter alone moves memory and
nothing else: the exponential average reads and writes one buffer, the other two and a row of a ring of 169 MB.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import gendyn.sweep
from benchmarks import engine, transformer
from benchmarks.rows import Row, of_ratio
from benchmarks.timing import Timing, alternate, ratio, timed
from gendyn.optim import grokfast_ema, grokfast_ma
from gendyn.sweep.config import flatten

SIZE = 422_784
"""Parameters of the published transformer."""
WINDOW, FILTER_STEPS = 100, 300


def run(repeats: int) -> list[Row]:
    """Paired steps of the same training with each filter; and of the filters alone, at two windows."""
    candidates: dict[str, Callable[[], Timing]] = {
        "train, ema": _training("grokfast_ema"),
        "train, ma": _training("grokfast_ma", window=WINDOW),
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


def _training(name: str, **leaves: Any) -> Callable[[], Timing]:
    """The segment of a sweep of one run of the published transformer, with Adam behind the filter."""
    config = transformer.published()
    made = gendyn.sweep.base_config(task=config.task.name, model=config.model.name, optim="adam", filter=name)
    flat = flatten(config)
    with made.unlocked():
        made.update_from_flattened_dict({leaf: value for leaf, value in flat.items() if not leaf.startswith("filter.")})
        made.filter.update(leaves)
    return engine.stepper(engine.prepare(made, {"seed": (0,)}, devices=jax.local_devices()[:1]), seconds=2.0)


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
    held = [jax.block_until_ready(initial(jax.random.normal(jax.random.key(0), (SIZE,))))]

    def measure() -> Timing:
        def advance() -> Any:
            held[0], result = many(held[0])
            return held[0], result

        return timed(advance).per(steps)

    return measure


def _ring_copies() -> Row:
    """Temporary memory of the compiled loop against the ring: a copy of the ring would show as at least 1."""
    transform = grokfast_ma(WINDOW)

    def many(state: Any, gradient: jax.Array) -> Any:
        def step(carry: Any, scale: jax.Array) -> tuple[Any, jax.Array]:
            updates, carry = transform.update(scale * gradient, carry)
            return carry, jnp.sum(updates)

        return jax.lax.scan(step, state, jnp.arange(100.0))

    state = jax.eval_shape(transform.init, jnp.zeros(SIZE))
    gradient = jax.ShapeDtypeStruct((SIZE,), jnp.float32)
    memory = jax.jit(many, donate_argnums=0).lower(state, gradient).compile().memory_analysis()
    share = memory.temp_size_in_bytes / (4.0 * WINDOW * SIZE)
    return Row("temporary memory of the ma loop / ring", share, unit="", at_most=0.1)
