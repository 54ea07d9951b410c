"""What a section returns: numbers with their spread, and with the target they are held against."""

import math
from typing import Any, NamedTuple

from benchmarks.timing import Ratio


class Row(NamedTuple):
    """One line of the report."""

    name: str
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    unit: str = "x"
    at_least: float | None = None
    at_most: float | None = None
    cpu: float = math.nan
    """The same ratio in CPU time, where it is a ratio of times."""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the median reaches its target; ``None`` without a target or a value."""
        if math.isnan(self.value) or (self.at_least is None and self.at_most is None):
            return None
        above = self.at_least is None or self.value >= self.at_least
        return above and (self.at_most is None or self.value <= self.at_most)

    def to_json(self) -> dict[str, Any]:
        """Plain values; what is not known is ``None``."""
        plain = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in self._asdict().items()}
        return plain | {"met": self.met}


def of_ratio(
    name: str, ratio: Ratio, *, at_least: float | None = None, at_most: float | None = None, note: str = ""
) -> Row:
    """The row of a ratio of paired timings."""
    return Row(name, ratio.median, ratio.low, ratio.high, at_least=at_least, at_most=at_most, cpu=ratio.cpu, note=note)


def format_row(row: Row) -> str:
    """One line of text, about 120 characters.

    >>> format_row(Row("packed / loop", 8.04, 7.9, 8.1, at_least=7.0))
    'packed / loop                                      8.04 x      (7.9 .. 8.1)              >= 7    met'
    """
    if math.isnan(row.value):
        return f"{row.name:<48}   {row.note}"
    spread = "" if math.isnan(row.low) else f"({row.low:.3g} .. {row.high:.3g})"
    cpu = "" if math.isnan(row.cpu) else f"cpu {row.cpu:.3g}"
    target = "" if row.at_least is None else f">= {row.at_least:g}"
    target += "" if row.at_most is None else f"<= {row.at_most:g}"
    verdict = {None: "", True: "met", False: "MISSED"}[row.met]
    line = f"{row.name:<48}{row.value:>7.3g} {row.unit:<6} {spread:<16}{cpu:<10}{target:<8}{verdict:<7}{row.note}"
    return line.rstrip()
