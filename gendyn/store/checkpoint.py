"""A flat dictionary of numpy arrays through orbax, bit for bit, at the cost of one small file.

Imported only by functions that use it: orbax costs a command line half a second.

Layout: arrays below 1 MiB travel together in one byte array ``packed`` that starts with a JSON header (names, dtypes,
shapes, in order); larger ones are leaves of their own, so that they are neither copied nor joined. Orbax writes two
files a leaf and needs about 1 ms for each: packed, a state of 25 leaves and 1 MB saves in half the time, and empty
arrays, which orbax refuses, are kept.
"""

import contextlib
import functools
import hashlib
import json
import logging
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp

from gendyn.core import StoreError
from gendyn.store import files

_LARGE = 1 << 20


class _OrbaxIsQuiet(logging.Filter):
    """Drops orbax's log lines on gendyn's checkpoints: ten a save, and its threads' tracebacks when a disk is full.

    A fault of orbax reaches the caller as an exception, where it becomes one sentence. Its threads may log after the
    exception has arrived, so lines that name one of our folders are dropped at any time.
    """

    active = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if "orbax" not in Path(record.pathname).parts:
            return True
        return not self.active and not re.search(r"checkpoints/\d{8}-[0-9a-f]{8}", record.getMessage())

    @contextlib.contextmanager
    def during(self) -> Iterator[None]:
        logger = logging.getLogger("absl")
        if self not in logger.filters:
            logger.addFilter(self)
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1


_quiet = _OrbaxIsQuiet()


class _Handler(ocp.BasePyTreeCheckpointHandler):
    def finalize(self, directory: Path) -> None:
        """Nothing: orbax would merge OCDBT files, of which there are none, and log a warning at every save."""


@functools.lru_cache(maxsize=1)
def _checkpointer() -> ocp.Checkpointer:
    # Only this process takes part: without this, orbax waits at a barrier for every process of jax.distributed.
    process = jax.process_index()
    options = ocp.options.MultiprocessingOptions(
        primary_host=process, active_processes={process}, barrier_sync_key_prefix=f"gendyn{process}"
    )
    # No OCDBT: it saves files when there are many leaves and costs 20 ms when there are few.
    handler = _Handler(use_ocdbt=False, use_compression=False, multiprocessing_options=options)
    return ocp.Checkpointer(ocp.PyTreeCheckpointHandler(handler_impl=handler), multiprocessing_options=options)


def as_plain(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same arrays, contiguous and in the order of their names.

    Raises:
        StoreError: a value is no plain numeric array (a typed PRNG key, an object, a structured dtype).
    """
    plain = {}
    for name in sorted(state):
        value = state[name]
        array = np.asarray(value, order="C") if isinstance(value, (np.ndarray, np.generic)) else None
        if array is None or array.dtype.kind in "OSUMm" or _dtype(array.dtype.name) != array.dtype:
            raise StoreError(
                f"state[{name!r}] is {type(value).__name__} {getattr(value, 'dtype', '')}: a checkpoint holds plain "
                "numeric numpy arrays. Bring it to the host (np.asarray, jax.random.key_data) first."
            )
        plain[name] = array
    return plain


def _dtype(name: str) -> np.dtype | None:
    """``np.dtype(name)``, also for bfloat16 and its kin (registered by jax); ``None`` where there is no such dtype."""
    try:
        return np.dtype(name)
    except TypeError:
        return None


def checksum(state: Mapping[str, np.ndarray], context: str) -> str:
    """SHA-256 over ``context`` and each array's name, dtype, shape and bytes, in the order of names."""
    digest = hashlib.sha256(context.encode())
    for name, array in as_plain(state).items():
        digest.update(json.dumps([name, array.dtype.name, array.shape]).encode())
        digest.update(_bytes(array).data)
    return digest.hexdigest()


def _bytes(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1).view(np.uint8)


def save(folder: Path, state: Mapping[str, np.ndarray]) -> None:
    """Writes a new checkpoint folder and returns when it is durable.

    Raises:
        StoreError: a value is no plain numeric array.
        ValueError: the folder exists.
    """
    plain = as_plain(state)
    header = json.dumps([[name, a.dtype.name, a.shape, a.nbytes >= _LARGE] for name, a in plain.items()]).encode()
    small = [_bytes(array) for array in plain.values() if array.nbytes < _LARGE]
    packed = np.concatenate([np.frombuffer(struct.pack("<Q", len(header)) + header, np.uint8), *small])
    large = {f"large_{i}": _bytes(array) for i, array in enumerate(plain.values()) if array.nbytes >= _LARGE}
    with _quiet.during():
        _checkpointer().save(folder, args=ocp.args.PyTreeSave({"packed": packed, **large}))
    # TensorStore syncs the arrays; orbax's metadata and its rename of the folder are not synced.
    files.sync_tree(folder)
    files.sync_folder(folder.parent)


def load(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of :func:`save`. On a damaged folder any exception of orbax, or arrays that fail their checksum."""
    with _quiet.during():
        stored = _checkpointer().restore(folder, args=ocp.args.PyTreeRestore())
    packed = np.asarray(stored["packed"])
    (length,) = struct.unpack("<Q", packed[:8].tobytes())
    header = json.loads(packed[8 : 8 + length].tobytes())
    state, offset = {}, 8 + length
    for index, (name, dtype_name, shape, is_large) in enumerate(header):
        dtype = np.dtype(dtype_name)
        count = int(np.prod(shape, dtype=np.int64))
        if is_large:
            state[name] = np.asarray(stored[f"large_{index}"]).view(dtype).reshape(shape)
        else:
            # A copy: aligned, writable, and not keeping the whole buffer alive.
            state[name] = np.frombuffer(packed, dtype, count, offset).reshape(shape).copy()
            offset += count * dtype.itemsize
    return state
