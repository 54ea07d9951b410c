"""Where a result comes from: versions, machine, git commit, command."""

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gendyn

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "orbax-checkpoint")


def collect(config: Mapping[str, Any], overrides: Mapping[str, Any], *, device: bool = False) -> dict[str, str]:
    """What is needed to run a result again, as strings. The host's name is left out: results are published.

    Args:
        config: the nested config of the sweep; must be JSON.
        overrides: leaves given on the command line.
        device: also name the accelerator, which starts JAX's backend (seconds, and its memory).

    Returns:
        ``config`` and ``overrides`` (JSON), ``version.<package>``, ``python``, ``platform``, ``time`` (UTC, ISO 8601),
        ``argv`` (JSON), ``xla_flags``, ``git_commit`` and ``git_dirty`` ("" where gendyn is no git checkout), and, when
        asked for, ``device_kind`` and ``device_count``.

    Raises:
        TypeError: ``config`` or ``overrides`` holds something JSON has no form for.

    >>> collect({"model": {"width": 8}}, {})["config"]
    '{"model": {"width": 8}}'
    """
    commit, dirty = _git()
    found = {
        "config": json.dumps(config),
        "overrides": json.dumps(overrides),
        "version.gendyn": _version("gendyn"),
        **{f"version.{package}": _version(package) for package in _PACKAGES},
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "argv": json.dumps(sys.argv),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "git_commit": commit,
        "git_dirty": dirty,
    }
    if device:
        import jax

        devices = jax.devices()
        found |= {"device_kind": devices[0].device_kind, "device_count": str(len(devices))}
    return found


def hardware() -> str:
    """The machine's processors by their maker's name, and JAX's devices where they are no CPUs.

    >>> "processor" in hardware()
    True
    """
    import jax

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    count = os.cpu_count() or 1
    processors = f"{count} processor{'s' * (count > 1)} ({named[0] if named else platform.machine()})"
    devices = jax.devices()
    if devices[0].platform == "cpu":
        return processors
    return f"{len(devices)} x {devices[0].device_kind}, {processors}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""  # a checkout on PYTHONPATH: its commit tells the version


def _git() -> tuple[str, str]:
    """``(commit, "true" | "false")`` of the checkout that gendyn is imported from, or two empty strings."""
    root = Path(gendyn.__file__).resolve().parents[1]
    top = _run_git(root, "rev-parse", "--show-toplevel")
    # An installed gendyn may lie inside the git checkout of another project.
    if not top or Path(top).resolve() != root:
        return "", ""
    changes = _run_git(root, "status", "--porcelain", "--untracked-files=no")
    dirty = "" if changes is None else str(bool(changes)).lower()
    return _run_git(root, "rev-parse", "HEAD") or "", dirty


def _run_git(root: Path, *arguments: str) -> str | None:
    """The output of a git command, or ``None``: no git, no checkout, or one that belongs to another user."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
