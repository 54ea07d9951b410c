"""Files that survive a kill and a power loss: a temporary file, ``fsync``, then a rename within one folder."""

import errno
import json
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gendyn.core import StoreError

_TEMPORARY = ".gendyn-tmp"
# And what version 0.4.0 called the file by which it tried for permission.
_IS_TEMPORARY = re.compile(r"\..*\.[0-9a-f]+\.gendyn-tmp|\.probe\.[0-9a-f]{32}", re.DOTALL)
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable: a renamed or created file survives a power loss only after this."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Makes every file and folder below ``folder``, and ``folder`` itself, durable."""
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            descriptor = os.open(os.path.join(parent, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(parent))


def make_folder(folder: Path) -> None:
    """``mkdir -p`` whose new names are durable."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def temporary_of(path: Path) -> Path:
    """A fresh name beside a file, for what is to be renamed to it; :func:`is_temporary` knows it."""
    return path.parent / f".{path.name}.{uuid.uuid4().hex}{_TEMPORARY}"


def write_bytes(path: Path, data: Any, *, sync_name: bool = True) -> None:
    """Replaces a file as one event: a reader sees the old bytes or the new ones, never a mixture.

    Args:
        path: the file; its folder exists.
        data: bytes, or anything with the buffer protocol.
        sync_name: also make the rename durable. A caller that replaces many files of one folder syncs it once itself.
    """
    temporary = temporary_of(path)
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            # Before the rename: otherwise a power loss may keep the new name and lose the bytes behind it.
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync_name:
        sync_folder(path.parent)


def write_json(path: str | Path, obj: Any) -> None:
    """Writes JSON atomically and durably (temporary file, fsync, rename, fsync of the folder).

    Args:
        path: the file; its folder exists.
        obj: anything ``json`` can encode.

    Raises:
        TypeError: ``obj`` holds something JSON has no form for; nothing is written.
        OSError: the disk refuses; an older file of that name is intact.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json(folder + "/a.json", {"width": 8})
    ...     read_json(folder + "/a.json")
    {'width': 8}
    """
    text = json.dumps(obj, indent=1)
    write_bytes(Path(path), text.encode())


def read_json(path: str | Path) -> Any:
    """Reads a JSON file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: what is there is damaged, or no file.
        OSError: the disk refuses.
    """
    try:
        return json.loads(Path(path).read_bytes())
    except RecursionError as fault:
        raise ValueError("it is nested too deeply") from fault
    except IsADirectoryError as fault:
        raise ValueError("it is a folder") from fault


def check_no_link(*paths: Path) -> None:
    """Raises :class:`gendyn.core.StoreError` for a symbolic link: what is written or deleted there is another's."""
    for path in paths:
        if path.is_symlink():
            raise StoreError(
                f"{path} is a symbolic link. Inside a results folder none is followed: put the folder itself there."
            )


def temporary_files(folder: Path) -> Iterator[Path]:
    """What a kill left behind below ``folder``: files of :func:`write_bytes` that were never renamed."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent) / name for name in names if is_temporary(name))


def is_temporary(name: str) -> bool:
    """Whether a file name is one of :func:`temporary_of`: left by a kill, and nobody's."""
    return bool(_IS_TEMPORARY.fullmatch(name))


def disk_fault(fault: BaseException, folder: Path) -> str | None:
    """One sentence on a fault of the disk (full, forbidden, other input/output), or ``None`` for any other fault.

    The whole chain of causes is searched: libraries wrap the operating system's error, and TensorStore keeps its number
    as text.
    """
    seen: BaseException | None = fault
    while seen is not None:
        number = seen.errno if isinstance(seen, OSError) else None
        if match := re.search(r"os_error_code='(\d+)'", str(seen)):
            number = int(match[1])
        if number in _FULL:
            return f"the disk that holds {folder} is full: free space and run the same command again"
        if number is not None:
            step = "give yourself write permission" if number in _FORBIDDEN else "see to the disk"
            return f"{folder} cannot be written ({os.strerror(number)}): {step} and run the same command again"
        seen = seen.__cause__ or seen.__context__
    return None
