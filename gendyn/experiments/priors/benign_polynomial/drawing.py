"""The figure of ``benign_polynomial``: fits, what is left of noise, and a table of the three errors."""

import functools
from statistics import NormalDist
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gendyn import regression
from gendyn.analysis import Band, config_of, finished_tables
from gendyn.experiments.priors.benign_polynomial.program import AXES, BASES, INPUTS, Drawn, draw, features
from gendyn.experiments.priors.benign_polynomial.tables import LIMITS, errors_of, reference, summary
from gendyn.plots import Cell, Curve, Panel, Table, curve_family, draw_panels, style
from gendyn.types import Array, Dataset, Figure

_COLOURS = dict(zip(BASES, (style.TEST, style.TRAIN), strict=True))
_LEVEL = 0.9


def figure(ds: Dataset) -> Figure:
    """The fits of one data set with their posterior bands; what is left of noise; a table of the three errors."""
    config = config_of(ds)
    axes, errors = errors_of(ds)
    inputs, widths, monomial = INPUTS.index(config["inputs"]), axes["half_width"], BASES.index("monomial")
    left = errors[:, 2, inputs] ** 2
    exact = finished_tables(ds, AXES, "expected_rmse")[0][:, inputs].mean(axis=0) ** 2
    width, size, sigma = reference(config, axes)
    narrow, sigmas = int(np.argmin(np.abs(widths - 1.0))), np.array(config["sigmas"])
    lines = [(basis, b, width, _COLOURS[basis]) for b, basis in enumerate(BASES)]
    lines.append((f"monomial, half-width {widths[narrow]:g}", monomial, narrow, style.MEASURED))
    by_sigma = [
        Curve(label, sigmas, left[:, b, w, size], sigmas, exact[b, w, size], colour) for label, b, w, colour in lines
    ]
    sizes, at = [f"{n} points" for n in axes["num_train"]], np.s_[..., monomial, :, :, sigma]
    by_width = curve_family(sizes, widths, np.swapaxes(left[at], 1, 2), widths, exact[at].T)
    found = summary(errors[..., size, sigma][None])[0][:, inputs].reshape(3, -1).T

    def cell(value: float, limit: float) -> Cell:
        text = style.short(value) if value >= 0.005 else f"{value:.0e}"
        return Cell(text, "supported" if value < limit else "refuted")

    cells = tuple(tuple(map(cell, place, LIMITS)) for place in found)
    rows, what = tuple(f"{basis}, {w:g}" for basis in BASES for w in widths), "share of noise variance left"
    shown: list[Panel | Table] = [
        *_fits(config),
        Panel("noise at the points, by sigma", "sigma", what, tuple(by_sigma), "log", y_limits=(0, 1.2)),
        Panel("monomials, by range", "half-width", what, by_width, y_limits=(0, 1.2)),
        Table("errors, by half-width", rows, ("simple", "complex", "noise"), cells),
    ]
    edge = f"{config['half_width']:g}"
    note = (
        f"order {config['order']}, penalty sigma² Σ 2^j w_j²   ·   {config['num_train']} {config['inputs']} points on "
        f"[-{edge}, {edge}], sigma {config['sigma']:g}, unless said   ·   {len(errors)} redraws, float64\n"
        f"top: one data set, bands: {_LEVEL:.0%} of the posterior, closed form: the kernel's fit   ·   "
        f"table: relative RMSE, green: test error below {LIMITS[0]:g}, noise left below {LIMITS[2]:g}\n"
        "noise, top right: cut where the fits leave the frame   ·   lower panels: closed form: exact expectation"
    )
    return draw_panels(shown, level=_LEVEL, note=note)


def _fits(config: dict[str, Any]) -> list[Panel]:
    """One data set of each kind, the fit in both bases with its posterior, and the kernel's fit."""
    grid, drawn, fits = shown_fits(config)
    panels = []
    for kind, title in enumerate(("simple: x + cos(pi x)", "complex: sin(x) cos(x²)", "pure noise")):
        y = np.asarray(drawn.y[:, kind])
        curves = []
        for basis, (means, deviation, by_kernel) in fits.items():
            half = NormalDist().inv_cdf(0.5 + _LEVEL / 2) * deviation
            band = Band(means[kind], means[kind] - half, means[kind] + half, _LEVEL)
            curves.append(Curve(basis, grid, exact_x=grid, exact=by_kernel[kind], band=band, colour=_COLOURS[basis]))
        limits, dots = (y.min() - 0.35 * np.ptp(y), y.max() + 0.35 * np.ptp(y)), (np.asarray(drawn.x), y)
        panels.append(Panel(title, "x", "y", tuple(curves), y_limits=limits, legend="" if kind else "best", dots=dots))
    return panels


def shown_fits(config: dict[str, Any]) -> tuple[np.ndarray, Drawn, dict[str, tuple[np.ndarray, ...]]]:
    """A grid ``[m]``, the data of the redraw 0 at a config's reference, and the fit in each basis.

    A fit is the posterior mean ``[3, m]`` of the simple, the complex and the noise data; the deviation of the function
    ``[m]``, the same for all three; and the fit of the kernel in closed form ``[3, m]``.
    """
    with jax.enable_x64(True):
        width, count, sigma = (jnp.asarray(config[name], jnp.float64) for name in ("half_width", "num_train", "sigma"))
        grid = width * jnp.linspace(-1, 1, 241)
        drawn = draw(jnp.uint32(0), config["inputs"], width, count, config["num_train"], grid)
        fits = {basis: _shown(config["order"], basis, drawn, width, sigma, grid) for basis in BASES}
    return np.asarray(grid), drawn, jax.tree.map(np.asarray, fits)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _shown(order: int, basis: str, drawn: Drawn, width: Array, sigma: Array, grid: Array) -> tuple[Array, ...]:
    (variable, design), (at_grid, grid_design) = (features(basis, order, x, width) for x in (drawn.x, grid))
    dual = regression.kernel_ridge(
        regression.polynomial_kernel(variable, variable, order, basis=basis), drawn.y, sigma**2
    ).dual_coefficients

    def predicted(y: Array) -> regression.Predictive:
        posterior = regression.bayesian_linear(
            design, y, prior_variance=1 / regression.order_penalty(order), noise_variance=sigma**2
        )
        return regression.bayesian_predictive(posterior, grid_design)

    means, variances = jax.vmap(predicted)(drawn.y.T)
    deviation = jnp.sqrt(jnp.maximum(variances[0] - sigma**2, 0.0))
    return means, deviation, (regression.polynomial_kernel(at_grid, variable, order, basis=basis) @ dual).T
