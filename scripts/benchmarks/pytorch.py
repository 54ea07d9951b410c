"""64-128-10, batch 128, 32 runs, against PyTorch training them one by one with its best settings."""

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from benchmarks import engine, fresh, plain
from benchmarks.rows import Row, of_ratio
from benchmarks.timing import Timing, alternate, median_wall, ratio, timed

RUNS, BATCH, STEPS = 32, 128, 1000
TORCH_RUNS, TORCH_STEPS = 2, 500
"""One after another each run, and each step, costs the same: these are enough."""
SIZES = (64, 128, 10)
NUM_ROWS = 1000
UPDATES = ("foreach", "fused", "single")


def torch_timing(threads: int, update: str, runs: int, steps: int) -> tuple[float, float]:
    """Wall and CPU seconds per step, in a process where PyTorch is alone; the first 50 steps are not counted.

    The data of an epoch are gathered once, and its batches are views.
    """
    import torch

    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(NUM_ROWS, SIZES[0], generator=generator)
    y = torch.randint(0, SIZES[-1], (NUM_ROWS,), generator=generator)
    flags: dict[str, Any] = {"foreach": update == "foreach"} | ({"fused": True} if update == "fused" else {})

    def train(seed: int, num_steps: int) -> None:
        torch.manual_seed(seed)
        network = torch.nn.Sequential(
            torch.nn.Linear(SIZES[0], SIZES[1]), torch.nn.ReLU(), torch.nn.Linear(SIZES[1], SIZES[2])
        )
        optimizer = torch.optim.SGD(network.parameters(), lr=plain.LEARNING_RATE, momentum=plain.MOMENTUM, **flags)
        per_epoch = NUM_ROWS // BATCH
        for count in range(num_steps):
            position = count % per_epoch
            if position == 0:
                order = torch.randperm(NUM_ROWS)
                batches = list(zip(x[order].split(BATCH), y[order].split(BATCH), strict=True))
            inputs, targets = batches[position]
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(network(inputs), targets).backward()
            optimizer.step()

    train(0, 50)
    wall, cpu = time.perf_counter(), time.process_time()
    for seed in range(runs):
        train(seed, steps)
    return (time.perf_counter() - wall) / (runs * steps), (time.process_time() - cpu) / (runs * steps)


def run(repeats: int) -> list[Row]:
    """The packed segment, and a plain shard_map of lax.map over the devices, against PyTorch."""
    config = engine.mlp_config(width=SIZES[1], depth=1, batch_size=BATCH, num_steps=STEPS)
    packed = engine.prepare(config, {"seed": range(RUNS)})
    by_hand = _plain_program()
    candidates = {
        "gendyn": lambda: timed(lambda: packed.steps(STEPS)).per(RUNS * STEPS),
        "plain": lambda: by_hand().per(RUNS * STEPS),
    }
    for warm_up in candidates.values():
        warm_up()
    if importlib.util.find_spec("torch") is not None:
        # Both thread counts stay in the turns, and the better one counts: a trial beforehand can pick the worse.
        candidates |= {f"PyTorch, {threads} thread(s)": _torch_at_its_best(threads) for threads in (1, 2)}
    measured = alternate(candidates, repeats)
    ours, plainly = measured.pop("gendyn"), measured.pop("plain")
    rows = [of_ratio("plain shard_map of lax.map / gendyn", ratio(plainly, ours))]
    if not measured:
        return [*rows, Row("PyTorch", note="torch is not installed (pip install 'gendyn[bench]'): not compared")]
    best = min(measured, key=lambda name: median_wall(measured[name]))
    return [
        of_ratio("PyTorch one by one / gendyn", ratio(measured[best], ours), at_least=8.0, note=best),
        of_ratio("PyTorch one by one / plain JAX", ratio(measured[best], plainly), note=best),
        *rows,
        *(Row(name, 1e6 * median_wall(timings), unit="us/step") for name, timings in measured.items()),
    ]


def _torch_at_its_best(threads: int) -> Callable[[], Timing]:
    """With the fastest kind of update: the least CPU time in short trials."""
    trials = {update: [_torch(threads, update, runs=1, steps=200).cpu for _ in range(2)] for update in UPDATES}
    update = min(trials, key=lambda name: min(trials[name]))
    return lambda: _torch(threads, update, runs=TORCH_RUNS, steps=TORCH_STEPS)


def _torch(threads: int, update: str, *, runs: int, steps: int) -> Timing:
    measured = fresh.call("benchmarks.pytorch:torch_timing", threads=threads, update=update, runs=runs, steps=steps)
    return Timing(*measured)


def _plain_program() -> Callable[[], Timing]:
    mesh = jax.make_mesh((len(jax.local_devices()),), ("run",), axis_types=(jax.sharding.AxisType.Auto,))
    x, y = plain.place(mesh, plain.digits(), shared=True)
    program = plain.over_devices(mesh, "map")
    tables = plain.place(mesh, np.stack([plain.batch_rows(seed, len(y), BATCH, STEPS) for seed in range(RUNS)]))
    host = plain.stacked([plain.initial(seed, SIZES) for seed in range(RUNS)])

    def measure() -> Timing:
        states = jax.block_until_ready(plain.place(mesh, host))
        return timed(lambda: program(states, tables, x, y))

    return measure
