"""Deep linear networks: modes learned in a staircase, ranks lost with depth, matrices completed from a small start.

Claim: Gradient descent on a product of matrices learns the singular modes of its target one after another, by the
closed form of aligned and balanced factors, from which it differs by first order in the learning rate: the error falls
by 10 +- 0.5 with the last decade of it. From random directions the stronger mode still comes first, and the closed
form is within 25 % at depth 2 and at every depth from 2 to 4. A product of ``L`` Gaussian matrices loses effective rank
as the closed form says, within 2 %; a product of orthogonal ones loses none, so depth as such costs no rank. Completing
a matrix of low rank, depth 1 leaves unobserved entries at their start; from the smallest start depth 3 errs less than
depth 2, deeper networks err less than from the largest start, and depth 3 has the effective rank of the truth within
25 %.

Refuted if: an interval lies outside of these.

Setting: ``|map - W_N ... W_1|^2 / 2``, the squared loss on whitened inputs, with a map of 8 x 8 and four modes: fewer
modes than dimensions, for gradient flow keeps the sign of the determinant, and a full map could not be learned from
half of the random directions. Each factor starts as ``initial^(1 / N)`` times an orthogonal matrix, aligned with the
map or uniform. Modes in float64, ranks and completion in float32. A completion's map has ``|map|_F^2 = rank``; factors
start Gaussian, the product with ``E |product|_F^2 = scale^2 size``, and are trained by plain gradient descent on the
observed entries, at ``completion_rate / depth``. Redraws are of singular vectors, starts, matrices and observed
entries. At aligned starts rotations change nothing but rounding, so a few are enough.

Known when the thresholds were written down: a trial of every part, with 100 redraws of random directions and 4 to 10
completions. In it a learning rate of 0.01 was not small at depth 4 (error ratio 10.9 to the next decade), so the law is
asked of the last decade; the other decades are in the figure. Changed after a first run: the
closed form of products is the limit of large matrices, and at 64 x 64 sixteen Gaussian factors lie 3.0 % [1.9, 4.1]
below it, which decided nothing; now they are 128 x 128, at the same tolerance.

Cost: the default, 3,260 runs, took 102 s of CPU time and 213 s of wall time on two x86-64 cores shared with several
times their load. Found there: error ratios 9.95 to 10.03 at depths 1 to 4; modes in order in 100, 96 and 92 % of
redraws at depths 2, 3 and 4 (undecided); half-times from random directions 12 to 20 % late at depth 2 and up to 58 %
late at depth 4, so that the aligned closed form is refuted there; ranks within 1.0 % of the closed form; from a start
of 1e-5 a median error on unobserved entries of 0.002 at depth 3 and 0.23 at depth 2.

Reference: Saxe, McClelland & Ganguli (2014), arXiv:1312.6120; Arora, Cohen, Hu & Luo (2019), arXiv:1905.13655,
figures 1 and 2; Roy & Vetterli (2007); Huh et al. (2023), arXiv:2103.10427 (ranks of products).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gendyn import theory
from gendyn.analysis import (
    agreement,
    bootstrap,
    config_of,
    finding,
)
from gendyn.experiments.linear_models._deep_linear_config import check, steps_per_record
from gendyn.experiments.linear_models._deep_linear_figure import figure
from gendyn.experiments.linear_models._deep_linear_programs import complete, product_ranks, train_modes
from gendyn.experiments.linear_models._deep_linear_results import (
    ALIGNED,
    COMPLETION,
    GAUSSIAN,
    ORTHOGONAL,
    RANDOM,
    completion_table,
    exact_half_times,
    half_times,
    paired,
    rank_table,
    step_errors,
    untouched_error,
)
from gendyn.sweep import Group, Measured, simulate
from gendyn.types import ArrayLike, Finding

__all__ = ["figure", "run", "verdict"]

if TYPE_CHECKING:
    import ml_collections
    import xarray

LEVEL = 0.9
"""Of every interval."""
DECADE = (9.5, 10.5)
"""Error ratio for ten times the learning rate that still counts as first order."""
ORDERED = 0.9
"""Share of redraws whose modes must be learned in the order of their strength: the closed form's order, with some room
for directions that happen to favour a weak mode."""
UNALIGNED_TOLERANCE = 0.25
"""Relative error of a half-time from random directions: in the closed form neighbouring modes, such as 4 and 3, are
about 27 % apart at depth 2, so a larger error would take one mode for the next."""
RANK_TOLERANCE = 0.02
START_TOLERANCE = 0.02
"""Depth 1 is exact; this is for the mean over redraws."""
BETTER, MUCH_BETTER = 0.8, 0.5
"""Ratio of unobserved errors that counts as an effect: of depth 3 to depth 2, and of the smallest to the largest
start."""
TRUTH_TOLERANCE = 0.25
AXES = ("case", "depth", "learning_rate", "scale", "seed")
_SCALARS = {
    "effective_rank": Measured("effective rank of the product"),
    "truth_rank": Measured("effective rank of the map to complete"),
    "observed_error": Measured("relative error on observed entries"),
    "unobserved_error": Measured("relative error on unobserved entries"),
}


def run(config: "ml_collections.ConfigDict", workdir: str) -> "xarray.Dataset":
    """Computes every redraw, or those that ``workdir`` lacks.

    Returns:
        One record a run; ``modes [run, 1, time, mode]``, ``effective_rank``, ``truth_rank``, ``observed_error`` and
        ``unobserved_error``, each NaN where the case does not have it. ``learning_rate`` and ``scale`` are 0 where a
        case has none; ``scale`` is the size of the start.

    Raises:
        ConfigError: a leaf out of range, or a ``workdir`` that holds something else.
    """
    check(config)
    shape = (config.num_times, len(config.singular_values))
    measured = _SCALARS | {"modes": Measured("strength of each mode", shape, "float64")}

    def filled(points: tuple[Mapping[str, Any], ...], **given: ArrayLike) -> dict[str, ArrayLike]:
        empty = {name: np.full((len(points), *about.shape), np.nan) for name, about in measured.items()}
        return empty | given

    def compute_modes(points: tuple[Mapping[str, Any], ...]) -> dict[str, ArrayLike]:
        first = points[0]
        modes = train_modes(
            _values(points, "seed"),
            config.singular_values,
            depth=first["depth"],
            aligned=first["case"] == ALIGNED,
            dimension=config.dimension,
            initial=config.initial,
            learning_rate=first["learning_rate"],
            num_records=config.num_times,
            steps_per_record=steps_per_record(config, first["learning_rate"]),
        )
        return filled(points, modes=modes)

    def compute_ranks(points: tuple[Mapping[str, Any], ...]) -> dict[str, ArrayLike]:
        first = points[0]
        orthogonal = first["case"] == ORTHOGONAL
        ranks = product_ranks(
            _values(points, "seed"), depth=first["depth"], orthogonal=orthogonal, size=config.product_size
        )
        return filled(points, effective_rank=ranks)

    def compute_completion(points: tuple[Mapping[str, Any], ...]) -> dict[str, ArrayLike]:
        found = complete(
            _values(points, "seed"),
            _values(points, "scale"),
            depth=points[0]["depth"],
            size=config.completion_size,
            rank=config.completion_rank,
            num_observed=config.num_observed,
            num_steps=config.completion_steps,
            learning_rate=points[0]["learning_rate"],
        )
        return filled(points, **found._asdict())

    def group(compute: Any, case: str, depth: int, rate: float, scales: tuple[float, ...], redraws: int) -> Group:
        places = [(case, int(depth), float(rate), float(scale), seed) for scale in scales for seed in range(redraws)]
        return Group(points=tuple(dict(zip(AXES, place, strict=True)) for place in places), compute=compute)

    start, redraws = (config.initial,), config.num_redraws
    groups = [
        group(compute_modes, ALIGNED, depth, rate, start, config.num_aligned)
        for depth in config.depths
        for rate in config.learning_rates
    ]
    groups += [
        group(compute_modes, RANDOM, depth, config.random_learning_rate, start, redraws) for depth in config.depths
    ]
    groups += [
        group(compute_ranks, case, depth, 0.0, (0.0,), redraws)
        for case in (GAUSSIAN, ORTHOGONAL)
        for depth in config.product_depths
    ]
    groups += [
        group(compute_completion, COMPLETION, depth, config.completion_rate / depth, config.scales, redraws)
        for depth in config.completion_depths
    ]
    return simulate(config.to_dict(), workdir, groups, measured, runs_at_once=config.runs_at_once)


def verdict(ds: "xarray.Dataset") -> list[Finding]:
    """First order in the step, order and place of the modes, ranks of products, completion."""
    return [*_mode_findings(ds), *_rank_findings(ds), *_completion_findings(ds)]


def _mode_findings(ds: "xarray.Dataset") -> list[Finding]:
    config = config_of(ds)
    errors = [step_errors(ds, depth) for depth in config["depths"]]
    ratios = np.stack(paired([error[:, -2] / error[:, -1] for error in errors]), axis=1)
    deep = [depth for depth in config["depths"] if depth > 1]
    halves = dict(zip(deep, paired([half_times(ds, depth) for depth in deep]), strict=True))
    late = {depth: halves[depth] / exact_half_times(ds, depth) for depth in deep}
    # Two modes that are both beyond the horizon are not known to be in order, and count as out of it.
    ordered = np.stack([np.all(halves[d][:, 1:] > halves[d][:, :-1], axis=1) for d in deep], axis=1).astype(float)
    return [
        finding(
            "From an aligned start gradient descent differs from the closed form by first order in the learning rate.",
            bootstrap(lambda rows: _furthest(rows.mean(axis=1), 10.0), ratios, level=LEVEL),
            low=DECADE[0],
            high=DECADE[1],
            unit="error ratio of the last decade, at the depth furthest from 10",
            detail=f"Depths {_listed(config['depths'])}; ratios {_listed(ratios.mean(axis=0).round(3))}, errors at the "
            f"smallest rate {_listed([f'{error[:, -1].mean():.1e}' for error in errors])}.",
        ),
        finding(
            "From random directions stronger modes are learned first, at every depth from 2 on.",
            bootstrap(lambda rows: rows.mean(axis=1).min(axis=-1), ordered, level=LEVEL),
            low=ORDERED,
            unit="smallest share of redraws in order, over depths",
            detail=f"Depths {_listed(deep)}: {_listed(ordered.mean(axis=0).round(3))} of {len(ordered)} redraws.",
        ),
        *(
            finding(
                f"From random directions the half-times are those of the aligned closed form, at depth{name}.",
                bootstrap(_worst_median, np.concatenate([late[depth] for depth in chosen], axis=1), level=LEVEL),
                high=UNALIGNED_TOLERANCE,
                unit="largest |median half-time / closed form - 1| over modes",
                detail="Medians, since some modes are not learned by the end: "
                + "; ".join(f"depth {d}: {_listed(np.median(late[d], axis=0).round(2))}" for d in chosen)
                + ".",
            )
            for name, chosen in ((" 2", [2]), (f"s {_listed(deep)}", deep))
        ),
    ]


def _rank_findings(ds: "xarray.Dataset") -> list[Finding]:
    config = config_of(ds)
    depths, size = config["product_depths"], config["product_size"]
    exact = np.array([size * theory.gaussian_product_effective_rank(depth) for depth in depths])
    return [
        agreement(claim, ranks, truth, tolerance=RANK_TOLERANCE, level=LEVEL, detail=f"{size} x {size}.")
        for claim, ranks, truth in (
            (
                "The effective rank of a product of Gaussian matrices falls with depth as in the closed form.",
                rank_table(ds, GAUSSIAN),
                exact,
            ),
            (
                "A product of orthogonal matrices keeps its rank (control).",
                rank_table(ds, ORTHOGONAL),
                0 * exact + size,
            ),
        )
    ]


def _completion_findings(ds: "xarray.Dataset") -> list[Finding]:
    config = config_of(ds)
    smallest, largest = min(config["scales"]), max(config["scales"])
    tables = paired([completion_table(ds, "unobserved_error", depth) for depth in (1, 2, 3)])
    errors = dict(zip((1, 2, 3), tables, strict=True))
    scales = sorted(config["scales"])
    truth = completion_table(ds, "truth_rank", 3)[:, 0]
    excess = completion_table(ds, "effective_rank", 3)[:, 0] / truth

    def median_ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
        return np.asarray(np.median(above, axis=1) / np.median(below, axis=1))

    def worst_fall(small: np.ndarray, large: np.ndarray) -> np.ndarray:
        return np.asarray(np.max(np.median(small, axis=1) / np.median(large, axis=1), axis=-1))

    small = np.stack([errors[2][:, 0], errors[3][:, 0]], axis=1)
    large = np.stack([errors[2][:, -1], errors[3][:, -1]], axis=1)
    return [
        agreement(
            "At depth 1 nothing is completed: unobserved entries keep their start.",
            errors[1] ** 2,
            untouched_error(ds, np.array(scales)) ** 2,
            tolerance=START_TOLERANCE,
            level=LEVEL,
            detail="Squared errors.",
        ),
        finding(
            "From the smallest start depth 3 completes better than depth 2.",
            bootstrap(median_ratio, errors[3][:, 0], errors[2][:, 0], level=LEVEL),
            high=BETTER,
            unit="median error of depth 3 / of depth 2",
            detail=f"Start {smallest:g}, {len(truth)} redraws; median errors {np.median(errors[3][:, 0]):.3f} and "
            f"{np.median(errors[2][:, 0]):.3f}.",
        ),
        finding(
            "At depths 2 and 3 the smallest start completes far better than the largest.",
            bootstrap(worst_fall, small, large, level=LEVEL),
            high=MUCH_BETTER,
            unit="median error from the smallest / from the largest start, the larger of two depths",
            detail=f"Starts {smallest:g} and {largest:g}.",
        ),
        finding(
            "From the smallest start the product of three has the effective rank of the truth.",
            bootstrap(_worst_median, excess[:, None], level=LEVEL),
            high=TRUTH_TOLERANCE,
            unit="|median effective rank / truth - 1|",
            detail=f"Start {smallest:g}; median rank of the truth {np.median(truth):.2f}.",
        ),
    ]


def _furthest(values: np.ndarray, centre: float) -> np.ndarray:
    """The entry of each row ``[B, P]`` that is furthest from ``centre``."""
    return np.take_along_axis(values, np.argmax(np.abs(values - centre), axis=1)[:, None], axis=1)[:, 0]


def _worst_median(rows: np.ndarray) -> np.ndarray:
    """Of ``[B, S, P]``; the middle of two infinite times is one too."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.max(np.abs(np.median(rows, axis=1) - 1.0), axis=-1))


def _listed(values: Any) -> str:
    return ", ".join(str(value) for value in values)


def _values(points: tuple[Mapping[str, Any], ...], axis: str) -> list[Any]:
    return [point[axis] for point in points]
