"""What an experiment found, as a page of Markdown: every number comes from the results, none is typed."""

import math
from collections.abc import Mapping, Sequence

from gendyn.plots.roles import HEADINGS, by_role, said
from gendyn.types import Finding

WRITTEN = "This page is written by `scripts/report.py --result_page=docs/results`; it is not edited by hand."
"""Ends every page that is made here."""


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
    parts.append(WRITTEN)
    return "\n\n".join(filter(None, parts)) + "\n"


def result_index(pages: Mapping[str, str]) -> str:
    """``docs/results/README.md``: the primary findings of all pages beside it, a row each.

    Args:
        pages: name of an experiment -> its page, as :func:`result_page` writes it.

    >>> found = Finding("Larger is better.", 2.0, 1.5, 2.5, 0.9, "ratio", "supported", "Mean over seeds.")
    >>> print(result_index({"size": result_page("size", "Size: does it matter?", [found], {})}).splitlines()[-3])
    | [size](size.md) | Larger is better. | 2 ratio | 1.5 to 2.5 | **supported** |
    """
    rows = ["| experiment | claim | effect | interval | verdict |", "| --- | --- | --- | --- | --- |"]
    title, meaning = HEADINGS["primary"]
    for name, text in sorted(pages.items()):
        # Pages of before 0.5 have no sentence on the correction, for there was none.
        section = text.partition("\n\n".join(f"{part}" for part in (f"## {title}", meaning)))[2].partition("\n## ")[0]
        lines = [line for line in section.splitlines() if line.startswith("|")][2:]
        rows += [f"| [{name}]({name}.md) {line}" for line in lines]
    what = "The primary findings of every experiment at its default size, from the pages beside this one. " + (
        "Verdicts are corrected for the number of primary claims of an experiment (Holm)."
    )
    return "\n\n".join(["# What was found", what, "\n".join(rows), WRITTEN]) + "\n"


def _number(value: float) -> str:
    if math.isnan(value):
        return "unknown"
    return f"{value:.3g}" if math.isfinite(value) else ("unbounded" if value > 0 else "-unbounded")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
