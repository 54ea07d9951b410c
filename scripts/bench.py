"""Measures gendyn against the strongest alternatives, in turns within one run, and prints ratios with their spread.

    python scripts/bench.py [--only=small,pytorch] [--repeats=5] [--output=bench.json] [--page=docs/speed.md]

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

_FOLDER = Path(__file__).parent / "benchmarks"
_TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(_FOLDER.glob("*.py"))}
KNOWN = tuple(name for name, text in _TEXTS.items() if "\ndef run(" in text)
"""Every file there with a function ``run``."""
SLOW = tuple(name for name in KNOWN if "\nSLOW = True" in _TEXTS[name])
"""Half an hour or more each: only where they are named."""

_ONLY = flags.DEFINE_list("only", [], f"Sections, of {', '.join(KNOWN)}; empty is all but {', '.join(SLOW)}.")
_REPEATS = flags.DEFINE_integer("repeats", 5, "Measurements of each alternative.", lower_bound=1)
_OUTPUT = flags.DEFINE_string("output", "", "A JSON file for the results; sections there that --only leaves out stay.")
_PAGE = flags.DEFINE_string("page", "", "The same as a page of Markdown, such as docs/speed.md; needs --output.")
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
    if _PAGE.value and not _OUTPUT.value:
        raise ConfigError("--page needs --output: the page is made of all sections measured so far, which lie there.")
    logging.set_verbosity(logging.WARNING)
    count = _HOST_DEVICES.value or os.cpu_count() or 1
    jax.config.update("jax_num_cpu_devices", count)
    os.environ["JAX_NUM_CPU_DEVICES"] = str(count)  # for the processes that sections start
    from benchmarks.page import speed_page
    from benchmarks.rows import format_row

    output = Path(_OUTPUT.value)
    earlier = json.loads(output.read_text(encoding="utf-8")) if _OUTPUT.value and output.exists() else {}
    results: dict[str, Any] = {"machine": machine(), "repeats": _REPEATS.value, "sections": earlier.get("sections", {})}
    print(", ".join(f"{name} {value}" for name, value in results["machine"].items()), flush=True)
    missed = False
    for name in [section for section in KNOWN if section in (_ONLY.value or set(KNOWN) - set(SLOW))]:
        section = import_module(f"benchmarks.{name}")
        print(f"\n{name}: {section.__doc__.splitlines()[0]}", flush=True)
        began = time.perf_counter()
        rows = section.run(_REPEATS.value)
        missed |= any(row.met is False for row in rows)
        for row in rows:
            print("  " + format_row(row), flush=True)
        print(f"  [{time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}]", flush=True)
        about = {"title": section.__doc__.splitlines()[0], "machine": machine(), "repeats": _REPEATS.value}
        results["sections"][name] = about | {"rows": [row.to_json() for row in rows]}
        if _OUTPUT.value:
            output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        if _PAGE.value:
            Path(_PAGE.value).write_text(speed_page(results["sections"]), encoding="utf-8")
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
