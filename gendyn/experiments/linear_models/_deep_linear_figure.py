"""The figure of the deep-linear experiment."""

from typing import TYPE_CHECKING

import numpy as np

from gendyn import theory
from gendyn.analysis import config_of
from gendyn.experiments.linear_models._deep_linear_results import (
    ALIGNED,
    COMPLETION,
    GAUSSIAN,
    ORTHOGONAL,
    completion_table,
    exact_half_times,
    half_times,
    rank_table,
    select,
    step_errors,
    times,
    untouched_error,
)
from gendyn.plots.theory_panels import Curve, Panel, theory_panels

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure


def figure(ds: "xarray.Dataset") -> "Figure":
    """Staircase, half-times, first order in the step, ranks of products, completion: error and rank."""
    config = config_of(ds)
    at, strengths = times(ds), np.array(config["singular_values"])
    shown = 3 if 3 in config["depths"] else config["depths"][-1]
    rate = config["learning_rates"][0]
    measured = select(ds, "modes", case=ALIGNED, depth=shown, learning_rate=rate)
    exact = theory.deep_linear_trajectory(at, strengths, depth=shown, initial=config["initial"])
    staircase = tuple(
        Curve(f"s = {s:g}", at, measured[:, :, k], at, exact[:, k]) for k, s in enumerate(strengths.tolist())
    )
    order = np.argsort(strengths)
    fine = np.linspace(strengths.min(), strengths.max(), 25)
    halves = tuple(
        Curve(
            f"depth {depth}",
            strengths[order],
            half_times(ds, depth)[:, order],
            fine,
            exact_half_times(ds, depth, fine),
            statistic="median",
        )
        for depth in config["depths"]
    )
    rates = np.array(config["learning_rates"])[::-1]
    steps = tuple(
        Curve(
            f"depth {depth}",
            rates,
            step_errors(ds, depth)[:, ::-1],
            rates,
            step_errors(ds, depth)[:, -1].mean() * rates / rates[0],
            exact_label="first order" if depth == config["depths"][-1] else "_",
        )
        for depth in config["depths"]
    )
    depths, size = np.array(config["product_depths"], float), config["product_size"]
    ranks = (
        Curve(
            "Gaussian factors",
            depths,
            rank_table(ds, GAUSSIAN),
            depths,
            np.array([size * theory.gaussian_product_effective_rank(int(depth)) for depth in depths]),
        ),
        Curve("orthogonal factors", depths, rank_table(ds, ORTHOGONAL), depths, np.full(len(depths), float(size))),
    )
    scales = np.array(sorted(config["scales"]))
    finer = np.geomspace(scales[0], scales[-1], 60)
    errors, ends = (
        [
            Curve(f"depth {depth}", scales, completion_table(ds, name, depth), statistic="median")
            for depth in config["completion_depths"]
        ]
        for name in ("unobserved_error", "effective_rank")
    )
    errors[0] = errors[0]._replace(exact_x=finer, exact=untouched_error(ds, finer), exact_label="entries untouched")
    truth = select(ds, "truth_rank", case=COMPLETION, depth=config["completion_depths"][0], scale=scales[0])
    ends.append(
        Curve(
            "", exact_x=scales, exact=np.full(len(scales), np.median(truth)), exact_label="the truth", colour="#333333"
        )
    )
    start = "size of the start"
    note = (
        f"gradient descent in float64; {config['num_redraws']} redraws, {config['num_aligned']} of aligned starts "
        "(equal up to rounding); dashes: closed forms, of aligned starts; half-times: random directions\n"
        f"completion (float32): {config['completion_size']} x {config['completion_size']}, "
        f"rank {config['completion_rank']}, {config['num_observed']} entries seen, {config['completion_steps']:,} steps"
    )
    return theory_panels(
        [
            Panel(
                f"Depth {shown}: modes in a staircase",
                "learning rate x step",
                "strength of the mode",
                staircase,
                legend="",
            ),
            Panel("When half of a mode is learned", "singular value s", "learning rate x step", halves),
            Panel(
                "Distance from the closed form",
                "learning rate",
                "largest error",
                steps,
                "log",
                "log",
                y_limits=(3e-5, 30.0),
                legend="upper left",
            ),
            Panel(f"Product of {size} x {size} matrices", "factors", "effective rank", ranks),
            Panel("Completion: unobserved entries", start, "relative error", tuple(errors), "log", "log"),
            Panel("Completion: rank of the product", start, "effective rank", tuple(ends), "log"),
        ],
        note=note,
    )
