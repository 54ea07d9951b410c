"""Record arrays on disk: one zarr (v3) array a variable, full-length from birth, written in whole atomic blocks.

Imported only by functions that use it: zarr costs a command line a quarter of a second.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec
from zarr.core.buffer import Buffer
from zarr.storage import LocalStore

from gendyn.store import files


class DurableStore(LocalStore):
    """zarr's local store, whose blocks also survive a power loss.

    ``LocalStore`` (3.1.6) already replaces a file by renaming a complete temporary one, so that no reader and no kill
    ever sees half a block. It does not ``fsync`` first, and the file it replaces may hold committed records.
    """

    async def set(self, key: str, value: Buffer) -> None:
        await asyncio.to_thread(self.set_sync, key, value)

    def set_sync(self, key: str, value: Buffer) -> None:
        self._check_writable()
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_bytes(path, value.as_buffer_like(), sync_name=False)


def create(root: Path, variables: Sequence[Any], rows: int, num_records: int, records_per_block: int) -> dict[str, str]:
    """Allocates ``[rows, num_records, *shape]`` for every :class:`~gendyn.store.Variable` (no block is written yet).

    Returns:
        What :func:`metadata_digest` says of each, by name.
    """
    store = DurableStore(root)
    for variable in variables:
        dtype = np.dtype(variable.dtype)
        zarr.create_array(
            store,
            name=variable.name,
            shape=(rows, num_records, *variable.shape),
            chunks=(rows, min(records_per_block, num_records), *variable.shape),
            dtype=dtype,
            fill_value=np.nan if dtype.kind == "f" else np.zeros((), dtype).item(),
            # The checksum turns a flipped bit in a committed block into an error instead of a wrong value.
            compressors=ZstdCodec(level=1, checksum=True),
            # A block is one file in its array's folder ("c.0.3.0"): one folder to sync, not one a block.
            chunk_key_encoding={"name": "default", "separator": "."},
            dimension_names=("run", "record", *(f"{variable.name}_dim_{i}" for i in range(len(variable.shape)))),
            overwrite=True,
        )
    files.sync_tree(root)
    return {variable.name: metadata_digest(root, variable.name) for variable in variables}


def metadata_digest(root: Path, name: str) -> str:
    """Of the file that says how the blocks of an array are to be read. It never changes.

    Raises:
        FileNotFoundError: there is no such array.
    """
    return hashlib.sha256((root / name / "zarr.json").read_bytes()).hexdigest()


def block_digests(values: np.ndarray, records_per_block: int) -> list[str]:
    """Of each block of records ``[rows, k, *shape]``, in order: dtype, shape and bytes; the last may be a part."""
    digests = []
    for i in range(0, values.shape[1], records_per_block):
        block = np.ascontiguousarray(values[:, i : i + records_per_block])
        found = hashlib.blake2b(f"{block.dtype.str}{block.shape}".encode(), digest_size=8)
        found.update(block.reshape(-1).view(np.uint8).data)
        digests.append(found.hexdigest())
    return digests


def write(root: Path, values: Mapping[str, np.ndarray], start: int, opened: dict[str, zarr.Array]) -> None:
    """Writes records ``[start, start + k)`` of every variable and makes them durable.

    A block is read, overlaid and replaced as one file, so that its committed records are in every version of it.

    Args:
        root: the folder of the arrays.
        values: ``{name: [rows, k, *shape]}``.
        start: the first record.
        opened: arrays opened before, by name; filled here (opening one costs more than writing it).
    """
    store = DurableStore(root)

    def write_one(name: str) -> None:
        if name not in opened:
            # write_empty_chunks: zarr would otherwise delete a block that is all NaN, and a missing block of committed
            # records could not be told from a lost one.
            opened[name] = zarr.open_array(store, path=name, mode="r+").with_config({"write_empty_chunks": True})
        opened[name][:, start : start + values[name].shape[1]] = values[name]
        files.sync_folder(root / name)

    # Nearly all of the time is waiting, for zarr's event loop and for the disk.
    with ThreadPoolExecutor(min(8, len(values))) as pool:
        list(pool.map(write_one, values))


def read(root: Path, name: str, records: int, records_per_block: int) -> np.ndarray:
    """``[rows, num_records, *shape]``: the first ``records`` as stored, all others filled (NaN, or 0).

    Raises:
        FileNotFoundError: a block that must hold one of those records is missing.
    """
    array = zarr.open_array(LocalStore(root, read_only=True), path=name, mode="r")
    out = np.full(array.shape, array.fill_value, array.dtype)
    if records:
        tail = ".0" * (array.ndim - 2)
        for block in range(-(-records // records_per_block)):
            path = root / name / f"c.0.{block}{tail}"
            if not path.exists():
                raise FileNotFoundError(f"{path} is missing")
        out[:, :records] = array[:, :records]
    return out
