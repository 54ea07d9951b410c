"""The figure of ``deep_linear``."""

import numpy as np

from gendyn.analysis import config_of, paired_table
from gendyn.experiments.linear_models.deep_linear import claims
from gendyn.experiments.linear_models.deep_linear.program import ALIGNED, GAUSSIAN, ORTHOGONAL
from gendyn.plots import Curve, Panel, curve_family, draw_panels
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Staircase, half-times, first order in the step, ranks of products, completion: error and rank."""
    config, at = config_of(ds), claims.times(ds)
    depths, size, strengths = config["depths"], config["product_size"], np.array(config["singular_values"])
    rates, counts = np.array(config["learning_rates"])[::-1], np.array(config["product_depths"], float)
    shown = 3 if 3 in depths else depths[-1]
    place = {"case": ALIGNED, "depth": shown, "learning_rate": config["learning_rates"][0]}
    measured, exact = paired_table(ds, "modes", place, {}), claims.exact_modes(ds, shown)
    labels = [f"s = {strength:g}" for strength in strengths]
    staircase = curve_family(labels, at, np.swapaxes(measured, 1, 2), at, exact.T)
    order, fine = np.argsort(strengths), np.linspace(strengths.min(), strengths.max(), 25)
    late = claims.half_times(ds, depths)[:, :, order]
    names, laws = [f"depth {depth}" for depth in depths], [claims.exact_half_times(ds, d, fine) for d in depths]
    halves = curve_family(names, strengths[order], late, fine, laws, statistic="median")
    errors = claims.step_errors(ds)[:, :, ::-1]
    first_order = errors[:, :, 0].mean(axis=0)[:, None] * rates / rates[0]
    *hidden, last = curve_family(names, rates, errors, rates, first_order, exact_label="_")
    # One entry in the legend for all depths.
    steps = (*hidden, last._replace(exact_label="first order"))
    ranks = (
        Curve("Gaussian factors", counts, claims.rank_table(ds, GAUSSIAN), counts, claims.exact_ranks(ds)),
        Curve(
            "orthogonal factors", counts, claims.rank_table(ds, ORTHOGONAL), counts, np.full(len(counts), float(size))
        ),
    )
    scales, factors = np.array(sorted(config["scales"])), config["completion_depths"]
    finer = np.geomspace(scales[0], scales[-1], 60)
    completed = [f"depth {depth}" for depth in factors]
    (first, *missed), ends = (
        curve_family(completed, scales, claims.completion_table(ds, name, factors), statistic="median")
        for name in ("unobserved_error", "effective_rank")
    )
    first = first._replace(exact_x=finer, exact=claims.untouched_error(ds, finer), exact_label="untouched (RMS)")
    truth = np.median(claims.completion_table(ds, "truth_rank", factors[:1])[:, 0, 0])
    level = Curve("", exact_x=scales, exact=np.full(len(scales), truth), exact_label="the truth", colour="#333333")
    note = (
        f"gradient descent in float64; {config['num_redraws']} redraws, {config['num_aligned']} of aligned starts "
        "(equal up to rounding); dashes: closed forms, of aligned starts; half-times: random directions\n"
        f"completion (float32): {config['completion_size']} x {config['completion_size']}, "
        f"rank {config['completion_rank']}, {config['num_observed']} entries seen, {config['completion_steps']:,} steps"
    )
    time, start = "learning rate x step", "size of the start"
    # Depths have the colours of the panel before it.
    distance = Panel("Distance from it (dashes: first order)", "learning rate", "largest error", steps, "log", "log")
    panels = [
        Panel(f"Depth {shown}: modes in a staircase", time, "strength of the mode", staircase, legend=""),
        Panel("When half of a mode is learned", "singular value s", time, halves),
        distance._replace(legend=""),
        Panel(f"Product of {size} x {size} matrices", "factors", "effective rank", ranks),
        Panel("Completion: unobserved entries", start, "relative error", (first, *missed), "log", "log"),
        Panel("Completion: rank of the product", start, "effective rank", (*ends, level), "log"),
    ]
    return draw_panels(panels, note=note)
