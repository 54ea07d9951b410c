"""What a process's environment may do to a sweep, and a sweep to the process."""

import io
import os
import pathlib
import sys
import tempfile

import jax
import pytest

from gendyn import store, sweep
from gendyn.core import ConfigError, RunError
from gendyn.sweep.execute import devices
from gendyn.sweep.execute.progress import Progress
from gendyn.sweep.execute.switches import REFUSED

SQUARE = sweep.Measured("x squared")
BAD = {
    "jax_debug_nans": True,
    "jax_debug_infs": True,
    "jax_default_prng_impl": "rbg",
    "jax_disable_jit": True,
    "jax_numpy_dtype_promotion": "strict",
    "jax_numpy_rank_promotion": "raise",
    "jax_transfer_guard": "disallow",
    "jax_transfer_guard_host_to_device": "disallow_explicit",
    "jax_transfer_guard_device_to_device": "disallow",
    "jax_transfer_guard_device_to_host": "disallow",
}


@pytest.fixture
def no_cache_chosen(tmp_path, monkeypatch):
    """A user who has not set JAX's compilation cache, and whose cache folder is in ``tmp_path``."""
    defaults = {
        "jax_compilation_cache_dir": None,
        "jax_persistent_cache_min_compile_time_secs": 1.0,
        "jax_persistent_cache_min_entry_size_bytes": 0,
    }
    before = {name: getattr(jax.config, name) for name in defaults}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    devices._configure(defaults)
    yield tmp_path / "cache" / "gendyn" / "xla"
    devices._configure(before)


def simulation(compute):
    return sweep.Simulation((sweep.Group(({"x": 2.0},), compute),), {"square": SQUARE})


def squares(points):
    seen.append(dict(jax.config.values))
    return {"square": [jax.jit(lambda x: x**2)(point["x"]) for point in points]}


seen: list[dict] = []


def test_jax_is_configured_afterwards_as_it_was(no_cache_chosen, tmp_path):
    """Also after an error, and although a cache was in use meanwhile."""
    before, environment = dict(jax.config.values), dict(os.environ)
    sweep.simulate({}, tmp_path / "a", simulation(squares))
    assert dict(jax.config.values) == before and dict(os.environ) == environment
    assert seen[-1]["jax_compilation_cache_dir"] == str(no_cache_chosen)
    written = set(no_cache_chosen.iterdir())
    assert written
    jax.block_until_ready(jax.jit(lambda x: x**3 + 7)(2.0))
    assert set(no_cache_chosen.iterdir()) == written  # what a user compiles goes nowhere

    def fails(points):
        raise ZeroDivisionError

    with pytest.raises(RunError, match="ZeroDivisionError"):
        sweep.simulate({}, tmp_path / "b", simulation(fails))
    assert dict(jax.config.values) == before


def test_each_way_in_puts_the_config_back(no_cache_chosen, small, tmp_path):
    before = dict(jax.config.values)
    for call in (
        lambda: sweep.run(small.config(), axes={"seed": (-1,)}, workdir=tmp_path / "c"),
        lambda: sweep.analyse(tmp_path / "none", ("weight_rank",)),
    ):
        with pytest.raises(ConfigError):
            call()
        assert dict(jax.config.values) == before


def test_a_cache_that_the_user_chose_stays(tmp_path):
    chosen = jax.config.jax_compilation_cache_dir  # of the test suite
    with devices.compilation_cache():
        assert chosen is not None and jax.config.jax_compilation_cache_dir == chosen


def test_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    in_home = tmp_path / "home" / ".cache" / "gendyn" / "xla"
    monkeypatch.chdir(tmp_path)
    for unusable in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", unusable)
        assert devices.cache_folder() == in_home
    assert [path.name for path in tmp_path.iterdir()] == ["home"]

    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(pathlib.Path, "home", no_home)
    assert devices.cache_folder() is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert devices.cache_folder() == tmp_path / "xdg" / "gendyn" / "xla"
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert devices.cache_folder() is None


def test_every_switch_has_its_bad_value_here():
    assert set(BAD) == set(REFUSED)


@pytest.mark.parametrize("name", BAD)
def test_a_switch_that_no_sweep_works_under_is_named(name, small, tmp_path):
    before = jax.config.values[name]
    jax.config.update(name, BAD[name])
    try:
        for call in (
            lambda: sweep.run(small.config(), axes={"seed": (0,)}, workdir=tmp_path / "s", quiet=True),
            lambda: sweep.simulate({}, tmp_path / "s", simulation(squares)),
        ):
            with pytest.raises(ConfigError, match=f"{name.upper()} = {BAD[name]}: .*jax.config.update") as refused:
                call()
            assert "\n" not in str(refused.value)
    finally:
        jax.config.update(name, before)
    assert not (tmp_path / "s").exists()


def test_a_switch_of_this_thread_alone_is_seen(small):
    with jax.debug_nans(True), pytest.raises(ConfigError, match="JAX_DEBUG_NANS = True"):
        sweep.plan(small.config(), axes={"seed": (0,)})


@pytest.mark.parametrize("fault", [AssertionError(), RuntimeError("Unable to initialize backend 'cuda'")])
def test_a_platform_that_is_not_there_is_named(fault, monkeypatch, small):
    def missing(*args, **kwargs):
        raise fault

    monkeypatch.setattr(jax, "devices", missing)
    with pytest.raises(ConfigError, match=r"JAX_PLATFORMS = .*JAX finds no such device here"):
        sweep.plan(small.config(), axes={"seed": (0,)})


class Dead(io.StringIO):
    """A terminal that has gone away."""

    def isatty(self):
        return True

    def write(self, text):
        raise OSError(5, "Input/output error")

    def flush(self):
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("stream", [None, Dead()], ids=["closed", "dead terminal"])
def test_a_bar_that_nobody_sees_ends_nothing(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with Progress(10, 1, interval=0.0) as progress:
        for _ in range(2):
            progress.advance(5, "chunk")
            progress.say("a line")
    assert progress.done == 10


def test_a_table_that_cannot_be_written_is_refused_before_anything_is_measured(monkeypatch, tmp_path):
    def read_only(**kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", read_only)
    with pytest.raises(ConfigError, match=r"analysis.csv' cannot be written: Read-only file system. Give a file"):
        store.check_table_path(tmp_path / "analysis.csv")
    monkeypatch.undo()
    assert store.check_table_path(tmp_path / "analysis.csv") and not list(tmp_path.iterdir())
