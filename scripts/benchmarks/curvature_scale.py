"""The ten largest Hessian eigenvalues of a ResNet-18 (k = 16) over 5,000 images, streamed: time, products, memory.

About 61 s of CPU time a product, so it runs only where it is named: ``bench.py --only=curvature_scale``. Other sizes:
``PYTHONPATH=scripts python -m benchmarks.curvature_scale IMAGES EIGENVALUES``.
"""

import json
import resource
import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import fresh
from benchmarks.rows import Row
from gendyn import linalg, measure
from gendyn.models import from_flax, resnet18
from gendyn.optim import cross_entropy
from gendyn.types import Variables

NUM_IMAGES, NUM_EIGENVALUES = 5_000, 10
BATCH_SIZE = 40
"""Images at a time: about half a gigabyte of intermediates."""
MEMORY_LIMIT = 3e9
"""Bytes that the operator and the Lanczos vectors are allowed; more would be refused before compiling."""

SLOW = True
"""Only where it is named."""


def images(count: int) -> tuple[jax.Array, jax.Array]:
    """Ten classes of noisy images ``[count, 32, 32, 3]``, from a fixed seed: nothing is downloaded."""
    rng = np.random.default_rng(0)
    means, labels = rng.standard_normal((10, 32, 32, 3)), rng.integers(0, 10, count)
    return jnp.asarray(0.5 * means[labels] + rng.standard_normal((count, 32, 32, 3)), jnp.float32), jnp.asarray(labels)


def top(num_images: int, num_eigenvalues: int, batch_size: int = BATCH_SIZE) -> dict[str, Any]:
    """At a fresh initialisation whose BatchNorm has seen some batches, in evaluation mode. Wall time in seconds."""
    x, y = images(num_images)
    model = from_flax(resnet18(num_outputs=10, input_shape=(32, 32, 3), width=16))
    variables = model.init(jax.random.key(0), x[:1])

    @jax.jit
    def seen(variables: Variables, batch: jax.Array) -> Variables:
        return variables._replace(statistics=model.apply(variables, batch, train=True)[1])

    for start in range(30):
        rows = jnp.arange(start * batch_size, (start + 1) * batch_size) % num_images
        variables = seen(variables, x[rows])

    def apply(params: Any, x: jax.Array) -> jax.Array:
        return model.apply(variables._replace(params=params), x, train=False)[0]

    options = {"batch_size": min(batch_size, num_images // 2), "memory_limit": MEMORY_LIMIT}
    product = measure.hessian_operator(apply, cross_entropy, variables.params, x, y, **options)
    began = time.perf_counter()
    jax.block_until_ready(product(variables.params))
    compiled = time.perf_counter() - began
    began = time.perf_counter()
    jax.block_until_ready(product(variables.params))
    one = time.perf_counter() - began
    began = time.perf_counter()
    search = jax.jit(lambda matvec, like, key: linalg.top_eigenpairs(matvec, like, num_eigenvalues, key=key, tol=1e-3))
    found = search(product, variables.params, jax.random.key(1))
    values, residuals = np.asarray(found.values), np.asarray(found.residuals)
    return {
        "parameters": int(measure.count_parameters(variables.params)),
        "first_product": compiled,
        "product": one,
        "wall": time.perf_counter() - began,
        "products": int(found.num_matvecs),
        "converged": bool(found.converged),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "values": values.tolist(),
        "residuals": residuals.tolist(),
    }


def run(repeats: int) -> list[Row]:
    """Once, whatever ``repeats``, in a process of its own, whose peak memory is this work's."""
    del repeats
    found = fresh.call("benchmarks.curvature_scale:top", num_images=NUM_IMAGES, num_eigenvalues=NUM_EIGENVALUES)
    worst = max(r / abs(v) for r, v in zip(found["residuals"], found["values"], strict=True))
    values = ", ".join(f"{value:.3g}" for value in found["values"])
    name = f"top {NUM_EIGENVALUES} of ResNet-18 k = 16, {NUM_IMAGES} images"
    return [
        Row(
            name, found["wall"], unit="s", note=f"{found['parameters']} parameters, {found['product']:.3g} s a product"
        ),
        Row(
            "  products with the Hessian",
            found["products"],
            unit="",
            note="" if found["converged"] else "not converged",
        ),
        Row("  peak memory of the process", found["peak_mb"], unit="MB", at_most=4096.0),
        Row("  largest residual bound / its eigenvalue", worst, unit="", at_most=2e-3, note=f"eigenvalues {values}"),
    ]


if __name__ == "__main__":
    print(json.dumps(top(*(int(argument) for argument in sys.argv[1:]))))
