"""Log marginal likelihood with gradient: against scikit-learn and GPyTorch at n = 2,000, and 32 at once at n = 200.

All in float64 with the same covariance (a scaled RBF and noise: three hyperparameters) and the exact Cholesky path.
GPyTorch runs in a process of its own; ``GENDYN_GPYTORCH`` names the interpreter that has it.
"""

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from threadpoolctl import threadpool_limits

from benchmarks.rows import Row, of_ratio
from benchmarks.timing import Timing, alternate, ratio, timed
from gendyn.regression import gaussian_process, rbf, white

LARGE, SMALL, MANY = 2000, 200, 32
FEATURES = 5
LENGTHSCALE, VARIANCE, NOISE = 1.3, 1.5, 0.1

GPYTORCH = """
import json, sys, time
import gpytorch, numpy as np, torch
data = np.load(sys.argv[1])
torch.set_num_threads(int(sys.argv[2]))
x, y = torch.tensor(data["x"]), torch.tensor(data["y"])
class Exact(gpytorch.models.ExactGP):
    def __init__(self, likelihood):
        super().__init__(x, y, likelihood)
        self.mean_module = gpytorch.means.ZeroMean()
        self.covar_module = gpytorch.kernels.ScaleKernel(gpytorch.kernels.RBFKernel())
    def forward(self, inputs):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(inputs), self.covar_module(inputs))
likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
model = Exact(likelihood).double()
model.covar_module.base_kernel.lengthscale, model.covar_module.outputscale = float(data["l"]), float(data["v"])
likelihood.noise = float(data["s"])
evidence = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
model.train(), likelihood.train()
def once():
    model.zero_grad()
    with gpytorch.settings.fast_computations(False, False, False), gpytorch.settings.max_cholesky_size(100000):
        value = evidence(model(x), y) * len(y)
        value.backward()
    return float(value.detach())
value = once()
print("ready", flush=True)
for line in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    value = once()
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu, value]), flush=True)
"""


class GPyTorch:
    """The peer's process: each line written to it is one evidence with gradient."""

    def __init__(self, x: np.ndarray, y: np.ndarray, folder: Path) -> None:
        interpreter = os.environ.get("GENDYN_GPYTORCH", "")
        if not interpreter or not Path(interpreter).exists():
            raise FileNotFoundError("not installed: pip install gpytorch, then GENDYN_GPYTORCH=its python")
        np.savez(folder / "data.npz", x=x, y=y, l=LENGTHSCALE, v=VARIANCE, s=NOISE)
        (folder / "peer.py").write_text(GPYTORCH, encoding="utf-8")
        command = [interpreter, str(folder / "peer.py"), str(folder / "data.npz"), str(os.cpu_count())]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, text=True
        )
        self.value = np.nan
        if self._read() != "ready":
            self.close()
            raise RuntimeError("GPyTorch did not start")

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def measure(self) -> Timing:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        wall, cpu, self.value = json.loads(self._read())
        return Timing(wall, cpu)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def problem(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal inputs ``[n, 5]``, a smooth function of them and noise."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((size, FEATURES))
    return x, np.sin(x.sum(axis=1)) + np.sqrt(NOISE) * rng.standard_normal(size)


def run(repeats: int) -> list[Row]:
    """Both comparisons, in float64."""
    with jax.enable_x64(True):
        return large(repeats) + many(repeats)


def evidence_and_gradient(x: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
    """``(compiled params -> (evidence, gradient), params)``."""
    covariance = rbf(LENGTHSCALE).scaled(VARIANCE) + white(NOISE)

    def evidence(params: Any, points: Any, targets: Any) -> Any:
        return gaussian_process(covariance, params, points, targets).log_evidence

    return partial(_swapped, jax.jit(jax.value_and_grad(evidence)), jnp.asarray(x), jnp.asarray(y)), covariance.init()


def _swapped(function: Any, x: Any, y: Any, params: Any) -> Any:
    return function(params, x, y)


def large(repeats: int) -> list[Row]:
    """One evidence at n = 2,000 against each peer."""
    x, y = problem(LARGE)
    ours, params = evidence_and_gradient(x, y)
    kernel = VARIANCE * kernels.RBF(LENGTHSCALE) + kernels.WhiteKernel(NOISE)
    theirs = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(x, y)

    def scikit_learn() -> Any:
        return theirs.log_marginal_likelihood(theirs.kernel_.theta, eval_gradient=True)

    value = float(ours(params)[0])
    difference = abs(value - scikit_learn()[0])
    candidates = {"ours": lambda: timed(lambda: ours(params)), "sklearn": lambda: timed(scikit_learn)}
    with tempfile.TemporaryDirectory() as folder:
        try:
            peer: GPyTorch | None = GPyTorch(x, y, Path(folder))
        except (FileNotFoundError, RuntimeError) as fault:
            peer, absent = None, str(fault)
        try:
            if peer is not None:
                candidates["gpytorch"] = peer.measure
            measured = alternate(candidates, repeats)
        finally:
            if peer is not None:
                peer.close()
    name = f"evidence + gradient, n = {LARGE} / "
    note = f"values to {difference:.0e}"
    rows = [of_ratio(name + "scikit-learn", ratio(measured["ours"], measured["sklearn"]), at_most=1.0, note=note)]
    if peer is None:
        return [*rows, Row(name + "GPyTorch", note=absent)]
    note = f"values to {abs(value - peer.value):.0e}"
    return [*rows, of_ratio(name + "GPyTorch", ratio(measured["ours"], measured["gpytorch"]), at_most=1.0, note=note)]


def many(repeats: int) -> list[Row]:
    """32 sets of hyperparameters at n = 200: one program over the devices against a loop of calls."""
    x, y = problem(SMALL)
    one, params = evidence_and_gradient(x, y)
    shifts = np.linspace(-0.5, 0.5, MANY)
    stack = jax.tree.map(lambda leaf: leaf + jnp.asarray(shifts), params)
    alone = [jax.tree.map(lambda leaf, s=shift: leaf + s, params) for shift in shifts]
    mesh = jax.make_mesh((jax.local_device_count(),), ("run",), axis_types=(jax.sharding.AxisType.Auto,))
    rows = jax.sharding.PartitionSpec("run")
    batched = jax.vmap(one)
    together = jax.jit(jax.shard_map(batched, mesh=mesh, in_specs=rows, out_specs=rows, check_vma=False))
    stack = jax.device_put(stack, jax.sharding.NamedSharding(mesh, rows))
    single_device = jax.jit(batched)
    plain = jax.device_put(stack, jax.local_devices()[0])
    candidates = {
        "loop": lambda: timed(lambda: [one(params) for params in alone]),
        "together": lambda: timed(lambda: together(stack)),
        "vmap": lambda: timed(lambda: single_device(plain)),
    }
    # One BLAS thread for all of them: at this size two only wait for each other.
    with threadpool_limits(limits=1, user_api="blas"):
        for candidate in candidates.values():
            candidate()
        measured = alternate(candidates, max(repeats, 5) * 3)
    name = f"{MANY} evidences + gradients, n = {SMALL}, one by one / "
    return [
        of_ratio(name + "vmap", ratio(measured["loop"], measured["together"]), at_least=2.0, note="over all devices"),
        of_ratio(name + "vmap, 1 device", ratio(measured["loop"], measured["vmap"])),
    ]
