"""Measures gendyn against the strongest alternatives, in turns within one run, and prints ratios with their spread.

    python scripts/bench.py [--only=small,pytorch] [--repeats=5] [--output=bench.json]

A section is a file in ``scripts/benchmarks/``. Each value is the median over the repeats; in brackets the smallest and
the largest; ``cpu`` is the same ratio in CPU time, which other users of the machine disturb less, and which knows
nothing of idle cores. Exit status: 0 all targets met or without a value, 1 a target missed, 2 bad input.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
from absl import app, flags, logging

from gendyn.core import ConfigError

SECTIONS = (
    "small",
    "pytorch",
    "widths",
    "peak",
    "memory",
    "overhead",
    "second_launch",
    "packing",
    "strategies",
    "curvature",
    "filters",
    "transformer",
    "weak_features",
    "gaussian_process",
)
SLOW_SECTIONS = ("curvature_scale",)
"""Half an hour or more each: only where they are named."""

KNOWN = SECTIONS + SLOW_SECTIONS

_ONLY = flags.DEFINE_list("only", [], f"Sections, of {', '.join(KNOWN)}; empty is all but {', '.join(SLOW_SECTIONS)}.")
_REPEATS = flags.DEFINE_integer("repeats", 5, "Measurements of each alternative.", lower_bound=1)
_OUTPUT = flags.DEFINE_string("output", "", "A JSON file for the results.")
_HOST_DEVICES = flags.DEFINE_integer("host_devices", 0, "CPU devices to make of this host; 0 is one a core.")


def machine() -> dict[str, Any]:
    """Where the numbers come from; the load says how far to trust them."""
    devices = jax.local_devices()
    return {
        "devices": f"{len(devices)} x {devices[0].device_kind}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "load": round(os.getloadavg()[0], 1),
    }


def main(argv: Sequence[str]) -> None:
    if len(argv) > 1:
        raise ConfigError(f"unexpected argument {argv[1]!r}: options are written --name=value.")
    unknown = sorted(set(_ONLY.value) - set(KNOWN))
    if unknown:
        raise ConfigError(f"--only: {', '.join(unknown)} must be of {', '.join(KNOWN)}.")
    logging.set_verbosity(logging.WARNING)
    count = _HOST_DEVICES.value or os.cpu_count() or 1
    jax.config.update("jax_num_cpu_devices", count)
    os.environ["JAX_NUM_CPU_DEVICES"] = str(count)  # for the processes that sections start
    from benchmarks.rows import format_row

    results: dict[str, Any] = {"machine": machine(), "repeats": _REPEATS.value, "sections": {}}
    print(", ".join(f"{name} {value}" for name, value in results["machine"].items()), flush=True)
    missed = False
    for name in [section for section in KNOWN if section in (_ONLY.value or SECTIONS)]:
        section = import_module(f"benchmarks.{name}")
        print(f"\n{name}: {section.__doc__.splitlines()[0]}", flush=True)
        began = time.perf_counter()
        rows = section.run(_REPEATS.value)
        missed |= any(row.met is False for row in rows)
        for row in rows:
            print("  " + format_row(row), flush=True)
        print(f"  [{time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}]", flush=True)
        results["sections"][name] = [row.to_json() for row in rows]
        if _OUTPUT.value:
            Path(_OUTPUT.value).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if missed else 0)


def run_main() -> None:
    """``main`` with bad input as one line, not a traceback."""
    try:
        app.run(main)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    run_main()
