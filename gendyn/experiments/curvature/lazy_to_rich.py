"""Lazy to rich: how far does the tangent kernel move, and where does the linearised network stop being the network?

Claim: For large output scale ``alpha`` gradient descent stays so near its start that the network is its linearisation
there, and kernel regression with the initial kernel predicts its outputs at every step. For small ``alpha`` the kernel
moves and turns towards the labels. The border is where ``alpha sqrt(width)`` has some fixed value.

Prediction: in the ntk parametrisation fitting targets of fixed size moves each hidden unit's weights by
``delta ~ 1 / (alpha sqrt(width))``. In general ``||K_T - K_0|| / ||K_0|| ~ 1 / alpha`` follows. Here the network is the
difference of two equal halves whose weights move by ``+delta`` and ``-delta`` while the kernel is the *mean* of theirs:
the first order cancels, and what is left is ``delta^2 ~ alpha^-2 width^-1`` (for a smooth activation). The linearised
prediction is wrong by the same order, relative to the labels, and its border moves as ``width^-1/2``.

Refuted if, over the seeds, the slope of log movement on log scale in the largest decade of the widest network is not
within 0.25 of -2; the slope on log width, at the scale nearest 1, is not within 0.25 of -1; the linearised prediction
is off by 1 % of the labels or more at the largest scale at some width; the border's slope on log width is not within
0.25 of -1/2; the alignment with the labels does not grow more on the rich side of the border than on the lazy one.
The smallest scale is the control: there the linearised prediction must fail, by more than 10 %, at every width.

Setting: squared error, mean over examples, full-batch gradient descent without momentum, one output, a kernel on all
training inputs. The learning rate only divides training into steps: any that is stable will do, also one that differs
between scales, as long as steps times learning rate times kernel is enough to fit. With ``L = mean of (f - y)^2`` the
linearised residual is multiplied by ``1 - (2 learning_rate / n) lambda`` a step, exactly.

Cost: the default, 168 runs of 4,000 steps with 12 whole kernels each, took 114 s of wall time and 85 s of CPU time on
two busy x86-64 cores, and 77 MB; verdict and figure a few seconds.

Reference: Chizat, Oyallon & Bach (2019), On lazy training in differentiable programming, arXiv:1812.07956, sections 1.1
and 2; Geiger, Spigler, Jacot & Wyart (2020), Disentangling feature and lazy training in deep neural networks,
arXiv:1906.08034, section 4; Lee et al. (2019), arXiv:1902.06720, eqs. 10-11.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import sweep
from gendyn.analysis import (
    FINISHED,
    Interval,
    axis_values,
    bootstrap,
    config_of,
    final_values,
    finding,
    grid,
    record_steps,
    run_status,
    tabulate,
)
from gendyn.core import ConfigError
from gendyn.measure import kernel_alignment, linearised_predictions
from gendyn.plots.lazy_to_rich import Regimes, lazy_to_rich
from gendyn.sweep.probes import parse_probe
from gendyn.types import Array, Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

AXES = ("model.width", "model.output_scale", "seed")
PROBE = "kernel_snapshot"
BORDER = 0.1
"""Relative error of the linearised prediction at the border between lazy and rich."""
HOLDS = 0.01
"""Relative error below which the linearised prediction holds."""
SLOPE_TOLERANCE = 0.25
LEVEL = 0.9
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
"""Without any one of these the linearised prediction would be another formula."""


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Runs or resumes the sweep that the config describes.

    Raises:
        ConfigError: a leaf at which the linearised prediction is not the one computed here.
    """
    _num_train(config.to_dict())
    return sweep.run(config, workdir=workdir)


def figure(ds: "xarray.Dataset") -> "Figure":
    """Movement, rotation, error of the linearisation, alignment and test loss against output scale."""
    found = regimes(ds)
    return lazy_to_rich(found, borders=_borders(found, _complete(found)), threshold=BORDER, level=LEVEL)


def regimes(ds: "xarray.Dataset") -> Regimes:
    """Every run's numbers from its kernels and outputs; NaN for a run that is not finished.

    Raises:
        ConfigError: a leaf at which the linearised prediction is not the one computed here.
    """
    num_train = _num_train(config_of(ds))
    layout = grid(ds, AXES)
    rates = 2.0 * axis_values(ds, "optim.learning_rate") / num_train
    kernels, outputs, targets = (ds[f"{PROBE}/{name}"].values for name in ("kernel", "outputs", "targets"))
    steps, finished = record_steps(ds), run_status(ds) == FINISHED
    rows = np.full((ds.sizes["run"], 5), np.nan)
    with jax.enable_x64(True):  # powers of thousands of steps lose four digits in float32
        for i in np.flatnonzero(finished):
            arrays = kernels[i, [0, -1]], outputs[i], targets[i, 0], steps[i], rates[i]
            rows[i] = _reduce(*(jnp.asarray(array, jnp.float64) for array in arrays), num_train=num_train)
    movement, rotation, start, end, error = np.moveaxis(tabulate(layout, rows), -1, 0)
    zero = np.mean(np.square(targets[:, 0, num_train:]), axis=(1, 2))
    loss = tabulate(layout, np.where(finished, final_values(ds, "test_loss"), np.nan) / zero)
    widths, scales, _ = layout.axes.values()
    return Regimes(widths, scales, movement, rotation, np.stack([start, end]), error, loss)


@functools.partial(jax.jit, static_argnames="num_train")
def _reduce(kernels: Array, outputs: Array, targets: Array, steps: Array, rate: Array, *, num_train: int) -> Array:
    """Movement, rotation, alignment at start and end, error: ``[5]``, of one run's snapshots, training rows first.

    Args:
        kernels: ``[2, m, m]``: at the first record and the last.
        outputs: ``[T, m, 1]``, and targets ``[m, 1]``; steps: ``[T]``, whole.
        rate: that of the loss ``sum of squares / 2``.
    """
    train, test = slice(None, num_train), slice(num_train, None)
    first, last = kernels[:, train, train]
    labels = targets[train] @ targets[train].T
    values, vectors = jnp.linalg.eigh(first)
    predict = functools.partial(
        linearised_predictions, values, vectors, outputs[0, train], targets[train], steps, learning_rate=rate
    )
    inside = predict(rule="descent")
    outside = predict(rule="descent", cross_kernel=kernels[0, test, train], test_outputs=outputs[0, test])
    off = [
        jnp.linalg.norm(predicted - outputs[:, part], axis=(1, 2)) / jnp.linalg.norm(targets[part])
        for part, predicted in ((train, inside), (test, outside))
    ]
    return jnp.stack(
        [
            jnp.linalg.norm(last - first) / jnp.linalg.norm(first),
            1.0 - kernel_alignment(first, last),
            kernel_alignment(first, labels),
            kernel_alignment(last, labels),
            jnp.max(jnp.stack(off)),
        ]
    )


def border(scales: np.ndarray, log_error: np.ndarray) -> np.ndarray:
    """The largest output scale at which the error rises through ``BORDER``, interpolated in logarithms.

    Args:
        scales: ``[S]``, ascending; log_error: ``[..., S]``.

    Returns:
        ``[...]``; NaN where the error is not below the border at the largest scale, or nowhere above it.
    """
    above = log_error >= math.log(BORDER)
    # The last scale of those above, so that a dip far inside the rich side is no border.
    last = log_error.shape[-1] - 1 - np.argmax(above[..., ::-1], axis=-1)
    known = above.any(axis=-1) & ~above[..., -1]
    left = np.minimum(last, log_error.shape[-1] - 2)
    high, low = (np.take_along_axis(log_error, (left + k)[..., None], axis=-1)[..., 0] for k in (0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        part = (high - math.log(BORDER)) / (high - low)
        return np.where(known, np.exp(np.log(scales)[left] + part * np.log(scales[left + 1] / scales[left])), np.nan)


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """Eight findings: those of the docstring in its order, the control after the claim that it controls.

    Seeds that are not finished at every width and scale are left out of all findings, since they are paired.

    Raises:
        ConfigError: fewer than two widths, or fewer than two scales in the largest decade.
    """
    found = regimes(ds)
    lazy = int(np.sum(_lazy_decade(found.scales)))
    if len(found.widths) < 2 or lazy < 2:
        raise ConfigError(
            f"model.width has {len(found.widths)} values and model.output_scale {lazy} in its largest decade; a slope "
            "needs two of each."
        )
    complete = _complete(found)
    left_out = "" if complete.all() else f" {np.sum(~complete)} of {len(complete)} seeds are left out."
    holds, fails, moves = _prediction(found, complete, left_out)
    return [
        *_movement(found, complete, left_out),
        *(holds, fails, moves),
        *_features(found, complete, left_out, given=(holds, fails)),
    ]


def _movement(found: Regimes, complete: np.ndarray, left_out: str) -> list[Finding]:
    """The two powers of the kernel's movement."""
    scales, lazy = np.log(found.scales), _lazy_decade(found.scales)
    one = int(np.argmin(np.abs(scales)))
    movement = _seeds_first(_log(found.movement), complete)
    mean = f"Geometric means over seeds.{left_out}"
    by_scale = finding(
        f"In the lazy regime the kernel moves in proportion to 1 / scale^2, at width {found.widths[-1]:g}.",
        _interval(lambda m: _slope(scales[lazy], m.mean(axis=1)), movement[:, -1, lazy]),
        low=-2.0 - SLOPE_TOLERANCE,
        high=-2.0 + SLOPE_TOLERANCE,
        unit="slope of log movement on log scale",
        detail=f"Scales {found.scales[lazy][0]:g} to {found.scales[-1]:g}. {mean}",
    )
    by_width = finding(
        f"At output scale {found.scales[one]:g} the kernel moves in proportion to 1 / width.",
        _interval(lambda m: _slope(_log(found.widths), m.mean(axis=1)), movement[:, :, one]),
        low=-1.0 - SLOPE_TOLERANCE,
        high=-1.0 + SLOPE_TOLERANCE,
        unit="slope of log movement on log width",
        detail=f"Widths {found.widths[0]:g} to {found.widths[-1]:g}. {mean}",
    )
    return [by_scale, by_width]


def _prediction(found: Regimes, complete: np.ndarray, left_out: str) -> tuple[Finding, Finding, Finding]:
    """Where the linearised prediction holds, where it fails, and how the border depends on width."""
    error = _seeds_first(_log(found.error), complete)
    mean = f"Geometric means over seeds.{left_out}"
    whole = f"Error relative to the labels, the largest over records, of training or test outputs. {mean}"
    holds = finding(
        f"At output scale {found.scales[-1]:g} the linearised network predicts the network's outputs within {HOLDS:g}.",
        _interval(lambda e: np.exp(e.mean(axis=1).max(axis=1)), error[..., -1]),
        high=HOLDS,
        unit="relative error at the worst width",
        detail=whole,
    )
    fails = finding(
        f"At output scale {found.scales[0]:g} it does not (control).",
        _interval(lambda e: np.exp(e.mean(axis=1).min(axis=1)), error[..., 0]),
        low=BORDER,
        unit="relative error at the best width",
        detail=whole,
    )
    listed = ", ".join(f"{s:.3g} at {w:g}" for w, s in zip(found.widths, _borders(found, complete), strict=True))
    moves = finding(
        "The border between lazy and rich falls as 1 / sqrt(width).",
        _interval(lambda e: _slope(_log(found.widths), np.log(border(found.scales, e.mean(axis=1)))), error),
        low=-0.5 - SLOPE_TOLERANCE,
        high=-0.5 + SLOPE_TOLERANCE,
        unit="slope of log border on log width",
        detail=f"The border is the output scale where the error passes {BORDER:g}: {listed}. {mean}",
        given=(holds, fails),
    )
    return holds, fails, moves


def _features(
    found: Regimes, complete: np.ndarray, left_out: str, *, given: tuple[Finding, Finding]
) -> tuple[Finding, Finding, Finding]:
    """What moving does: alignment with the labels on both sides of the border and at it, and test loss at it.

    The border is placed once, by all seeds together. Without one everything is undefined.
    """
    places = _borders(found, complete)
    rich = found.scales < places[:, None]
    sides = [np.where(side, 1.0, 0.0) / np.maximum(side.sum(axis=1, keepdims=True), 1) for side in (rich, ~rich)]
    nearest = np.argmin(np.abs(np.log(found.scales) - np.log(places)[:, None]), axis=1)
    at_border = np.eye(len(found.scales))[nearest]
    known = np.where(np.isfinite(places).all() and rich.any(axis=1).all(), 1.0, np.nan)
    growth = _seeds_first(found.alignment[1] - found.alignment[0], complete)
    loss = _seeds_first(_log(found.test_loss), complete)

    def contrast(weights: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Mean over seeds and widths of the weighted sum over scales."""
        return lambda rows: known * np.einsum("bews,ws->b", rows, weights) / (rows.shape[1] * rows.shape[2])

    by_scale = growth.mean(axis=(0, 1)) if len(growth) else np.full(len(found.scales), math.nan)
    listed = ", ".join(f"{g:+.3f} at {s:g}" for s, g in zip(found.scales, by_scale, strict=True))
    aligns = finding(
        "The kernel's alignment with the labels grows more on the rich side of the border than on the lazy side.",
        _interval(contrast(sides[0] - sides[1]), growth),
        low=0.0,
        unit="difference of the growth of centred alignment",
        detail="Mean over the scales on each side, then over widths and seeds. Growth at each scale: "
        f"{listed}.{left_out}",
        given=given,
    )
    first, last = (np.eye(len(found.scales))[i] for i in (0, -1))
    near = "At the output scale nearest to each width's border; mean over widths and seeds"
    peaks = finding(
        f"At the border that alignment grows more than at output scale {found.scales[0]:g}.",
        _interval(contrast(at_border - first), growth),
        low=0.0,
        unit="difference of the growth of centred alignment",
        detail=f"{near}.{left_out}",
        given=given,
    )
    better = finding(
        f"At the border the network generalises better than at output scale {found.scales[-1]:g}.",
        _interval(lambda rows: np.exp(contrast(at_border - last)(rows)), loss),
        high=1.0,
        unit="test loss at the border / in the lazy regime",
        detail=f"{near} of the logarithm.{left_out}",
        given=given,
    )
    return aligns, peaks, better


def _borders(found: Regimes, complete: np.ndarray) -> np.ndarray:
    """``[W]``: the border of the geometric mean over complete seeds; NaN for none."""
    if not complete.any():
        return np.full(len(found.widths), math.nan)
    return border(found.scales, _log(found.error[..., complete]).mean(axis=-1))


def _lazy_decade(scales: np.ndarray) -> np.ndarray:
    return scales >= 0.0999 * scales[-1]


def _seeds_first(table: np.ndarray, complete: np.ndarray) -> np.ndarray:
    """``[W, S, E]`` as rows for the bootstrap: ``[complete seeds, W, S]``."""
    return np.moveaxis(table[..., complete], -1, 0)


def _num_train(config: Mapping[str, Any]) -> int:
    """The number of training examples of a nested config that this experiment can judge."""

    def leaf(name: str) -> Any:
        found: Any = config
        for part in name.split("."):
            found = found.get(part)
        return found

    for name, value in REQUIRED.items():
        if leaf(name) != value:
            raise ConfigError(f"config.{name} = {leaf(name)!r} must be {value!r}: the linearised prediction needs it.")
    count = int(leaf("task.num_train"))
    probes = dict(parse_probe(spec) for spec in config["probes"])
    if PROBE not in probes or probes[PROBE].get("num_examples", 48) < count:
        raise ConfigError(
            f"config.probes = {tuple(config['probes'])!r} must hold '{PROBE}(num_examples={count})' (or more): the "
            f"kernel has to cover all task.num_train = {count} training examples."
        )
    return count


def _complete(found: Regimes) -> np.ndarray:
    parts = np.stack([found.movement, found.error, found.test_loss])
    return np.isfinite(parts).all(axis=(0, 1, 2))


def _log(values: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(values, 1e-30))


def _slope(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least-squares slope of ``y [..., P]`` on ``x [P]``."""
    centred = x - x.mean()
    return np.asarray(y @ centred / (centred @ centred))


def _interval(statistic: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> Interval:
    if len(rows) == 0:
        return Interval(math.nan, -math.inf, math.inf, LEVEL, 0.0)
    return bootstrap(statistic, rows, level=LEVEL)
