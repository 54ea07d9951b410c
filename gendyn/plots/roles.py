"""Findings by what they are for: primary claims, exploratory ones, and checks of the code."""

from collections import Counter
from collections.abc import Sequence

from gendyn.types import Finding

HEADINGS = {
    "primary": ("Findings", "The claims that the experiment is for. Verdicts are corrected for their number (Holm)."),
    "exploratory": ("Exploratory findings", "Seen besides. Each is judged alone, without a correction for the others."),
    "check": ("Checks", "Identities and exact laws. They test the code and claim nothing."),
}
"""Role of a finding -> the heading it stands under, and what that means."""


def by_role(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """The findings of each role that occurs, in the order of :data:`HEADINGS`.

    >>> found = Finding("It is so.", 2.0, 1.5, 2.5, 0.9, "ratio", "supported", "", "check")
    >>> list(by_role([found, found._replace(role="primary")]))
    ['primary', 'check']
    """
    parted = {role: [found for found in findings if found.role == role] for role in HEADINGS}
    return {role: asked for role, asked in parted.items() if asked}


def counted(findings: Sequence[Finding]) -> str:
    """How many of each verdict, role by role.

    >>> found = Finding("It is so.", 2.0, 1.5, 2.5, 0.9, "ratio", "supported", "")
    >>> counted([found, found._replace(verdict="refuted"), found._replace(role="check")])
    'Findings: 1 supported, 1 refuted. Checks: 1 supported.'
    """
    parts = []
    for role, asked in by_role(findings).items():
        counts = Counter(found.verdict for found in asked)
        parts.append(f"{HEADINGS[role][0]}: {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}.")
    return " ".join(parts)


def said(found: Finding) -> str:
    """The verdict in words.

    >>> said(Finding("It is so.", 2.0, 1.5, 2.5, 0.9, "ratio", "supported", "", borderline=True))
    'supported, borderline'
    """
    return found.verdict + ", borderline" * found.borderline
