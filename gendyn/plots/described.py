"""A figure in words, for those who cannot see it: what each panel shows, and where its lines lead."""

import numpy as np

from gendyn.types import Axes, Figure

MAX_PANELS, MAX_LINES = 6, 6


def described(made: Figure) -> str:
    """One sentence a panel and one a labelled line, read from what is drawn; at most six of each.

    >>> from matplotlib.figure import Figure
    >>> made = Figure()
    >>> ax = made.subplots()
    >>> _ = ax.plot([1, 10, 100], [0.5, 2.0, 0.25], label="20 % noise")
    >>> _ = ax.set(xlabel="width", ylabel="test loss", xscale="log")
    >>> described(made)
    'Test loss against width (logarithmic). 20 % noise: 0.5 at 1, highest 2 at 10, 0.25 at 100.'
    """
    panels = [ax for ax in made.axes if ax.axison]
    said = [_panel(ax) for ax in panels[:MAX_PANELS]]
    if len(panels) > MAX_PANELS:
        said.append(f"{len(panels) - MAX_PANELS} more panels.")
    return " ".join(filter(None, said))


def _panel(ax: Axes) -> str:
    x = _words(_shared(ax.get_shared_x_axes().get_siblings(ax), "x"))
    y = _words(_shared(ax.get_shared_y_axes().get_siblings(ax), "y"))
    scale = " (logarithmic)" if ax.get_xscale() != "linear" else ""
    what = f"{y} against {x}{scale}" if x and y else (x or y)
    title = _words(ax.get_title())
    start = ": ".join(filter(None, (title, what)))
    lines = [line for line in ax.get_lines() if str(line.get_label()).strip("_ ") and str(line.get_label())[0] != "_"]
    parts = [f"{start[:1].upper()}{start[1:]}" if start else ""]
    parts += [
        _line(_words(str(line.get_label())), *np.ma.filled(line.get_xydata(), np.nan).T) for line in lines[:MAX_LINES]
    ]
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def _shared(siblings: list[Axes], axis: str) -> str:
    """The label of an axis, which of panels that share it only one bears."""
    texts = [getattr(ax, f"get_{axis}label")() for ax in siblings]
    return next(filter(None, texts), "")


def _line(label: str, x: np.ndarray, y: np.ndarray) -> str:
    """First and last point, and the extremum between them that lies furthest outside their range, if any."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 2:
        return label

    def at(i: int) -> str:
        return f"{y[i]:.3g} at {x[i]:.5g}"

    above, below = y.max() - max(y[0], y[-1]), min(y[0], y[-1]) - y.min()
    middle = []
    if max(above, below) > 0.02 * np.ptp(y):
        middle = [f"highest {at(int(y.argmax()))}" if above >= below else f"lowest {at(int(y.argmin()))}"]
    return f"{label}: {', '.join([at(0), *middle, at(len(y) - 1)])}"


def _words(text: str) -> str:
    return " ".join(text.replace("$", "").replace("\\", "").split())
