"""The figure of ``benign_polynomial``: fits, what is left of noise, and a table of the three errors."""

from statistics import NormalDist

import numpy as np

from gendyn.analysis import Band, config_of, finished_table
from gendyn.experiments.priors._polynomial_laws import short
from gendyn.experiments.priors.benign_polynomial.model import BASES, INPUTS, shown_fits
from gendyn.experiments.priors.benign_polynomial.program import AXES
from gendyn.experiments.priors.benign_polynomial.tables import (
    FITTED,
    GENERALISES,
    LIMITS,
    errors_of,
    reference,
    summary,
)
from gendyn.plots import Cell, Curve, Panel, Table, draw_panels
from gendyn.types import Dataset, Figure

_COLOURS = dict(zip(BASES, ("#0072B2", "#D55E00"), strict=True))
_LEVEL = 0.9


def figure(ds: Dataset) -> Figure:
    """The fits of one data set with their posterior bands; what is left of noise; a table of the three errors."""
    config = config_of(ds)
    axes, errors = errors_of(ds)
    left, exact = errors[:, 2] ** 2, finished_table(ds, "expected_rmse", AXES).mean(axis=0) ** 2
    width, size, sigma = reference(config, axes)
    inputs, widths, monomial = INPUTS.index(config["inputs"]), axes["half_width"], BASES.index("monomial")
    narrow = int(np.argmin(np.abs(widths - 1.0)))
    sigmas, what = np.array(config["sigmas"]), "share of noise variance left"
    by_sigma = (
        Curve(label, sigmas, left[:, inputs, b, w, size], sigmas, exact[inputs, b, w, size], colour)
        for label, b, w, colour in (
            *((basis, b, width, _COLOURS[basis]) for b, basis in enumerate(BASES)),
            (f"monomial, half-width {widths[narrow]:g}", monomial, narrow, "#007A59"),
        )
    )
    by_width = (
        Curve(
            f"{n} points", widths, left[:, inputs, monomial, :, i, sigma], widths, exact[inputs, monomial, :, i, sigma]
        )
        for i, n in enumerate(axes["num_train"])
    )
    panels: list[Panel | Table] = [
        *_fits(config),
        Panel("noise at the points, by sigma", "sigma", what, tuple(by_sigma), "log", y_limits=(0, 1.2)),
        Panel("monomials, by range", "half-width", what, tuple(by_width), y_limits=(0, 1.2)),
        _table(widths, summary(errors[..., size, sigma][None])[0][:, inputs]),
    ]
    edge = f"{config['half_width']:g}"
    note = (
        f"order {config['order']}, penalty sigma² Σ 2^j w_j²   ·   {config['num_train']} {config['inputs']} points on "
        f"[-{edge}, {edge}], sigma {config['sigma']:g}, unless said   ·   {len(errors)} redraws, float64\n"
        f"top: one data set, bands: {_LEVEL:.0%} of the posterior, closed form: the kernel's fit   ·   "
        f"table: relative RMSE, green: test below {GENERALISES:g}, noise left below {FITTED:g}\n"
        "lower panels: closed form: exact expectation"
    )
    return draw_panels(panels, level=_LEVEL, note=note)


def _fits(config: dict) -> list[Panel]:
    """One data set of each kind, the fit in both bases with its posterior, and the kernel's fit."""
    grid, drawn, fits = shown_fits(config, seed=0, num_points=241)
    panels = []
    for kind, title in enumerate(("simple: x + cos(pi x)", "complex: sin(x) cos(x²)", "pure noise")):
        y = np.asarray(drawn.y[:, kind])
        room = 0.35 * float(np.ptp(y))
        curves = []
        for basis, fit in fits.items():
            mean, exact = np.asarray(fit.mean[kind]), np.asarray(fit.by_kernel[kind])
            half = NormalDist().inv_cdf(0.5 + _LEVEL / 2) * np.asarray(fit.deviation)
            band = Band(mean, mean - half, mean + half, _LEVEL)
            curves.append(Curve(basis, grid, exact_x=grid, exact=exact, band=band, colour=_COLOURS[basis]))
        limits, dots = (float(y.min()) - room, float(y.max()) + room), (np.asarray(drawn.x), y)
        panels.append(Panel(title, "x", "y", tuple(curves), y_limits=limits, legend="" if kind else "best", dots=dots))
    return panels


def _table(widths: np.ndarray, found: np.ndarray) -> Table:
    """The three errors ``[3, bases, half-widths]``. Green: below the limit, not more."""
    rows = tuple(f"{basis}, {half_width:g}" for basis in BASES for half_width in widths)
    cells = tuple(
        tuple(Cell(short(v), "supported" if v < limit else "refuted") for v, limit in zip(place, LIMITS, strict=True))
        for place in found.reshape(3, -1).T
    )
    return Table("errors, by half-width", rows, ("simple", "complex", "noise"), cells)
