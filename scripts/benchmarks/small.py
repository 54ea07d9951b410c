"""Small members side by side: a 16-16 perceptron, batch 8, 32 runs."""

import jax
import numpy as np

from benchmarks import engine, plain
from benchmarks.rows import Row, of_ratio
from benchmarks.timing import Timing, alternate, ratio, timed

RUNS, BATCH, STEPS = 32, 8, 2000
LOOP_STEPS = 500
"""Of one run, for the Python loop; its cost per step does not depend on their number."""
SIZES = (64, 16, 16, 10)


def run(repeats: int) -> list[Row]:
    """The packed segment against one jitted scan a run, and against a jitted step in a Python loop."""
    config = engine.mlp_config(width=16, depth=2, batch_size=BATCH, num_steps=STEPS)
    packed = engine.prepare(config, {"seed": range(RUNS)}, strategy="vmap")
    x, y = jax.device_put(plain.digits())
    tables = [jax.device_put(plain.batch_rows(seed, len(y), BATCH, STEPS)) for seed in range(RUNS)]
    scan = jax.jit(plain.train, donate_argnums=0)
    step = jax.jit(plain.step, donate_argnums=0)

    def one_by_one() -> Timing:
        states = jax.device_put([plain.initial(seed, SIZES) for seed in range(RUNS)])

        def train_all() -> list[float]:
            return [float(scan(state, table, x, y)[1]) for state, table in zip(states, tables, strict=True)]

        return timed(train_all).per(RUNS * STEPS)

    def python_loop() -> Timing:
        state = jax.device_put(plain.initial(0, SIZES))
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
    return [
        of_ratio("one jitted scan a run / packed", ratio(measured["one by one"], measured["packed"]), at_least=7.0),
        of_ratio("jitted step in a Python loop / packed", ratio(measured["loop"], measured["packed"]), at_least=40.0),
        Row("packed", rate, unit="k run-steps/s"),
    ]
