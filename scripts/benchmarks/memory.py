"""The planner's estimate of memory against the peak of the process and what XLA allocates, for three sweeps."""

import gc
import re

import jax

from benchmarks import engine, fresh
from benchmarks.rows import Row

SWEEPS = {
    "small MLP, many runs": ("mlp", {"width": 64, "depth": 2, "batch_size": 128}, 2048),
    "wide MLP": ("mlp", {"width": 2048, "depth": 2, "batch_size": 128}, 8),
    "CNN": ("cnn", {"width": 16, "batch_size": 128}, 8),
}


def measure(model: str, arguments: dict[str, int], runs: int) -> dict[str, float]:
    """Bytes of one sweep: estimated, peak of the process above what it held before, and by XLA's own account.

    Before: the process with the segment compiled and the runs on the host. The peak is over placing them, a segment,
    and the copy of the state that a commit takes.
    """
    config = {"mlp": engine.mlp_config, "cnn": engine.cnn_config}[model](**arguments, num_steps=4)
    axes = {"seed": range(runs)}
    ready = engine.compile_only(config, axes)
    gc.collect()
    _reset_peak()
    before = _status("VmRSS")
    population = ready.place()
    population.advance(2)
    training = _status("VmHWM") - before
    population.state()  # a commit copies the state to the host
    device = jax.local_devices()[0].memory_stats()
    if device:
        training = peak = device["peak_bytes_in_use"]
    else:
        peak = _status("VmHWM") - before
    analysis = ready.compiled.memory_analysis()
    allocated = analysis.argument_size_in_bytes + analysis.output_size_in_bytes + analysis.temp_size_in_bytes
    devices = len(jax.local_devices())
    return {
        "estimate": ready.chunk.estimate.bytes,
        "peak": peak,
        "training": training,
        "allocated": devices * float(allocated - analysis.alias_size_in_bytes),
        "temporary": devices * float(analysis.temp_size_in_bytes),
    }


def _reset_peak() -> None:
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def _status(name: str) -> float:
    with open("/proc/self/status") as file:
        match = re.search(rf"^{name}:\s+(\d+) kB", file.read(), re.MULTILINE)
    assert match is not None
    return 1024.0 * float(match[1])


def run(repeats: int) -> list[Row]:
    """Each sweep in a process of its own; memory does not vary between repeats as time does, so each runs once."""
    del repeats
    rows = []
    for name, (model, arguments, runs) in SWEEPS.items():
        found = fresh.call("benchmarks.memory:measure", model=model, arguments=arguments, runs=runs)
        sizes = {key: round(value / 1e6) for key, value in found.items()}
        note = f"{sizes['estimate']} MB, peak {sizes['peak']} MB ({sizes['training']} MB without a commit)"
        ratio = found["estimate"] / found["peak"]
        rows.append(Row(f"{name}: estimate / peak", ratio, at_least=0.7, at_most=1.3, note=note))
        note = f"{sizes['allocated']} MB, of which temporary {sizes['temporary']} MB"
        rows.append(Row(f"{name}: estimate / allocated by XLA", found["estimate"] / found["allocated"], note=note))
    return rows
