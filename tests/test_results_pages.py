"""README and the pages of results say the same: a number that is typed somewhere else grows old."""

import inspect
import re

import pytest

from gendyn.experiments import find
from gendyn.plots import result_index
from tests.experiments.smoke import EXPERIMENTS

ROW = re.compile(r"^\| \[(\w+)\]\(docs/results/\w+\.md\) (\|.*)$", re.MULTILINE)


def test_every_experiment_has_a_page_and_the_index_lists_them(root):
    folder = root / "docs" / "results"
    pages = {page.stem: page.read_text(encoding="utf-8") for page in folder.glob("*.md") if page.stem != "README"}
    assert sorted(pages) == list(EXPERIMENTS)
    assert result_index(pages) == (folder / "README.md").read_text(encoding="utf-8")


def test_a_row_of_the_readme_is_one_of_the_index(root):
    rows = ROW.findall((root / "README.md").read_text(encoding="utf-8"))
    index = (root / "docs" / "results" / "README.md").read_text(encoding="utf-8").splitlines()
    assert len({name for name, _ in rows}) >= 8
    assert [row for row in rows if f"| [{row[0]}]({row[0]}.md) {row[1]}" not in index] == []


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_page_asks_what_the_experiment_asks_now(root, name):
    """The docstring on the page is that of the code: a page of an older rule is written again."""
    page = (root / "docs" / "results" / f"{name}.md").read_text(encoding="utf-8")
    asked = (inspect.getdoc(find(name)) or "").partition("\n")[2].strip()
    assert asked in page
