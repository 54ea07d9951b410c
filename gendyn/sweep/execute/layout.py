"""How the runs of a chunk are laid over the hardware, and what changes it while they train."""

from typing import Any, NamedTuple


class Conditions(NamedTuple):
    """The machine and the software, on which bits depend too."""

    devices: int
    platform: str
    versions: str
    """Of jax and jaxlib, and ``XLA_FLAGS``."""


class Layout(NamedTuple):
    """What the bits of a result depend on besides the program; written down before it is used."""

    from_record: int
    """The first record computed under it."""
    strategy: str
    """``"vmap"``: all runs of a device side by side. ``"map"``: one batch of runs after another, in one program."""
    batch: int
    """Runs side by side within ``"map"``; 1 is one at a time."""
    rows: tuple[int, ...]
    """Rows of the chunk that are in the program; runs that finished earlier are not."""
    parts: int
    """The rows go through the program in this many turns; more than one where memory is short."""
    devices: int
    platform: str
    versions: str
    """Of jax and jaxlib, and ``XLA_FLAGS``."""

    def program_rows(self) -> int:
        """Rows of one turn, inert ones included: a multiple of the devices times the batch."""
        unit = self.devices * (self.batch if self.strategy == "map" else 1)
        per_part = -(-len(self.rows) // self.parts)
        return -(-per_part // unit) * unit

    def smaller(self) -> "Layout | None":
        """About half of the runs at a time; ``None`` where that is one a device already."""
        parts = self._replace(parts=min(2 * self.parts, len(self.rows)))
        if parts.program_rows() < self.program_rows():
            return parts
        return self._replace(batch=self.batch // 2) if self.strategy == "map" and self.batch > 1 else None

    def to_json(self) -> dict[str, Any]:
        return {**self._asdict(), "rows": list(self.rows)}


def layout_from_json(stored: dict[str, Any]) -> Layout:
    """The inverse of :meth:`Layout.to_json`."""
    return Layout(**{**stored, "rows": tuple(stored["rows"])})


class Start(NamedTuple):
    """The first segment of a chunk is due."""

    runs: int
    strategy: str
    batch: int
    conditions: Conditions


class OtherConditions(NamedTuple):
    """A restart finds itself on another machine, or with other software; or on the same."""

    conditions: Conditions


class RunsFinished(NamedTuple):
    """A record is there, and a stop rule may have ended runs."""

    active: tuple[int, ...]
    """Rows of the layout whose runs go on."""


class OutOfMemory(NamedTuple):
    """A segment did not fit the devices."""


Event = Start | OtherConditions | RunsFinished | OutOfMemory


def next_layout(layout: Layout | None, record: int, event: Event) -> Layout | None:
    """The layout from ``record`` on; ``layout`` itself where the event changes nothing.

    Args:
        layout: in force so far; ``None`` before the first.
        record: the first record that will be computed under the next.
        event: what has happened.

    Returns:
        ``None`` only where there was none before and the event does not start one.

    Finished runs cost nothing one after another, but all of their time side by side: they are dropped by halves. Where
    memory is short, about half of the runs go through the program at a time; one at a time is never made smaller.

    >>> conditions = Conditions(1, "cpu", "")
    >>> first = next_layout(None, 0, Start(4, "vmap", 1, conditions))
    >>> next_layout(first, 3, RunsFinished((0, 2))).rows, next_layout(first, 3, OutOfMemory()).parts
    ((0, 2), 2)
    >>> next_layout(first, 3, RunsFinished((0, 1, 2))) is first is next_layout(first, 3, OtherConditions(conditions))
    True
    """
    if isinstance(event, Start):
        return Layout(record, event.strategy, event.batch, tuple(range(event.runs)), 1, *event.conditions)
    if layout is None:
        return None
    changed: Layout | None = layout
    if isinstance(event, OtherConditions):
        changed = layout._replace(**event.conditions._asdict())
    elif isinstance(event, OutOfMemory):
        changed = layout.smaller()
    elif _drops(layout, len(event.active)):
        changed = layout._replace(rows=event.active, parts=min(layout.parts, len(event.active)))
    return layout if changed is None or changed == layout else changed._replace(from_record=record)


def _drops(layout: Layout, active: int) -> bool:
    """Whether a program for the runs that go on has at most half of the rows."""
    side_by_side = layout.strategy == "vmap" or layout.batch > 1
    if not side_by_side or not active:
        return False
    return layout._replace(rows=tuple(range(active))).program_rows() * 2 <= layout.program_rows()
