"""gendyn's side, and plain JAX and matfree beside it."""

import importlib.util
import sys

from server import pin, serve

case, path, cores = sys.argv[1], sys.argv[2], int(sys.argv[3])
pin(cores)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax.flatten_util import ravel_pytree  # noqa: E402

from gendyn import linalg, measure  # noqa: E402

arrays = np.load(path)
layers = sum(name.startswith("W") for name in arrays.files)
params = {f"{kind}{i}": jnp.asarray(arrays[f"{kind}{i}"]) for i in range(layers) for kind in "Wb"}
x = jnp.asarray(arrays["x"])


def apply(params, x):
    for layer in range(layers):
        weight = params[f"W{layer}"]
        if weight.ndim == 4:
            x = jax.lax.conv_general_dilated(x, weight, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        else:
            x = x.reshape(x.shape[0], -1) @ weight
        x = x + params[f"b{layer}"]
        if layer < layers - 1:
            x = jax.nn.relu(x)
    return x


def loss_of(params, x, targets):
    logits = apply(params, x)
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - jnp.sum(targets * logits, axis=-1))


def tangent_kernel(kind):
    kernel = jax.jit(lambda params, x: measure.empirical_ntk(apply, params, x, kind=kind))
    serve(lambda: np.asarray(kernel(params, x)), lambda k: {"norm": float(np.linalg.norm(k))})


def naive_sum_kernel():
    @jax.jit
    def kernel(params, x):
        jacobian = jax.jacrev(lambda p: jnp.sum(apply(p, x), axis=-1))(params)
        flat = [leaf.reshape(len(x), -1) for leaf in jax.tree.leaves(jacobian)]
        return sum(j @ j.T for j in flat)

    serve(lambda: np.asarray(kernel(params, x)), lambda k: {"norm": float(np.linalg.norm(k))}, warm_up=False)


def curvature(task):
    targets = jax.nn.one_hot(jnp.asarray(arrays["y"]), 10)
    vector = jax.tree.map(lambda p: jax.random.normal(jax.random.key(0), p.shape), params)

    def loss(params):
        return loss_of(params, x, targets)

    def hvp():
        product = jax.jit(measure.hessian_matvec(loss, params))
        return lambda: product(vector)

    def lanczos64():
        run = jax.jit(lambda p: linalg.lanczos(measure.hessian_matvec(loss, p), vector, 64))
        return lambda: run(params)

    def matfree64():
        from matfree import decomp

        flat, unravel = ravel_pytree(params)
        tridiagonalise = decomp.tridiag_sym(64, reortho="full")

        @jax.jit
        def run(start):
            _, product = jax.linearize(lambda p: ravel_pytree(jax.grad(loss)(unravel(p)))[0], flat)
            return tridiagonalise(product, start)

        start = ravel_pytree(vector)[0]
        return lambda: run(start)

    def top10():
        run = jax.jit(lambda p, key: measure.hessian_top(loss, p, 10, key=key, tol=1e-3))
        return lambda: run(params, jax.random.key(0))

    def slq():
        run = jax.jit(lambda p, key: measure.hessian_spectrum(loss, p, key=key, num_probes=10, num_steps=64))
        return lambda: run(params, jax.random.key(0))

    work = {"hvp": hvp, "lanczos64": lanczos64, "matfree64": matfree64, "top10": top10, "slq": slq}[task]()

    def facts(result):
        if task != "top10":
            return {}
        return {"values": sorted(np.asarray(result.values).tolist()), "matvecs": int(result.num_matvecs)}

    serve(lambda: jax.block_until_ready(work()), facts)


if case == "matfree64" and importlib.util.find_spec("matfree") is None:
    sys.exit("matfree is not installed")
if case in ("mlp_full", "cnn_full", "mlp_trace", "mlp_sum"):
    tangent_kernel(case.split("_")[1])
elif case == "mlp_naive":
    naive_sum_kernel()
else:
    curvature(case)
