import json
import subprocess
import sys

import jax
import pytest

from gendyn.store import collect, provenance


def test_what_is_recorded(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
    found = collect({"model": {"width": 8}}, {"model.width": 16})
    assert all(isinstance(value, str) for value in found.values())
    assert json.loads(json.dumps(found)) == found
    assert json.loads(found["config"]) == {"model": {"width": 8}}
    assert json.loads(found["overrides"]) == {"model.width": 16}
    assert found["version.jax"] == jax.__version__
    assert found["xla_flags"] == "--xla_cpu_enable_fast_math=false"
    assert json.loads(found["argv"]) == sys.argv
    assert found["time"].endswith("+00:00")
    assert found["python"].startswith("3.")
    assert not any("host" in key or "device" in key for key in found)


def test_the_device_only_when_asked():
    found = collect({}, {}, device=True)
    assert found["device_count"] == str(jax.device_count())
    assert found["device_kind"] == jax.devices()[0].device_kind


def test_the_backend_is_not_started_unasked(monkeypatch):
    def devices():
        raise AssertionError("this would start the backend")

    monkeypatch.setattr(jax, "devices", devices)
    collect({}, {})
    with pytest.raises(AssertionError, match="start the backend"):
        collect({}, {}, device=True)


def _git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


def test_commit_and_dirty_flag_of_a_checkout(tmp_path, monkeypatch):
    package = tmp_path / "gendyn"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(provenance.gendyn, "__file__", str(package / "__init__.py"))
    assert (collect({}, {})["git_commit"], collect({}, {})["git_dirty"]) == ("", "")
    _git(tmp_path, "init")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-m", "first")
    found = collect({}, {})
    assert len(found["git_commit"]) == 40
    assert found["git_dirty"] == "false"
    (package / "__init__.py").write_text("x = 1")
    assert collect({}, {})["git_dirty"] == "true"
    # Installed into an environment that lies inside another project's checkout: that commit is not gendyn's.
    inside = tmp_path / "venv" / "gendyn"
    inside.mkdir(parents=True)
    monkeypatch.setattr(provenance.gendyn, "__file__", str(inside / "__init__.py"))
    assert collect({}, {})["git_commit"] == ""


def test_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert collect({}, {})["git_commit"] == ""


def test_a_config_that_is_no_json():
    with pytest.raises(TypeError, match="not JSON serializable"):
        collect({"x": object()}, {})
