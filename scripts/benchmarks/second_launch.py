"""Compile time of the first and the second launch of a sweep, each in a fresh process, with one persistent cache."""

import tempfile
from collections import defaultdict

import jax

import gendyn.sweep
from benchmarks import engine, fresh
from benchmarks.rows import Row, of_ratio
from benchmarks.timing import Timing, ratio

COMPILE = "/jax/core/compile/backend_compile_duration"
"""JAX's own event; it contains the look-up in the persistent cache."""


def compile_seconds() -> dict[str, float]:
    """Seconds of compiling, of all of JAX's stages before execution, and of the whole sweep."""
    spent: dict[str, float] = defaultdict(float)
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **_: spent.update({event: spent[event] + seconds})
    )
    config = engine.mlp_config(width=8, depth=2, batch_size=128, num_steps=20)
    with tempfile.TemporaryDirectory() as folder:
        gendyn.sweep.run(config, axes={"model.width": (8, 64, 256), "seed": range(4)}, workdir=folder, quiet=True)
    stages = sum(seconds for event, seconds in spent.items() if event.startswith("/jax/core/compile/"))
    return {"compile": spent[COMPILE], "stages": stages}


def run(repeats: int) -> list[Row]:
    """First over second launch; each repeat begins with an empty cache."""
    first: list[dict[str, float]] = []
    second: list[dict[str, float]] = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            environment = fresh.no_compilation_cache(cache)
            for launches in (first, second):
                launches.append(fresh.call("benchmarks.second_launch:compile_seconds", environment=environment))

    def paired(name: str) -> Row:
        def timings(launches: list[dict[str, float]]) -> list[Timing]:
            return [Timing(launch[name], launch[name]) for launch in launches]

        what = {"compile": "compiling", "stages": "tracing, lowering and compiling"}[name]
        at_least = 10.0 if name == "compile" else None
        row = of_ratio(f"{what}: first / second launch", ratio(timings(first), timings(second)), at_least=at_least)
        return row._replace(cpu=float("nan"))

    return [paired("compile"), paired("stages")]
