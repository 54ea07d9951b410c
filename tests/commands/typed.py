"""A shell at a terminal, into which words are typed: what it answers is what a user would see."""

import os
import pty
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path


def typed(shell: Sequence[str], lines: Sequence[str], folder: Path) -> list[str]:
    """Types lines, each with its Enter, and ``exit``; returns the lines that the shell printed."""
    ours, its = pty.openpty()
    environment = os.environ | {"TERM": "dumb", "HOME": str(folder)}
    process = subprocess.Popen(
        shell, stdin=its, stdout=its, stderr=its, cwd=folder, env=environment, start_new_session=True
    )
    os.close(its)
    late = threading.Timer(60, process.kill)
    late.start()
    os.write(ours, "".join(f"{line}\n" for line in [*lines, "exit"]).encode())
    said = b""
    try:
        while part := os.read(ours, 4096):
            said += part
    except OSError:  # the shell has gone
        pass
    finally:
        late.cancel()
        os.close(ours)
    assert process.wait() == 0, said.decode(errors="replace")
    return said.decode(errors="replace").replace("\r", "").splitlines()
