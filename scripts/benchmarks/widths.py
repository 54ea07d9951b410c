"""A sweep over widths from a cold start: 11 widths x 4 seeds x 200 steps, two hidden layers, batch 128.

Total wall time in a fresh process after imports, with nothing compiled before: planning, drawing, compiling, training,
and for gendyn the store. The alternatives by hand keep no results, which favours them.
"""

import tempfile
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import gendyn.store
import gendyn.sweep
from benchmarks import engine, fresh, plain
from benchmarks.rows import Row, of_ratio
from benchmarks.timing import Timing, alternate, median_wall, ratio

WIDTHS = (8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256)
SEEDS, BATCH, STEPS = 4, 128, 200
BUCKETS = ("max", "power_of_two", "exact")
SIDE_BY_SIDE = 32
"""By hand, members up to this width train under vmap, wider ones under lax.map: the better of the two, measured."""


def by_gendyn(buckets: str, widths: list[int], seeds: int, steps: int) -> tuple[float, float]:
    """Wall and CPU seconds of ``gendyn.sweep.run``, from the config to the labelled dataset."""
    gendyn.store.preload()  # imports, as those of JAX above
    began = time.perf_counter(), time.process_time()
    config = engine.mlp_config(width=8, depth=2, batch_size=BATCH, num_steps=steps)
    config.sweep.buckets = buckets
    with tempfile.TemporaryDirectory() as folder:
        axes = {"model.width": widths, "seed": range(seeds)}
        ds = gendyn.sweep.run(config, axes=axes, workdir=folder, quiet=True)
        _check(ds["train_loss"].values[:, -1])
    return time.perf_counter() - began[0], time.process_time() - began[1]


def by_hand(grouping: str, widths: list[int], seeds: int, steps: int) -> tuple[float, float]:
    """The same by plain JAX: a program a group of widths, over all devices; or one run at a time."""
    began = time.perf_counter(), time.process_time()
    data = plain.digits()
    groups: dict[int, list[int]] = {}
    for width in widths:
        groups.setdefault(PADDED_WIDTH[grouping](width, max(widths)), []).append(width)
    train = _one_by_one if grouping == "one_by_one" else _together
    for padded, members in groups.items():
        runs = [(seed, width) for width in members for seed in range(seeds)]
        tables = [plain.batch_rows(seed, len(data[1]), BATCH, steps) for seed, _ in runs]
        states = [plain.initial(s, (64, w, w, 10), (64, padded, padded, 10)) for s, w in runs]
        _check(train(states, tables, data, "vmap" if padded <= SIDE_BY_SIDE else "map"))
    return time.perf_counter() - began[0], time.process_time() - began[1]


PADDED_WIDTH: dict[str, Callable[[int, int], int]] = {
    "max": lambda width, widest: widest,
    "power_of_two": lambda width, widest: 1 << (width - 1).bit_length(),
    "exact": lambda width, widest: width,
    "one_by_one": lambda width, widest: width,
}


def _together(states: list[Any], tables: list[Any], data: Any, strategy: str) -> np.ndarray:
    count = max(n for n in range(1, len(jax.local_devices()) + 1) if len(states) % n == 0)
    mesh = jax.sharding.Mesh(np.asarray(jax.local_devices()[:count]), ("run",))
    x, y = plain.place(mesh, data, shared=True)
    arguments = plain.place(mesh, (plain.stacked(states), np.stack(tables)))
    return np.asarray(plain.over_devices(mesh, strategy)(*arguments, x, y)[1])


def _one_by_one(states: list[Any], tables: list[Any], data: Any, strategy: str) -> np.ndarray:
    del strategy
    train = jax.jit(plain.train, donate_argnums=0)
    x, y = jax.device_put(data)
    return np.asarray([train(s, t, x, y)[1] for s, t in zip(jax.device_put(states), tables, strict=True)])


def _check(losses: np.ndarray) -> None:
    if not np.all(np.isfinite(losses)):
        raise RuntimeError(f"a run diverged, so its timing means nothing: {losses}")


def run(repeats: int) -> list[Row]:
    """The plan of gendyn against each fixed rule, by hand and by gendyn."""
    candidates = {"gendyn auto": _fresh("by_gendyn", buckets="auto")}
    candidates |= {f"gendyn {rule}": _fresh("by_gendyn", buckets=rule) for rule in BUCKETS}
    candidates |= {f"by hand {rule}": _fresh("by_hand", grouping=rule) for rule in PADDED_WIDTH}
    measured = alternate(candidates, repeats)
    ours = measured.pop("gendyn auto")
    best = min(measured, key=lambda name: median_wall(measured[name]))
    best_by_hand = min((n for n in measured if n.startswith("by hand")), key=lambda name: median_wall(measured[name]))
    rows = [
        of_ratio("gendyn auto / best of all", ratio(ours, measured[best]), at_most=1.1, note=best),
        of_ratio("gendyn auto / best by hand", ratio(ours, measured[best_by_hand]), note=best_by_hand),
    ]
    rows += [of_ratio(f"{name} / gendyn auto", ratio(timings, ours)) for name, timings in measured.items()]
    return [*rows, Row("gendyn auto", median_wall(ours), unit="s")]


def _fresh(function: str, **choice: str) -> Callable[[], Timing]:
    def measure() -> Timing:
        with tempfile.TemporaryDirectory() as cache:
            environment = fresh.no_compilation_cache(cache)
            sizes = {"widths": list(WIDTHS), "seeds": SEEDS, "steps": STEPS}
            return Timing(*fresh.call(f"benchmarks.widths:{function}", environment=environment, **choice, **sizes))

    return measure
