"""Measured sections as a page of Markdown."""

from collections.abc import Mapping
from typing import Any


def speed_page(sections: Mapping[str, Any]) -> str:
    """The page ``docs/speed.md``.

    Args:
        sections: name -> title, machine, repeats and rows, as ``bench.py`` stores them.

    >>> row = {"name": "a / b", "value": 2.0, "low": 1.5, "high": 2.5, "unit": "x", "at_least": 1.0, "at_most": None,
    ...        "cpu": None, "note": "", "met": True}
    >>> made = speed_page({"small": {"title": "Small.", "machine": {"cores": 2}, "repeats": 5, "rows": [row]}})
    >>> print(made.splitlines()[-1])
    | a / b | 2 (1.5 to 2.5) x |  | at least 1 | met |
    """
    lines = [
        "# Speed",
        "",
        "Ratios of gendyn to the strongest alternative, in turns within one run: the median, and in brackets the "
        "smallest and the largest. `cpu` is the same ratio in CPU time. This page is written by "
        "`scripts/bench.py --output=docs/speed.json --page=docs/speed.md`; it is not edited by hand.",
    ]
    for name, section in sorted(sections.items()):
        where = ", ".join(f"{key} {value}" for key, value in section["machine"].items())
        lines += ["", f"## {name}", "", f"{section['title']} Measured {section['repeats']} times on {where}.", ""]
        lines += ["| measured | value | cpu | target | |", "| --- | --- | --- | --- | --- |"]
        for row in section["rows"]:
            if row["value"] is None:
                lines.append(f"| {row['name']} |  |  |  | {row['note']} |")
                continue
            spread = "" if row["low"] is None else f" ({row['low']:.3g} to {row['high']:.3g})"
            targets = [
                f"{word} {row[key]:g}" for key, word in (("at_least", "at least"), ("at_most", "at most")) if row[key]
            ]
            cpu = "" if row["cpu"] is None else f"{row['cpu']:.3g}"
            verdict = {None: "", True: "met", False: "**missed**"}[row["met"]]
            cells = (row["name"], f"{row['value']:.3g}{spread} {row['unit']}", cpu, " and ".join(targets), verdict)
            lines.append(f"| {' | '.join(cells)} |" + (f" {row['note']}" if row["note"] else ""))
    return "\n".join(lines) + "\n"
