"""Rows as text, for a terminal."""

from collections.abc import Sequence

Row = tuple[str, ...]
LONGEST = 36
"""Letters of a column at most, but of the last."""


def as_text(rows: Sequence[Row]) -> str:
    """Rows under each other, every column but the last padded.

    >>> print(as_text([("sgd", "Plain."), ("adam", "Adam.")]))
      sgd   Plain.
      adam  Adam.
    """
    if not rows:
        return ""
    longest = [min(max(map(len, column)), LONGEST) for column in list(zip(*rows, strict=True))[:-1]]
    lines = ["  ".join((*(cell.ljust(n) for cell, n in zip(row, longest, strict=False)), row[-1])) for row in rows]
    return "\n".join(f"  {line}".rstrip() for line in lines)
