"""What was measured, on top of the closed forms."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gendyn import theory
from gendyn.analysis import config_of, geometric_interval
from gendyn.experiments.linear_models.linear_double_descent import tables
from gendyn.experiments.linear_models.linear_double_descent.program import bin_edges
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Risk, norm, conditioning, spectra, penalties and the sweep over examples."""
    config = config_of(ds)
    risk, norm, conditioning, penalties = _over_features(ds, config)
    note = (
        f"n = {config['num_examples']} examples of D = {config['dimension']} Gaussian features, signal 1; means are "
        f"infinite at p = n; {len(tables.redraws(ds, 'risk')):,} redraws, float64"
    )
    return draw_panels([risk, norm, conditioning, _spectra(ds, config), penalties, _examples(ds, config)], note=note)


def _over_features(ds: Dataset, config: Mapping[str, Any]) -> list[Panel]:
    n, noise, (sizes, risk_law, norm_law) = config["num_examples"], tables.noise_variances(ds), tables.laws(ds)
    some, middle = np.array(config["ridge_features"]), len(noise) // 2
    fine, v = np.linspace(some[0], some[-1], 400)[1:-1], noise[len(noise) // 2]
    redraws = {str(name): tables.redraws(ds, str(name)) for name in ds.data_vars}

    def panel(title: str, y_label: str, curves: Iterable[Curve], limits: tuple[float, float]) -> Panel:
        x_label, mark = "features / examples, p / n", ((1.0, "p = n"),)
        return Panel(title, x_label, y_label, tuple(curves), y_scale="log", marks=mark, y_limits=limits)

    def by_noise(name: str, law: np.ndarray) -> Iterable[Curve]:
        for i, (v, colour) in enumerate(zip(noise, _colours(len(noise)), strict=True)):
            label = f"noise {v:g} (SNR {1 / v:g})" if v else "no noise"
            yield Curve(label, sizes / n, redraws[name][:, i], sizes / n, law[i], colour)

    def conditioning() -> Iterable[Curve]:
        low, high = np.maximum(np.abs(1.0 - np.sqrt(fine / n)), 1e-9), 1.0 + np.sqrt(fine / n)
        for name, label, exact, colour in (
            ("condition_number", "condition number", high / low, style.TEST),
            ("smallest_singular_value", "smallest singular value / √n", low, style.MEASURED),
        ):
            band = geometric_interval(redraws[name][:, 0])
            yield Curve(label, some / n, exact_x=fine / n, exact=exact, colour=colour, band=band)

    def by_penalty() -> Iterable[Curve]:
        none, *colours = _colours(1 + len(config["penalties"]))
        shown = redraws["risk"][:, middle, np.isin(sizes, some)]
        yield Curve("minimum norm", some / n, shown, sizes / n, risk_law[middle], none)
        for j, (value, colour) in enumerate(zip(config["penalties"], colours, strict=True)):
            law, rows = tables.ridge_law(config, fine, value, v), redraws["ridge_risk"][:, middle, j]
            yield Curve(f"penalty {value:g}", some / n, rows, fine / n, law, colour)
        law, rows = tables.optimal_ridge_law(config, fine, v), redraws["optimal_ridge_risk"][:, middle]
        yield Curve("optimal", some / n, rows, fine / n, law, style.TRAIN)

    return [
        panel("Mean risk", "risk", by_noise("risk", risk_law), (0.4, 300.0)),
        panel("Mean squared norm", "squared norm", by_noise("squared_norm", norm_law), (0.05, 300.0)),
        panel("Conditioning of X", "geometric mean, no unit", conditioning(), (3e-3, 1e5)),
        panel(f"Penalties, noise {v:g}", "risk", by_penalty(), (0.5, 100.0)),
    ]


def _spectra(ds: Dataset, config: Mapping[str, Any]) -> Panel:
    n, chosen = config["num_examples"], tuple(config["spectrum_features"])
    edges, found = bin_edges(n, chosen), tables.redraws(ds, "spectrum")[:, 0]
    centres, fine = (edges[1:] + edges[:-1]) / 2, np.linspace(0.0, edges[-1], 400)[1:]

    def density(ratio: float) -> np.ndarray:
        """Of the values that are not 0, per unit of the singular value s, not of s^2."""
        found = 2.0 * fine * theory.marchenko_pastur_density(fine**2, ratio)
        return np.asarray(found / (1.0 - theory.marchenko_pastur_atom(ratio)))

    curves = tuple(
        Curve(f"p / n = {p / n:g}", centres, found[:, i], fine, density(p / n), colour)
        for i, (p, colour) in enumerate(zip(chosen, _colours(len(chosen)), strict=True))
    )
    return Panel("Spectrum against Marchenko-Pastur", "singular value of X / √n", "density", curves, y_limits=(0, 2.0))


def _examples(ds: Dataset, config: Mapping[str, Any]) -> Panel:
    d, counts, noise = config["fixed_dimension"], np.array(config["examples"]), tables.noise_variances(ds)
    middle, fine = len(noise) // 2, np.linspace(counts[0], counts[-1], 400)
    v, rows = (
        float(noise[middle]),
        [tables.redraws(ds, f"examples_{name}")[:, middle] for name in ("risk", "optimal_risk")],
    )
    exact = theory.min_norm_risk(counts, d, dimension=d, noise_variance=v)
    limit = theory.optimal_ridge_risk(d / fine, noise_variance=v)
    curves = (
        Curve("minimum norm", counts, rows[0], counts, exact, style.TEST),
        Curve("optimal", counts, rows[1], fine, limit, style.TRAIN),
    )
    options: dict[str, Any] = {"marks": ((d, "n = d"),), "y_limits": (0.1, 100.0), "legend": "upper right"}
    return Panel(f"More examples, d = {d}, noise {v:g}", "examples n", "risk", curves, y_scale="log", **options)


def _colours(count: int) -> list[str]:
    """Of an ordered axis, without the darkest, on which the dashes of a closed form do not show."""
    return style.sequence(count + 1)[1:]
