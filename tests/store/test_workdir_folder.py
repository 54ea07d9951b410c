import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gendyn.core import ConfigError, StoreError
from gendyn.store import born, lock, open_workdir, read_json, read_plan, write_json, write_plan

PLAN = {"format": 2, "axes": [], "metrics": {}, "chunks": [], "config": {}, "provenance": {}}

HOLDER = """
import sys, time
from gendyn.store import lock
slow = {"orbax.checkpoint", "zarr", "xarray", "pandas", "matplotlib", "sklearn"} & set(sys.modules)
assert not slow, f"import gendyn.store imports {slow}"
with lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_born_with_its_plan(tmp_path):
    folder = open_workdir(tmp_path / "new" / "sweep")
    assert folder.is_dir()
    assert not born(folder)
    with pytest.raises(ConfigError, match=r"has no plan.json: no sweep was planned there"):
        read_plan(folder)
    write_plan(folder, PLAN)
    assert born(folder)
    assert read_plan(folder) == PLAN
    write_plan(folder, PLAN | {"axes": ["seed"]})
    assert read_plan(folder)["axes"] == ["seed"]
    assert os.listdir(folder) == ["plan.json"]
    assert open_workdir(folder) == folder


def test_what_a_kill_before_birth_leaves_is_no_obstacle(tmp_path):
    (tmp_path / "chunks" / "a").mkdir(parents=True)
    (tmp_path / ".lock").touch()
    (tmp_path / ".plan.json.0f.gendyn-tmp").write_text("{")
    assert open_workdir(tmp_path) == tmp_path


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(tmp_path / "a.json", {"new": object()})
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_json(tmp_path / "a.json", {"new": 1})
    with pytest.raises(StoreError, match=r"is full.*written before is safe"):
        write_plan(tmp_path, PLAN)
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("tail", ["", "below"])
def test_a_file_is_no_folder(tmp_path, tail):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match=r"workdir = .*file is a file; a folder is needed"):
        open_workdir(tmp_path / "file" / tail)


def test_a_folder_that_cannot_be_written():
    # /proc takes no new entries, from the superuser neither (who ignores permission bits).
    with pytest.raises(ConfigError, match=r"workdir = '/proc/gendyn' cannot be written: .*Choose a folder"):
        open_workdir("/proc/gendyn")
    with pytest.raises(StoreError, match=r"\.lock cannot be opened"), lock("/proc"):
        pass


def test_a_folder_with_something_else(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ConfigError, match=r"not empty and holds no gendyn results \(it has 'thesis.tex'\)"):
        open_workdir(tmp_path)


@pytest.mark.parametrize(("text", "rule"), [("{", "is damaged"), ('{"format": 9}', "has format 9"), ("[]", "'list'")])
def test_a_plan_that_cannot_be_read(tmp_path, text, rule):
    (tmp_path / "plan.json").write_text(text)
    for read in (read_plan, open_workdir):
        with pytest.raises(StoreError, match=rule):
            read(tmp_path)


def test_a_plan_that_could_not_be_read_is_not_written(tmp_path):
    with pytest.raises(StoreError, match=r"'axes' must be a list"):
        write_plan(tmp_path, {})
    assert not born(tmp_path)


def test_no_folder_is_named(tmp_path):
    with pytest.raises(ConfigError, match="is no folder"):
        read_plan(tmp_path / "nowhere")


def test_two_processes_never_hold_one_folder(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    try:
        assert holder.stdout.readline() == "held\n"
        message = rf"is being run by process {holder.pid} on {socket.gethostname()}: wait for it"
        with pytest.raises(StoreError, match=message), lock(tmp_path):
            pass
    finally:
        holder.kill()  # SIGKILL: the kernel lets go
        holder.wait()
    with lock(tmp_path):
        assert read_json(tmp_path / ".lock")["pid"] == os.getpid()


def test_the_lock_is_free_after_use_and_after_an_exception(tmp_path):
    with pytest.raises(ZeroDivisionError), lock(tmp_path):
        1 / 0  # noqa: B018
    with lock(tmp_path), pytest.raises(StoreError, match=f"process {os.getpid()}"), lock(tmp_path):
        pass
    with lock(tmp_path):
        pass
