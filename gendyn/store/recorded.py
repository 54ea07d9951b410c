"""Recorded values against what commits say of them: a block that is older, foreign or altered is never a number."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from gendyn.core import StoreError
from gendyn.store import files
from gendyn.store.about import About
from gendyn.store.markers import Marker


def committed_values(root: Path, about: About, name: str, marker: Marker | None) -> np.ndarray:
    """``[rows, num_records, *shape]``: what a marker has committed of a variable; all else is filled.

    Raises:
        StoreError: the blocks cannot be read, or are not those that were committed.
    """
    from gendyn.store import arrays

    committed = 0 if marker is None else marker.records
    try:
        check_metadata(root, about, [name])
        values = arrays.read(root, name, committed, about.records_per_block)
    except StoreError:
        raise
    except Exception as fault:
        raise _unreadable(root / name, short(fault)) from fault
    if marker is not None and has_digests(about, marker):
        found, wanted = arrays.block_digests(values[:, :committed], about.records_per_block), marker.values.get(name)
        if found != wanted:
            wrong = [i for i, pair in enumerate(zip(found, wanted or (), strict=False)) if pair[0] != pair[1]]
            first = (wrong[0] if wrong else 0) * about.records_per_block
            raise _unreadable(root / name, f"from record {first} on they are not those of commit {marker.number}")
    return values


def has_digests(about: About, marker: Marker) -> bool:
    """Whether a commit has digests of its values, or must have them; those of version 0.4.0 have none."""
    return about.seals or bool(marker.values)


def check_metadata(root: Path, about: About, names: Iterable[str]) -> None:
    """Raises :class:`StoreError` if the file that says how an array is read is not the one that was written."""
    from gendyn.store import arrays

    for name in names:
        files.check_no_link(root / name)
        if name in about.metadata and arrays.metadata_digest(root, name) != about.metadata[name]:
            raise _unreadable(root / name, "its zarr.json is not the one that was written")


def digests_after(
    root: Path,
    about: About,
    records: Mapping[str, np.ndarray],
    before: Marker | None,
    tails: Mapping[str, np.ndarray],
) -> tuple[dict[str, list[str]], dict[str, np.ndarray]]:
    """Digests of the blocks of every variable once new records are there; full blocks keep theirs.

    Args:
        root: the folder of the arrays.
        about: what they were made for.
        records: ``{name: [rows, k, *shape]}``, new.
        before: the newest marker.
        tails: of the commit before, as returned; what is missing is read, and held to ``before``.

    Returns:
        The digests by variable, and the records of the last block where it is a part.
    """
    from gendyn.store import arrays

    known, done = (before.values, before.records) if before is not None else ({}, 0)
    size = about.records_per_block
    digests, left = {}, {}
    for variable in about.variables:
        new = np.asarray(records[variable.name], variable.dtype)
        # Of a marker of version 0.4.0, which has no digests, all blocks are digested now.
        full = done // size if variable.name in known else 0
        if done > full * size:
            tail = tails.get(variable.name)
            if tail is None or tail.shape[1] != done - full * size:
                tail = committed_values(root, about, variable.name, before)[:, full * size : done]
            new = np.concatenate([tail, new], axis=1)
        digests[variable.name] = list(known.get(variable.name, []))[:full] + arrays.block_digests(new, size)
        left[variable.name] = new[:, new.shape[1] // size * size :].copy()
    return digests, left


def _unreadable(place: Path, reason: str) -> StoreError:
    return StoreError(
        f"{place}: records cannot be read ({reason}). Restore that folder from a copy, or delete the folder of its "
        "chunk and run the same command to train it again."
    )


def short(fault: BaseException) -> str:
    """The message of a library's fault on one line, cut where it is long."""
    text = " ".join(str(fault).split()) or type(fault).__name__
    return text if len(text) <= 200 else f"{text[:200]} ..."
