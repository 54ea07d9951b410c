"""The figure of ``linear_double_descent``: what was measured on top of the closed forms."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gendyn import theory
from gendyn.analysis import config_of
from gendyn.experiments._linear_redraws import finished_table, geometric_interval, outer_values
from gendyn.experiments.linear_models._least_squares_redraws import AXES, bin_edges, laws, ridge_law
from gendyn.plots import Curve, Panel, style, theory_panels

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure


def draw(ds: "xarray.Dataset", *, level: float) -> "Figure":
    """Six panels; ``level`` is of every band."""
    config = config_of(ds)
    n, dimension = config["num_examples"], config["dimension"]
    noise = outer_values(ds, "noise_variance")
    middle = len(noise) // 2
    sizes, risk_law, norm_law = laws(ds)
    risk, norm, optimal, ridges = (
        finished_table(ds, name, AXES) for name in ("risk", "squared_norm", "optimal_ridge_risk", "ridge_risk")
    )
    labels = [f"noise {value:g} (SNR {1 / value:g})" if value else "no noise" for value in noise]
    x_label, mark = "features / examples, p / n", ((1.0, "p = n"),)

    def against(name: str, values: np.ndarray, exact: np.ndarray, limits: tuple[float, float]) -> Panel:
        curves = (
            Curve(label, sizes / n, values[:, i], sizes / n, exact[i], colour)
            for i, (label, colour) in enumerate(zip(labels, _colours(len(labels)), strict=True))
        )
        return Panel(f"Mean {name}", x_label, name, tuple(curves), y_scale="log", marks=mark, y_limits=limits)

    some = np.array(config["ridge_features"])
    fine = np.linspace(some[0], some[-1], 400)[1:-1]
    smallest, condition = (
        geometric_interval(finished_table(ds, name, AXES)[:, 0], level)
        for name in ("smallest_singular_value", "condition_number")
    )
    low = np.maximum(np.abs(1.0 - np.sqrt(fine / n)), 1e-9)
    high = 1.0 + np.sqrt(fine / n)
    conditioning = Panel(
        "Conditioning of X",
        x_label,
        "geometric mean, no unit",
        (
            Curve("condition number", some / n, exact_x=fine / n, exact=high / low, colour=style.TEST, band=condition),
            Curve(
                "smallest singular value / √n",
                some / n,
                exact_x=fine / n,
                exact=low,
                colour=style.MEASURED,
                band=smallest,
            ),
        ),
        y_scale="log",
        marks=mark,
        y_limits=(3e-3, 1e5),
    )
    variance, best = noise[middle], dimension * (noise[middle] + 1.0) - fine
    colours = _colours(1 + len(config["penalties"]))
    known, shared = risk_law[middle], np.isin(sizes, some)
    penalties = Panel(
        f"Penalties, noise {variance:g}",
        x_label,
        "risk",
        (
            Curve("minimum norm", some / n, risk[:, middle, shared], sizes / n, known, colours[0]),
            *(
                Curve(f"penalty {value:g}", some / n, rows, fine / n, ridge_law(config, fine, value, variance), colour)
                for value, rows, colour in zip(
                    config["penalties"], np.moveaxis(ridges[:, middle], 1, 0), colours[1:], strict=True
                )
            ),
            Curve(
                "optimal", some / n, optimal[:, middle], fine / n, ridge_law(config, fine, best, variance), style.TRAIN
            ),
        ),
        y_scale="log",
        marks=mark,
        y_limits=(0.5, 100.0),
    )
    panels = [
        against("risk", risk, risk_law, (0.4, 300.0)),
        against("squared norm", norm, norm_law, (0.05, 300.0)),
        conditioning,
        _spectra(ds, config),
        penalties,
        _examples_panel(ds, config, float(noise[middle]), middle),
    ]
    return theory_panels(
        panels,
        level=level,
        note=f"n = {n} examples of D = {dimension} Gaussian features, signal 1; means are infinite at p = n; "
        f"{len(risk):,} redraws, float64",
    )


def _colours(count: int) -> list[str]:
    """Of an ordered axis, without the darkest, on which the dashes of a closed form do not show."""
    return style.sequence(count + 1)[1:]


def _spectra(ds: "xarray.Dataset", config: Mapping[str, Any]) -> Panel:
    n, chosen = config["num_examples"], tuple(config["spectrum_features"])
    edges = bin_edges(n, chosen)
    centres = (edges[1:] + edges[:-1]) / 2
    fine = np.linspace(0.0, edges[-1], 400)[1:]
    spectrum = finished_table(ds, "spectrum", AXES)[:, 0]
    curves = tuple(
        # Of the values that are not 0, per unit of the singular value s, not of s^2.
        Curve(f"p / n = {p / n:g}", centres, spectrum[:, i], fine, _quarter_circle(fine, p / n), colour)
        for i, (p, colour) in enumerate(zip(chosen, _colours(len(chosen)), strict=True))
    )
    return Panel("Spectrum against Marchenko-Pastur", "singular value of X / √n", "density", curves, y_limits=(0, 2.0))


def _quarter_circle(values: np.ndarray, ratio: float) -> np.ndarray:
    density = 2.0 * values * theory.marchenko_pastur_density(values**2, ratio)
    return np.asarray(density / (1.0 - theory.marchenko_pastur_atom(ratio)))


def _examples_panel(ds: "xarray.Dataset", config: Mapping[str, Any], noise: float, row: int) -> Panel:
    d, counts = config["fixed_dimension"], np.array(config["examples"])
    shortest, best = (finished_table(ds, name, AXES)[:, row] for name in ("examples_risk", "examples_optimal_risk"))
    fine = np.linspace(counts[0], counts[-1], 400)
    exact = theory.min_norm_risk(counts, d, dimension=d, noise_variance=noise)
    limit = theory.optimal_ridge_risk(d / fine, noise_variance=noise)
    return Panel(
        f"More examples, d = {d}, noise {noise:g}",
        "examples n",
        "risk",
        (
            Curve("minimum norm", counts, shortest, counts, exact, style.TEST),
            Curve("optimal", counts, best, fine, limit, style.TRAIN),
        ),
        y_scale="log",
        marks=((d, "n = d"),),
        y_limits=(0.1, 100.0),
        legend="upper right",
    )
