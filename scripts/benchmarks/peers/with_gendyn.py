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

from gendyn import linalg, measure, probes  # noqa: E402
from gendyn.types import ProbeData  # noqa: E402

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
        key = jax.random.key(0)
        # Of the program, the intermediates that products need among them; one basis is held at a time.
        temporary = run.lower(params, key).compile().memory_analysis().temp_size_in_bytes
        more["bases"] = temporary / (64 * sum(leaf.nbytes for leaf in jax.tree.leaves(params)))
        return lambda: run(params, key)

    more = {}
    work = {"hvp": hvp, "lanczos64": lanczos64, "matfree64": matfree64, "top10": top10, "slq": slq}[task]()

    def facts(result):
        if task != "top10":
            return more
        return {"values": sorted(np.asarray(result.values).tolist()), "matvecs": int(result.num_matvecs)}

    serve(lambda: jax.block_until_ready(work()), facts)


def probe_on_many(name, together):
    """A probe on every network of a population, in one vmapped program or by one jitted call each."""
    population = params
    targets = jax.nn.one_hot(jnp.asarray(arrays["y"]), 10)
    rows = ProbeData(x, targets, jnp.int32(len(x)), x, targets, lambda f, y: jnp.sum((f - y) ** 2, axis=-1))
    made = {
        "kernel": probes.tangent_kernel(num_examples=8),
        # Short runs: longer ones spend their time in eigendecompositions, which a CPU makes one by one.
        "density": probes.hessian_density(num_probes=2, num_steps=8),
    }
    probe = made[name]

    def one(params):
        return probe.fn(jax.random.key(0), apply, params, rows)

    def trace_of(values):
        return {"norm": float(np.sum([np.asarray(value) for value in values]))}

    if together:
        run = jax.jit(jax.vmap(one))
        serve(lambda: jax.block_until_ready(run(population)), lambda found: trace_of([found["trace"]]))
    else:
        run, count = jax.jit(one), len(params["W0"])
        networks = [jax.tree.map(lambda leaf, i=i: leaf[i], population) for i in range(count)]
        serve(
            lambda: [jax.block_until_ready(run(network)) for network in networks],
            lambda found: trace_of([values["trace"] for values in found]),
        )


if case == "matfree64" and importlib.util.find_spec("matfree") is None:
    sys.exit("matfree is not installed")
if case in ("mlp_full", "cnn_full", "mlp_trace", "mlp_sum"):
    tangent_kernel(case.split("_")[1])
elif case.endswith(("_together", "_alone")):
    name, _, how = case.partition("_")
    probe_on_many(name, how == "together")
elif case == "mlp_naive":
    naive_sum_kernel()
else:
    curvature(case)
