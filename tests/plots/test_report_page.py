"""The page is self-contained and escapes everything it is given."""

import html.parser
import math

import pytest

from gendyn.plots import compared_html, figure_html, findings_html, folded, json_html, page, paragraphs, table_html
from gendyn.types import Finding

HOSTILE = "</pre></title><script>alert('x')</script><img src=x onerror=alert(1)>\"'&"


class Tags(html.parser.HTMLParser):
    """Collects tags, attributes and text as a browser would see them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def finding(text=HOSTILE, verdict="supported"):
    return Finding(text, 1.5, 1.2, math.inf, 0.9, text, verdict, text)


@pytest.mark.parametrize(
    "fragment",
    [
        paragraphs(HOSTILE),
        json_html({HOSTILE: [HOSTILE]}),
        folded(HOSTILE, ""),
        figure_html(b"\x89PNG", HOSTILE),
        table_html([{HOSTILE: HOSTILE, "b": 1}]),
        findings_html([finding(), finding(verdict=HOSTILE)]),
        compared_html((HOSTILE, "b"), [finding()], [finding("other")]),
        page(HOSTILE, [(HOSTILE, "")]),
    ],
    ids=["paragraphs", "json", "folded", "figure", "table", "findings", "compared", "page"],
)
def test_hostile_text_stays_text(fragment):
    seen = Tags(fragment)
    assert "script" not in seen.tags and seen.open == []
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    sources = [value for name, value in seen.attributes if name in ("src", "href")]
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert HOSTILE in seen.text or any(value == HOSTILE for _, value in seen.attributes) or "alert(1)" in seen.text


def test_page_is_readable_on_a_phone_and_forbids_scripts():
    seen = Tags(page("Runs", [("One", "<p>1</p>"), ("Two", "")]))
    attributes = [value or "" for _, value in seen.attributes]
    assert "width=device-width, initial-scale=1" in attributes
    assert any("default-src 'none'" in value for value in attributes)
    assert seen.tags.count("h2") == 2


def test_findings_show_effect_interval_and_verdict():
    shown = Tags(findings_html([finding("a peak exists")])).text
    for part in ("a peak exists", "1.5", "1.2 to ∞", "90%", "supported"):
        assert part in shown
    assert "None" in findings_html([]) and "borderline" not in shown
    assert "supported, borderline" in Tags(findings_html([finding()._replace(borderline=True)])).text


def test_exploratory_claims_and_checks_stand_apart():
    found = [finding(role)._replace(role=role) for role in ("check", "exploratory", "primary")]
    seen = Tags(findings_html(found))
    assert seen.tags.count("table") == 3 and seen.tags.count("h3") == 2
    assert seen.text.index("corrected for their number") < seen.text.index("Exploratory") < seen.text.index("Checks")


def test_table_aligns_numbers_and_keeps_the_order_of_columns():
    fragment = table_html([{"width": 64, "name": "relu"}, {"width": 1200, "name": "tanh"}])
    assert fragment.index("width") < fragment.index("name")
    assert "<td class=number>1,200</td><td>tanh</td>" in fragment
    assert table_html([]) == "<p>None.</p>"


def test_two_sweeps_are_compared_claim_by_claim():
    text = compared_html(("a", "b"), [finding("x"), finding("y")], [finding("y", verdict="refuted"), finding("z")])
    rows = [row.split("</td>")[:-1] for row in text.partition("<tbody>")[2].split("<tr>")[1:]]
    shown = [[cell.rpartition(">")[2] for cell in row] for row in rows]
    assert [row[0] for row in shown] == ["x", "y", "z"]
    assert [(row[1], row[3]) for row in shown] == [
        ("supported", "not asked"),
        ("supported", "refuted"),
        ("not asked", "supported"),
    ]
    assert shown[1][2] == "1.5 (1.2 to ∞) y"
