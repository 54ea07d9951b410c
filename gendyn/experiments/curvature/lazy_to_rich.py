"""Lazy to rich: how far does the tangent kernel move, and where does the linearised network stop being the network?

Claim: For large output scale ``alpha`` gradient descent stays so near its start that the network is its linearisation
there, and kernel regression with the initial kernel predicts its outputs at every step. For small ``alpha`` the kernel
moves and turns towards the labels. The border is where ``alpha sqrt(width)`` has some fixed value.

Prediction: in the ntk parametrisation fitting targets of fixed size moves each hidden unit's weights by
``delta ~ 1 / (alpha sqrt(width))``. In general ``||K_T - K_0|| / ||K_0|| ~ 1 / alpha`` follows. Here the network is the
difference of two equal halves whose weights move by ``+delta`` and ``-delta`` while the kernel is the *mean* of theirs:
the first order cancels, and what is left is ``delta^2 ~ alpha^-2 width^-1`` (for a smooth activation). The linearised
prediction is wrong by the same order, relative to the labels, and its border moves as ``width^-1/2``.

Refuted if: over the seeds, the slope of log movement on log scale in the largest decade of the widest network is not
within 0.25 of -2; the slope on log width, at the scale nearest 1, is not within 0.25 of -1; the linearised prediction
is off by 1 % of the labels or more at the largest scale at some width; the border's slope on log width is not within
0.25 of -1/2; the alignment with the labels does not grow more on the rich side of the border than on the lazy one.
The smallest scale is the control: there the linearised prediction must fail, by more than 10 %, at every width. That
presupposes that it holds at the largest; the border and what happens at it presuppose both.

These are primary except for the control, which is exploratory. So are two findings on alignment and test loss at the
border, stated after results had shown that the alignment grows most there. No other seeds have judged them yet.

Setting: squared error, mean over examples, full-batch gradient descent without momentum, one output, a kernel on all
training inputs. The learning rate only divides training into steps: any at which training converges will do, also one
that differs between scales, as long as steps times learning rate times kernel is enough to fit. With
``L = mean of (f - y)^2`` the linearised residual is multiplied by ``1 - (2 learning_rate / n) lambda`` a step, exactly.

Reference: Chizat, Oyallon & Bach (2019), On lazy training in differentiable programming, arXiv:1812.07956, sections 1.1
and 2; Geiger, Spigler, Jacot & Wyart (2020), Disentangling feature and lazy training in deep neural networks,
arXiv:1906.08034, section 4; Lee et al. (2019), arXiv:1902.06720, eqs. 10-11.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import analysis
from gendyn.core import ConfigError
from gendyn.experiments.contract import require
from gendyn.experiments.curvature._probes import probe_arguments
from gendyn.measure import kernel_change, linearisation_error
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.types import Array, Config, Dataset, Figure, Finding

AXES = ("model.width", "model.output_scale", "seed")
PROBE = "kernel_snapshot"
HOLDS, BORDER = 0.01, 0.1
"""Relative error of the linearised prediction: below which it holds, and at the border between lazy and rich."""
SLOPE_TOLERANCE = 0.25
DESCENT = {"optim.name": "sgd", "optim.momentum": 0.0, "optim.weight_decay": 0.0, "train.batch_size": 0}
SCHEDULE = {"schedule.name": "constant", "schedule.warmup_steps": 0}
DATA = {"task.kind": "regression", "task.num_outputs": 1, "data.num_train": 0, "data.label_noise": 0.0}
REQUIRED = {"loss": "squared_error"} | DESCENT | SCHEDULE | DATA


def check(config: Config) -> None:
    """The linearised prediction is the one computed here, and the kernel covers the training set."""
    require(config, REQUIRED, "otherwise the linearised prediction is another formula. Set it so.")
    count = config["task"]["num_train"]
    if probe_arguments(config, PROBE).get("num_examples", 48) < count:
        raise ConfigError(
            f"config.probes = {tuple(config['probes'])!r} must hold '{PROBE}(num_examples={count})' (or more): the "
            f"kernel has to cover all task.num_train = {count} training examples."
        )


class Regimes(NamedTuple):
    """Over ``W`` widths and ``S`` output scales: tables ``[E, W, S]`` of the ``E`` seeds that converge at all."""

    widths: np.ndarray
    scales: np.ndarray
    movement: np.ndarray
    """Of the kernel, from the start to the end of training; so the next two: :class:`gendyn.measure.KernelChange`."""
    rotation: np.ndarray
    growth: np.ndarray
    error: np.ndarray
    """Of the linearised prediction, relative to the labels: the largest over records, of training or test outputs."""
    test_loss: np.ndarray
    """At the end, over the loss of the answer 0."""
    borders: np.ndarray
    """``[W]``: :func:`border` of the geometric mean over seeds; NaN for none."""
    left_out: str
    """Sentence on seeds that are left out and runs that diverged."""


def regimes(ds: Dataset) -> Regimes:
    """Every run's numbers from its kernels and outputs, in a sweep that passes :func:`check`."""
    config, runs, steps = analysis.config_of(ds), analysis.laid_out(ds, AXES), analysis.record_steps(ds)
    check(config)
    num_train = int(config["task"]["num_train"])
    rates = 2.0 * analysis.axis_values(ds, "optim.learning_rate") / num_train
    kernels, outputs, targets = (ds[f"{PROBE}/{name}"].values for name in ("kernel", "outputs", "targets"))
    rows = np.full((ds.sizes["run"], 5), np.nan)
    rows[:, 4] = analysis.final_values(ds, "test_loss") / np.mean(np.square(targets[:, 0, num_train:]), axis=(1, 2))
    with jax.enable_x64(True):  # powers of thousands of steps lose four digits in float32
        for i in np.flatnonzero(analysis.run_status(ds) == analysis.FINISHED):
            arrays = kernels[i, [0, -1]], outputs[i], targets[i, 0], steps[i], rates[i]
            rows[i, :4] = _reduce(*(jnp.asarray(array, jnp.float64) for array in arrays), num_train=num_train)
    tables = runs.table(rows)
    seeds, (widths, scales, _) = runs.seeds.converged.measured(tables), runs.axes.values()
    movement, rotation, growth, error, loss = np.moveaxis(tables[:, :, seeds.complete], (2, 3), (1, 0))
    places = border(scales, _log(error).mean(axis=0)) if len(error) else np.full(len(widths), np.nan)
    return Regimes(widths, scales, movement, rotation, growth, error, loss, places, seeds.converged_sentence)


@functools.partial(jax.jit, static_argnames="num_train")
def _reduce(kernels: Array, outputs: Array, targets: Array, steps: Array, rate: Array, *, num_train: int) -> Array:
    """Movement, rotation, growth and error ``[4]`` of a run with a rate for the loss ``sum of squares / 2``.

    From kernels ``[2, m, m]`` at both ends, outputs ``[T, m, 1]`` at whole steps, and targets; training examples first.
    """
    first, last = kernels[:, :num_train, :num_train]
    error = linearisation_error(kernels[0], outputs, targets, steps, num_train=num_train, learning_rate=rate)
    return jnp.stack([*kernel_change(first, last, targets[:num_train]), error])


def border(scales: np.ndarray, log_error: np.ndarray) -> np.ndarray:
    """The largest output scale at which the error ``[..., S]`` rises through ``BORDER``, interpolated in logarithms.

    The last crossing, so that a dip far inside the rich side is no border; NaN where there is none.
    """
    return analysis.last_crossing(scales, log_error, np.log(BORDER), direction="falling", logarithmic=True).known


def _log(values: np.ndarray) -> np.ndarray:
    """Of values of at least 0; 0 counts as 1e-30."""
    return np.asarray(np.log(np.maximum(values, 1e-30)))


def verdict(ds: Dataset) -> list[Finding]:
    """Eight findings: those of the docstring in its order, the control after the claim that it controls.

    Raises:
        ConfigError: fewer than two widths, or fewer than two scales in the largest decade.
    """
    found = regimes(ds)
    widths, scales, movement, error = found.widths, found.scales, _log(found.movement), _log(found.error)
    lazy, one = scales >= 0.0999 * scales[-1], int(np.argmin(np.abs(np.log(scales))))
    if len(widths) < 2 or lazy.sum() < 2:
        raise ConfigError(
            f"model.width has {len(widths)} values and model.output_scale {lazy.sum()} in its largest decade; a slope "
            "needs two of each."
        )
    means, unit = "Geometric means over seeds", "slope of log movement on log"
    power = analysis.of_means(lambda logs: analysis.slope(np.log(scales[lazy]), logs), movement[:, -1, lazy])
    text = f"In the lazy regime the kernel moves in proportion to 1 / scale^2, at width {widths[-1]:g}"
    span = f"Scales {scales[lazy][0]:g} to {scales[-1]:g}. {means}"
    by_scale = _claim(found, text, power, f"{unit} scale", span, **_near(-2.0))
    power = analysis.of_means(lambda logs: analysis.slope(np.log(widths), logs), movement[..., one])
    text = f"At output scale {scales[one]:g} the kernel moves in proportion to 1 / width"
    span = f"Widths {widths[0]:g} to {widths[-1]:g}. {means}"
    by_width = _claim(found, text, power, f"{unit} width", span, **_near(-1.0))
    whole = f"Error relative to the labels, the largest over records, of training or test outputs. {means}"
    off = analysis.mapped(analysis.worst_place(None, error[..., -1]), np.exp)
    text = f"At output scale {scales[-1]:g} the linearised network predicts the network's outputs within {HOLDS:g}"
    holds = _claim(found, text, off, "relative error at the worst width", whole, high=HOLDS)
    off = analysis.mapped(analysis.worst_place(None, error[..., 0], which="smallest"), np.exp)
    text = f"At output scale {scales[0]:g} the linearised network does not predict the network's outputs"
    control: dict[str, Any] = {"note": " (control)", "low": BORDER, "given": (holds,), "role": "exploratory"}
    fails = _claim(found, text, off, "relative error at the best width", whole, **control)
    power = analysis.of_means(lambda logs: analysis.slope(np.log(widths), np.log(border(scales, logs))), error)
    listed = ", ".join(f"{place:.3g} at {width:g}" for width, place in zip(widths, found.borders, strict=True))
    passed = f"The border is the output scale where the error passes {BORDER:g}: {listed}. {means}"
    text, unit = "The border between lazy and rich falls as 1 / sqrt(width)", "slope of log border on log width"
    moves = _claim(found, text, power, unit, passed, **_near(-0.5), given=(holds, fails))
    return analysis.family([by_scale, by_width, holds, fails, moves, *_features(found, given=(holds, fails))])


def _claim(
    found: Regimes, text: str, effect: Any, unit: str, detail: str, *, note: str = "", **region: Any
) -> analysis.Hypothesis:
    text, detail = f"{text}, where training converges{note}.", f"{detail}.{found.left_out}"
    return analysis.finding(text, effect, unit=unit, detail=detail, **region)


def _near(power: float) -> dict[str, Any]:
    return {"low": power - SLOPE_TOLERANCE, "high": power + SLOPE_TOLERANCE}


def _features(found: Regimes, *, given: tuple[analysis.Hypothesis, ...]) -> list[analysis.Hypothesis]:
    """What moving does. The border is placed once, by all seeds together; without one everything is undefined."""
    scales, growth, places = found.scales, found.growth, found.borders[:, None]
    rich = scales < places
    of_rich, of_lazy = (side / np.maximum(side.sum(axis=1, keepdims=True), 1) for side in (rich, ~rich))
    nearest = np.argmin(np.abs(np.log(scales) - np.log(places)), axis=1)
    at_border, first, last = (np.eye(len(scales))[place] for place in (nearest, 0, -1))
    known = np.where(np.isfinite(places).all() and rich.any(axis=1).all(), 1.0, np.nan)

    def contrast(means: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Of means over seeds: the mean over widths of the weighted sum over scales."""
        return np.asarray(known * np.einsum("bws,ws->b", means, weights) / means.shape[1])

    by_scale = growth.mean(axis=(0, 1)) if len(growth) else np.full(len(scales), np.nan)
    listed = ", ".join(f"{change:+.3f} at {scale:g}" for scale, change in zip(scales, by_scale, strict=True))
    grows, unit = "The kernel's alignment with the labels grows more", "difference of the growth of centred alignment"
    near = "At the output scale nearest to each width's border; mean over widths and seeds"
    each = f"Mean over the scales on each side, then over widths and seeds. Growth at each scale: {listed}"
    more = analysis.of_means(lambda means: contrast(means, of_rich - of_lazy), growth)
    text = f"{grows} on the rich side of the border than on the lazy side"
    aligns = _claim(found, text, more, unit, each, low=0.0, given=given)
    more = analysis.of_means(lambda means: contrast(means, at_border - first), growth)
    text = f"{grows} at the border than at output scale {scales[0]:g}"
    peaks = _claim(found, text, more, unit, near, low=0.0, given=given, role="exploratory")
    less = analysis.of_means(lambda logs: np.exp(contrast(logs, at_border - last)), _log(found.test_loss))
    text = f"At the border the network generalises better than at output scale {scales[-1]:g}"
    unit, logs = "test loss at the border / in the lazy regime", f"{near} of the logarithm"
    return [aligns, peaks, _claim(found, text, less, unit, logs, high=1.0, given=given, role="exploratory")]


def figure(ds: Dataset) -> Figure:
    """Five panels over the output scale, a colour for each width; lines are medians over seeds with exact intervals.

    From above: movement and rotation of the kernel, error of the linearised prediction, change of the kernel's
    alignment with the labels, test loss. Vertical lines mark each width's border, where the error passes ``BORDER``.

    Raises:
        ConfigError: no seed that is finished everywhere.
    """
    found = regimes(ds)
    if not len(found.error):
        raise ConfigError("no seed has finished at every width and output scale; wait for the sweep.")
    widths = list(zip(found.widths.tolist(), found.borders, style.sequence(len(found.widths)), strict=True))

    def panel(label: str, table: np.ndarray, *more: Curve) -> Panel:
        curves = [
            Curve(
                style.number(width), found.scales, table[:, i], colour=colour, statistic="median", marker="o", mark=mark
            )
            for i, (width, mark, colour) in enumerate(widths)
        ]
        return Panel("", "", label, (*curves, *more), "log", "log", legend="")

    # The predicted power, beside the widest network's line over the lazy decade.
    lazy = found.scales[-1] * np.array([0.1, 1.0])
    power = 0.4 * float(np.median(found.movement[:, -1, -1])) * (lazy / found.scales[-1]) ** -2
    predicted = Curve("∝ 1 / scale²", exact_x=lazy, exact=power, colour=style.THEORY)
    moved = panel("kernel\nmovement", found.movement, predicted)._replace(legend="outside", legend_title="width")
    off = panel("error of\nlinearisation", found.error)._replace(levels=((BORDER, f"border: {BORDER:.0%}"),))
    aligned = panel("change of label\nalignment", found.growth)._replace(y_scale="linear", levels=((0.0, ""),))
    loss = panel("test loss /\nloss of 0", found.test_loss)
    loss = loss._replace(x_label="output scale  (rich on the left, lazy on the right)")
    shown = (moved, panel("kernel\nrotation", found.rotation), off, aligned, loss)
    note = f"{len(found.error)} seeds   ·   dotted: the border at each width"
    return draw_panels(shown, num_columns=1, width=9.0, height=2.25, note=note, over="seeds")
