"""Small members side by side: 16 inputs, 16 hidden units, one output, batch 8, squared loss, 32 runs.

A fused scan of so small a network takes a few microseconds a step, most of them operations of constant cost: what side
by side saves. ``64-16-16-10`` is the same with a network of which half the time is arithmetic.
"""

from typing import Any

import jax
import numpy as np

from benchmarks import engine, plain
from benchmarks.rows import Row, of_ratio
from benchmarks.timing import Timing, alternate, ratio, timed

RUNS, BATCH, STEPS = 32, 8, 2000
LOOP_STEPS = 500
"""Of one run, for the Python loop; its cost per step does not depend on their number."""


def run(repeats: int) -> list[Row]:
    """The packed segment against one jitted scan a run, and against a jitted step in a Python loop."""
    regression = engine.teacher_config(width=16, input_size=16, batch_size=BATCH, num_steps=STEPS)
    digits = engine.mlp_config(width=16, depth=2, batch_size=BATCH, num_steps=STEPS)
    return [
        *_rows("16-16-1", regression, plain.teacher(input_size=16), (16, 16, 1), repeats, asked=True),
        *_rows("64-16-16-10", digits, plain.digits(), (64, 16, 16, 10), repeats, asked=False),
    ]


def _rows(
    name: str, config: Any, data: tuple[np.ndarray, np.ndarray], sizes: tuple[int, ...], repeats: int, *, asked: bool
) -> list[Row]:
    packed = engine.prepare(config, {"seed": range(RUNS)}, strategy="vmap")
    x, y = jax.device_put(data)
    tables = [jax.device_put(plain.batch_rows(seed, len(y), BATCH, STEPS)) for seed in range(RUNS)]
    scan = jax.jit(plain.train, donate_argnums=0)
    step = jax.jit(plain.step, donate_argnums=0)

    def one_by_one() -> Timing:
        states = jax.device_put([plain.initial(seed, sizes) for seed in range(RUNS)])

        def train_all() -> list[float]:
            return [float(scan(state, table, x, y)[1]) for state, table in zip(states, tables, strict=True)]

        return timed(train_all).per(RUNS * STEPS)

    def python_loop() -> Timing:
        state = jax.device_put(plain.initial(0, sizes))
        rows = list(tables[0][:LOOP_STEPS])

        def train_one() -> object:
            current = state
            for batch in rows:
                current = step(current, x, y, batch)
            return current

        return timed(train_one).per(LOOP_STEPS)

    candidates = {
        "packed": lambda: timed(lambda: packed.steps(STEPS)).per(RUNS * STEPS),
        "one by one": one_by_one,
        "loop": python_loop,
    }
    for warm_up in candidates.values():
        warm_up()
    measured = alternate(candidates, repeats)
    rate = 1e-3 / np.median([timing.wall for timing in measured["packed"]])
    scans, loops = (ratio(measured[other], measured["packed"]) for other in ("one by one", "loop"))
    return [
        of_ratio(f"{name}: one jitted scan a run / packed", scans, at_least=7.0 if asked else None),
        of_ratio(f"{name}: jitted step in a Python loop / packed", loops, at_least=40.0 if asked else None),
        Row(f"{name}: packed", rate, unit="k run-steps/s"),
    ]
