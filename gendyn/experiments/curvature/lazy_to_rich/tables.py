"""What each run's kernels and outputs say: movement, rotation, alignment, error of the linearised prediction."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import analysis
from gendyn.core import ConfigError
from gendyn.experiments.contract import require
from gendyn.experiments.curvature._probes import probe_arguments
from gendyn.measure import kernel_alignment, linearisation_error
from gendyn.types import Array, Dataset

AXES = ("model.width", "model.output_scale", "seed")
PROBE = "kernel_snapshot"
BORDER = 0.1
"""Relative error of the linearised prediction at the border between lazy and rich."""
REQUIRED = {
    "loss": "squared_error",
    "optim.name": "sgd",
    "optim.momentum": 0.0,
    "optim.weight_decay": 0.0,
    "schedule.name": "constant",
    "schedule.warmup_steps": 0,
    "train.batch_size": 0,
    "data.num_train": 0,
    "data.label_noise": 0.0,
    "task.kind": "regression",
    "task.num_outputs": 1,
}


def check(config: Any) -> None:
    """The linearised prediction is the one computed here, and the kernel covers the training set."""
    require(config, REQUIRED, "otherwise the linearised prediction is another formula. Set it so.")
    count = config["task"]["num_train"]
    if probe_arguments(config, PROBE).get("num_examples", 48) < count:
        raise ConfigError(
            f"config.probes = {tuple(config['probes'])!r} must hold '{PROBE}(num_examples={count})' (or more): the "
            f"kernel has to cover all task.num_train = {count} training examples."
        )


class Regimes(NamedTuple):
    """A sweep over ``W`` widths and ``S`` output scales, of the ``E`` seeds that converge at all of them."""

    widths: np.ndarray
    """``[W]``, ascending."""
    scales: np.ndarray
    """``[S]``, ascending."""
    movement: np.ndarray
    """``[E, W, S]``: ``||K_T - K_0|| / ||K_0||`` in Frobenius norms, from the start to the end of training."""
    rotation: np.ndarray
    """``[E, W, S]``: ``1 -`` centred alignment of ``K_T`` with ``K_0``; a kernel that only grows has 0."""
    growth: np.ndarray
    """``[E, W, S]``: centred alignment of the kernel with the labels, at the end minus at the start."""
    error: np.ndarray
    """``[E, W, S]``: largest relative error of the linearised prediction."""
    test_loss: np.ndarray
    """``[E, W, S]``: at the end, over the loss of the answer 0."""
    left_out: str
    """Sentence on seeds that are left out and runs that diverged."""

    @property
    def lazy(self) -> np.ndarray:
        """The scales of the largest decade, bool ``[S]``."""
        return np.asarray(self.scales >= 0.0999 * self.scales[-1])

    @property
    def borders(self) -> np.ndarray:
        """``[W]``: the border of the geometric mean over seeds; NaN for none."""
        if not len(self.error):
            return np.full(len(self.widths), math.nan)
        return border(self.scales, logarithm(self.error).mean(axis=0))


def regimes(ds: Dataset) -> Regimes:
    """Every run's numbers from its kernels and outputs.

    Raises:
        ConfigError: a leaf at which the linearised prediction is not the one computed here.
    """
    config = analysis.config_of(ds)
    check(config)
    num_train = int(config["task"]["num_train"])
    layout = analysis.grid(ds, AXES)
    rates = 2.0 * analysis.axis_values(ds, "optim.learning_rate") / num_train
    kernels, outputs, targets = (ds[f"{PROBE}/{name}"].values for name in ("kernel", "outputs", "targets"))
    steps = analysis.record_steps(ds)
    rows = np.full((ds.sizes["run"], 5), np.nan)
    with jax.enable_x64(True):  # powers of thousands of steps lose four digits in float32
        for i in np.flatnonzero(analysis.run_status(ds) == analysis.FINISHED):
            arrays = kernels[i, [0, -1]], outputs[i], targets[i, 0], steps[i], rates[i]
            rows[i] = _reduce(*(jnp.asarray(array, jnp.float64) for array in arrays), num_train=num_train)
    movement, rotation, start, end, error = np.moveaxis(analysis.tabulate(layout, rows), -1, 0)
    zero = np.mean(np.square(targets[:, 0, num_train:]), axis=(1, 2))
    loss = analysis.tabulate(layout, analysis.final_values(ds, "test_loss") / zero)
    seeds = analysis.seeds_of(ds, layout).converged
    seeds = seeds.restricted(np.isfinite(np.stack([movement, error, loss])).all(axis=(0, 1, 2)))
    widths, scales, _ = layout.axes.values()
    keep = functools.partial(analysis.seeds_first, keep=seeds.complete)
    kept = keep(movement), keep(rotation), keep(end - start), keep(error), keep(loss)
    return Regimes(widths, scales, *kept, seeds.converged_sentence)


@functools.partial(jax.jit, static_argnames="num_train")
def _reduce(kernels: Array, outputs: Array, targets: Array, steps: Array, rate: Array, *, num_train: int) -> Array:
    """Movement, rotation, alignment at start and end, error: ``[5]``, of one run's snapshots, training rows first.

    Args:
        kernels: ``[2, m, m]``: at the first record and the last.
        outputs: ``[T, m, 1]``, and targets ``[m, 1]``; steps: ``[T]``, whole.
        rate: that of the loss ``sum of squares / 2``.
    """
    first, last = kernels[:, :num_train, :num_train]
    labels = targets[:num_train] @ targets[:num_train].T
    return jnp.stack(
        [
            jnp.linalg.norm(last - first) / jnp.linalg.norm(first),
            1.0 - kernel_alignment(first, last),
            kernel_alignment(first, labels),
            kernel_alignment(last, labels),
            linearisation_error(kernels[0], outputs, targets, steps, num_train=num_train, learning_rate=rate),
        ]
    )


def border(scales: np.ndarray, log_error: np.ndarray) -> np.ndarray:
    """The largest output scale at which the error rises through ``BORDER``, interpolated in logarithms: ``[...]``.

    The last crossing, so that a dip far inside the rich side is no border; NaN where there is none.

    Args:
        scales: ``[S]``, ascending.
        log_error: ``[..., S]``.
    """
    return analysis.last_crossing(scales, log_error, math.log(BORDER), direction="falling", logarithmic=True).known


def logarithm(values: np.ndarray) -> np.ndarray:
    """Of values of at least 0; 0 counts as 1e-30."""
    return np.asarray(np.log(np.maximum(values, 1e-30)))
