"""A results folder: whose it is, whether its sweep was born, and who runs it now.

The folder is born when ``plan.json`` is renamed into place, as the last act of planning; it is replaced as one event
when chunks are added. Rooms above give the plan its meaning; see :func:`gendyn.store.open` for the fields read here.
"""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gendyn.core import ConfigError, StoreError, digest
from gendyn.store import files
from gendyn.store.plan_rules import CHUNK_ID, check_plan

FORMAT = 2
"""Since 2 the plan has a digest of itself; those of version 0.4.0, format 1, are read too."""
_PLAN, _LOCK, _CHUNKS = "plan.json", ".lock", "chunks"


def folder_of(path: str | Path) -> Path:
    """The absolute path that a user means; every function that takes a results folder reads it so.

    >>> folder_of("~/runs") == Path.home() / "runs"
    True
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as fault:
        raise ConfigError(f"workdir = {str(path)!r}: {fault} Write the whole path.") from fault


def born(path: str | Path) -> bool:
    """Whether ``path`` holds a planned sweep."""
    return (folder_of(path) / _PLAN).is_file()


def open_workdir(path: str | Path) -> Path:
    """Checks that a sweep may write to ``path`` and makes the folder if there is none.

    Args:
        path: a new folder, an empty one, or a results folder (whose sweep it holds is for the sweep to judge).

    Returns:
        The absolute path.

    Raises:
        ConfigError: the path or a part of it is a file, it cannot be written, or it holds something else.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     workdir = open_workdir(folder + "/sweeps/first")
    ...     workdir.name, born(workdir)
    ('first', False)
    """
    folder = folder_of(path)
    for part in (folder, *folder.parents):
        if part.exists() and not part.is_dir():
            raise ConfigError(f"workdir = {str(path)!r}: {part} is a file; a folder is needed. Choose another path.")
    try:
        files.make_folder(folder)
        files.check_no_link(folder / _CHUNKS, folder / _PLAN)
        probe = files.temporary_of(folder / "probe")
        probe.touch()
        probe.unlink()
        entries = os.listdir(folder)
    except OSError as fault:
        raise ConfigError(
            f"workdir = {str(path)!r} cannot be written: {fault.strerror}. Choose a folder you may write to."
        ) from fault
    foreign = [name for name in entries if name not in (_LOCK, _CHUNKS) and not files.is_temporary(name)]
    if _PLAN in foreign:
        read_plan(folder)
    elif foreign:
        raise ConfigError(
            f"workdir = {str(path)!r} is not empty and holds no gendyn results (it has {foreign[0]!r}). Choose another."
        )
    return folder


def read_plan(path: str | Path) -> dict[str, Any]:
    """The plan of a results folder.

    Raises:
        ConfigError: there is no such folder, or its sweep was never planned to the end.
        StoreError: ``plan.json`` is damaged or was edited, or is of a format this version does not read.
    """
    file = folder_of(path) / _PLAN
    try:
        plan = files.read_json(file)
    except (FileNotFoundError, NotADirectoryError) as fault:
        known = "has no plan.json: no sweep was planned there" if file.parent.is_dir() else "is no folder"
        raise ConfigError(
            f"workdir = {str(path)!r} {known}. Give the --workdir of a sweep, or start one there with scripts/sweep.py."
        ) from fault
    except OSError as fault:
        raise ConfigError(f"workdir = {str(path)!r} cannot be read: {fault.strerror}.") from fault
    except ValueError as fault:
        raise StoreError(f"{file} is damaged ({fault}): restore it from a copy.") from fault
    if not isinstance(plan, dict) or plan.get("format") not in (1, FORMAT):
        found = plan.get("format") if isinstance(plan, dict) else type(plan).__name__
        raise StoreError(f"{file} has format {found!r}; this version of gendyn reads formats 1 and {FORMAT}.")
    written = plan.pop("digest", None)
    if (written is not None or plan["format"] == FORMAT) and written != digest(plan):
        raise StoreError(
            f"{file} is damaged or was edited: its digest does not agree with what it says. Restore it from a copy; to "
            "run something else, choose another workdir."
        )
    check_plan(plan, file)
    return plan


def write_plan(path: str | Path, plan: Mapping[str, Any]) -> None:
    """Writes ``plan.json`` as one durable event; the first time, this is the birth of the results folder.

    Its format and its digest are added.

    Raises:
        StoreError: a field is missing or no such field can be read back, or the disk refuses; an older plan is intact.
    """
    folder = folder_of(path)
    # As it will be read: a tuple is a list.
    stored = json.loads(json.dumps(dict(plan) | {"format": FORMAT}))
    check_plan(stored, folder / _PLAN)
    try:
        files.write_json(folder / _PLAN, stored | {"digest": digest(stored)})
    except OSError as fault:
        raise StoreError(f"{files.disk_fault(fault, folder)}; what was written before is safe.") from fault


def set_attributes(path: str | Path, attributes: Mapping[str, str | int | float]) -> None:
    """Adds attributes to the results of a folder; those of the same name are replaced. They stay when a sweep goes on.

    Raises:
        ConfigError: see :func:`read_plan`.
        StoreError: another process holds the folder, or the disk refuses.
    """
    with lock(path):
        plan = read_plan(path)
        write_plan(path, plan | {"attributes": plan.get("attributes", {}) | dict(attributes)})


def chunk_folder(path: str | Path, chunk_id: str) -> Path:
    """Where the results of one chunk lie.

    Raises:
        StoreError: an id that is no plain name, such as ``"../other"``.
    """
    if not CHUNK_ID.fullmatch(chunk_id):
        raise StoreError(f"{chunk_id!r} is no id of a chunk: letters, digits, - and _ alone.")
    return folder_of(path) / _CHUNKS / chunk_id


@contextlib.contextmanager
def lock(path: str | Path) -> Iterator[None]:
    """Holds a results folder for this process; the kernel lets go when the process ends, also by ``kill -9``.

    Args:
        path: an existing folder.

    Raises:
        StoreError: another process holds it (the message names its pid and host), or the lock cannot be made.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, lock(folder):
    ...     sorted(os.listdir(folder))
    ['.lock']
    """
    file = folder_of(path) / _LOCK
    files.check_no_link(file)
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as fault:
        raise StoreError(
            f"{file} cannot be opened: {fault.strerror}. Choose a workdir that you may write to."
        ) from fault
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise StoreError(
                f"{path} is being run by {_holder(descriptor)}: wait for it, stop it, or choose another workdir."
            ) from fault
        # The file stays: unlinking it would let two processes hold locks on two files of one name.
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {found['pid']} on {found['host']}"
    except (ValueError, KeyError):
        return "another process"  # it has the lock and has not written its name yet
