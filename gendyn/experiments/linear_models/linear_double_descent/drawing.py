"""What was measured, on top of the closed forms."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gendyn import theory
from gendyn.analysis import config_of, outer_values, recorded_tables
from gendyn.experiments.linear_models.linear_double_descent.claims import AXES, laws, ridge_law
from gendyn.experiments.linear_models.linear_double_descent.program import BINS
from gendyn.plots import Curve, Panel, curve_family, draw_panels, style
from gendyn.regression import spectrum_edges
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Risk, norm, conditioning, spectra, penalties, the sweep over examples; then what makes the peak."""
    config, noise, (risk_law, norm_law) = config_of(ds), outer_values(ds, "noise_variance"), laws(ds)
    n, d, chosen = (config[name] for name in ("num_examples", "fixed_dimension", "spectrum_features"))
    sizes, some, counts = (np.array(config[name]) for name in ("num_features", "ridge_features", "examples"))
    found = recorded_tables(ds, AXES)
    fine, more = (np.linspace(values[0], values[-1], 400) for values in (some, counts))
    fine, edges = fine[1:-1], spectrum_edges(n, chosen, BINS)
    singular, centres = np.linspace(0.0, edges[-1], 400)[1:], (edges[1:] + edges[:-1]) / 2
    # Penalties and the sweep over examples are shown at the middle noise level.
    middle = len(noise) // 2
    v, shown = float(noise[middle]), {name: rows[:, middle] for name, rows in found.items()}

    def over_features(title: str, y_label: str, curves: tuple[Curve, ...], limits: tuple[float, float]) -> Panel:
        ratios = (curve._replace(x=curve.x / n, exact_x=curve.exact_x / n) for curve in curves)
        x_label, mark = "features / examples, p / n", ((1.0, "p = n"),)
        return Panel(title, x_label, y_label, tuple(ratios), y_scale="log", marks=mark, y_limits=limits)

    levels = [f"noise {level:g} (SNR {1 / level:g})" if level else "no noise" for level in noise]
    risks = curve_family(levels, sizes, found["risk"], sizes, risk_law, lighter=True)
    norms = curve_family(levels, sizes, found["squared_norm"], sizes, norm_law, lighter=True)
    labels = ["minimum norm", *(f"penalty {value:g}" for value in config["penalties"])]
    plain = shown["risk"][:, None, np.isin(sizes, some)]
    laws_of = [np.full(len(fine), np.nan), *(ridge_law(ds, fine, v, value) for value in config["penalties"])]
    ridged = curve_family(
        labels, some, np.concatenate([plain, shown["ridge_risk"]], axis=1), fine, laws_of, lighter=True
    )
    # The law of the minimum norm is known at whole sizes alone.
    shortest = ridged[0]._replace(exact_x=sizes, exact=risk_law[middle])
    best = Curve("optimal", some, shown["optimal_ridge_risk"], fine, ridge_law(ds, fine, v), style.TRAIN)
    low, high = np.maximum(np.abs(1.0 - np.sqrt(fine / n)), 1e-9), 1.0 + np.sqrt(fine / n)
    conditioning = tuple(
        Curve(label, some, found[name][:, 0], fine, law, colour, "geometric mean")
        for name, label, law, colour in (
            ("condition_number", "condition number", high / low, style.TEST),
            ("smallest_singular_value", "smallest singular value / √n", low, style.MEASURED),
        )
    )
    densities = [theory.singular_value_density(singular, p / n) for p in chosen]
    spectra = curve_family(
        [f"p / n = {p / n:g}" for p in chosen], centres, found["spectrum"][:, 0], singular, densities, lighter=True
    )
    exact = theory.min_norm_risk(counts, d, dimension=d, noise_variance=v)
    limit = theory.optimal_ridge_risk(d / more, noise_variance=v)
    by_examples = (
        Curve("minimum norm", counts, shown["examples_risk"], counts, exact, style.TEST),
        Curve("optimal", counts, shown["examples_optimal_risk"], more, limit, style.TRAIN),
    )
    examples = Panel(f"More examples, d = {d}, noise {v:g}", "examples n", "risk", by_examples, y_scale="log")
    spectrum = Panel("Spectrum against Marchenko-Pastur", "singular value of X / √n", "density", spectra)
    panels = [
        over_features("Mean risk", "risk", risks, (0.4, 300.0)),
        over_features("Mean squared norm", "squared norm", norms, (0.05, 300.0)),
        over_features("Conditioning of X (dashes: a limit)", "geometric mean, no unit", conditioning, (3e-3, 1e5)),
        spectrum._replace(y_limits=(0, 2.0)),
        over_features(f"Penalties, noise {v:g}", "risk", (shortest, *ridged[1:], best), (0.5, 100.0)),
        examples._replace(marks=((d, "n = d"),), y_limits=(0.1, 100.0), legend="upper right"),
    ]
    panels += _mechanism(config, noise, found, middle)
    setting = f"n = {n}, D = {config['dimension']} Gaussian features, signal 1; no mean at p = n, where curves are cut"
    return draw_panels(panels, num_columns=3, note=f"{setting}; {len(found['risk']):,} redraws, float64")


def _mechanism(config: Mapping[str, Any], noise: np.ndarray, found: Mapping[str, np.ndarray], v: int) -> list[Panel]:
    """A target in few features, two numbers of examples, the smallest singular value of a fixed model."""
    n, d, more = (config[name] for name in ("num_examples", "fixed_dimension", "more_examples"))
    some, sizes, others = (np.array(config[name]) for name in ("ridge_features", "num_features", "more_features"))
    counts, fine = np.array(config["examples"]), np.linspace(config["examples"][0], config["examples"][-1], 400)
    level, shape = float(noise[v]), {"dimension": config["dimension"], "noise_variance": float(noise[v])}
    equal = np.where(some <= n, level * some / n, 1.0 - n / some + level * n / some)
    aligned = [
        Curve(
            f"Gaussian, noise {level:g}",
            some,
            found["aligned_gaussian_risk"][:, v],
            colour=style.TEST,
            statistic="median",
        ),
        Curve(
            f"equal singular values, noise {level:g}",
            some,
            found["aligned_orthogonal_risk"][:, v],
            some,
            equal,
            style.TRAIN,
        ),
    ]
    if noise[0] == 0.0:
        rows = np.maximum(found["aligned_gaussian_risk"][:, 0], 1e-3)
        aligned.append(Curve("Gaussian, exact labels", some, rows, colour=style.MEASURED, statistic="median"))
    moved = [
        Curve(
            f"n = {count}",
            places,
            found[name][:, v],
            places,
            theory.min_norm_risk(count, places, **shape),
            colour,
            "geometric mean",
        )
        for count, places, name, colour in ((n, sizes, "risk", style.TEST), (more, others, "more_risk", style.TRAIN))
    ]
    smallest = Curve(
        "smallest singular value of X / √n",
        counts,
        found["examples_smallest_singular_value"][:, 0],
        fine,
        np.maximum(np.abs(1.0 - np.sqrt(d / fine)), 1e-9),
        style.MEASURED,
        "geometric mean",
    )
    title, features = f"Target in the first {config['num_aligned']} features", "features p"
    ends = ((float(n), "p = n"),), ((float(n), ""), (float(more), "p = n")), ((float(d), "n = d"),)
    return [
        Panel(
            title, features, "risk (floor: 0.001)", tuple(aligned), y_scale="log", marks=ends[0], y_limits=(6e-4, 300.0)
        ),
        Panel(
            "More examples move the peak (dashes: means)",
            features,
            "risk",
            tuple(moved),
            y_scale="log",
            marks=ends[1],
            y_limits=(0.4, 300.0),
        ),
        Panel(
            f"A fixed model, d = {d} (dashes: a limit)",
            "examples n",
            "smallest singular value",
            (smallest,),
            y_scale="log",
            marks=ends[2],
            y_limits=(3e-3, 10.0),
        ),
    ]
