"""Commit markers: small JSON files whose rename into place is the commit."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from gendyn.core import StoreError, canonical, digest
from gendyn.store import files
from gendyn.store.about import About

FOLDER = "commits"
CHECKPOINT = re.compile(r"\d{8}-[0-9a-f]{8}")
"""The name of a checkpoint: the number of its commit, and what tells two attempts apart."""
_FILE = re.compile(r"\d{8}\.json")


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
    values: Mapping[str, list[str]] = MappingProxyType({})
    """Of each variable the digest of every block of its committed records; none in markers of version 0.4.0."""
    holds: str = ""
    """The runs of the chunk: :func:`gendyn.store.holds`."""
    seal: str = ""
    """Digest of all of the above; none in markers of version 0.4.0."""

    def context(self) -> str:
        """What the checksum covers besides the arrays: a flipped digit in a marker is damage too."""
        about = [self.number, self.records, self.info]
        # As version 0.4.0 wrote it, whose folders still open.
        return canonical([*about, dict(self.values), self.holds]) if self.values else json.dumps(about, sort_keys=True)

    def to_json(self) -> dict[str, Any]:
        """Plain data, as the file holds it."""
        return self._asdict() | {"values": dict(self.values)}

    def sealed(self) -> "Marker":
        """With the seal that :func:`read` expects."""
        return self._replace(seal=digest(self.to_json() | {"seal": ""}))

    def fault(self) -> str | None:
        """What is wrong with a marker as it was read; ``None``: nothing."""
        counts = (self.number, self.records)
        texts = (self.checkpoint, self.checksum, self.holds, self.seal)
        if not all(isinstance(count, int) and count >= 0 for count in counts):
            return "its numbers are no counts"
        if not all(isinstance(text, str) for text in texts) or not CHECKPOINT.fullmatch(self.checkpoint):
            return "its names are no names"
        parts: tuple[Any, ...] = (self.info, self.values)
        if not all(isinstance(part, Mapping) for part in parts):
            return "its parts are missing"
        if not all(isinstance(blocks, list) for blocks in parts[1].values()):
            return "its digests are no lists"
        if self.seal and self.seal != self.sealed().seal:
            return "its seal does not agree with what it says"
        return None


def path(chunk: Path, number: int) -> Path:
    """The file of one marker."""
    return chunk / FOLDER / f"{number:08d}.json"


def numbers(chunk: Path) -> list[int]:
    """Numbers of the markers in a chunk's folder, newest first; what is no file of ours is passed over."""
    try:
        with os.scandir(chunk / FOLDER) as entries:
            ours = [e.name for e in entries if _FILE.fullmatch(e.name) and e.is_file(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted((int(name[:-5]) for name in ours), reverse=True)


def read(chunk: Path, number: int, about: About) -> Marker:
    """One marker.

    Args:
        chunk: the chunk's folder.
        number: of the commit.
        about: what the chunk was made for; where it seals what it writes, a marker without a seal, or of other runs,
            is damaged.

    Raises:
        FileNotFoundError: it was pruned.
        ValueError: it is damaged.
    """
    place = path(chunk, number)
    try:
        marker = Marker(**files.read_json(place))
    except TypeError as error:
        raise ValueError(f"{place} is no marker: {error}") from error
    fault = marker.fault()
    if about.seals and not marker.seal:
        fault = fault or "it has no seal"
    if about.seals and marker.holds != about.holds:
        fault = fault or "it is that of another chunk"
    if marker.number != number:
        fault = fault or "it is that of another commit"
    if fault:
        raise ValueError(f"{place} is damaged: {fault}")
    return marker


def newest(chunk: Path, about: About) -> Marker | None:
    """The newest marker that can be read; its checkpoint is not looked at. ``None`` before the first commit.

    Raises:
        StoreError: there are markers and none can be read.
    """
    while found := numbers(chunk):
        faults = []
        for number in found:
            try:
                return read(chunk, number, about)
            except FileNotFoundError:
                break  # pruned between listing and opening: list again
            except ValueError as fault:
                faults.append(f"commit {number}: {fault}")
        if len(faults) == len(found):
            raise StoreError(f"{chunk}: no marker can be read ({'; '.join(faults)}). Restore {FOLDER}/ from a copy.")
    return None
