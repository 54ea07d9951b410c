"""The share of the machine's matmul peak that a sweep reaches, the peak measured in the same turns."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from benchmarks import engine
from benchmarks.rows import Row
from benchmarks.timing import Timing, alternate, timed
from gendyn.sweep.execute.compile import make_mesh, put

SIZE, PRODUCTS = 1024, 40
SECONDS = 1.0
"""Of a measurement, about."""


def matmul_peak() -> Callable[[], Timing]:
    """Seconds per operation of large float32 products on all devices at once."""
    devices = jax.local_devices()
    mesh, spec = make_mesh(devices), PartitionSpec("run")

    def products(a: jax.Array) -> jax.Array:
        scaled = a[0] / SIZE
        return jax.lax.fori_loop(0, PRODUCTS, lambda _, b: b @ scaled, a[0])[None]

    program = jax.jit(jax.shard_map(products, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False))
    a = put(jnp.ones((len(devices), SIZE, SIZE)), mesh)
    jax.block_until_ready(program(a))
    return lambda: timed(lambda: program(a)).per(len(devices) * PRODUCTS * 2.0 * SIZE**3)


def run(repeats: int) -> list[Row]:
    """Steps alone, without evaluations; operations of matrix products, counted on the step's jaxpr."""
    sweeps = {
        "64-128-10": (engine.mlp_config(width=128, depth=1, batch_size=128), 32, 50.0),
        "64-256-256-10": (engine.mlp_config(width=256, depth=2, batch_size=128), 8, None),
        "CNN k = 8": (engine.cnn_config(width=8, batch_size=64), 4, None),
    }
    peak = matmul_peak()
    rows = []
    for name, (config, runs, at_least) in sweeps.items():
        axes = {"seed": range(runs)}
        prepared = engine.prepare(config, axes)
        work = engine.step_flops(config, axes) * runs
        measured = alternate({"peak": peak, "step": engine.stepper(prepared, SECONDS)}, repeats)
        pairs = [(p, step.per(work)) for p, step in zip(measured["peak"], measured["step"], strict=True)]
        shares = np.array([100 * of_peak.wall / of_sweep.wall for of_peak, of_sweep in pairs])
        cpu = np.median([100 * of_peak.cpu / of_sweep.cpu for of_peak, of_sweep in pairs])
        achieved = 1e-9 / np.median([of_sweep.wall for _, of_sweep in pairs])
        rows.append(
            Row(
                f"{name}, {runs} runs: share of the peak",
                float(np.median(shares)),
                float(shares.min()),
                float(shares.max()),
                unit="%",
                at_least=at_least,
                cpu=float(cpu),
                note=f"{prepared.chunk.estimate.strategy}, {achieved:.0f} GFLOP/s",
            )
        )
    rates = [1e-9 / peak().wall for _ in range(repeats)]
    return [*rows, Row("peak, all devices", float(np.median(rates)), min(rates), max(rates), unit="GFLOP/s")]
