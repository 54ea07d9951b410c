"""The figure of ``deep_linear``."""

import numpy as np

from gendyn.analysis import config_of, paired_table
from gendyn.experiments.linear_models.deep_linear.program import ALIGNED, GAUSSIAN, ORTHOGONAL
from gendyn.experiments.linear_models.deep_linear.tables import (
    completion_table,
    exact_half_times,
    exact_modes,
    exact_ranks,
    half_times,
    rank_table,
    step_errors,
    times,
    untouched_error,
)
from gendyn.plots import Curve, Panel, draw_panels
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Staircase, half-times, first order in the step, ranks of products, completion: error and rank."""
    config, at = config_of(ds), times(ds)
    depths, size, strengths = config["depths"], config["product_size"], np.array(config["singular_values"])
    rates, counts = np.array(config["learning_rates"])[::-1], np.array(config["product_depths"], float)
    shown = 3 if 3 in depths else depths[-1]
    place = {"case": ALIGNED, "depth": shown, "learning_rate": config["learning_rates"][0]}
    measured, exact = paired_table(ds, "modes", place, {}), exact_modes(ds, shown)
    staircase = [Curve(f"s = {s:g}", at, measured[:, :, k], at, exact[:, k]) for k, s in enumerate(strengths)]
    order, fine = np.argsort(strengths), np.linspace(strengths.min(), strengths.max(), 25)
    late = half_times(ds, depths)[:, :, order]
    halves = [
        Curve(f"depth {d}", strengths[order], late[:, i], fine, exact_half_times(ds, d, fine), statistic="median")
        for i, d in enumerate(depths)
    ]
    errors = step_errors(ds)[:, :, ::-1]
    first_order = errors[:, :, 0].mean(axis=0)[:, None] * rates / rates[0]
    # One entry in the legend for all depths.
    names = ["_"] * (len(depths) - 1) + ["first order"]
    steps = [
        Curve(f"depth {d}", rates, errors[:, i], rates, first_order[i], exact_label=names[i])
        for i, d in enumerate(depths)
    ]
    ranks = (
        Curve("Gaussian factors", counts, rank_table(ds, GAUSSIAN), counts, exact_ranks(ds)),
        Curve("orthogonal factors", counts, rank_table(ds, ORTHOGONAL), counts, np.full(len(counts), float(size))),
    )
    scales, factors = np.array(sorted(config["scales"])), config["completion_depths"]
    finer = np.geomspace(scales[0], scales[-1], 60)
    missed, ends = (
        [Curve(f"depth {d}", scales, table[:, i], statistic="median") for i, d in enumerate(factors)]
        for table in (completion_table(ds, name, factors) for name in ("unobserved_error", "effective_rank"))
    )
    missed[0] = missed[0]._replace(exact_x=finer, exact=untouched_error(ds, finer), exact_label="entries untouched")
    truth = np.median(completion_table(ds, "truth_rank", factors[:1])[:, 0, 0])
    level = np.full(len(scales), truth)
    ends.append(Curve("", exact_x=scales, exact=level, exact_label="the truth", colour="#333333"))
    note = (
        f"gradient descent in float64; {config['num_redraws']} redraws, {config['num_aligned']} of aligned starts "
        "(equal up to rounding); dashes: closed forms, of aligned starts; half-times: random directions\n"
        f"completion (float32): {config['completion_size']} x {config['completion_size']}, "
        f"rank {config['completion_rank']}, {config['num_observed']} entries seen, {config['completion_steps']:,} steps"
    )
    time, start = "learning rate x step", "size of the start"
    distance = Panel("Distance from the closed form", "learning rate", "largest error", tuple(steps), "log", "log")
    panels = [
        Panel(f"Depth {shown}: modes in a staircase", time, "strength of the mode", tuple(staircase), legend=""),
        Panel("When half of a mode is learned", "singular value s", time, tuple(halves)),
        distance._replace(y_limits=(3e-5, 30.0), legend="upper left"),
        Panel(f"Product of {size} x {size} matrices", "factors", "effective rank", ranks),
        Panel("Completion: unobserved entries", start, "relative error", tuple(missed), "log", "log"),
        Panel("Completion: rank of the product", start, "effective rank", tuple(ends), "log"),
    ]
    return draw_panels(panels, note=note)
