"""The devices and the compilation cache of a sweep."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

import jax
from jax.experimental.compilation_cache import compilation_cache as jax_cache

from gendyn.core import ConfigError
from gendyn.sweep.execute.switches import check_switches


def pick_devices(platform: str) -> list[jax.Device]:
    """All devices of the kind asked for by ``config.sweep.platform``; empty is JAX's default.

    Raises:
        ConfigError: no device of that kind, or none that the environment variable ``JAX_PLATFORMS`` allows; a switch of
            JAX that no sweep works under.
    """
    check_switches()
    try:
        default = jax.devices()
    except (RuntimeError, AssertionError) as error:  # JAX asserts where it only skips a platform without a device
        asked = jax.config.values["jax_platforms"] or ""
        raise ConfigError(
            f"JAX_PLATFORMS = {asked!r}: JAX finds no such device here. Unset it to take what "
            "there is, or install the extra gendyn[cuda] or gendyn[tpu] on a machine that has one."
        ) from error
    try:
        return jax.local_devices(backend=platform or None)
    except RuntimeError as error:
        found = sorted({device.platform for device in default})
        raise ConfigError(
            f"sweep.platform = {platform!r}: there is no such device here, only {', '.join(found)}. "
            "Leave it empty to take what there is, or install the extra gendyn[cuda] or gendyn[tpu]."
        ) from error


@contextlib.contextmanager
def compilation_cache() -> Iterator[None]:
    """JAX's persistent compilation cache, in the user's cache folder, for what is compiled meanwhile.

    A cache that the user has chosen stays. Afterwards JAX is as it was found: its config, and that it looks for a cache
    at all, which it decides once a process. Without a folder to write to, there is no cache.
    """
    folder = cache_folder()
    if jax.config.values["jax_compilation_cache_dir"] is not None or folder is None:
        yield
        return
    chosen = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in chosen}
    try:
        _configure(chosen)
        yield
    finally:
        _configure(before)


def _configure(values: dict[str, object]) -> None:
    for name, value in values.items():
        jax.config.update(name, value)
    jax_cache.reset_cache()


def cache_folder() -> pathlib.Path | None:
    """``gendyn/xla`` in ``XDG_CACHE_HOME``, else in ``~/.cache``; ``None`` where neither can be written.

    A relative or empty ``XDG_CACHE_HOME`` counts as none, as the XDG base directory specification asks.
    """
    root = pathlib.Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        if not root.is_absolute():
            root = pathlib.Path.home() / ".cache"  # RuntimeError: a user without a home
        folder = root / "gendyn" / "xla"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    return folder if folder.is_absolute() and os.access(folder, os.W_OK) else None
