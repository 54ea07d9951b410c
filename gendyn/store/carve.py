"""Some runs of a chunk in a chunk of their own, with all that is committed of them: they train on, or stay, alone."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gendyn.store import files
from gendyn.store.chunk import ChunkStore
from gendyn.store.plan_rules import holds
from gendyn.store.workdir import chunk_folder


def carve(
    workdir: str | Path, source: str, target: Mapping[str, Any], rows: Sequence[int], *, records_per_block: int
) -> None:
    """Copies the records and the newest state of some rows of a chunk into a new chunk, as its first commit.

    The source stays as it is. The new chunk counts once a plan names it; what an attempt that was killed has left of it
    is removed first. A source without a commit leaves nothing to copy. The layouts are not copied: the new chunk has
    other rows, so it begins a history of its own at its first new record.

    Args:
        workdir: a results folder, held by :func:`gendyn.store.lock`.
        source: id of a chunk whose state has the runs in front of every array.
        target: ``id``, ``steps`` and ``runs`` of the new chunk, as the plan will have them; its first steps are those
            that the source has committed.
        rows: of the source, in the order of the target's runs.
        records_per_block: as in :meth:`ChunkStore.create`.

    Raises:
        StoreError: the source does not restore, or the disk refuses.
    """
    folder = chunk_folder(workdir, source)
    remove_chunk(workdir, target["id"])
    if not ChunkStore.exists(folder):
        return
    old = ChunkStore(folder)
    restored = old.restore_state()
    if restored is None:
        return
    new = ChunkStore.create(
        chunk_folder(workdir, target["id"]),
        rows=len(rows),
        num_records=len(target["steps"]),
        variables=old.variables,
        records_per_block=records_per_block,
        holds=holds(target),
    )
    chosen = list(rows)
    records = {name: values[chosen, : restored.records] for name, values in old.read().items()}
    new.commit(records, 0, {name: array[chosen] for name, array in restored.state.items()}, {})


def remove_chunk(workdir: str | Path, chunk_id: str) -> None:
    """Deletes the folder of a chunk, if there is one, as one event: a kill leaves it whole, or out of the way.

    Raises:
        StoreError: an id that is no plain name, or a symbolic link.
    """
    folder = chunk_folder(workdir, chunk_id)
    files.check_no_link(folder.parent, folder)
    if folder.is_dir():
        aside = files.temporary_of(folder)
        os.rename(folder, aside)
        files.sync_folder(folder.parent)
        shutil.rmtree(aside)
