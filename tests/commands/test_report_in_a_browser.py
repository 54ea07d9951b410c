"""The report page in Chromium: on a phone, a tablet, a desk and on paper. Skipped where there is none, and says so."""

import html
import json
import re
import shutil
import subprocess
import zlib

import pytest

from gendyn.commands import report

WIDTHS = (390, 768, 1200)
_MEASURE = """<script>
const first = document.querySelector(".findings tbody span");
parent.document.body.dataset.seen = (parent.document.body.dataset.seen || "") + JSON.stringify({
  width: document.documentElement.scrollWidth, inner: innerWidth,
  right: Math.max(...[...document.querySelectorAll(".findings td, .facts td, h1, img")].map(
    e => e.getBoundingClientRect().right)),
  stacked: new Set([...document.querySelectorAll(".findings tbody tr:first-child td")].map(
    e => Math.round(e.getBoundingClientRect().left))).size == 1,
  verdict: first.textContent, verdictRight: first.getBoundingClientRect().right,
  broken: [...document.images].filter(image => !image.naturalWidth).length,
}) + "\\n";
</script>"""


@pytest.fixture(scope="module")
def browser():
    """Runs Chromium without a window on a file and returns what it prints."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        said = "no Chromium (Debian: apt install chromium): the report page is not looked at"
        pytest.skip(said)

    def run(page, *options):
        flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *options)
        return subprocess.run(
            [path, *flags, page.as_uri()], capture_output=True, text=True, check=True, timeout=120
        ).stdout

    return run


@pytest.fixture(scope="module")
def page(finished, tmp_path_factory):
    _, ds = finished("random_labels")
    return report.write_report(ds, tmp_path_factory.mktemp("report"), name="first")


def test_everything_fits_the_window_and_verdicts_are_seen(browser, page, tmp_path):
    # The page itself allows no script: a copy without that rule measures itself, in a frame as wide as the window.
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    copy = html.escape(text.replace("</body>", f"{_MEASURE}</body>"))
    frames = "".join(f'<iframe style="border:0;width:{width}px" srcdoc="{copy}"></iframe>' for width in WIDTHS)
    outer = tmp_path / "windows.html"
    outer.write_text(f"<!doctype html><body>{frames}</body>")
    found = re.search(r'data-seen="([^"]*)"', browser(outer, "--window-size=2500,900", "--dump-dom"))
    windows = [json.loads(line) for line in html.unescape(found[1]).splitlines()]
    assert sorted(seen["inner"] for seen in windows) == list(WIDTHS)
    for seen in windows:
        assert seen["width"] <= seen["inner"] and seen["right"] <= seen["inner"] and seen["broken"] == 0
        assert seen["verdict"] in ("supported", "refuted", "undecided")
        assert 0 < seen["verdictRight"] <= seen["inner"] and seen["stacked"] == (seen["inner"] == min(WIDTHS))


def test_on_paper_details_are_open_and_no_page_is_empty(browser, page, tmp_path):
    opened = tmp_path / "opened.html"
    opened.write_text(page.read_text().replace("<details>", "<details open>"))
    assert opened.read_text() != page.read_text()
    printed = []
    for file in (page, opened):
        target = tmp_path / f"{file.stem}.pdf"
        browser(file, "--no-pdf-header-footer", f"--print-to-pdf={target}")
        printed.append(_texts_shown(target.read_bytes()))
    assert printed[0] == printed[1] and min(printed[0]) > 0


def _texts_shown(pdf: bytes) -> list[int]:
    """How many pieces of text each page of a PDF shows, in order."""
    objects = {int(m[1]): m[2] for m in re.finditer(rb"(?s)(\d+) 0 obj\s(.*?)endobj", pdf)}

    def pages(number):
        kids = re.search(rb"/Kids \[(.*?)\]", objects[number])
        if kids is None:
            return [number]
        return [leaf for kid in re.findall(rb"(\d+) 0 R", kids[1]) for leaf in pages(int(kid))]

    root = int(re.search(rb"/Pages (\d+) 0 R", pdf)[1])
    contents = [int(re.search(rb"/Contents (\d+) 0 R", objects[number])[1]) for number in pages(root)]
    streams = [re.search(rb"(?s)stream\r?\n(.*)endstream", objects[number])[1] for number in contents]
    return [len(re.findall(rb"T[jJ]", zlib.decompressobj().decompress(stream))) for stream in streams]
