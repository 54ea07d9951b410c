import errno
import os
import resource
import threading
import time

import numpy as np
import pytest

from gendyn.core import StoreError
from gendyn.store import ChunkStore, Committer, Variable, files


def _submit(committer: Committer, small, start: int) -> None:
    committer.submit({"loss": small.loss(start, 1)}, start, small.state(start + 1), {"records": start + 1})


def _refuse(monkeypatch, number: int, path_part: str) -> None:
    """The disk answers with an error as soon as a file whose path holds ``path_part`` is made durable."""
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        if path_part in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(files.os, "fsync", fsync)


def test_all_that_was_submitted_is_written_in_order(small):
    with Committer(small.store) as committer:
        for start in range(6):
            _submit(committer, small, start)
    assert small.store.restore().info == {"records": 6}
    assert committer.seconds > 0
    small.check(6)


def test_the_caller_waits_only_when_two_commits_are_pending(small, monkeypatch):
    go, submitted = threading.Event(), []
    commit = small.store.commit
    monkeypatch.setattr(small.store, "commit", lambda *job: (go.wait(20), commit(*job)))

    def train() -> None:
        with Committer(small.store) as committer:
            for start in range(4):
                _submit(committer, small, start)
                submitted.append(start)

    thread = threading.Thread(target=train)
    thread.start()
    while len(submitted) < 2:  # one is being written, one pends: neither makes the caller wait
        time.sleep(0.001)
    time.sleep(0.05)
    assert len(submitted) == 2  # the third does
    go.set()
    thread.join(20)
    assert len(submitted) == 4
    small.check(4)


@pytest.mark.parametrize("path_part", ["records.zarr", "checkpoints", "commits"])
def test_a_full_disk_is_told_and_leaves_what_was_written(small, monkeypatch, path_part):
    small.commit(2)
    with monkeypatch.context() as patched:
        _refuse(patched, errno.ENOSPC, path_part)
        with (
            pytest.raises(
                StoreError, match=r"disk that holds .* is full: free space.*; 2 records of chunk chunk are safe"
            ),
            Committer(small.store) as committer,
        ):
            _submit(committer, small, 2)
        small.check(2)
        assert small.store.restore_state().records == 2
    # The same command again, with space: nothing is lost or doubled.
    assert small.store.restore().info == {"records": 2}
    small.commit(2)
    small.check(4)
    assert len(list((small.store.folder / "checkpoints").iterdir())) == 2


def test_a_real_limit_of_the_system_inside_tensorstore(small):
    small.commit()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(
            StoreError, match=r"cannot be written \(File too large\).*; 1 records of chunk chunk are safe"
        ):
            small.store.commit({"loss": small.loss(1, 1)}, 1, {"w": np.ones(100_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert small.store.restore().records == 1


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_became_read_only(small, monkeypatch, number):
    _refuse(monkeypatch, number, "records.zarr")
    with pytest.raises(StoreError, match=r"cannot be written \(.*\): give yourself write permission.*; 0 records"):
        small.commit()


def test_a_path_through_a_file_cannot_be_created(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        ChunkStore.create(
            tmp_path / "file" / "c", rows=1, num_records=1, variables=[Variable("a")], records_per_block=1
        )


def test_nothing_is_written_after_a_failed_commit(small, monkeypatch):
    with pytest.raises(StoreError, match="is full"), Committer(small.store) as committer:
        with monkeypatch.context() as patched:
            _refuse(patched, errno.ENOSPC, "commits")
            _submit(committer, small, 0)
            deadline = time.monotonic() + 20
            while committer._fault is None and time.monotonic() < deadline:
                time.sleep(0.001)
        with pytest.raises(StoreError, match="is full"):
            _submit(committer, small, 1)
    assert small.store.committed() == 0


def test_any_other_fault_arrives_with_its_type(small):
    message = r"TypeError: .*not JSON serializable.*0 records of chunk chunk are safe"
    with pytest.raises(StoreError, match=message), Committer(small.store) as committer:
        committer.submit({"loss": small.loss(0, 1)}, 0, {}, {"x": object()})


def test_an_exception_of_the_body_still_drains(small):
    with pytest.raises(ZeroDivisionError), Committer(small.store) as committer:
        for start in range(3):
            _submit(committer, small, start)
        1 / 0  # noqa: B018
    small.check(3)


def test_an_exception_of_the_body_carries_a_failed_commit_as_a_note(small, monkeypatch):
    _refuse(monkeypatch, errno.ENOSPC, "commits")
    with pytest.raises(KeyboardInterrupt) as caught, Committer(small.store) as committer:
        _submit(committer, small, 0)
        raise KeyboardInterrupt
    assert "is full" in caught.value.__notes__[0]


def test_a_closed_committer_refuses(small):
    committer = Committer(small.store)
    committer.close()
    committer.close()
    with pytest.raises(StoreError, match="is closed"):
        _submit(committer, small, 0)
