"""One self-contained HTML page: text escaped, pictures inside, readable on a phone, nothing loaded from elsewhere."""

import base64
import html
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gendyn.types import Figure, Finding

_CSS = """
:root { color-scheme: light; }
body { font: 17px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 62rem; margin: 0 auto;
       padding: 1rem; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2rem; }
img { width: 100%; height: auto; } figure { margin: 1rem 0; } figcaption, .note { color: #555; font-size: .9rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid #ddd; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { background: #f6f6f6; padding: .8rem; overflow-x: auto; font-size: .85rem; white-space: pre-wrap; }
.supported { color: #00664a; font-weight: 600; } .refuted { color: #b02a00; font-weight: 600; }
.undecided { color: #555; font-weight: 600; } summary { cursor: pointer; padding: .3rem 0; }
"""


def page(title: str, sections: Iterable[tuple[str, str]]) -> str:
    """The page. ``title`` and headings are text and escaped; bodies are HTML from the functions of this file.

    >>> page("<b>", [("Runs", "<p>none</p>")]).count("&lt;b&gt;")
    2
    """
    body = "\n".join(f"<section><h2>{html.escape(heading)}</h2>\n{content}</section>" for heading, content in sections)
    name = html.escape(title)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # No script, no network: a stored result is data and may not do anything.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        f"style-src 'unsafe-inline'\"><title>{name}</title><style>{_CSS}</style></head>\n"
        f"<body><h1>{name}</h1>\n{body}\n</body></html>\n"
    )


def paragraphs(text: str) -> str:
    """Plain text with blank lines between paragraphs, escaped.

    >>> paragraphs("a < b\\n\\nc")
    '<p>a &lt; b</p><p>c</p>'
    """
    return "".join(f"<p>{html.escape(' '.join(part.split()))}</p>" for part in text.split("\n\n") if part.strip())


def json_html(value: Any) -> str:
    """A nested value, indented, escaped."""
    return f"<pre>{html.escape(json.dumps(value, indent=2, ensure_ascii=False, default=str))}</pre>"


def folded(summary: str, content: str) -> str:
    """HTML behind a line that opens it on a click; ``summary`` is text."""
    return f"<details><summary>{html.escape(summary)}</summary>{content}</details>"


def to_png(made: Figure, *, dpi: int = 110) -> bytes:
    """A figure as PNG bytes."""
    buffer = io.BytesIO()
    made.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def figure_html(png: bytes, description: str) -> str:
    """A picture inside the page (base64), with its description for those who cannot see it."""
    text = html.escape(description)
    source = base64.b64encode(png).decode()
    return f'<figure><img alt="{text}" src="data:image/png;base64,{source}"><figcaption>{text}</figcaption></figure>'


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
    """The table of findings: claim with its rule, effect, interval, verdict."""
    if not findings:
        return "<p>None: the sweep belongs to no experiment, or is not far enough to judge.</p>"
    lines = []
    for found in findings:
        # The class is one of three known words, whatever the finding holds.
        kind = found.verdict if found.verdict in ("supported", "refuted") else "undecided"
        lines.append(
            f"<tr><td>{html.escape(found.claim)}<br><span class=note>{html.escape(found.detail)}</span></td>"
            f"<td class=number>{number(found.effect)}<br><span class=note>{html.escape(found.unit)}</span></td>"
            f"<td class=number>{number(found.low)} to {number(found.high)}<br>"
            f"<span class=note>{found.level:.0%}</span></td>"
            f'<td><span class="{kind}">{html.escape(found.verdict)}</span></td></tr>'
        )
    head = "<th>Claim</th><th class=number>Effect</th><th class=number>Interval</th><th>Verdict</th>"
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
