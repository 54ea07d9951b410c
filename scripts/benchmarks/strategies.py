"""vmap, map and batches of eight over a grid of member sizes: the basis of the constants in ``sweep/plan/cost.py``."""

import jax
import numpy as np

from benchmarks import engine
from benchmarks.rows import Row
from benchmarks.timing import alternate, median_wall
from gendyn.sweep.plan import cost

RUNS = 32
GRID = ((8, 8), (16, 8), (16, 32), (64, 8), (16, 128), (32, 128), (64, 128), (128, 128), (256, 128))
"""(width, batch size), two hidden layers."""
LAYOUTS = {"map": ("map", 1), "vmap": ("vmap", 1), "map, 8 at once": ("map", 8)}
SECONDS = 0.4
"""Of a measurement, about."""


def fit(work: np.ndarray, seconds: np.ndarray) -> tuple[float, float]:
    """``step_seconds`` and ``flops_per_second`` of ``seconds = step_seconds + work / flops_per_second``.

    Least squares of relative errors, so that the small members count as much as the large ones.

    >>> step, rate = fit(np.array([1e4, 1e6, 1e8]), np.array([1e4, 1e6, 1e8]) / 2e10 + 1e-5)
    >>> round(step * 1e6, 3), round(rate / 1e9, 3)
    (10.0, 20.0)
    """
    design = np.stack([1 / seconds, work / seconds], axis=1)
    (step, per_operation), *_ = np.linalg.lstsq(design, np.ones(len(work)), rcond=None)
    return float(step), float(1 / per_operation)


def crossing(work: np.ndarray, map_over_vmap: np.ndarray) -> float:
    """The work at which vmap ceases to be faster: where ``log(map / vmap)``, made decreasing, passes 0.

    >>> crossing(np.array([1e4, 1e6, 1e8]), np.array([10.0, 1.0, 0.1]))
    1000000.0
    """
    order = np.argsort(work)
    level = np.minimum.accumulate(np.log(map_over_vmap[order]))
    return float(10 ** np.interp(0.0, -level, np.log10(work[order])))


def run(repeats: int) -> list[Row]:
    """Time per run-step of each layout, and the constants they suggest."""
    devices = jax.local_devices()
    share = RUNS / len(devices)
    rows, work, seconds, compiling = [], [], {name: [] for name in LAYOUTS}, []
    for width, batch_size in GRID:
        config = engine.mlp_config(width=width, depth=2, batch_size=batch_size)
        axes = {"seed": range(RUNS)}
        prepared = {n: engine.prepare(config, axes, strategy=s, batch=b) for n, (s, b) in LAYOUTS.items()}
        compiling += [p.compile_seconds for p in prepared.values()]
        chunk = prepared["map"].chunk
        work.append(chunk.estimate.padded_flops / chunk.steps[-1] / RUNS)
        measured = alternate({name: engine.stepper(p, SECONDS) for name, p in prepared.items()}, repeats)
        for name, timings in measured.items():
            seconds[name].append(median_wall(timings) / share)
        by_map = 1e6 * seconds["map"][-1]
        note = ", ".join(f"{name} {seconds['map'][-1] / seconds[name][-1]:.2f}" for name in list(LAYOUTS)[1:])
        rows.append(
            Row(f"width {width}, batch {batch_size}: map", by_map, unit="us", note=f"faster than map by {note}")
        )
    times = {name: np.array(values) for name, values in seconds.items()}
    step, rate = fit(np.array(work), times["map"])
    below = crossing(np.array(work), times["map"] / times["vmap"])
    now = cost.machine(devices)
    return [
        *rows,
        Row("flops_per_second", rate, unit="", note=f"now {now.flops_per_second:.3g}"),
        Row("step_seconds", step, unit="s", note=f"now {now.step_seconds:.3g}"),
        Row("vmap_below", below, unit="", note=f"now {now.vmap_below:.3g}"),
        Row("compile_seconds", float(np.median(compiling)), unit="s", note=f"now {now.compile_seconds:.3g}"),
    ]
