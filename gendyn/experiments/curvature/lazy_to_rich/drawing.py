"""What changes with the output scale, a colour for each width."""

import numpy as np

from gendyn.core import ConfigError
from gendyn.experiments.curvature.lazy_to_rich.tables import BORDER, regimes
from gendyn.plots import Curve, Panel, draw_panels, style
from gendyn.types import Dataset, Figure


def figure(ds: Dataset) -> Figure:
    """Five panels over the output scale; lines are medians over seeds, bands their exact intervals.

    From above: movement and rotation of the kernel, error of the linearised prediction, change of the kernel's
    alignment with the labels, test loss. Vertical lines mark each width's border, where the error passes ``BORDER``.

    Raises:
        ConfigError: no seed that is finished everywhere.
    """
    found = regimes(ds)
    if not len(found.error):
        raise ConfigError("no seed has finished at every width and output scale; wait for the sweep.")
    colours, largest = style.sequence(len(found.widths)), found.scales[-1]
    # The predicted power, beside the widest network's line over the lazy decade.
    lazy = largest * np.array([0.1, 1.0])
    power = 0.4 * float(np.median(found.movement[:, -1, -1])) * (lazy / largest) ** -2
    predicted = Curve("∝ 1 / scale²", exact_x=lazy, exact=power, colour=style.THEORY)

    def panel(label: str, table: np.ndarray, scale: str = "log", *more: Curve) -> Panel:
        curves = [
            Curve(style.number(width), found.scales, rows, colour=colour, statistic="median", marker="o", mark=border)
            for width, rows, colour, border in zip(
                found.widths.tolist(), np.moveaxis(table, 1, 0), colours, found.borders, strict=True
            )
        ]
        return Panel("", "", label, (*curves, *more), "log", scale, legend="")

    moved = panel("kernel\nmovement", found.movement, "log", predicted)._replace(legend="outside", legend_title="width")
    off = panel("error of\nlinearisation", found.error)._replace(levels=((BORDER, f"border: {BORDER:.0%}"),))
    aligned = panel("change of label\nalignment", found.growth, "linear")._replace(levels=((0.0, ""),))
    loss = panel("test loss /\nloss of 0", found.test_loss)
    loss = loss._replace(x_label="output scale  (rich on the left, lazy on the right)")
    shown = (moved, panel("kernel\nrotation", found.rotation), off, aligned, loss)
    note = f"{len(found.error)} seeds   ·   dotted: the border at each width"
    return draw_panels(shown, num_columns=1, width=9.0, height=2.25, note=note, over="seeds")
