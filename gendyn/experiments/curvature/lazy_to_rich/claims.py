"""The claims: how the kernel moves, where the linearised prediction holds, and what moving is good for.

All of them are about seeds whose training converges at every width and scale; the rest is left out in pairs.
"""

from typing import Any

import numpy as np

from gendyn.analysis import Interval, bootstrap, finding, largest, mean, slope, smallest
from gendyn.core import ConfigError
from gendyn.experiments.curvature.lazy_to_rich.tables import BORDER, Regimes, border, logarithm, regimes
from gendyn.types import Dataset, Finding

HOLDS = 0.01
"""Relative error below which the linearised prediction holds."""
SLOPE_TOLERANCE = 0.25
MEANS = "Geometric means over seeds"


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


def _claim(
    found: Regimes, claim: str, effect: Interval, unit: str, detail: str, *, note: str = "", **region: Any
) -> Finding:
    """Of seeds whose training converges; the detail ends with those left out."""
    claim, detail = f"{claim}, where training converges{note}.", f"{detail}.{found.left_out}"
    return finding(claim, effect, unit=unit, detail=detail, **region)


def _near(power: float) -> dict[str, Any]:
    return {"low": power - SLOPE_TOLERANCE, "high": power + SLOPE_TOLERANCE}


def _movement(found: Regimes) -> list[Finding]:
    """The two powers of the kernel's movement."""
    logs, movement, widths, lazy = np.log(found.scales), logarithm(found.movement), found.widths, found.lazy
    one, unit = int(np.argmin(np.abs(logs))), "slope of log movement on log"
    power = bootstrap(lambda rows: slope(logs[lazy], mean(rows)), movement[:, -1, lazy])
    text = f"In the lazy regime the kernel moves in proportion to 1 / scale^2, at width {widths[-1]:g}"
    span = f"Scales {found.scales[lazy][0]:g} to {found.scales[-1]:g}. {MEANS}"
    by_scale = _claim(found, text, power, f"{unit} scale", span, **_near(-2.0))
    power = bootstrap(lambda rows: slope(logarithm(widths), mean(rows)), movement[:, :, one])
    text = f"At output scale {found.scales[one]:g} the kernel moves in proportion to 1 / width"
    span = f"Widths {widths[0]:g} to {widths[-1]:g}. {MEANS}"
    return [by_scale, _claim(found, text, power, f"{unit} width", span, **_near(-1.0))]


def _prediction(found: Regimes) -> tuple[Finding, Finding, Finding]:
    """Where the linearised prediction holds, where it fails, and how the border depends on width."""
    error, scales, widths = logarithm(found.error), found.scales, found.widths
    whole = f"Error relative to the labels, the largest over records, of training or test outputs. {MEANS}"
    text = f"At output scale {scales[-1]:g} the linearised network predicts the network's outputs within {HOLDS:g}"
    off = bootstrap(lambda rows: np.exp(largest(mean(rows))), error[..., -1])
    holds = _claim(found, text, off, "relative error at the worst width", whole, high=HOLDS)
    text = f"At output scale {scales[0]:g} the linearised network does not predict the network's outputs"
    off = bootstrap(lambda rows: np.exp(smallest(mean(rows))), error[..., 0])
    fails = _claim(found, text, off, "relative error at the best width", whole, note=" (control)", low=BORDER)
    listed = ", ".join(f"{s:.3g} at {w:g}" for w, s in zip(widths, found.borders, strict=True))
    passed = f"The border is the output scale where the error passes {BORDER:g}: {listed}. {MEANS}"
    text, unit = "The border between lazy and rich falls as 1 / sqrt(width)", "slope of log border on log width"
    power = bootstrap(lambda rows: slope(logarithm(widths), np.log(border(scales, mean(rows)))), error)
    return holds, fails, _claim(found, text, power, unit, passed, **_near(-0.5), given=(holds, fails))


def _features(found: Regimes, *, given: tuple[Finding, Finding]) -> list[Finding]:
    """What moving does: alignment with the labels on both sides of the border and at it, and test loss at it.

    The border is placed once, by all seeds together. Without one everything is undefined.
    """
    places, scales, growth = found.borders, found.scales, found.growth
    rich = scales < places[:, None]
    sides = [np.where(side, 1.0, 0.0) / np.maximum(side.sum(axis=1, keepdims=True), 1) for side in (rich, ~rich)]
    nearest = np.argmin(np.abs(np.log(scales) - np.log(places)[:, None]), axis=1)
    at_border, first, last = (np.eye(len(scales))[place] for place in (nearest, 0, -1))
    known = np.where(np.isfinite(places).all() and rich.any(axis=1).all(), 1.0, np.nan)

    def contrast(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Mean over seeds and widths of the weighted sum over scales."""
        return np.asarray(known * np.einsum("bews,ws->b", rows, weights) / (rows.shape[1] * rows.shape[2]))

    by_scale = growth.mean(axis=(0, 1)) if len(growth) else np.full(len(scales), np.nan)
    listed = ", ".join(f"{g:+.3f} at {s:g}" for s, g in zip(scales, by_scale, strict=True))
    grows, unit = "The kernel's alignment with the labels grows more", "difference of the growth of centred alignment"
    near = "At the output scale nearest to each width's border; mean over widths and seeds"
    text = f"{grows} on the rich side of the border than on the lazy side"
    each = f"Mean over the scales on each side, then over widths and seeds. Growth at each scale: {listed}"
    more = bootstrap(lambda rows: contrast(rows, sides[0] - sides[1]), growth)
    aligns = _claim(found, text, more, unit, each, low=0.0, given=given)
    text = f"{grows} at the border than at output scale {scales[0]:g}"
    more = bootstrap(lambda rows: contrast(rows, at_border - first), growth)
    peaks = _claim(found, text, more, unit, near, low=0.0, given=given)
    text = f"At the border the network generalises better than at output scale {scales[-1]:g}"
    less = bootstrap(lambda rows: np.exp(contrast(rows, at_border - last)), logarithm(found.test_loss))
    unit, logs = "test loss at the border / in the lazy regime", f"{near} of the logarithm"
    return [aligns, peaks, _claim(found, text, less, unit, logs, high=1.0, given=given)]
