"""Effective dimension: does the curvature of trained networks fall with their test loss in the second descent?

Claim: ``N_eff(H, alpha) = sum of l / (l + alpha)`` over the Hessian of the trained network's loss follows the test
loss over width: it peaks where the test loss peaks, and falls where the test loss falls a second time, so that wider
networks generalise better because they have fewer directions that the data determine.

The published curve summed over the 100 Ritz values of one 100-step Lanczos run, and did not say that such a sum cannot
exceed 100. Here that sum stands beside the sum over the whole spectrum (stochastic Lanczos quadrature, with standard
error, from the same Lanczos runs) and, for the smallest networks, beside dense eigenvalues.

Refuted if: over the widths from the measured interpolation threshold on, the rank correlation of ``N_eff`` and test
loss over widths is not positive. Judged for each estimate and each alpha, on seeds whose networks converge at every
width: a network that diverged has no curvature to speak of. ``alpha`` is in units of the Hessian of the *mean* training
loss; negative eigenvalues, whose share of the trained networks' curvature is small, count as 0.

Reference: Maddox, Benton & Wilson (2020), Rethinking parameter counting in deep models: effective dimensionality
revisited, arXiv:2003.02139, eq. 2 and figures 1 and 4.
"""

import inspect
from typing import Any

import numpy as np

from gendyn.analysis import (
    Grid,
    axis_values,
    bootstrap,
    config_of,
    final_values,
    finding,
    geometric_mean,
    grid,
    held_out_ratios,
    history,
    interpolation_threshold,
    known_medians,
    median_over_seeds,
    parameter_counts,
    peak_centre,
    seeds_of,
    spearman,
    tabulate,
    unknown,
)
from gendyn.core import ConfigError
from gendyn.experiments.curvature._probes import probe_arguments
from gendyn.plots import style
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
    layout, alphas, names = grid(ds, AXES), _alphas(ds), _names(ds)
    parameters = parameter_counts(ds, layout, "model.width")
    loss, error = (tabulate(layout, final_values(ds, name)).T for name in ("test_loss", "train_error"))
    whole, naive, dense = (_table(ds, layout, method) for method in METHODS)
    known = np.isfinite(loss).all(axis=1) & np.isfinite(whole + naive).all(axis=(1, 2))
    seeds = seeds_of(ds, layout).restricted(known).converged
    left_out = seeds.converged_sentence
    loss, error, whole, naive, dense = (table[seeds.complete] for table in (loss, error, whole, naive, dense))
    # Nothing lies beyond a threshold that is not reached (NaN).
    reached = interpolation_threshold(parameters, np.median(error, axis=0)).value if len(error) else np.nan
    beyond = parameters >= reached
    found = []
    for name, table in ((names["quadrature"], whole), (names["ritz"], naive)):
        for i, alpha in enumerate(alphas):
            found.append(_tracks(f"{name}, alpha = {alpha:g}", table[..., i], loss, beyond, left_out))
        found += _peaks(f"{name}, alpha = {alphas[0]:g}", table[..., 0], loss, parameters, left_out)
    whole, naive, dense = (table[..., 0] for table in (whole, naive, dense))
    small = np.isfinite(dense).all(axis=0)
    found.append(
        finding(
            f"The whole-spectrum estimate of networks that converge agrees with dense eigenvalues within "
            f"{TOLERANCE:.0%} (alpha = {alphas[0]:g}).",
            median_over_seeds(np.median((whole / dense)[:, small], axis=1) if small.any() else np.empty(0)),
            low=1.0 - TOLERANCE,
            high=1.0 + TOLERANCE,
            unit="quadrature / dense",
            detail=f"Median over the {small.sum()} smallest networks, then over seeds." + left_out,
        )
    )
    found.append(
        finding(
            f"The sum over {names['ritz']} misses more than half of the N_eff of networks that converge, beyond the "
            f"interpolation threshold (alpha = {alphas[0]:g}).",
            median_over_seeds(np.median((naive / whole)[:, beyond], axis=1) if beyond.any() else np.empty(0)),
            high=0.5,
            unit="Ritz sum / whole spectrum",
            detail="Median over widths, then over seeds; both from the same Lanczos runs." + left_out,
        )
    )
    return found


def _tracks(at: str, values: np.ndarray, loss: np.ndarray, beyond: np.ndarray, left_out: str) -> Finding:
    """Whether N_eff falls with the test loss over the widths ``beyond`` the threshold. ``[S, W]``."""
    enough = beyond.sum() >= MIN_WIDTHS
    return finding(
        f"N_eff of networks that converge falls with the test loss in the second descent ({at}).",
        median_over_seeds(spearman(values[:, beyond], loss[:, beyond]) if enough else np.empty(0)),
        low=0.0,
        unit="rank correlation",
        detail=f"Spearman's, over the {beyond.sum()} widths from the measured interpolation threshold on, of each "
        f"seed; median over seeds.{left_out}"
        + ("" if enough else f" A rank correlation needs {MIN_WIDTHS} widths there."),
    )


def _peaks(at: str, values: np.ndarray, loss: np.ndarray, parameters: np.ndarray, left_out: str) -> list[Finding]:
    """Whether N_eff has a peak over width, and whether it is where the test loss has its own."""

    def ratio(values: np.ndarray, loss: np.ndarray) -> np.ndarray:
        return np.divide(*(peak_centre(parameters, geometric_mean(rows)) for rows in (values, loss)))

    enough = len(values) >= 2 and len(parameters) >= MIN_WIDTHS
    exists = finding(
        f"N_eff of networks that converge has an interior peak over width ({at}).",
        median_over_seeds(np.minimum(*held_out_ratios(values)) if enough else np.empty(0)),
        low=1.0,
        unit="peak / higher of its two valleys",
        detail="Peak and valleys are placed by the other seeds and read off the seed left out; median over seeds."
        + left_out,
    )
    place = finding(
        f"N_eff of networks that converge peaks within a factor {FACTOR:g} of the test loss's peak ({at}).",
        bootstrap(ratio, values, loss) if enough else unknown(),
        low=1.0 / FACTOR,
        high=FACTOR,
        unit="parameters at peak of N_eff / of test loss",
        detail="Centres of the intervals above half the peaks' heights, on geometric means over seeds." + left_out,
        given=(exists,),
    )
    return [exists, place]


def figure(ds: Dataset) -> Figure:
    """``N_eff`` at the first alpha by every method (above) and test loss (below) against the number of parameters.

    Medians over seeds with exact intervals. A sum over Ritz values cannot exceed their number, whatever the network:
    that ceiling is dotted, and a curve that runs along it has measured the ceiling.
    """
    layout, names = grid(ds, AXES), _names(ds)
    parameters = parameter_counts(ds, layout, "model.width")
    tables = {method: _table(ds, layout, method)[..., 0] for method in METHODS}
    if np.isnan(tables["quadrature"]).all():
        raise ConfigError("no run is finished, so there is nothing to draw; wait for the first chunk.")
    made, axes = style.figure(2, 1, width=8.0)
    upper, lower = axes[:, 0]
    marks = ((style.MEASURED, "o"), (style.TRAIN, "s"), (style.GREY, "^"))
    lines: list[tuple[Any, np.ndarray, dict[str, Any]]] = [
        (upper, tables[method], {"label": names[method], "color": colour, "marker": marker})
        for method, (colour, marker) in zip(METHODS, marks, strict=True)
        if not np.isnan(tables[method]).all()
    ]
    loss = tabulate(layout, final_values(ds, "test_loss")).T
    lines.append((lower, loss, {"label": "test", "color": style.TEST, "marker": "o"}))
    bands = [known_medians(table) for _, table, _ in lines]
    for (ax, _, line), band in zip(lines, bands, strict=True):
        style.band(ax, parameters, *band[:3], markersize=4.5, **line)
    note: dict[str, Any] = {"fontsize": style.SIZES["note"], "textcoords": "offset points"}
    ceiling, colour = _ceiling(ds), style.TRAIN
    upper.axhline(ceiling, color=colour, linestyle=(0, (1, 1.5)), linewidth=1.8)
    text = f"ceiling of {names['ritz']}: {style.number(ceiling)}"
    upper.annotate(text, (parameters[-1], ceiling), xytext=(0, 3), ha="right", va="bottom", color=colour, **note)
    num_train = int(axis_values(ds, "data.num_train")[0]) or int(ds.attrs.get("num_available", 0))
    if constraints := num_train * int(ds.attrs.get("num_outputs", 0)):
        for ax in (upper, lower):
            ax.axvline(constraints, color=style.THEORY, linestyle=(0, (5, 3)), linewidth=1.6)
        note |= {"xycoords": ("data", "axes fraction"), "xytext": (4, -2), "va": "top"}
        lower.annotate(f"n·K = {style.number(constraints)}", (constraints, 1.0), **note)
    upper.set_xscale("log")
    upper.set_yscale("log")
    lower.set_ylim(0.0, 1.12 * lower.get_ylim()[1])
    upper.set_ylabel("effective dimension", fontsize=style.SIZES["label"])
    lower.set_ylabel("test loss", fontsize=style.SIZES["label"])
    lower.set_xlabel("number of parameters", fontsize=style.SIZES["label"])
    upper.legend(fontsize=style.SIZES["tick"], frameon=False, loc="best")
    errors = _table(ds, layout, "quadrature_standard_error")[..., 0] / tables["quadrature"]
    level = min(band.level for band in bands)
    seeds = f"median of {len(loss)} seeds, band: {level:.0%} interval" if len(loss) > 1 else "one seed, no interval"
    style.caption(
        made,
        f"{CURVATURES[_curvature(ds)]} of the mean training loss, all parameters, alpha = {_alphas(ds)[0]:g}\n"
        f"whole spectrum: standard error {np.nanmedian(errors):.1%} over probes (median run)\n{seeds}",
    )
    return made


def _table(ds: Dataset, layout: Grid, name: str) -> np.ndarray:
    """A value of the probe at each run's last record, ``[S, W, A]``."""
    return np.swapaxes(tabulate(layout, history(ds, f"{PROBE}/{name}")[:, -1]), 0, 1)


def _alphas(ds: Dataset) -> np.ndarray:
    """The probe's alphas, ``[A]``, from the first run that has them."""
    values = history(ds, f"{PROBE}/alpha")[:, -1]
    return np.asarray(values[np.argmax(np.isfinite(values).all(axis=1))], float)


def _curvature(ds: Dataset) -> str:
    """As the config names it, or as the probe does where the config leaves it out."""
    default = inspect.signature(hessian_effective_dimension).parameters["curvature"].default
    return str(probe_arguments(config_of(ds), PROBE).get("curvature", default))


def _ceiling(ds: Dataset) -> float:
    return float(np.fmax.reduce(history(ds, f"{PROBE}/ceiling"), axis=None))


def _names(ds: Dataset) -> dict[str, str]:
    return {method: name.format(ceiling=_ceiling(ds)) for method, name in METHODS.items()}
