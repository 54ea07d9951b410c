"""Effective dimension: does the curvature of trained networks fall with their test loss in the second descent?

Claim: ``N_eff(H, alpha) = sum of l / (l + alpha)`` over the Hessian of the trained network's loss follows the test
loss over width: it peaks where the test loss peaks, and falls where the test loss falls a second time, so that wider
networks generalise better because they have fewer directions that the data determine.

The published curve summed over the 100 Ritz values of one 100-step Lanczos run, and did not say that such a sum cannot
exceed 100. Here that sum stands beside the sum over the whole spectrum (stochastic Lanczos quadrature, with standard
error, from the same Lanczos runs) and, for the smallest networks, beside dense eigenvalues.

Refuted if: over the widths from the measured interpolation threshold on, the rank correlation of ``N_eff`` and test
loss over widths is not positive; ``N_eff`` has no interior peak over width, or has it more than a factor 2 in
parameters from that of the test loss. All of it presupposes that the test loss has an interior peak (the control).
Judged for each estimate and each alpha, on seeds whose networks converge at every width: a network that diverged has no
curvature to speak of. ``alpha`` is in units of the Hessian of the *mean* training loss; negative eigenvalues, whose
share of the trained networks' curvature is small, count as 0.

Primary are the three claims on the whole spectrum at the first alpha; other alphas, the sum over Ritz values, what it
misses and the control are exploratory, and the comparison with dense eigenvalues is a check of the estimate. A seed
draws the split of the images, the label noise and the initial weights. Earlier results were of one split; these claims
on the whole spectrum were refuted there too.

Reference: Maddox, Benton & Wilson (2020), Rethinking parameter counting in deep models: effective dimensionality
revisited, arXiv:2003.02139, eq. 2 and figures 1 and 4.
"""

import inspect
from typing import Any

import numpy as np

from gendyn import analysis
from gendyn.core import ConfigError
from gendyn.experiments.curvature._probes import probe_arguments
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.probes.hessian_effective_dimension import hessian_effective_dimension
from gendyn.types import Config, Dataset, Figure, Finding

AXES = ("model.width", "seed")
PROBE = "hessian_effective_dimension"
METHODS = {"quadrature": "whole spectrum", "ritz": "{ceiling:g} Ritz values", "dense": "dense eigenvalues"}
CURVATURES = {"hessian": "Hessian", "ggn": "Gauss-Newton matrix"}
TOLERANCE = 0.1
"""How far the estimate may be from dense eigenvalues."""
FACTOR = 2.0
"""How far from the test loss's peak, in parameters, a peak still counts as being at it."""
MIN_WIDTHS = 3
"""Fewer widths beyond the threshold have no rank correlation worth the name."""


def check(config: Config) -> None:
    """The probe is recorded."""
    probe_arguments(config, PROBE)


def verdict(ds: Dataset) -> list[Finding]:
    """For each estimate: tracking at every alpha, and a peak and its place at the first; then how far to trust them."""
    runs, alphas, names = analysis.laid_out(ds, AXES), _alphas(ds), _names(ds)
    parameters = analysis.parameter_counts(ds, runs.layout, "model.width")
    loss, error = runs.final("test_loss").T, runs.final("train_error").T
    whole, naive, dense = (_table(runs, method) for method in METHODS)
    seeds = runs.seeds.converged.measured(loss.T).measured(np.swapaxes(whole + naive, 0, 1))
    left_out, first = seeds.converged_sentence, f"alpha = {alphas[0]:g}"
    loss, error, whole, naive, dense = (table[seeds.complete] for table in (loss, error, whole, naive, dense))
    # Nothing lies beyond a threshold that is not reached (NaN).
    reached = analysis.interpolation_threshold(parameters, np.median(error, axis=0)).value if len(error) else np.nan
    beyond, none = parameters >= reached, np.empty(0)
    enough, several = beyond.sum() >= MIN_WIDTHS, len(loss) >= 2 and len(parameters) >= MIN_WIDTHS
    ranks = f"Spearman's, over the {beyond.sum()} widths from the measured interpolation threshold on, of each seed; "
    ranks += f"median over seeds.{left_out}" + f" A rank correlation needs {MIN_WIDTHS} widths there." * (not enough)
    held_out = "Peak and valleys are placed by the other seeds and read off the seed left out; median over seeds."
    centres = "Centres of the intervals above half the peaks' heights, on geometric means over seeds."

    def ratio(values: np.ndarray, loss: np.ndarray) -> np.ndarray:
        return np.divide(*(analysis.peak_centre(parameters, analysis.geometric_mean(rows)) for rows in (values, loss)))

    def claim(
        text: str, at: str, effect: analysis.Interval, unit: str, detail: str, **judged: Any
    ) -> analysis.Hypothesis:
        return analysis.finding(f"{text} ({at}).", effect, unit=unit, detail=detail + left_out, **judged)

    def has_peak(text: str, at: str, values: np.ndarray, **judged: Any) -> analysis.Hypothesis:
        height = analysis.median_over_seeds(np.minimum(*analysis.held_out_ratios(values)) if several else none)
        return claim(text, at, height, "peak / higher of its two valleys", held_out, low=1.0, **judged)

    text, explore = "The test loss of networks that converge has an interior peak over width", "exploratory"
    peaks, found = has_peak(text, "control", loss, role=explore), []
    for name, table, role in ((names["quadrature"], whole, "primary"), (names["ritz"], naive, explore)):
        for i, alpha in enumerate(alphas):
            text = "N_eff of networks that converge falls with the test loss in the second descent"
            text = f"{text} ({name}, alpha = {alpha:g})."
            correlation = analysis.median_over_seeds(
                analysis.spearman(table[:, beyond, i], loss[:, beyond]) if enough else none
            )
            judged: dict[str, Any] = {"low": 0.0, "given": (peaks,), "role": explore if i else role}
            found.append(analysis.finding(text, correlation, unit="rank correlation", detail=ranks, **judged))
        at, values = f"{name}, {first}", table[..., 0]
        exists = has_peak("N_eff of networks that converge has an interior peak over width", at, values, role=role)
        text = f"N_eff of networks that converge peaks within a factor {FACTOR:g} of the test loss's peak"
        place = analysis.bootstrap(ratio, values, loss) if several else analysis.unknown()
        judged = {"low": 1.0 / FACTOR, "high": FACTOR, "given": (exists, peaks), "role": role}
        found += [exists, claim(text, at, place, "parameters at peak of N_eff / of test loss", centres, **judged)]
    whole, naive, dense = (table[..., 0] for table in (whole, naive, dense))
    small = np.isfinite(dense).all(axis=0)
    text = f"The whole-spectrum estimate of networks that converge agrees with dense eigenvalues within {TOLERANCE:.0%}"
    quotient = analysis.median_over_seeds(np.median((whole / dense)[:, small], axis=1) if small.any() else none)
    over, low, high = f"Median over the {small.sum()} smallest networks, then over seeds.", 1 - TOLERANCE, 1 + TOLERANCE
    agrees = claim(text, first, quotient, "quadrature / dense", over, low=low, high=high, role="check")
    text = f"The sum over {names['ritz']} misses more than half of the N_eff of networks that converge, beyond the "
    text += "interpolation threshold"
    share = analysis.median_over_seeds(np.median((naive / whole)[:, beyond], axis=1) if beyond.any() else none)
    same = "Median over widths, then over seeds; both from the same Lanczos runs."
    misses = claim(text, first, share, "Ritz sum / whole spectrum", same, high=0.5, role=explore)
    return analysis.family([*found, peaks, agrees, misses])


def figure(ds: Dataset) -> Figure:
    """``N_eff`` at the first alpha by every method (above) and test loss (below) against the number of parameters.

    Medians over seeds with exact intervals. A sum over Ritz values cannot exceed their number, whatever the network:
    that ceiling is dotted, and a curve that runs along it has measured the ceiling.
    """
    runs, names, ceiling = analysis.laid_out(ds, AXES), _names(ds), _ceiling(ds)
    parameters = analysis.parameter_counts(ds, runs.layout, "model.width")
    tables = {method: _table(runs, method)[..., 0] for method in METHODS}
    if np.isnan(tables["quadrature"]).all():
        raise ConfigError("no run is finished, so there is nothing to draw; wait for the first chunk.")

    def curve(label: str, table: np.ndarray, colour: str, marker: str) -> Curve:
        return Curve(label, parameters, table, colour=colour, marker=marker, statistic="median of known")

    looks = ((style.MEASURED, "o"), (style.TRAIN, "s"), (style.GREY, "^"))
    estimates = tuple(
        curve(names[method], table, *look)
        for (method, table), look in zip(tables.items(), looks, strict=True)
        if not np.isnan(table).all()
    )
    loss = runs.final("test_loss").T
    num_train = int(analysis.axis_values(ds, "data.num_train")[0]) or int(ds.attrs.get("num_available", 0))
    constraints = num_train * int(ds.attrs.get("num_outputs", 0))
    marks = ((float(constraints), f"n·K = {style.number(constraints)}"),) if constraints else ()
    levels = ((ceiling, f"ceiling of {names['ritz']}: {style.number(ceiling)}"),)
    upper = Panel("", "", "effective dimension", estimates, "log", "log", marks=marks, levels=levels)
    lower = Panel("", "number of parameters", "test loss", (curve("test", loss, style.TEST, "o"),), "log")
    errors = _table(runs, "quadrature_standard_error")[..., 0] / tables["quadrature"]
    note = (
        f"{CURVATURES[_curvature(ds)]} of the mean training loss, all parameters, alpha = {_alphas(ds)[0]:g}\n"
        f"whole spectrum: standard error {np.nanmedian(errors):.1%} over probes (median run)\n{len(loss)} seeds"
    )
    lower = lower._replace(marks=marks, y_limits=(0.0, None), legend="")
    return draw_panels((upper, lower), num_columns=1, width=8.0, note=note, over="seeds")


def _table(runs: analysis.LaidOut, name: str) -> np.ndarray:
    """A value of the probe at each run's last record, ``[S, W, A]``."""
    return np.swapaxes(runs.history(f"{PROBE}/{name}")[:, :, -1], 0, 1)


def _alphas(ds: Dataset) -> np.ndarray:
    """The probe's alphas, ``[A]``, from the first run that has them."""
    values = analysis.history(ds, f"{PROBE}/alpha")[:, -1]
    return np.asarray(values[np.argmax(np.isfinite(values).all(axis=1))], float)


def _curvature(ds: Dataset) -> str:
    """As the config names it, or as the probe does where the config leaves it out."""
    default = inspect.signature(hessian_effective_dimension).parameters["curvature"].default
    return str(probe_arguments(analysis.config_of(ds), PROBE).get("curvature", default))


def _ceiling(ds: Dataset) -> float:
    return float(np.fmax.reduce(analysis.history(ds, f"{PROBE}/ceiling"), axis=None))


def _names(ds: Dataset) -> dict[str, str]:
    return {method: name.format(ceiling=_ceiling(ds)) for method, name in METHODS.items()}
