"""Digests of plain data: equal values have equal ones, on any machine and in any version."""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> str:
    """JSON with sorted keys: equal values give equal text; a tuple is a list."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def digest(value: Any) -> str:
    """sha256 of the canonical JSON, in hexadecimal.

    >>> digest({"b": 1, "a": (2,)}) == digest({"a": [2], "b": 1})
    True
    """
    return hashlib.sha256(canonical(value).encode()).hexdigest()
