"""Commit markers: small JSON files whose rename into place is the commit."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from gendyn.core import StoreError
from gendyn.store import files

FOLDER = "commits"


class Marker(NamedTuple):
    """What counts as written."""

    number: int
    """Commits of a chunk are numbered from 0."""
    records: int
    """Records ``[0, records)`` are committed."""
    checkpoint: str
    """Name of the checkpoint folder."""
    checksum: str
    """Of the checkpoint's arrays and of :meth:`context`."""
    info: dict[str, Any]
    """The caller's JSON."""

    def context(self) -> str:
        """What the checksum covers besides the arrays: a flipped digit in a marker is damage too."""
        return json.dumps([self.number, self.records, self.info], sort_keys=True)


def path(chunk: Path, number: int) -> Path:
    """The file of one marker."""
    return chunk / FOLDER / f"{number:08d}.json"


def numbers(chunk: Path) -> list[int]:
    """Numbers of the markers in a chunk's folder, newest first."""
    try:
        names = os.listdir(chunk / FOLDER)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted((int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdigit()), reverse=True)


def read(chunk: Path, number: int) -> Marker:
    """One marker.

    Raises:
        FileNotFoundError: it was pruned.
        ValueError: it is damaged.
    """
    try:
        return Marker(**files.read_json(path(chunk, number)))
    except TypeError as fault:
        raise ValueError(f"{path(chunk, number)} is no marker: {fault}") from fault


def newest(chunk: Path) -> Marker | None:
    """The newest marker that can be parsed; its checkpoint is not looked at. ``None`` before the first commit.

    Raises:
        StoreError: there are markers and none can be parsed.
    """
    while found := numbers(chunk):
        faults = []
        for number in found:
            try:
                return read(chunk, number)
            except FileNotFoundError:
                break  # pruned between listing and opening: list again
            except ValueError as fault:
                faults.append(f"commit {number}: {fault}")
        if len(faults) == len(found):
            raise StoreError(f"{chunk}: no marker can be read ({'; '.join(faults)}). Restore {FOLDER}/ from a copy.")
    return None
