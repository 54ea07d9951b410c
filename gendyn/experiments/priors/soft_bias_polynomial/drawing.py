"""The figure of ``soft_bias_polynomial``."""

import numpy as np

from gendyn import analysis
from gendyn.experiments.priors.soft_bias_polynomial.claims import LITERAL, MARGIN, worst_ratio
from gendyn.experiments.priors.soft_bias_polynomial.program import AXES, ENSEMBLE, LAWS, MODELS, TARGET_NAMES
from gendyn.plots import Cell, Panel, Table, curve_family, draw_panels, style
from gendyn.types import Axes, Dataset, Figure

_MARKERS = "osD"
_LEAST = 1e-8
"""A smaller squared bias is drawn here, as an arrow."""


def figure(ds: Dataset) -> Figure:
    """Error against examples with monomials; bias against variance; the largest ratio for every law and basis."""
    config, bases = analysis.config_of(ds), list(np.unique(ds["basis"]))
    errors, parts = analysis.finished_tables(ds, AXES, "test_rmse", "parts")
    sizes, basis = np.array(config["sizes"]), bases.index(LITERAL) if LITERAL in bases else 0
    colours = (style.TEST, style.TRAIN, style.MEASURED)
    panels: list[Panel | Table] = []
    for law, target in ((1, 0), (1, 1), (1, 2), (0, 2)):
        family = curve_family(MODELS, sizes, errors[:, law, basis, :, target], statistic="median")
        curves = tuple(curve._replace(colour=colour) for curve, colour in zip(family, colours, strict=True))
        title, legend = f"target: {TARGET_NAMES[target]}, {LAWS[law]} inputs", "" if panels else "best"
        panels.append(Panel(title, "examples", "test RMSE / target RMS", curves, y_scale="log", legend=legend))

    shares = np.median(parts[:, LAWS.index("uniform"), basis], axis=0) / config["noise"] ** 2
    at, units = f"uniform inputs, n = {config['judged']}", "in noise variances"
    trade = Panel(at, f"variance, {units}", f"squared bias, {units}", (), "log", "log", legend="")
    panels.append(trade._replace(draw=lambda ax: _trade_off(ax, shares)))

    def cell(table: np.ndarray) -> Cell:
        [judged] = analysis.family([analysis.finding("", worst_ratio(table), high=MARGIN)])
        return Cell(style.short(judged.effect), judged.verdict)

    places = list(np.ndindex(len(LAWS), len(bases)))
    names = tuple(f"{LAWS[law]}, {bases[b]}" for law, b in places)
    cells = tuple(tuple(cell(errors[:, law, b][:, :, [target]]) for target in range(3)) for law, b in places)
    panels.append(Table("regularised / better plain fit", names, TARGET_NAMES, cells))
    note = (
        f"{bases[basis]} basis in the curves   ·   noise {config['noise']:g} of the target's RMS   ·   "
        f"{len(errors)} redraws, float64\n"
        "bias and variance: medians   ·   circle, square, diamond: target of order 2, 15, cosine   ·   "
        f"arrow: below {_LEAST:g}\n"
        f"table: ratio of medians at the worst n   ·   green: its interval is below {MARGIN:g}, red: above"
    )
    return draw_panels(panels, note=note)


def _trade_off(ax: Axes, shares: np.ndarray) -> None:
    """A marker for each target, a colour for each model; ``shares [2, models, targets]``."""
    colours = (style.TEST, style.TRAIN, style.MEASURED, style.GREY, "#AA4499", "black")
    for model, (name, colour) in enumerate(zip((*MODELS, *ENSEMBLE), colours, strict=True)):
        ax.plot([], [], "s", color=colour, markersize=6, label=name)
        for (bias, variance), marker in zip(shares[:, model].T, _MARKERS, strict=True):
            shape = marker if bias >= _LEAST else "v"
            ax.plot(variance, max(bias, _LEAST), shape, color=colour, markersize=6)
    for line in (ax.axhline, ax.axvline):
        line(1.0, color=style.GREY, linewidth=1.2, linestyle=(0, (1, 2)))
    style.legend(ax, "center right")
