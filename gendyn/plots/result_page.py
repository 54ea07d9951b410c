"""What an experiment found, as a page of Markdown: every number comes from the results, none is typed."""

import math
from collections.abc import Mapping, Sequence

from gendyn.plots.roles import HEADINGS, by_role, said
from gendyn.types import Finding


def result_page(
    name: str,
    docstring: str,
    findings: Sequence[Finding],
    facts: Mapping[str, str],
    *,
    picture: str = "",
    command: str = "",
) -> str:
    """The page ``docs/results/<name>.md``.

    Args:
        name: of the experiment.
        docstring: its own; the first line becomes the subtitle, what follows stays as it is.
        findings: a table row each, and its rule below; exploratory claims and checks have tables of their own.
        facts: seeds, runs, cost and the like, a line each.
        picture: file name of the figure, beside the page; empty for none.
        command: what computes it again.

    >>> found = Finding("Larger is better.", 2.0, 1.5, 2.5, 0.9, "ratio", "supported", "Mean over seeds.")
    >>> page = result_page("size", "Size.", [found], {"seeds": "5"})
    >>> print(page[page.index("| claim") : page.index("## Run")].strip())
    | claim | effect | 90 % interval | verdict |
    | --- | --- | --- | --- |
    | Larger is better. | 2 ratio | 1.5 to 2.5 | **supported** |
    <BLANKLINE>
    1. Mean over seeds.
    """
    title, _, rest = docstring.strip().partition("\n")
    levels = sorted({found.level for found in findings}) or [0.9]
    level = " or ".join(f"{100 * value:g} %" for value in levels)
    parts = [f"# {name}", title, f"![{_cell(title)}]({picture})" if picture else ""]
    for role, asked in by_role(findings).items():
        rows = [f"| claim | effect | {level} interval | verdict |", "| --- | --- | --- | --- |"]
        for found in asked:
            effect = f"{_number(found.effect)} {found.unit}".strip()
            cells = (found.claim, effect, f"{_number(found.low)} to {_number(found.high)}", f"**{said(found)}**")
            rows.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
        details = [f"{number}. {found.detail}" for number, found in enumerate(asked, 1)]
        parts += [f"## {HEADINGS[role][0]}", HEADINGS[role][1], "\n".join(rows), "\n".join(details)]
    parts += ["## Run", "\n".join(f"- {key}: {value}" for key, value in facts.items())]
    parts += [f"```sh\n{command}\n```" if command else "", "## What is asked", rest.strip()]
    parts.append("This page is written by `scripts/report.py --result_page=docs/results`; it is not edited by hand.")
    return "\n\n".join(filter(None, parts)) + "\n"


def _number(value: float) -> str:
    if math.isnan(value):
        return "unknown"
    return f"{value:.3g}" if math.isfinite(value) else ("unbounded" if value > 0 else "-unbounded")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
