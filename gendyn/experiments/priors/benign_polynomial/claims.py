"""Claims of ``benign_polynomial``: simple, complex, noise; all three at the best place; two closed forms."""

import numpy as np

from gendyn.analysis import agreement, bootstrap, config_of, finding, finished_table, largest
from gendyn.experiments.priors.benign_polynomial.program import AXES
from gendyn.experiments.priors.benign_polynomial.tables import LIMITS, errors_of, reference, summary
from gendyn.types import Dataset, Finding

KERNEL_TOLERANCE, TOLERANCE = 1e-5, 0.1
"""Largest distance of the two fits, relative to the target's RMS, and relative error of a mean square. The first was
1e-6 until 20 redraws gave 1.9e-6 on the widest range: the kernel's system has condition numbers up to some 1e10 there,
and that is what float64 leaves."""
_PARTS = (
    ("recovers the simple target", "median test RMSE / target RMS"),
    ("recovers the complex target", "median test RMSE / target RMS"),
    ("fits pure noise", "RMS left of the noise / its RMS"),
)


def verdict(ds: Dataset) -> list[Finding]:
    """For each law of the inputs and basis the three parts at the reference; all three anywhere; the closed forms."""
    config = config_of(ds)
    axes, errors = errors_of(ds)
    width, size, sigma = reference(config, axes)
    edge = f"{config['half_width']:g}"
    where = f"on [-{edge}, {edge}], {config['num_train']} points, sigma {config['sigma']:g}, float64."
    found = [
        finding(
            f"{inputs} inputs, {basis} basis: the polynomial {does}.",
            bootstrap(lambda rows, part=part: summary(rows)[:, part], errors[:, :, i, b, width, size, sigma]),
            high=LIMITS[part],
            unit=unit,
            detail=where,
        )
        for i, inputs in enumerate(axes["inputs"])
        for b, basis in enumerate(axes["basis"])
        for part, (does, unit) in enumerate(_PARTS)
    ]
    all_three = "recovers both targets and fits the noise"
    at_reference = f"With the reference number of points and sigma the best range, basis and law of inputs {all_three}."
    anywhere = f"The best range, basis, law of inputs, number of points and sigma {all_three}."
    for claim, rows in ((at_reference, errors[..., size, sigma]), (anywhere, errors)):
        # A single redraw is both: its interval says nothing.
        choosing, judging = (rows[::2], rows[1::2]) if len(rows) > 1 else (rows, rows)
        place, said = _best_place(axes, config, choosing)
        there = judging.reshape(*judging.shape[:2], -1)[:, :, np.ravel_multi_index(place, judging.shape[2:])]
        values = ", ".join(f"{value:.2g}" for value in summary(there[None])[0])
        found.append(
            finding(
                claim,
                bootstrap(lambda rows: (summary(rows) / LIMITS).max(axis=1), there),
                high=1.0,
                unit="largest of the three errors in units of its limit, at the best place",
                detail=f"Best on {len(choosing)} redraws: {said}; errors on the {len(judging)} others {values}.",
            )
        )
    gaps = finished_table(ds, "kernel_gap", AXES)[:, :, :, axes["half_width"] < np.sqrt(2)]
    # A ratio of sums: where nearly nothing is left, rounding is, and it counts for nothing.
    left, expected = (
        np.sum(each**2, axis=(3, 4, 5)).reshape(len(each), -1)
        for each in (errors[:, 2], finished_table(ds, "expected_rmse", AXES))
    )
    return [
        *found,
        finding(
            "The fit is that of the Gaussian process with the closed-form kernel.",
            bootstrap(largest, gaps),
            high=KERNEL_TOLERANCE,
            unit=f"largest distance / target RMS, at half-widths below sqrt(2) and sigma {config['sigma']:g}",
        ),
        agreement(
            "What is left of pure noise is its exact expectation given the inputs.",
            left / expected,
            np.ones(left.shape[1]),
            tolerance=TOLERANCE,
            detail="Mean squares, summed over ranges, sizes and sigmas; a place is a law and a basis.",
        ),
    ]


def _best_place(axes: dict[str, np.ndarray], config: dict, rows: np.ndarray) -> tuple[tuple[int, ...], str]:
    """Where the largest of the three errors is smallest, and in words; ``[S, 3, ...]``."""
    found = summary(rows[None])[0]
    worst = (found / LIMITS.reshape(3, *[1] * (found.ndim - 1))).max(axis=0)
    at = tuple(int(i) for i in np.unravel_index(worst.argmin(), worst.shape))
    values = [axes["inputs"], axes["basis"], axes["half_width"], axes["num_train"], np.array(config["sigmas"])]
    names = ("inputs", "basis", "half-width", "points", "sigma")
    said = ", ".join(f"{name} {value[i]}" for name, value, i in zip(names, values, at, strict=False))
    return at, said
