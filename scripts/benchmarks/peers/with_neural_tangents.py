"""neural-tangents by structured derivatives, on the JAX it works with: ``mlp_full``, ``cnn_full``, ``mlp_trace``."""

import sys
import types

from server import pin, serve

case, path, cores = sys.argv[1], sys.argv[2], int(sys.argv[3])
pin(cores)
# Left out: the only part that needs TensorFlow, which does not import beside so old a JAX.
sys.modules["neural_tangents.experimental"] = types.ModuleType("neural_tangents.experimental")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import neural_tangents as nt  # noqa: E402
import numpy as np  # noqa: E402

STRUCTURED = 3
net, kind = case.split("_")
arrays = np.load(path)
layers = 3 if net == "mlp" else 4
params = [(jnp.asarray(arrays[f"W{i}"]), jnp.asarray(arrays[f"b{i}"])) for i in range(layers)]
x = jnp.asarray(arrays["x"])


def apply(params, x):
    for layer, (weight, bias) in enumerate(params):
        if weight.ndim == 4:
            x = jax.lax.conv_general_dilated(x, weight, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        else:
            x = x.reshape(x.shape[0], -1) @ weight
        x = x + bias
        if layer < len(params) - 1:
            x = jax.nn.relu(x)
    return x


axes = () if kind == "full" else (-1,)
kernel = jax.jit(nt.empirical_ntk_fn(apply, trace_axes=axes, vmap_axes=0, implementation=STRUCTURED))
serve(lambda: np.asarray(kernel(x, None, params)), lambda k: {"norm": float(np.linalg.norm(k))})
