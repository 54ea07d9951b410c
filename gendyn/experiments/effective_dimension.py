"""Effective dimension: does the curvature of trained networks fall with their test loss in the second descent?

Claim: ``N_eff(H, alpha) = sum of l / (l + alpha)`` over the Hessian of the trained network's loss follows the test
loss over width: it peaks where the test loss peaks, and falls where the test loss falls a second time, so that wider
networks generalise better because they have fewer directions that the data determine.

The published curve summed over the 100 Ritz values of one 100-step Lanczos run, and did not say that such a sum cannot
exceed 100. Here that sum stands beside the sum over the whole spectrum (stochastic Lanczos quadrature, with standard
error, from the same Lanczos runs) and, for the smallest networks, beside dense eigenvalues.

Refuted if: over the widths from the measured interpolation threshold on, the rank correlation of ``N_eff`` and test
loss over widths is not positive. Judged for each estimate and each alpha. ``alpha`` is in units of the Hessian of the
*mean* training loss; negative eigenvalues, whose share of the trained networks' curvature is small, count as 0.

Cost: the default, 60 runs of 4,000 steps, took 201 s of CPU time on two busy x86-64 cores.

Reference: Maddox, Benton & Wilson (2020), Rethinking parameter counting in deep models: effective dimensionality
revisited, arXiv:2003.02139, eq. 2 and figures 1 and 4.
"""

import inspect
import math
from typing import TYPE_CHECKING

import numpy as np

from gendyn import sweep
from gendyn.analysis import (
    Grid,
    Interval,
    axis_values,
    bootstrap,
    config_of,
    final_values,
    finding,
    grid,
    held_out_ratios,
    interpolation_threshold,
    peak_centre,
    tabulate,
)
from gendyn.core import ConfigError
from gendyn.plots import effective_dimension
from gendyn.probes.hessian_effective_dimension import hessian_effective_dimension
from gendyn.sweep.probes import parse_probe
from gendyn.types import Finding

if TYPE_CHECKING:
    import ml_collections
    import xarray
    from matplotlib.figure import Figure

AXES = ("model.width", "seed")
PROBE = "hessian_effective_dimension"
METHODS = {"quadrature": "whole spectrum", "ritz": "{ceiling:g} Ritz values", "dense": "dense eigenvalues"}
CURVATURES = {"hessian": "Hessian", "ggn": "Gauss-Newton matrix"}
TOLERANCE = 0.1
"""How far the estimate may be from dense eigenvalues."""
FACTOR = 2.0
"""How far from the test loss's peak, in parameters, a peak still counts as being at it."""
LEVEL = 0.9
MIN_WIDTHS = 3
"""Fewer widths beyond the threshold have no rank correlation worth the name."""


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Runs or resumes the sweep that the config describes."""
    return sweep.run(config, workdir=workdir)


def figure(ds: "xarray.Dataset") -> "Figure":
    """Both estimates at the first alpha, the dense check, the ceiling of the naive one, and the test loss."""
    layout = grid(ds, AXES)
    names = _names(ds)
    tables = {names[method]: _table(ds, layout, method)[..., 0] for method in METHODS}
    errors = _table(ds, layout, "quadrature_standard_error")[..., 0] / tables[names["quadrature"]]
    note = (
        f"{CURVATURES[_curvature(ds)]} of the mean training loss, all parameters, alpha = {_alphas(ds)[0]:g}\n"
        f"whole spectrum: standard error {np.nanmedian(errors):.1%} over probes (median run)"
    )
    num_train = int(axis_values(ds, "data.num_train")[0]) or int(ds.attrs.get("num_available", 0))
    return effective_dimension(
        _parameters(ds, layout),
        {name: table for name, table in tables.items() if not np.isnan(table).all()},
        tabulate(layout, final_values(ds, "test_loss")).T,
        ceilings={names["ritz"]: _ceiling(ds)},
        num_constraints=num_train * int(ds.attrs.get("num_outputs", 0)) or None,
        level=LEVEL,
        note=note,
    )


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """For each estimate: tracking at every alpha, and a peak and its place at the first; then how far to trust them.

    Seeds not finished, or diverged, at any width are left out of all findings, since they are paired.
    """
    layout = grid(ds, AXES)
    parameters = _parameters(ds, layout)
    loss = tabulate(layout, final_values(ds, "test_loss")).T
    error = tabulate(layout, final_values(ds, "train_error")).T
    estimates = {method: _table(ds, layout, method) for method in ("quadrature", "ritz")}
    complete = np.isfinite(loss).all(axis=1)
    for table in estimates.values():
        complete &= np.isfinite(table).all(axis=(1, 2))
    loss, error = loss[complete], error[complete]
    left_out = "" if complete.all() else f" {np.sum(~complete)} of {len(complete)} seeds are left out."
    threshold = interpolation_threshold(parameters, np.median(error, axis=0)) if complete.any() else None
    beyond = parameters >= (threshold.value if threshold is not None and threshold.reached else math.inf)
    found: list[Finding] = []
    for method, table in estimates.items():
        name = _names(ds)[method]
        for i, alpha in enumerate(_alphas(ds)):
            found.append(_tracks(f"{name}, alpha = {alpha:g}", table[complete, :, i], loss, beyond, left_out))
        found += _peaks(f"{name}, alpha = {_alphas(ds)[0]:g}", table[complete, :, 0], loss, parameters, left_out)
    whole, naive = (estimates[method][complete, :, 0] for method in ("quadrature", "ritz"))
    dense = _table(ds, layout, "dense")[complete, :, 0]
    small = np.isfinite(dense).all(axis=0)
    found.append(
        finding(
            f"The whole-spectrum estimate agrees with dense eigenvalues within {TOLERANCE:.0%} (alpha = "
            f"{_alphas(ds)[0]:g}).",
            _interval(np.median((whole / dense)[:, small], axis=1) if small.any() else np.empty(0)),
            low=1.0 - TOLERANCE,
            high=1.0 + TOLERANCE,
            unit="quadrature / dense",
            detail=f"Median over the {small.sum()} smallest networks, then over seeds." + left_out,
        )
    )
    missed = np.median((naive / whole)[:, beyond], axis=1) if beyond.any() else np.empty(0)
    found.append(
        finding(
            f"The sum over {_names(ds)['ritz']} misses more than half of N_eff beyond the interpolation threshold "
            f"(alpha = {_alphas(ds)[0]:g}).",
            _interval(missed),
            high=0.5,
            unit="Ritz sum / whole spectrum",
            detail="Median over widths, then over seeds; both from the same Lanczos runs." + left_out,
        )
    )
    return found


def _tracks(at: str, values: np.ndarray, loss: np.ndarray, beyond: np.ndarray, left_out: str) -> Finding:
    """Whether N_eff falls with the test loss over the widths ``beyond`` the threshold. ``[S, W]``."""
    enough = beyond.sum() >= MIN_WIDTHS
    rows = _rank_correlation(values[:, beyond], loss[:, beyond]) if enough else np.empty(0)
    return finding(
        f"N_eff falls with the test loss in the second descent ({at}).",
        _interval(rows),
        low=0.0,
        unit="rank correlation",
        detail=f"Spearman's, over the {beyond.sum()} widths from the measured interpolation threshold on, of each "
        f"seed; median over seeds.{left_out}"
        + ("" if enough else f" A rank correlation needs {MIN_WIDTHS} widths there."),
    )


def _peaks(at: str, values: np.ndarray, loss: np.ndarray, parameters: np.ndarray, left_out: str) -> list[Finding]:
    """Whether N_eff has a peak over width, and whether it is where the test loss has its own."""
    if len(values) >= 2 and len(parameters) >= MIN_WIDTHS:
        prominence = np.minimum(*held_out_ratios(values))
    else:
        prominence = np.empty(0)
    exists = finding(
        f"N_eff has an interior peak over width ({at}).",
        _interval(prominence),
        low=1.0,
        unit="peak / higher of its two valleys",
        detail="Peak and valleys are placed by the other seeds and read off the seed left out; median over seeds."
        + left_out,
    )

    def ratio(values: np.ndarray, loss: np.ndarray) -> np.ndarray:
        places = (peak_centre(parameters, np.exp(np.mean(np.log(rows), axis=1))) for rows in (values, loss))
        return np.divide(*places)

    known = len(prominence) > 0
    place = bootstrap(ratio, values, loss, level=LEVEL) if known else _interval(np.empty(0))
    return [
        exists,
        finding(
            f"N_eff peaks within a factor {FACTOR:g} of the test loss's peak ({at}).",
            place,
            low=1.0 / FACTOR,
            high=FACTOR,
            unit="parameters at peak of N_eff / of test loss",
            detail="Centres of the intervals above half the peaks' heights, on geometric means over seeds.",
            given=(exists,),
        ),
    ]


def _rank_correlation(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of each row, ``[S, W] -> [S]``; equal values share their mean rank."""
    from scipy.stats import rankdata

    ranks = [rankdata(table, axis=1) - (table.shape[1] + 1) / 2 for table in (left, right)]
    products = [np.sum(a * b, axis=1) for a, b in ((ranks[0], ranks[1]), (ranks[0], ranks[0]), (ranks[1], ranks[1]))]
    # A constant row has no ranks to compare: it follows nothing.
    return products[0] / np.sqrt(np.maximum(products[1] * products[2], 1e-30))


def _table(ds: "xarray.Dataset", layout: Grid, name: str) -> np.ndarray:
    """A value of the probe at each run's last record, ``[S, W, A]``."""
    key = f"{PROBE}/{name}"
    if key not in ds:
        raise ConfigError(f"the dataset has no variable {key!r}: name {PROBE} in config.probes.")
    values = ds[key].transpose("run", "record", ...).values[:, -1]
    return np.swapaxes(tabulate(layout, values), 0, 1)


def _parameters(ds: "xarray.Dataset", layout: Grid) -> np.ndarray:
    return np.nanmax(tabulate(layout, ds["num_parameters"].values), axis=1)


def _alphas(ds: "xarray.Dataset") -> np.ndarray:
    """The probe's alphas, ``[A]``, from the first run that has them."""
    values = _table(ds, grid(ds, AXES), "alpha").reshape(-1, ds[f"{PROBE}/alpha"].shape[-1])
    known = np.isfinite(values).all(axis=1)
    return values[np.argmax(known)]


def _curvature(ds: "xarray.Dataset") -> str:
    """As the config names it, or as the probe does where the config leaves it out."""
    calls = dict(parse_probe(spec) for spec in config_of(ds)["probes"])
    default = inspect.signature(hessian_effective_dimension).parameters["curvature"].default
    return str(calls[PROBE].get("curvature", default))


def _ceiling(ds: "xarray.Dataset") -> float:
    return float(np.nanmax(ds[f"{PROBE}/ceiling"].values))


def _names(ds: "xarray.Dataset") -> dict[str, str]:
    return {method: name.format(ceiling=_ceiling(ds)) for method, name in METHODS.items()}


def _interval(values: np.ndarray) -> Interval:
    if len(values) == 0:
        return Interval(math.nan, -math.inf, math.inf, LEVEL, 0.0)
    return bootstrap(lambda rows: np.median(rows, axis=1), values, level=LEVEL)
