"""Run-steps per second against the number of packed runs, on whatever devices there are."""

import jax
import numpy as np

from benchmarks import engine, transformer
from benchmarks.rows import Row, of_ratio
from benchmarks.timing import alternate, ratio

COUNTS = (1, 4, 16, 64, 256, 1024)
SEEDS = 32
"""Of the reference transformer."""
SECONDS = 0.5
"""Of a measurement, about."""


def run(repeats: int) -> list[Row]:
    """Against one run at a time on one of the devices; side by side on accelerators, the planner's choice on a CPU."""
    configs = {
        "MLP 64-128-10": engine.mlp_config(width=128, depth=1, batch_size=128),
        "MLP 64-16-16-10, batch 8": engine.mlp_config(width=16, depth=2, batch_size=8),
        "CNN k = 8": engine.cnn_config(width=8, batch_size=64),
    }
    on_cpu = jax.local_devices()[0].platform == "cpu"
    rows = []
    for name, config in configs.items():
        alone = engine.prepare(config, {"seed": range(1)}, devices=jax.local_devices()[:1])
        best = 0.0
        for count in COUNTS:
            axes = {"seed": range(count)}
            if count > 16 and on_cpu and name.startswith("CNN"):
                break  # saturated long before, and minutes a measurement
            packed = engine.prepare(config, axes, strategy="auto" if on_cpu else "vmap")
            measured = alternate(
                {"alone": engine.stepper(alone, SECONDS), "packed": engine.stepper(packed, SECONDS, per_run=count)},
                repeats,
            )
            gain = ratio(measured["alone"], measured["packed"])
            rate = 1 / np.median([timing.wall for timing in measured["packed"]])
            best = max(best, gain.median)
            rows.append(
                Row(f"{name}: {count} packed / alone", *gain[:3], cpu=gain.cpu, note=f"{rate:,.0f} run-steps/s")
            )
        at_least = 50.0 if not on_cpu and name.startswith("MLP") else None
        rows.append(Row(f"{name}: best", best, at_least=at_least))
    return [*rows, seeds_of_the_reference_transformer(repeats, on_cpu=on_cpu)]


def seeds_of_the_reference_transformer(repeats: int, *, on_cpu: bool) -> Row:
    """Run-steps per second of packed runs of the published size over those of one run after another, on one device."""
    name = f"reference transformer: {SEEDS} packed / one by one"
    if on_cpu:
        # One run fills the cores: see the section transformer.
        return Row(name, note="on accelerators only; a CPU takes minutes a measurement")
    one = jax.local_devices()[:1]
    alone = engine.prepare(transformer.published(), {"seed": range(1)}, devices=one)
    packed = engine.prepare(transformer.published(), {"seed": range(SEEDS)}, strategy="vmap", devices=one)
    measured = alternate(
        {"alone": engine.stepper(alone, SECONDS), "packed": engine.stepper(packed, SECONDS, per_run=SEEDS)}, repeats
    )
    rate = 1 / np.median([timing.wall for timing in measured["packed"]])
    gain = ratio(measured["alone"], measured["packed"])
    return of_ratio(name, gain, at_least=10.0, note=f"{rate:,.0f} run-steps/s")
