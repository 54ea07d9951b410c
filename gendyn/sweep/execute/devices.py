"""The devices and the compilation cache of a process."""

import os
import pathlib

import jax

from gendyn.core import ConfigError


def pick_devices(platform: str) -> list[jax.Device]:
    """All devices of the kind asked for by ``config.sweep.platform``; empty is JAX's default.

    Raises:
        ConfigError: no device of that kind.
    """
    try:
        return jax.local_devices(backend=platform or None)
    except RuntimeError as error:
        found = sorted({device.platform for device in jax.devices()})
        raise ConfigError(
            f"sweep.platform = {platform!r}: there is no such device here, only {', '.join(found)}. "
            "Leave it empty to take what there is, or install the extra gendyn[cuda] or gendyn[tpu]."
        ) from error


def use_compilation_cache() -> None:
    """Turns JAX's persistent compilation cache on, in the user's cache folder, unless the user has chosen one."""
    if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
        root = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
        jax.config.update("jax_compilation_cache_dir", str(root / "gendyn" / "xla"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
