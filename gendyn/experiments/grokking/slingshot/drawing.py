"""Loss and last-layer norm of single runs, and what share of the runs of every arm has cycles."""

import numpy as np

from gendyn import analysis
from gendyn.experiments.grokking.slingshot.tables import ADAM, LOSS_FLOOR, NORM, RMSPROP, arms, chosen, others
from gendyn.plots import Curve, Panel, Rows, draw_panels, style
from gendyn.types import Axes, Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Draws training loss and last-layer norm of one seed of four arms; below, all runs of every arm, a row each.

    Triangles mark where a cycle's spike begins; losses below what the detector takes for 0 are drawn at that. An arm
    without cycles tells something only if its loss falls as low as those of arms with cycles, which is what the panel
    of lowest losses is for.
    """
    every = arms(ds)
    adam, rmsprop, accuracy = chosen(every, ADAM), chosen(every, RMSPROP), 1.0 - analysis.final_values(ds, "test_error")
    float64 = chosen(every, ADAM, "cross_entropy_float64")
    # Adam's largest epsilon stands in where one is missing.
    shown = [adam[0], *float64[:1], *rmsprop[:1], *others(every)[::-1], adam[-1]][:4]
    steps, losses = analysis.record_steps(ds), np.maximum(analysis.history(ds, "train_loss"), LOSS_FLOOR)

    def single(label: str, table: np.ndarray) -> Panel:
        curves = (
            Curve(arm.name, steps[arm.runs[0]], table[arm.runs[0]][None], colour=colour)
            for arm, colour in zip(shown, style.KINDS, strict=False)
        )
        return Panel("", "", label, tuple(curves))

    def triangles(ax: Axes) -> None:
        for arm, colour in zip(shown, style.KINDS, strict=False):
            marked = np.isin(steps[arm.runs[0]], arm.found.steps[0])
            ax.plot(*(table[arm.runs[0], marked] for table in (steps, losses)), "v", color=colour, markersize=8)

    def repeated(ax: Axes) -> None:
        twice = [np.mean(arm.found.num_cycles >= 2) for arm in every]
        ax.plot(twice, range(len(every)), "|", color=style.THEORY, markersize=14, markeredgewidth=2.5)

    def seeds(label: str, values: list[np.ndarray], scale: str = "linear") -> Rows:
        known = [each[np.isfinite(each)] for each in values]
        medians = {"": [analysis.median_over_seeds(each) for each in known]}
        return Rows("", label, ("",) * len(every), medians, x_scale=scale, dots=known)

    shares, names = {"": [analysis.share_interval(arm.has) for arm in every]}, tuple(arm.name for arm in every)
    panels = (
        single("training loss", losses)._replace(y_scale="log", legend="outside", draw=triangles),
        single("last-layer norm", analysis.history(ds, NORM))._replace(
            x_label="training step", y_limits=(0.0, None), legend=""
        ),
        Rows("", "share with a slingshot", names, shares, colours=(style.TRAIN,), draw=repeated),
        seeds("lowest training loss", [np.maximum(arm.lowest, LOSS_FLOOR) for arm in every], "log"),
        seeds("test accuracy", [accuracy[arm.runs] for arm in every]),
    )
    told = "; ".join(f"{arm.name}: {arm.cycles}" for arm in (adam[0], *rmsprop[:1]))
    note = (
        f"{told}\n"
        f"above: one seed each, triangles: a slingshot begins; losses below {LOSS_FLOOR:.1e} are drawn as that\n"
        f"below: {len(every[0].runs)} seeds an arm, exact 90% intervals of shares, dark bars: share with at least two\n"
        "small dots: seeds, large ones: their medians with 90% intervals"
    )
    return draw_panels(panels, rows=(1, 1, 3), width=3.6, heights=(2.6, 2.6, 0.9 + 0.3 * len(every)), note=note)
