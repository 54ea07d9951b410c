"""Tangent kernels and Hessian spectra against their peers, on one core and on all of them.

Each side is a process with its own environment (see ``benchmarks.peers``), asked in turns; a peer that cannot start is
named and passed over.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.problems import PROBLEMS
from benchmarks.rows import Row, of_ratio
from benchmarks.timing import Timing, ratio

FOLDER = Path(__file__).parent / "peers"
ENVIRONMENTS = {"with_torch": "venv-torch", "with_neural_tangents": "venv-nt"}


class Side:
    """One piece of work in a process of its own."""

    def __init__(self, script: str, case: str, problem: Path, cores: int) -> None:
        interpreter = Path(sys.executable)
        if script in ENVIRONMENTS:
            interpreter = Path(os.environ.get("GENDYN_PEERS", "")) / ENVIRONMENTS[script] / "bin" / "python"
            if not os.environ.get("GENDYN_PEERS") or not interpreter.exists():
                raise FileNotFoundError("not installed: build.sh FOLDER, then GENDYN_PEERS=FOLDER")
        variables = dict(os.environ) | {"JAX_PLATFORMS": "cpu"}
        if script not in ENVIRONMENTS:
            variables["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        variables.pop("JAX_NUM_CPU_DEVICES", None)
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [str(interpreter), str(FOLDER / f"{script}.py"), case, str(problem), str(cores)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=variables,
        )
        self.figures: list[dict[str, Any]] = []
        if self._line() != "ready":
            raise RuntimeError(f"{script} {case} did not start")

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            self._errors.seek(0)
            raise RuntimeError("stopped: " + (self._errors.read().strip().splitlines() or ["no message"])[-1][:120])
        return line

    def measure(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self.figures.append(json.loads(self._line()))

    def timings(self) -> list[Timing]:
        return [Timing(figure["wall"], figure["cpu"]) for figure in self.figures]

    @property
    def last(self) -> dict[str, Any]:
        return self.figures[-1]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._errors.close()


class Pair:
    """gendyn and a peer on the same work, measured in turns."""

    def __init__(self, ours: Side, theirs: Side, repeats: int) -> None:
        self.ours, self.theirs = ours, theirs
        for turn in range(repeats):
            for side in (ours, theirs) if turn % 2 else (theirs, ours):
                side.measure()
        self.ratio = ratio(ours.timings(), theirs.timings())


COMPARISONS: tuple[tuple[str, str, str, str, str, float], ...] = (
    # name, problem, our case, their script, their case, at most this share of their time
    ("full NTK, MLP n = 256 / neural-tangents", "ntk_mlp", "mlp_full", "with_neural_tangents", "mlp_full", 0.5),
    ("full NTK, CNN n = 64 / neural-tangents", "ntk_cnn", "cnn_full", "with_neural_tangents", "cnn_full", 0.7),
    ("NTK of summed logits / naive jacrev", "ntk_mlp", "mlp_sum", "with_gendyn", "mlp_naive", 0.01),
    ("Hessian-vector product / PyHessian", "hessian", "hvp", "with_torch", "pyhessian_hvp", 1.0),
    ("64 Lanczos steps / PyHessian", "hessian", "lanczos64", "with_torch", "pyhessian_lanczos64", 0.9),
    ("64 Lanczos steps / matfree", "hessian", "lanczos64", "with_gendyn", "matfree64", 0.7),
    ("top 10 eigenvalues / curvlinops + ARPACK", "hessian", "top10", "with_torch", "curvlinops_top10", 0.8),
    ("SLQ 10 x 64 / one PyHessian Lanczos of 64", "hessian", "slq", "with_torch", "pyhessian_lanczos64", 9.0),
    (
        "kernel of 32 networks, vmapped / one by one",
        "small_networks",
        "kernel_together",
        "with_gendyn",
        "kernel_alone",
        1 / 3,
    ),
    (
        "density of 32 networks, vmapped / one by one",
        "small_networks",
        "density_together",
        "with_gendyn",
        "density_alone",
        1 / 3,
    ),
)


def run(repeats: int) -> list[Row]:
    """Every comparison on one core, then on all."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.npz" for name in PROBLEMS}
        for name, make in PROBLEMS.items():
            np.savez(paths[name], **make())
        for cores in sorted({1, len(os.sched_getaffinity(0))}):
            for name, problem, case, script, their_case, share in COMPARISONS:
                label = f"{name}, {cores} core{'s' if cores > 1 else ''}"
                sides: list[Side] = []
                try:
                    sides.append(Side("with_gendyn", case, paths[problem], cores))
                    sides.append(Side(script, their_case, paths[problem], cores))
                    rows += _compared(label, Pair(*sides, repeats), share)
                except (FileNotFoundError, RuntimeError) as fault:
                    rows.append(Row(label, note=f"{script}: {fault}"))
                finally:
                    for side in sides:
                        side.close()
    return rows


def _compared(label: str, pair: Pair, share: float) -> list[Row]:
    ours, theirs = pair.ours.last, pair.theirs.last
    rows = [of_ratio(label, pair.ratio, at_most=share)]
    if "NTK" in label:
        agreement = abs(ours["norm"] / theirs["norm"] - 1)
        rows.append(
            Row("  peak memory / theirs", ours["peak_mb"] / theirs["peak_mb"], note=f"norms to {agreement:.0e}")
        )
    if "bases" in ours:
        rows.append(Row("  temporary memory / the basis held", ours["bases"], at_most=1.5))
    if "matvecs" in ours:
        error = np.max(np.abs(np.asarray(ours["values"]) / np.asarray(theirs["values"]) - 1))
        rows.append(Row("  products with the Hessian / theirs", ours["matvecs"] / theirs["matvecs"]))
        rows.append(Row("  largest relative difference of the ten", float(error), unit="", at_most=1e-3))
    return rows
