"""The tables of ``gendyn list`` as one Markdown page."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from gendyn.commands._columns import Row
from gendyn.commands._tables import KINDS, SECTIONS, arguments, leaves, things
from gendyn.core import ConfigError

ABOUT = """\
# Names

What a config may name, and every leaf that it may set. `gendyn list --page=docs/names.md` writes this page, from the
docstrings and signatures of the files that are named. Things of your own serve everywhere as `module:object`:
[adding](adding.md).

The kind of a leaf says how it may vary as an axis of a sweep. *traced*: an array inside one program. *static*: a
program for each value. *size*: a shape that runs share by padding. *sample*: what a run sees of the data. *execution*
and *label*: no part of what is computed.
"""


def write_names_page(path: str | Path) -> Path:
    """Writes the page and returns its path.

    Raises:
        ConfigError: it cannot be written there.
    """
    target = Path(path).expanduser()
    try:
        target.write_text(names_page(), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--page={path} cannot be written: {error}.") from error
    return target


def names_page() -> str:
    """Every kind with its names, a sentence and the leaves of each; then the leaves that every sweep has."""
    lines = [ABOUT]
    for kind in KINDS:
        lines += [f"## {kind.capitalize()}", "", _naming(kind), "", *_of_kind(kind)]
    fixed = [row for row in leaves() if row[0].partition(".")[0] not in SECTIONS.values() or row[0].endswith(".name")]
    lines += ["## Leaves of every sweep", "", *_table(("leaf", "default", "kind", "meaning"), fixed)]
    return "\n".join(lines)


def _naming(kind: str) -> str:
    """How a config names one of the kind."""
    if kind == "probes":
        return 'Several, as calls: `config.probes = ("sharpness(num_probes=8)",)`, or `gendyn analyse --probe=…`.'
    if kind == "experiments":
        return "`gendyn sweep --config=<name>`; `gendyn list leaves --config=<name>` lists its leaves."
    if kind == "projections":
        return "`--config.projection.name=…`: every filter, with its leaves as `projection.…`, and:"
    return f"`--config.{KINDS[kind].leaf}=…`"


def _of_kind(kind: str) -> Iterator[str]:
    found = things(kind)
    if kind in ("losses", "experiments"):  # their names say all that a config gives
        yield from _table(("name", "what it is"), found)
        return
    filters = KINDS["filters"].names() if kind == "projections" else ()
    for name, sentence in (row for row in found if row[0] not in filters):
        rows = arguments(kind, name)
        yield from (f"### {name}", "", _plain(sentence), "")
        if kind == "probes":
            yield from _table(("argument", "default", "meaning"), [(row[0], row[1], row[3]) for row in rows])
        else:
            yield from _table(("leaf", "default", "kind", "meaning"), rows)


def _table(header: Row, rows: Sequence[Row]) -> Iterator[str]:
    r"""Names and defaults as code; nothing where there are no rows.

    >>> print("\n".join(_table(("name", "what it is"), [("sgd", "Plain | simple.")])))
    | name | what it is |
    | --- | --- |
    | `sgd` | Plain \| simple. |
    <BLANKLINE>
    """
    if not rows:
        return
    code = [column in ("name", "leaf", "argument", "default") for column in header]
    yield f"| {' | '.join(header)} |"
    yield f"| {' | '.join('---' for _ in header)} |"
    for row in rows:
        cells = (f"`{_cell(cell)}`" if is_code else _plain(cell) for cell, is_code in zip(row, code, strict=True))
        yield f"| {' | '.join(cells).strip()} |"
    yield ""


def _plain(text: str) -> str:
    """A sentence that Markdown shows as it is."""
    return _cell(text).replace("<", "&lt;").replace("*", "\\*")


def _cell(text: str) -> str:
    """What a table takes, even as code: a bar would end the cell."""
    return text.replace("|", "\\|")
