"""The figure of ``deep_linear``."""

import numpy as np

from gendyn import theory
from gendyn.analysis import config_of
from gendyn.experiments.linear_models.deep_linear.program import ALIGNED, COMPLETION, GAUSSIAN, ORTHOGONAL
from gendyn.experiments.linear_models.deep_linear.tables import (
    completion_tables,
    exact_half_times,
    exact_ranks,
    half_times,
    paired,
    rank_table,
    step_errors,
    times,
    untouched_error,
)
from gendyn.plots import Curve, Panel, draw_panels
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Staircase, half-times, first order in the step, ranks of products, completion: error and rank."""
    config = config_of(ds)
    size, time, start = config["product_size"], "learning rate x step", "size of the start"
    shown = 3 if 3 in config["depths"] else config["depths"][-1]
    errors, ends = _completion(ds)
    note = (
        f"gradient descent in float64; {config['num_redraws']} redraws, {config['num_aligned']} of aligned starts "
        "(equal up to rounding); dashes: closed forms, of aligned starts; half-times: random directions\n"
        f"completion (float32): {config['completion_size']} x {config['completion_size']}, "
        f"rank {config['completion_rank']}, {config['num_observed']} entries seen, {config['completion_steps']:,} steps"
    )
    steps = Panel("Distance from the closed form", "learning rate", "largest error", _steps(ds), "log", "log")
    panels = [
        Panel(f"Depth {shown}: modes in a staircase", time, "strength of the mode", _staircase(ds, shown), legend=""),
        Panel("When half of a mode is learned", "singular value s", time, _halves(ds)),
        steps._replace(y_limits=(3e-5, 30.0), legend="upper left"),
        Panel(f"Product of {size} x {size} matrices", "factors", "effective rank", _ranks(ds)),
        Panel("Completion: unobserved entries", start, "relative error", errors, "log", "log"),
        Panel("Completion: rank of the product", start, "effective rank", ends, "log"),
    ]
    return draw_panels(panels, note=note)


def _staircase(ds: Dataset, depth: int) -> tuple[Curve, ...]:
    config, at = config_of(ds), times(ds)
    place = {"case": ALIGNED, "depth": depth, "learning_rate": config["learning_rates"][0]}
    (measured,) = paired(ds, "modes", [place])
    strengths = np.array(config["singular_values"])
    exact = theory.deep_linear_trajectory(at, strengths, depth=depth, initial=config["initial"])
    return tuple(Curve(f"s = {s:g}", at, measured[:, :, k], at, exact[:, k]) for k, s in enumerate(strengths))


def _halves(ds: Dataset) -> tuple[Curve, ...]:
    config = config_of(ds)
    strengths, depths = np.array(config["singular_values"]), config["depths"]
    order, fine = np.argsort(strengths), np.linspace(strengths.min(), strengths.max(), 25)
    return tuple(
        Curve(f"depth {d}", strengths[order], halves[:, order], fine, exact_half_times(ds, d, fine), statistic="median")
        for d, halves in zip(depths, half_times(ds, depths), strict=True)
    )


def _steps(ds: Dataset) -> tuple[Curve, ...]:
    config = config_of(ds)
    rates, depths = np.array(config["learning_rates"])[::-1], config["depths"]
    return tuple(
        Curve(
            f"depth {depth}",
            rates,
            errors[:, ::-1],
            rates,
            errors[:, -1].mean() * rates / rates[0],
            exact_label="first order" if depth == depths[-1] else "_",
        )
        for depth, errors in zip(depths, step_errors(ds, depths), strict=True)
    )


def _ranks(ds: Dataset) -> tuple[Curve, ...]:
    exact, size = exact_ranks(ds), float(config_of(ds)["product_size"])
    depths = np.array(config_of(ds)["product_depths"], float)
    return (
        Curve("Gaussian factors", depths, rank_table(ds, GAUSSIAN), depths, exact),
        Curve("orthogonal factors", depths, rank_table(ds, ORTHOGONAL), depths, np.full(len(depths), size)),
    )


def _completion(ds: Dataset) -> tuple[tuple[Curve, ...], tuple[Curve, ...]]:
    """Errors of unobserved entries, and effective ranks."""
    depths, scales = config_of(ds)["completion_depths"], np.array(sorted(config_of(ds)["scales"]))
    finer = np.geomspace(scales[0], scales[-1], 60)
    errors, ends = (
        [
            Curve(f"depth {depth}", scales, table, statistic="median")
            for depth, table in zip(depths, completion_tables(ds, name, depths), strict=True)
        ]
        for name in ("unobserved_error", "effective_rank")
    )
    errors[0] = errors[0]._replace(exact_x=finer, exact=untouched_error(ds, finer), exact_label="entries untouched")
    (truth,) = paired(ds, "truth_rank", [{"case": COMPLETION, "depth": depths[0], "scale": scales[0]}])
    level = np.full(len(scales), np.median(truth))
    return tuple(errors), (*ends, Curve("", exact_x=scales, exact=level, exact_label="the truth", colour="#333333"))
