"""One self-contained HTML page: text escaped, pictures inside, readable on a phone, nothing loaded from elsewhere."""

import base64
import html
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from gendyn.plots.roles import HEADINGS, by_role, said
from gendyn.types import Figure, Finding

_CODE = re.compile(r"``([^`]+)``|:\w+:`([^`]+)`")
_CSS = """
:root { color-scheme: light; }
body { font: 17px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 62rem; margin: 0 auto;
       padding: 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.2; margin-bottom: .2rem; } h2 { font-size: 1.25rem; margin-top: 2rem; }
img { width: 100%; height: auto; } figure { margin: 1rem 0; } figcaption, .note { color: #555; font-size: .9rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid #ddd; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { background: #f6f6f6; padding: .8rem; font-size: .85rem; white-space: pre-wrap; overflow-wrap: anywhere; }
table.findings th, table.findings td { text-align: left; white-space: normal; }
table.findings td:nth-child(3) { min-width: 8rem; } table.findings td:nth-child(4) { min-width: 9.5rem; }
table.facts th { width: 30%; } table.facts td { overflow-wrap: anywhere; }
.supported { color: #00664a; font-weight: 600; } .refuted { color: #b02a00; font-weight: 600; }
.undecided { color: #555; font-weight: 600; } summary { cursor: pointer; padding: .3rem 0; }
@media screen and (max-width: 40rem) {
  body { font-size: 16px; } h1 { font-size: 1.4rem; }
  .findings thead { display: none; }
  .findings, .findings tbody, .findings tr, .findings td { display: block; }
  .findings tr { border-bottom: 1px solid #ddd; padding: .6rem 0; }
  .findings td { border: 0; padding: .1rem 0; }
  .findings td[data-label]::before { content: attr(data-label) ": "; color: #555; }
  .findings td[data-label] br { display: none; }
  table.facts th { width: 9.5rem; overflow-wrap: anywhere; }
}
@media print {
  @page { margin: 14mm; }
  body { font-size: 10.5pt; max-width: none; padding: 0; }
  table, pre { font-size: 8.5pt; } th, td { padding: .1rem .5rem .1rem 0; } pre { line-height: 1.25; }
  h2, summary { break-after: avoid; } figure, tr { break-inside: avoid; } thead { display: table-header-group; }
  img { max-height: 230mm; object-fit: contain; } .scroll { overflow: visible; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
}
"""


def page(title: str, sections: Iterable[tuple[str, str]], *, subtitle: str = "") -> str:
    """The page. Titles and headings are text and escaped; bodies are HTML from the functions of this file.

    >>> page("<b>", [("Runs", "<p>none</p>")]).count("&lt;b&gt;")
    2
    """
    body = "\n".join(f"<section><h2>{html.escape(heading)}</h2>\n{content}</section>" for heading, content in sections)
    name, below = html.escape(title), f"<p class=note>{html.escape(subtitle)}</p>" if subtitle else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # No script, no network: a stored result is data and may not do anything.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        f"style-src 'unsafe-inline'\"><title>{name}</title><style>{_CSS}</style></head>\n"
        f"<body><h1>{name}</h1>{below}\n{body}\n</body></html>\n"
    )


def paragraphs(text: str) -> str:
    """Plain text with blank lines between paragraphs, escaped; what a docstring marks as code is set as code.

    >>> paragraphs("a < b\\n\\n``2^-j``, :func:`gendyn.core.eigh`")
    '<p>a &lt; b</p><p><code>2^-j</code>, <code>gendyn.core.eigh</code></p>'
    """
    parts = (html.escape(" ".join(part.split())) for part in text.split("\n\n") if part.strip())
    return "".join("<p>" + _CODE.sub(r"<code>\1\2</code>", part) + "</p>" for part in parts)


def preformatted(text: str) -> str:
    """Text as it is, such as a command to copy; escaped."""
    return f"<pre>{html.escape(text)}</pre>"


def json_html(value: Any) -> str:
    """A nested value, indented, escaped."""
    return preformatted(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def folded(summary: str, content: str, *, opened: bool = False) -> str:
    """HTML behind a line that opens it on a click, open from the start if asked; ``summary`` is text."""
    return f"<details{' open' if opened else ''}><summary>{html.escape(summary)}</summary>{content}</details>"


def link(address: str, text: str) -> str:
    """A link to a file beside the page; both arguments are text.

    >>> link("runs.csv", "table of runs")
    '<a href="runs.csv">table of runs</a>'
    """
    return f'<a href="{quote(address)}">{html.escape(text)}</a>'


def facts_html(facts: Mapping[str, str]) -> str:
    """Two columns, name and value, both text.

    >>> facts_html({"seed": "0, 1"})
    '<table class=facts><tbody><tr><th scope=row>seed</th><td>0, 1</td></tr></tbody></table>'
    """
    rows = (f"<tr><th scope=row>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in facts.items())
    return f"<table class=facts><tbody>{''.join(rows)}</tbody></table>"


def to_png(made: Figure, *, dpi: int = 110) -> bytes:
    """A figure as PNG bytes."""
    buffer = io.BytesIO()
    made.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def figure_html(png: bytes, title: str, description: str = "", *, svg: str = "") -> str:
    """A picture inside the page (base64) with its title, and its ``description`` for those who cannot see it.

    ``svg`` is the file beside the page that holds the same picture as vectors; empty for none.
    """
    caption = html.escape(title) + (f" ({link(svg, 'SVG')})" if svg else "")
    source = base64.b64encode(png).decode()
    alt = html.escape(f"{title}. {description}" if description else title)
    return f'<figure><img alt="{alt}" src="data:image/png;base64,{source}"><figcaption>{caption}</figcaption></figure>'


def number(value: Any) -> str:
    """A number with four significant digits, infinities and NaN in words a reader knows; anything else as text.

    >>> number(1.23456), number(4810), number(math.inf), number(math.nan), number("relu")
    ('1.235', '4,810', '∞', '–', 'relu')
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def table_html(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table whose columns are the keys of the first row; numbers to the right, everything escaped.

    >>> table_html([{"seed": 0, "name": "<i>"}]).count("&lt;i&gt;")
    1
    """
    if not rows:
        return "<p>None.</p>"

    def cell(tag: str, value: Any, shown: str) -> str:
        numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
        return f"<{tag}{' class=number' if numeric else ''}>{html.escape(shown)}</{tag}>"

    head = "".join(cell("th", value, str(key)) for key, value in rows[0].items())
    lines = ("".join(cell("td", row[key], number(row[key])) for key in rows[0]) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def findings_html(findings: Sequence[Finding]) -> str:
    """Tables of findings: verdict, claim with its rule, effect, interval. On a phone the cells are stacked.

    Primary claims come first, then exploratory ones, then checks, each with what that means.
    """
    if not findings:
        return "<p>None: the sweep belongs to no experiment, or is not far enough to judge.</p>"
    parts = []
    for place, (role, asked) in enumerate(by_role(findings).items()):
        title, meaning = HEADINGS[role]
        parts.append((f"<h3>{title}</h3>" if place else "") + f"<p class=note>{meaning}</p>" + _findings_table(asked))
    return "".join(parts)


def _findings_table(findings: Sequence[Finding]) -> str:
    lines = []
    for found in findings:
        # The class is one of three known words, whatever the finding holds.
        kind = found.verdict if found.verdict in ("supported", "refuted") else "undecided"
        lines.append(
            f'<tr><td><span class="{kind}">{html.escape(said(found))}</span></td>'
            f"<td class=claim>{html.escape(found.claim)}<br><span class=note>{html.escape(found.detail)}</span></td>"
            f'<td data-label="Effect">{number(found.effect)}<br> <span class=note>{html.escape(found.unit)}</span></td>'
            f'<td data-label="Interval">{number(found.low)} to {number(found.high)}<br> '
            f"<span class=note>({found.level:.0%})</span></td></tr>"
        )
    head = "<th>Verdict</th><th>Claim</th><th>Effect</th><th>Interval</th>"
    return (
        f'<div class="scroll"><table class=findings><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody>'
        "</table></div>"
    )


def compared_html(names: tuple[str, str], one: Sequence[Finding], other: Sequence[Finding]) -> str:
    """The findings of two sweeps of one experiment side by side, a row a claim; a claim that only one has says so."""

    def cells(found: Finding | None) -> dict[str, str]:
        if found is None:
            return {"verdict": "not asked", "effect": "–"}
        interval = f"{number(found.effect)} ({number(found.low)} to {number(found.high)}) {found.unit}"
        return {"verdict": said(found), "effect": interval.strip()}

    left, right = ({found.claim: found for found in findings} for findings in (one, other))
    rows = []
    for claim in dict.fromkeys([*left, *right]):
        pair = [(name, cells(side.get(claim))) for name, side in zip(names, (left, right), strict=True)]
        rows.append({"claim": claim} | {f"{name}: {key}": value for name, said in pair for key, value in said.items()})
    return table_html(rows)
