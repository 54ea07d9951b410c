"""The last line of a sweep: what came of its runs, where they are, and what to do next."""

import shlex
from pathlib import Path

import numpy as np

from gendyn.analysis import run_status
from gendyn.types import Dataset


def ending(ds: Dataset, workdir: str | Path) -> str:
    """``done: 276 finished, 4 diverged; results in runs/demo; next: gendyn report --workdir=runs/demo``.

    Args:
        ds: the results of the folder.
        workdir: as the user wrote it.
    """
    status = run_status(ds)
    counts = {kind: int(np.sum(status == kind)) for kind in ("finished", "diverged", "unfinished")}
    shown = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
    left = " (not asked for now)" if counts["unfinished"] else ""
    return f"done: {shown}{left}; results in {workdir}; next: {report_command(workdir)}"


def report_command(workdir: str | Path) -> str:
    """What shows the results of a folder."""
    return shlex.join(["gendyn", "report", f"--workdir={workdir}"])
