"""A workdir that cannot be used: one clear error before anything compiles, and everything in it stays as it was."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gendyn.sweep
from gendyn import store
from gendyn.core import ConfigError, StoreError
from tests.sweep.bad_input import compile_once, make_config, watched

NOBODY = 65534


@pytest.fixture(scope="module", autouse=True)
def once_per_process() -> None:
    compile_once()


@pytest.fixture
def compiled() -> Iterator[list[str]]:
    """The programs compiled in a test, of single operations too."""
    with watched() as found:
        yield found


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder, with the bytes of its files."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refused(folder: Path, workdir: Any, match: str, error: type[Exception], compiled: list[str], **leaves: Any) -> None:
    before = contents(folder)
    with pytest.raises(error, match=match) as caught:
        gendyn.sweep.run(make_config({name.replace("__", "."): v for name, v in leaves.items()}), workdir=workdir)
    assert "\n" not in str(caught.value)
    assert not compiled
    assert contents(folder) == before


def test_a_workdir_that_is_a_file(compiled, tmp_path):
    (tmp_path / "file").touch()
    refused(tmp_path, tmp_path / "file", r"workdir = .*file': .*is a file; a folder is needed", ConfigError, compiled)


def test_a_workdir_below_a_file(compiled, tmp_path):
    (tmp_path / "file").touch()
    refused(tmp_path, tmp_path / "file" / "results", r"workdir = .*file is a file", ConfigError, compiled)


def test_a_workdir_that_holds_something_else(compiled, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    refused(
        tmp_path, tmp_path, r"is not empty and holds no gendyn results \(it has 'thesis\.tex'\)", ConfigError, compiled
    )


def test_a_workdir_whose_name_is_too_long(compiled, tmp_path):
    refused(
        tmp_path, tmp_path / ("x" * 5000), r"workdir = .* cannot be read: File name too long", ConfigError, compiled
    )


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Permissions bind everyone but root: as root, becomes nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("mode", [0o000, 0o500], ids=["unreadable", "read-only"])
def test_a_folder_without_permission(mode, compiled):
    config = make_config()
    with tempfile.TemporaryDirectory() as parent:  # pytest's own folders are closed to nobody
        os.chmod(parent, 0o755)
        folder = Path(parent, "results")
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        folder.chmod(mode)
        verb = "written" if mode else "read"
        with (
            without_privileges(),
            pytest.raises(ConfigError, match=rf"workdir = .*results' cannot be {verb}: Permission denied\. Choose"),
        ):
            gendyn.sweep.run(config, workdir=folder, quiet=True)
        folder.chmod(0o700)
        assert not compiled
        assert not list(folder.iterdir())


def born(folder: Path, **leaves: Any) -> None:
    """The folder of a planned sweep."""
    planned = gendyn.sweep.plan(make_config({name.replace("__", "."): value for name, value in leaves.items()}))
    store.write_plan(folder, planned.to_json() | {"metrics": {}, "provenance": {}})


@pytest.mark.parametrize(
    ("leaf", "there", "here"),
    [("optim.momentum", 0.5, 0.9), ("train.num_steps", 5, 4), ("loss", "squared_error", "cross_entropy")],
)
def test_the_results_of_another_sweep(leaf, there, here, compiled, tmp_path):
    born(tmp_path, **{leaf: there})
    match = (
        rf"workdir holds the results of another sweep: config\.{leaf} is {there!r} there and {here!r} here.*--workdir"
    )
    refused(tmp_path, tmp_path, match, ConfigError, compiled)


def test_how_a_sweep_is_executed_makes_no_other_sweep(tmp_path):
    born(tmp_path)
    config = make_config({"sweep.strategy": "map", "store.commit_seconds": 5.0})
    assert len(gendyn.sweep.plan(config, workdir=tmp_path).runs) == 1


def test_a_folder_in_use(compiled, tmp_path):
    with store.lock(tmp_path):
        refused(tmp_path, tmp_path, rf"is being run by process {os.getpid()} on .*wait for it", StoreError, compiled)


@pytest.mark.parametrize(
    ("text", "match"),
    [("{", r"plan\.json is damaged.*restore"), ('{"format": 99}', r"has format 99.*reads formats 1 and 2")],
)
def test_a_plan_that_cannot_be_read(text, match, compiled, tmp_path):
    (tmp_path / "plan.json").write_text(text)
    refused(tmp_path, tmp_path, match, StoreError, compiled)
