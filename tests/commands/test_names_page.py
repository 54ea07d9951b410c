"""docs/names.md says what the tables say; it holds every name, and shows text as it is."""

import pytest

from gendyn.commands import _names_page, _tables
from gendyn.core import ConfigError

COMMAND = "gendyn list --page=docs/names.md"


@pytest.fixture(scope="module")
def page():
    return _names_page.names_page()


def test_the_page_in_docs_is_what_the_tables_say(page, root):
    written = (root / "docs" / "names.md").read_text(encoding="utf-8").splitlines()
    new = page.splitlines()
    changed = [line for line in new if line not in written] + [line for line in written if line not in new]
    assert written == new, f"docs/names.md is old; `{COMMAND}` writes it again. Lines: {changed[:5]}"
    assert COMMAND in page


@pytest.mark.parametrize("kind", _tables.KINDS)
def test_every_name_has_its_sentence_there(page, kind):
    for name, sentence in _tables.things(kind):
        said = sentence.replace("<", "&lt;").replace("*", "\\*")
        assert f"### {name}\n\n{said}\n" in page or f"| `{name}` | {said} |\n" in page, name


def test_every_leaf_and_every_argument_is_there(page):
    cells = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    kinds = [kind for kind in _tables.SECTIONS if kind != "projections"]
    owned = {row[0] for kind in kinds for name in _tables.KINDS[kind].names() for row in _tables.arguments(kind, name)}
    assert owned | {"train.num_steps", "seed", "model.name", "num_probes"} <= cells


def test_text_stays_text():
    rows = [("a", "1|2", "static", "x | y < z * w")]
    *_, row, _ = _names_page._table(("leaf", "default", "kind", "meaning"), rows)
    assert row == "| `a` | `1\\|2` | static | x \\| y &lt; z \\* w |"


def test_it_is_written_where_it_is_asked_for(tmp_path, page):
    assert _names_page.write_names_page(tmp_path / "n.md").read_text(encoding="utf-8") == page
    with pytest.raises(ConfigError, match=r"--page=.* cannot be written"):
        _names_page.write_names_page(tmp_path / "nowhere" / "n.md")
