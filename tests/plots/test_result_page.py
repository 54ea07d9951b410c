"""A page of results says what the findings say, and a table row stays one row whatever the texts hold."""

import math

from gendyn.plots import result_page
from gendyn.types import Finding

HOSTILE = "a | b\nc"
FOUND = Finding(HOSTILE, math.nan, -math.inf, math.inf, 0.9, "ratio", "undecided", "One row.\n")


def test_unknown_effects_and_open_intervals_are_said():
    page = result_page("size", "Size.\n\nClaim: larger.", [FOUND], {"seed": "0, 1"}, picture="size.png", command="run")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert rows[0] == "| claim | effect | 90 % interval | verdict |" and len(rows) == 3
    assert rows[2] == "| a \\| b c | unknown ratio | -unbounded to unbounded | **undecided** |"
    assert "- seed: 0, 1" in page and "```sh\nrun\n```" in page and "![Size.](size.png)" in page
    assert page.index("## Findings") < page.index("## Run") < page.index("Claim: larger.")


def test_what_is_absent_leaves_no_trace():
    page = result_page("size", "Size.", [FOUND._replace(effect=2.0, low=1.5, high=3.0)], {})
    assert "![" not in page and "```" not in page and "1.5 to 3 " in page


def test_exploratory_claims_and_checks_stand_apart():
    rest = [FOUND._replace(role=role, verdict="supported", borderline=True) for role in ("check", "exploratory")]
    page = result_page("size", "Size.", [*rest, FOUND], {})
    places = [page.index(f"## {title}\n") for title in ("Findings", "Exploratory findings", "Checks", "Run")]
    assert places == sorted(places) and page.count("**supported, borderline**") == 2
    assert page.count("\n1. One row.") == 3
