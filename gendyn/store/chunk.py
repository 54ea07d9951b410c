"""One chunk's results on disk: records, checkpoints, and the markers that say which of them count.

A commit is: write the records, save the checkpoint under a fresh name nobody trusts, then rename a marker into place.
*The rename is the commit.* A kill at any instant leaves the marker before or the marker after, and whatever no marker
names is rubbish that the next :meth:`ChunkStore.restore` removes. A reader takes the marker first and the arrays next:
values below a marker's record count never change, so it needs no lock.
"""

import json
import shutil
import uuid
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from absl import logging

from gendyn.core import StoreError
from gendyn.store import files, markers, recorded
from gendyn.store.about import About, Variable, read_about, write_about
from gendyn.store.markers import Marker
from gendyn.store.plan_rules import check_name

_KEPT = 2
_RECORDS, _CHECKPOINTS = "records.zarr", "checkpoints"


class Restored(NamedTuple):
    """What a restart needs."""

    records: int
    """Committed records; the next commit starts here."""
    state: dict[str, np.ndarray]
    """The arrays given to :meth:`ChunkStore.commit`, bit for bit."""
    info: dict[str, Any]
    """The JSON given to :meth:`ChunkStore.commit`."""


class ChunkStore:
    """The results of one chunk of runs. One process writes (see :func:`gendyn.store.lock`); any number read.

    Args:
        folder: a folder made by :meth:`create`.
        holds: digest of the runs that are expected there (:func:`gendyn.store.holds`); ``None``: not checked.

    Raises:
        StoreError: there is no complete chunk store in ``folder``, or it is that of other runs.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = ChunkStore.create(
    ...         folder, rows=2, num_records=4, variables=[Variable("test_loss")], records_per_block=64
    ...     )
    ...     losses = np.array([[3.0, 2.0], [3.0, 1.0]], np.float32)
    ...     store.commit({"test_loss": losses}, 0, {"params/w": np.ones((2, 3))}, {"step": 10})
    ...     print(store.read()["test_loss"], store.restore().info)
    [[ 3.  2. nan nan]
     [ 3.  1. nan nan]] {'step': 10}
    """

    def __init__(self, folder: str | Path, holds: str | None = None):
        self.folder = Path(folder)
        about = read_about(self.folder / _RECORDS)
        if about is None:
            raise StoreError(f"{self.folder} holds no complete chunk of records: create it with ChunkStore.create.")
        self.about = about
        self._check_holds(about, self.folder, holds)
        self.rows, self.num_records, self.records_per_block, self.variables = about[:4]
        self._opened: dict[str, Any] = {}
        self._tails: dict[str, np.ndarray] = {}
        """Committed records of the last block, where it is a part: what is written to it next is digested with them."""

    @staticmethod
    def _check_holds(about: About, folder: Path, holds: str | None) -> None:
        # Version 0.4.0 did not write down which runs a folder holds.
        if holds and about.holds and holds != about.holds:
            raise StoreError(
                f"{folder} holds other runs than plan.json says: a folder or its name was changed by hand. Restore it "
                f"from a copy, or delete {folder} and run the same command to train this chunk again."
            )

    @classmethod
    def exists(cls, folder: str | Path) -> bool:
        """Whether ``folder`` holds a completely created chunk."""
        return read_about(Path(folder) / _RECORDS) is not None

    @classmethod
    def create(
        cls,
        folder: str | Path,
        *,
        rows: int,
        num_records: int,
        variables: Sequence[Variable],
        records_per_block: int,
        holds: str = "",
    ) -> Self:
        """Allocates the arrays of a chunk; on a complete existing one checks that it agrees; completes half a one.

        Args:
            folder: the chunk's folder; parents are made.
            rows: runs in the chunk, inert ones included.
            num_records: records of a whole training.
            variables: what is recorded, each ``[rows, num_records, *shape]``.
            records_per_block: records in one file. Larger is fewer files and more rewriting at each commit.
            holds: digest of its runs, :func:`gendyn.store.holds`.

        Raises:
            StoreError: the existing store has another shape or other runs, or the disk refuses.
        """
        folder = Path(folder)
        variables = tuple(Variable(v.name, tuple(int(n) for n in v.shape), np.dtype(v.dtype).name) for v in variables)
        wanted = About(int(rows), int(num_records), int(min(records_per_block, num_records)), variables, holds)
        sizes = [rows, num_records, records_per_block, *(n for v in variables for n in v.shape)]
        if min(sizes) < 1 or len({v.name for v in variables}) < len(variables):
            raise StoreError(f"{folder}: sizes must be at least 1 and names of variables unique, not {wanted}.")
        if wrong := next(filter(None, (check_name(variable.name) for variable in variables)), None):
            raise StoreError(f"{folder}: {wrong}.")
        _check_links(folder)
        found = read_about(folder / _RECORDS)
        if found is None:
            if markers.numbers(folder):
                raise StoreError(f"{folder} has commits but no record arrays: restore {_RECORDS} or delete {folder}.")
            try:
                cls._allocate(folder, wanted)
            except OSError as fault:
                raise StoreError(f"{files.disk_fault(fault, folder)}; nothing of this chunk is lost.") from fault
        elif different := found.differences(wanted):
            raise StoreError(f"{folder} holds records of another shape ({different}): use another workdir.")
        return cls(folder, holds)

    @staticmethod
    def _allocate(folder: Path, wanted: About) -> None:
        from gendyn.store import arrays

        root = folder / _RECORDS
        for path in (root, folder / _CHECKPOINTS, folder / markers.FOLDER):
            files.make_folder(path)
        # Left by a kill, or not the group's at all: arrays could not be made below that of an array.
        (root / "zarr.json").unlink(missing_ok=True)
        made = arrays.create(root, wanted.variables, wanted.rows, wanted.num_records, wanted.records_per_block)
        write_about(root, wanted._replace(metadata=made))

    # Writing ----------------------------------------------------------------------------------------------------------

    def commit(
        self,
        records: Mapping[str, np.ndarray],
        start: int,
        state: Mapping[str, np.ndarray],
        info: Mapping[str, Any] | None = None,
    ) -> None:
        """Makes records and the state after them durable, as one event.

        Args:
            records: ``{name: [rows, k, *shape]}`` for every variable, one ``k >= 0``.
            start: number of their first record; equals :meth:`committed`, so none is lost or doubled.
            state: flat dictionary of numeric numpy arrays, from which training continues.
            info: JSON that travels with the state.

        Raises:
            StoreError: the arguments do not fit the store, or the disk refuses; earlier commits stay as they were.
        """
        committed = self.committed()
        count = self._check(records, start, committed)
        try:
            self._commit(records, start, count, state, json.loads(json.dumps(dict(info or {}))))
        except Exception as fault:
            sentence = None if isinstance(fault, StoreError) else files.disk_fault(fault, self.folder)
            if sentence is None:
                raise
            raise StoreError(f"{sentence}; {committed} records of chunk {self.folder.name} are safe.") from fault

    def _check(self, records: Mapping[str, np.ndarray], start: int, committed: int) -> int:
        if start != committed:
            raise StoreError(
                f"{self.folder}: a commit must start at record {committed}, the number committed, not at {start}. "
                "Call restore() and go on from what it returns."
            )
        names = [variable.name for variable in self.variables]
        if sorted(records) != sorted(names):
            raise StoreError(f"{self.folder}: records has {sorted(records)}; the store was made for {sorted(names)}.")
        counts = {np.shape(array)[1] for array in records.values() if np.ndim(array) > 1}
        count = counts.pop() if counts else 0
        for variable in self.variables:
            shape = (self.rows, count, *variable.shape)
            if np.shape(records[variable.name]) != shape:
                got = np.shape(records[variable.name])
                raise StoreError(f"{self.folder}: records[{variable.name!r}] has shape {got}, not {shape}.")
        if start + count > self.num_records:
            raise StoreError(f"{self.folder}: {start} + {count} records exceed num_records = {self.num_records}.")
        return count

    def _commit(
        self, records: Mapping[str, np.ndarray], start: int, count: int, state: Mapping[str, np.ndarray], info: Any
    ) -> None:
        from gendyn.store import arrays, checkpoint

        _check_links(self.folder)
        before = self._newest()
        digests, tails = recorded.digests_after(self.folder / _RECORDS, self.about, records, before, self._tails)
        if count:
            try:
                fresh = [variable.name for variable in self.variables if variable.name not in self._opened]
                recorded.check_metadata(self.folder / _RECORDS, self.about, fresh)
                arrays.write(self.folder / _RECORDS, records, start, self._opened)
            except (OSError, StoreError):
                raise
            except Exception as fault:
                raise StoreError(
                    f"{self.folder / _RECORDS}: the block that holds record {start} cannot be written anew "
                    f"({recorded.short(fault)}). Restore that folder from a copy, or delete {self.folder} and run the "
                    "same command to train this chunk again."
                ) from fault
        number = max(markers.numbers(self.folder), default=-1) + 1
        name = f"{number:08d}-{uuid.uuid4().hex[:8]}"
        checkpoint.save((self.folder / _CHECKPOINTS / name).absolute(), state)
        marker = Marker(number, start + count, name, "", info, digests, self.about.holds)
        marker = marker._replace(checksum=checkpoint.checksum(state, marker.context())).sealed()
        files.write_json(markers.path(self.folder, number), marker.to_json())
        self._tails = tails
        self._prune()

    def _prune(self) -> None:
        """Old markers first, then the checkpoints that no marker names any more."""
        numbers = markers.numbers(self.folder)
        for number in numbers[_KEPT:]:
            markers.path(self.folder, number).unlink()
        named = set()
        for number in numbers[:_KEPT]:
            try:
                named.add(markers.read(self.folder, number, self.about).checkpoint)
            except ValueError as fault:
                # Never the newest, which was just written or restored.
                logging.warning("%s: removing the damaged marker of commit %d (%s)", self.folder, number, fault)
                markers.path(self.folder, number).unlink()
        for entry in list((self.folder / _CHECKPOINTS).iterdir()):
            ours = markers.CHECKPOINT.match(entry.name) and entry.is_dir() and not entry.is_symlink()
            if ours and entry.name not in named:
                _remove(entry)

    # Reading ----------------------------------------------------------------------------------------------------------

    def committed(self) -> int:
        """Number of committed records; reads one small file."""
        marker = self._newest()
        return 0 if marker is None else marker.records

    def _newest(self) -> Marker | None:
        return markers.newest(self.folder, self.about)

    def read(self, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
        """Committed records as ``{name: [rows, num_records, *shape]}``; the others are NaN (0 without NaN).

        Safe at any instant, also while another process commits.

        Raises:
            StoreError: an unknown name, or a damaged block of records.
        """
        return self.snapshot(names)[1]

    def snapshot(self, names: Iterable[str] | None = None) -> tuple[int, dict[str, np.ndarray]]:
        """:meth:`committed` and :meth:`read` of one instant."""
        known = [variable.name for variable in self.variables]
        wanted = known if names is None else list(names)
        if unknown := sorted(set(wanted) - set(known)):
            raise StoreError(f"{self.folder} has no records named {unknown}; it has {known}.")
        marker = self._newest()
        values = {name: recorded.committed_values(self.folder / _RECORDS, self.about, name, marker) for name in wanted}
        return (0 if marker is None else marker.records), values

    def restore(self) -> Restored | None:
        """The newest commit that restores, for the process that goes on writing; ``None`` before the first commit.

        A damaged newest commit falls back to the one before, with a warning; then its marker is removed, so that its
        records are computed and written again. Whatever no marker names is deleted.

        Raises:
            StoreError: there are commits and none restores; nothing is deleted.
        """
        _check_links(self.folder)
        self._check_not_lost()
        self._tails = {}
        found = self._restore()
        with_markers = set()
        if found is not None:
            with_markers = {number for number in markers.numbers(self.folder) if number <= found[0].number}
            for number in set(markers.numbers(self.folder)) - with_markers:
                markers.path(self.folder, number).unlink()
            files.sync_folder(self.folder / markers.FOLDER)
        for path in list(files.temporary_files(self.folder)):
            path.unlink()
        self._prune()
        return None if found is None else found[1]

    def _check_not_lost(self) -> None:
        """Raises :class:`StoreError` if there are checkpoints of commits whose markers are gone: nothing is deleted."""
        there = (self.folder / markers.FOLDER).is_dir()
        saved = (
            path.name for path in (self.folder / _CHECKPOINTS).glob("*") if markers.CHECKPOINT.fullmatch(path.name)
        )
        # A kill in the first commit leaves a checkpoint 0 without a marker.
        later = any(int(name[:8]) > 0 for name in saved)
        if not there or (later and not markers.numbers(self.folder)):
            raise StoreError(
                f"{self.folder / markers.FOLDER} is lost, so that no commit counts. Nothing was deleted. Restore it "
                f"from a copy, or delete {self.folder} and run the same command to train this chunk again."
            )

    def restore_state(self, which: str | int = "latest") -> Restored | None:
        """The state of a commit for analysis; deletes nothing, and may run beside the writer.

        Args:
            which: ``"latest"``, or the number of a commit that is still kept (the last two are).

        Raises:
            StoreError: there are commits and none restores, or there is no such commit.
        """
        found = self._restore(which)
        return None if found is None else found[1]

    def _restore(self, which: str | int = "latest") -> tuple[Marker, Restored] | None:
        while True:
            numbers = markers.numbers(self.folder)
            if which != "latest":
                if which not in numbers:
                    raise StoreError(f"{self.folder} keeps no commit {which!r}; it keeps {numbers}.")
                numbers = [int(which)]
            faults: dict[int, str] = {}
            for number in numbers:
                try:
                    marker, state = self._load(number)
                except MemoryError:
                    raise
                except Exception as fault:  # a damaged folder makes orbax raise anything
                    faults[number] = recorded.short(fault)
                    continue
                if not set(faults) <= set(markers.numbers(self.folder)):
                    break  # pruned by the writer meanwhile, not damaged
                for damaged, reason in faults.items():
                    self._warn(damaged, reason, number, marker.records)
                return marker, Restored(marker.records, state, marker.info)
            else:
                if not faults:
                    return None
                if set(faults) <= set(markers.numbers(self.folder)):
                    reasons = "; ".join(f"commit {number}: {reason}" for number, reason in faults.items())
                    raise StoreError(
                        f"{self.folder}: no checkpoint can be restored ({reasons}). Nothing was deleted. Restore "
                        f"{_CHECKPOINTS}/ and {markers.FOLDER}/ from a copy, or delete {self.folder} and run the same "
                        "command to train this chunk again."
                    )

    def _load(self, number: int) -> tuple[Marker, dict[str, np.ndarray]]:
        from gendyn.store import checkpoint

        marker = markers.read(self.folder, number, self.about)
        state = checkpoint.load((self.folder / _CHECKPOINTS / marker.checkpoint).absolute())
        if checkpoint.checksum(state, marker.context()) != marker.checksum:
            raise StoreError("its checksum does not agree with its arrays")
        return marker, state

    def _warn(self, damaged: int, reason: str, number: int, records: int) -> None:
        message = (
            f"{self.folder}: commit {damaged} is damaged ({reason}). Falling back to commit {number}: records from "
            f"{records} on count as not computed and are trained again on resume."
        )
        logging.warning("%s", message)
        warnings.warn(message, RuntimeWarning, stacklevel=4)


def _check_links(folder: Path) -> None:
    """Raises :class:`StoreError` where a folder that is written to or pruned is a symbolic link."""
    files.check_no_link(folder.parent, folder, *(folder / name for name in (_RECORDS, _CHECKPOINTS, markers.FOLDER)))


def _remove(path: Path) -> None:
    try:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    except OSError as fault:
        # On a network disk a reader's open file keeps its folder from going. The next commit tries again.
        logging.warning("%s is no longer needed and could not be deleted: %s", path, fault)
