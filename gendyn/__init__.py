"""gendyn: the dynamics of generalization, one population of networks at a time.

``import gendyn`` imports nothing else; ``gendyn.sweep`` and every other room is imported when it is first asked for.
"""

import importlib
import pkgutil
from typing import Any

__version__ = "0.4.0"


def __getattr__(name: str) -> Any:
    if name.startswith("_") or name not in __dir__():
        raise AttributeError(f"module 'gendyn' has no attribute {name!r}; its rooms are {', '.join(_rooms())}")
    return importlib.import_module(f"gendyn.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_rooms()})


def _rooms() -> list[str]:
    return [info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")]
