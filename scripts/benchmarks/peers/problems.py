"""The shared problems: inputs and weights from fixed seeds, by numpy alone."""

from itertools import pairwise

import numpy as np


def he(rng, fan_in, *shape):
    return (rng.standard_normal(shape) * np.sqrt(2.0 / fan_in)).astype(np.float32)


def ntk_mlp():
    """784-512-512-10, relu; 256 inputs."""
    rng = np.random.default_rng(0)
    arrays = {"x": rng.standard_normal((256, 784)).astype(np.float32)}
    sizes = [784, 512, 512, 10]
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        arrays[f"W{layer}"] = he(rng, fan_in, fan_in, fan_out)
        arrays[f"b{layer}"] = (0.05 * rng.standard_normal(fan_out)).astype(np.float32)
    return arrays


def ntk_cnn():
    """Three 3 x 3 convolutions of 32 channels on 28 x 28, relu, flatten, 10 outputs; 64 inputs, NHWC and HWIO."""
    rng = np.random.default_rng(1)
    arrays = {"x": rng.standard_normal((64, 28, 28, 1)).astype(np.float32)}
    channels = [1, 32, 32, 32]
    for layer in range(3):
        arrays[f"W{layer}"] = he(rng, 9 * channels[layer], 3, 3, channels[layer], channels[layer + 1])
        arrays[f"b{layer}"] = (0.05 * rng.standard_normal(channels[layer + 1])).astype(np.float32)
    arrays["W3"], arrays["b3"] = he(rng, 28 * 28 * 32, 28 * 28 * 32, 10), np.zeros(10, np.float32)
    return arrays


def hessian():
    """784-256-256-10 on 2,048 examples of a ten-class mixture, 10 % of the labels redrawn, after 60 gradient steps."""
    rng = np.random.default_rng(2)
    means = rng.standard_normal((10, 784)) * 0.35
    y = rng.integers(0, 10, 2048)
    x = (means[y] + rng.standard_normal((2048, 784))).astype(np.float32)
    y = np.where(rng.random(2048) < 0.1, rng.integers(0, 10, 2048), y)
    sizes = [784, 256, 256, 10]
    weights = [he(rng, a, a, b).astype(np.float64) for a, b in pairwise(sizes)]
    biases = [np.zeros(size) for size in sizes[1:]]
    targets = np.eye(10)[y]
    for _ in range(60):
        acts, zs = [x.astype(np.float64)], []
        for layer in range(3):
            z = acts[-1] @ weights[layer] + biases[layer]
            zs.append(z)
            acts.append(np.maximum(z, 0) if layer < 2 else z)
        e = np.exp(acts[-1] - acts[-1].max(1, keepdims=True))
        g = (e / e.sum(1, keepdims=True) - targets) / 2048
        for layer in (2, 1, 0):
            step_w, step_b = acts[layer].T @ g, g.sum(0)
            g = (g @ weights[layer].T) * (zs[layer - 1] > 0) if layer else g
            weights[layer] -= 0.02 * step_w
            biases[layer] -= 0.02 * step_b
    arrays = {"x": x, "y": y.astype(np.int32)}
    for layer in range(3):
        arrays[f"W{layer}"], arrays[f"b{layer}"] = weights[layer].astype(np.float32), biases[layer].astype(np.float32)
    return arrays


def small_networks():
    """32 networks 16-8-10 on 64 examples of ten classes."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 10, 64)
    arrays = {"x": (rng.standard_normal((10, 16))[y] + rng.standard_normal((64, 16))).astype(np.float32)}
    arrays["y"] = y.astype(np.int32)
    sizes = [16, 8, 10]
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        arrays[f"W{layer}"] = he(rng, fan_in, 32, fan_in, fan_out)
        arrays[f"b{layer}"] = (0.05 * rng.standard_normal((32, fan_out))).astype(np.float32)
    return arrays


PROBLEMS = {"ntk_mlp": ntk_mlp, "ntk_cnn": ntk_cnn, "hessian": hessian, "small_networks": small_networks}
