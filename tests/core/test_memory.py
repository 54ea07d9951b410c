"""What is free, on a host, in a control group and on an accelerator."""

import types

import jax
import pytest

from gendyn.core import ConfigError, check_memory, free_bytes, memory


def test_free_memory_of_hosts_control_groups_and_accelerators(monkeypatch, tmp_path):
    assert 0 < free_bytes() < 1e15
    files = {"meminfo": "MemTotal: 900 kB\nMemAvailable: 800 kB\n", "memory.max": "500000\n", "memory.current": "100\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    places = {"/proc/meminfo": tmp_path / "meminfo", "/sys/fs/cgroup": tmp_path}
    monkeypatch.setattr(memory.pathlib, "Path", lambda name: places[name])
    assert free_bytes() == 499_900  # the group has less than the host
    (tmp_path / "memory.max").write_text("max\n")
    assert free_bytes() == 800 * 1024
    device = types.SimpleNamespace(memory_stats=lambda: {"bytes_limit": 9000, "bytes_in_use": 2000})
    assert free_bytes(device) == 7000
    monkeypatch.setattr(jax, "local_devices", lambda: [device])
    assert free_bytes() == 7000


def test_too_much_is_refused_with_its_parts():
    check_memory({"of vectors": 2000}, 2000.0, "ask for fewer")
    with pytest.raises(ConfigError, match=r"3 kB needed \(2 kB of vectors, 1 kB beside\), memory_limit is 2.5 kB; ask"):
        check_memory({"of vectors": 2000, "beside": 1000}, 2500.0, "ask for fewer")
