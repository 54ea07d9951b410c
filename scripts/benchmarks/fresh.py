"""A function called in a process of its own, with caches of its own."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any


def call(target: str, *, environment: Mapping[str, str] | None = None, **arguments: Any) -> Any:
    """``module:function`` with JSON arguments and result, in a fresh interpreter with this one's import path.

    The child prints to stderr as it likes; its result is the last line of its stdout.

    Raises:
        RuntimeError: the child failed; with the end of what it printed.
    """
    variables = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    variables |= environment or {}
    command = [sys.executable, "-m", "benchmarks.fresh", target, json.dumps(arguments)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{target} failed with status {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def no_compilation_cache(folder: str) -> dict[str, str]:
    """The environment of somebody's first launch: gendyn's compilation cache is on, and empty, in ``folder``."""
    return {"XDG_CACHE_HOME": folder, "JAX_COMPILATION_CACHE_DIR": ""}


def main() -> None:
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)
    target, arguments = sys.argv[1:]
    module, _, function = target.partition(":")
    print(json.dumps(getattr(importlib.import_module(module), function)(**json.loads(arguments))))


if __name__ == "__main__":
    main()
