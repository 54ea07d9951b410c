"""The claims: how the kernel moves, where the linearised prediction holds, and what moving is good for.

All of them are about seeds whose training converges at every width and scale; the rest is left out in pairs.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gendyn.analysis import bootstrap, finding, largest, mean, slope, smallest
from gendyn.core import ConfigError
from gendyn.experiments.curvature.lazy_to_rich.tables import BORDER, Regimes, border, logarithm, regimes
from gendyn.types import Dataset, Finding

HOLDS = 0.01
"""Relative error below which the linearised prediction holds."""
SLOPE_TOLERANCE = 0.25


def verdict(ds: Dataset) -> list[Finding]:
    """Eight findings: those of the docstring in its order, the control after the claim that it controls.

    Raises:
        ConfigError: fewer than two widths, or fewer than two scales in the largest decade.
    """
    found = regimes(ds)
    lazy = int(np.sum(found.lazy))
    if len(found.widths) < 2 or lazy < 2:
        raise ConfigError(
            f"model.width has {len(found.widths)} values and model.output_scale {lazy} in its largest decade; a slope "
            "needs two of each."
        )
    holds, fails, moves = _prediction(found)
    return [*_movement(found), holds, fails, moves, *_features(found, given=(holds, fails))]


def _near(power: float) -> dict[str, Any]:
    return {"low": power - SLOPE_TOLERANCE, "high": power + SLOPE_TOLERANCE}


def _movement(found: Regimes) -> list[Finding]:
    """The two powers of the kernel's movement."""
    logs, movement = np.log(found.scales), logarithm(found.movement)
    one = int(np.argmin(np.abs(logs)))
    means = f"Geometric means over seeds.{found.left_out}"
    by_scale = finding(
        f"In the lazy regime the kernel moves in proportion to 1 / scale^2, at width {found.widths[-1]:g}, where "
        "training converges.",
        bootstrap(lambda rows: slope(logs[found.lazy], mean(rows)), movement[:, -1, found.lazy]),
        **_near(-2.0),
        unit="slope of log movement on log scale",
        detail=f"Scales {found.scales[found.lazy][0]:g} to {found.scales[-1]:g}. {means}",
    )
    by_width = finding(
        f"At output scale {found.scales[one]:g} the kernel moves in proportion to 1 / width, where training converges.",
        bootstrap(lambda rows: slope(logarithm(found.widths), mean(rows)), movement[:, :, one]),
        **_near(-1.0),
        unit="slope of log movement on log width",
        detail=f"Widths {found.widths[0]:g} to {found.widths[-1]:g}. {means}",
    )
    return [by_scale, by_width]


def _prediction(found: Regimes) -> tuple[Finding, Finding, Finding]:
    """Where the linearised prediction holds, where it fails, and how the border depends on width."""
    error = logarithm(found.error)
    means = f"Geometric means over seeds.{found.left_out}"
    whole = f"Error relative to the labels, the largest over records, of training or test outputs. {means}"
    holds = finding(
        f"At output scale {found.scales[-1]:g} the linearised network predicts the network's outputs within {HOLDS:g}, "
        "where training converges.",
        bootstrap(lambda rows: np.exp(largest(mean(rows))), error[..., -1]),
        high=HOLDS,
        unit="relative error at the worst width",
        detail=whole,
    )
    fails = finding(
        f"At output scale {found.scales[0]:g} the linearised network does not predict the network's outputs, where "
        "training converges (control).",
        bootstrap(lambda rows: np.exp(smallest(mean(rows))), error[..., 0]),
        low=BORDER,
        unit="relative error at the best width",
        detail=whole,
    )
    listed = ", ".join(f"{s:.3g} at {w:g}" for w, s in zip(found.widths, found.borders, strict=True))
    moves = finding(
        "The border between lazy and rich falls as 1 / sqrt(width), where training converges.",
        bootstrap(lambda rows: slope(logarithm(found.widths), np.log(border(found.scales, mean(rows)))), error),
        **_near(-0.5),
        unit="slope of log border on log width",
        detail=f"The border is the output scale where the error passes {BORDER:g}: {listed}. {means}",
        given=(holds, fails),
    )
    return holds, fails, moves


def _features(found: Regimes, *, given: tuple[Finding, Finding]) -> list[Finding]:
    """What moving does: alignment with the labels on both sides of the border and at it, and test loss at it.

    The border is placed once, by all seeds together. Without one everything is undefined.
    """
    places, scales = found.borders, found.scales
    rich = scales < places[:, None]
    sides = [np.where(side, 1.0, 0.0) / np.maximum(side.sum(axis=1, keepdims=True), 1) for side in (rich, ~rich)]
    at_border, first, last = (
        np.eye(len(scales))[place]
        for place in (np.argmin(np.abs(np.log(scales) - np.log(places)[:, None]), axis=1), 0, -1)
    )
    known = np.where(np.isfinite(places).all() and rich.any(axis=1).all(), 1.0, np.nan)

    def contrast(weights: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Mean over seeds and widths of the weighted sum over scales."""
        return lambda rows: known * np.einsum("bews,ws->b", rows, weights) / (rows.shape[1] * rows.shape[2])

    by_scale = found.growth.mean(axis=(0, 1)) if len(found.growth) else np.full(len(scales), np.nan)
    listed = ", ".join(f"{g:+.3f} at {s:g}" for s, g in zip(scales, by_scale, strict=True))
    near = "At the output scale nearest to each width's border; mean over widths and seeds"
    unit = "difference of the growth of centred alignment"
    aligns = finding(
        "The kernel's alignment with the labels grows more on the rich side of the border than on the lazy side, where "
        "training converges.",
        bootstrap(contrast(sides[0] - sides[1]), found.growth),
        low=0.0,
        unit=unit,
        detail="Mean over the scales on each side, then over widths and seeds. Growth at each scale: "
        f"{listed}.{found.left_out}",
        given=given,
    )
    peaks = finding(
        f"The kernel's alignment with the labels grows more at the border than at output scale {scales[0]:g}, where "
        "training converges.",
        bootstrap(contrast(at_border - first), found.growth),
        low=0.0,
        unit=unit,
        detail=f"{near}.{found.left_out}",
        given=given,
    )
    better = finding(
        f"At the border the network generalises better than at output scale {scales[-1]:g}, where training converges.",
        bootstrap(lambda rows: np.exp(contrast(at_border - last)(rows)), logarithm(found.test_loss)),
        high=1.0,
        unit="test loss at the border / in the lazy regime",
        detail=f"{near} of the logarithm.{found.left_out}",
        given=given,
    )
    return [aligns, peaks, better]
