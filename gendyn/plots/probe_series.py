"""What the probes of a sweep measured, against training step: one panel a quantity."""

import numpy as np

from gendyn.core.errors import ConfigError
from gendyn.plots import style
from gendyn.plots._step_curves import MAX_LINES, choices, draw, largest_axes
from gendyn.types import Dataset, Figure

MAX_PANELS, COLUMNS = 12, 3
_NOT_MEASURED = {f"{split}_{kind}" for split in ("train", "test") for kind in ("loss", "error")} | {
    "diverged_step",
    "finished_step",
}


def probe_names(ds: Dataset) -> list[str]:
    """What was recorded as one number a run and record, beside losses, errors and marks, and is known somewhere.

    Arrays a record, such as spectra, have figures of their own.
    """
    return [
        str(name)
        for name, variable in ds.data_vars.items()
        if name not in _NOT_MEASURED
        and variable.dims == ("run", "record")
        and variable.dtype.kind == "f"
        and np.isfinite(variable.values).any()
    ]


def probe_series(ds: Dataset, *, names: list[str] | None = None, colour: str | None = None) -> Figure:
    """Draws each measured quantity against the step, as medians over all axes but that of the colours.

    A quantity that is positive throughout and spans more than a factor of 100 has a logarithmic axis.

    Args:
        ds: a sweep's results.
        names: variables to draw; by default the first twelve of :func:`probe_names`.
        colour: axis shown by colour; by default the one with the most values, except ``seed``.

    Raises:
        ConfigError: nothing of the kind was recorded, or a name that was not.
    """
    names = probe_names(ds)[:MAX_PANELS] if names is None else names
    unknown = [name for name in names if name not in probe_names(ds)]
    if unknown or not names:
        raise ConfigError(
            f"names = {names} must be quantities that were recorded as one number a run and record. "
            f"There are: {', '.join(probe_names(ds)) or 'none'}."
        )
    (colour,) = largest_axes(ds, (colour,))
    colours = choices(ds, colour, MAX_LINES)
    columns = min(COLUMNS, len(names))
    made, axes = style.figure(-(-len(names) // columns), columns, share_x=False, share_y=False)
    for ax, name in zip(axes.flat, names, strict=False):
        for (label, chosen), shade in zip(colours, style.sequence(len(colours)), strict=True):
            draw(ax, ds, name, chosen, color=shade, linewidth=2.0, label=label)
        known = ds[name].values[np.isfinite(ds[name].values)]
        if known.min() > 0 and known.max() > 100 * known.min():
            ax.set_yscale("log")
        ax.set_title(name.replace("/", ": ").replace("_", " "), fontsize=style.SIZES["tick"])
        ax.set_xlabel("training step", fontsize=style.SIZES["label"])
    for ax in axes.flat[len(names) :]:
        ax.remove()
    if colour:
        style.side_legend(made, axes[0, 0], title=colour)
    more = len(probe_names(ds)) - len(names)
    style.caption(
        made,
        f"medians over the other axes, {ds.sizes['run']:,} runs"
        + (f"   ·   {more} more quantities are in the results" if more > 0 else ""),
    )
    return made
