"""What a computation will hold against what the machine has free: refused before anything is compiled."""

import os
import pathlib
from collections.abc import Callable, Mapping

import jax

from gendyn.core.errors import ConfigError, check_range


def free_bytes(device: jax.Device | None = None) -> int:
    """Memory that a device (``None``: the default one) can still give; for a CPU, what is left of the host or of this
    process's control group (a container, a batch job), whichever is less."""
    statistics = (device or jax.local_devices()[0]).memory_stats() or {}
    if "bytes_limit" in statistics:
        return int(statistics["bytes_limit"]) - int(statistics.get("bytes_in_use", 0))
    meminfo, group = pathlib.Path("/proc/meminfo"), pathlib.Path("/sys/fs/cgroup")
    if not meminfo.exists():
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    lines = meminfo.read_text().splitlines()
    free = next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    limit, used = group / "memory.max", group / "memory.current"
    if limit.exists() and used.exists() and limit.read_text().strip() != "max":
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    return free


def check_memory(needs: Mapping[str, int], memory_limit: float | None, advice: str) -> None:
    """Raises :class:`ConfigError` if the needs add up to more than may be used.

    Args:
        needs: what for -> bytes; the words follow the number in the message.
        memory_limit: bytes, positive; ``None``: what is free now.
        advice: what to set instead.

    >>> check_memory({"of Lanczos vectors": 3_000_000}, 2e6, "set num_steps below 40")
    Traceback (most recent call last):
        ...
    gendyn.core.errors.ConfigError: memory: 3 MB needed (3 MB of Lanczos vectors), memory_limit is 2 MB; set num_steps \
below 40, or pass a larger memory_limit.
    """
    check_range("memory_limit", 1.0 if memory_limit is None else memory_limit, low=0.0, open_low=True)
    limit = free_bytes() if memory_limit is None else memory_limit
    total = sum(needs.values())
    if total > limit:
        parts = ", ".join(f"{readable_bytes(need)} {name}" for name, need in needs.items() if need)
        source, remedy = ("memory_limit is", ", or pass a larger memory_limit")
        if memory_limit is None:
            source, remedy = "free memory is", ""
        raise ConfigError(
            f"memory: {readable_bytes(total)} needed ({parts}), {source} {readable_bytes(limit)}; {advice}{remedy}."
        )


def check_basis(rows: int, row_bytes: int, memory_limit: float | None, advice: Callable[[int], str]) -> None:
    """Raises :class:`ConfigError` if ``rows`` vectors of ``row_bytes`` exceed the limit; ``advice(rows that fit)``."""
    limit = free_bytes() if memory_limit is None else memory_limit
    if rows * row_bytes > limit:
        check_memory({f"for {rows} vectors": rows * row_bytes}, memory_limit, advice(int(limit // row_bytes)))


def readable_bytes(count: float) -> str:
    """``1.23 MB``: three digits and a decimal unit."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
