"""Names are found by file: adding ``gendyn/models/foo.py`` makes ``foo`` a model. There is no registry."""

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from gendyn.core.errors import ConfigError, nearest


def names(room: str) -> tuple[str, ...]:
    """The names a room offers: its files, without private ones."""
    package = importlib.import_module(f"gendyn.{room}")
    found = (info.name for info in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def module(room: str, name: str) -> ModuleType:
    """Imports ``gendyn/<room>/<name>.py``; an unknown name lists the known ones and the file to create."""
    known = names(room)
    if name not in known:
        raise ConfigError(
            f"{room}: there is no {name!r}.{nearest(str(name), known)} Known: {', '.join(known)}. "
            f"To add it, create gendyn/{room}/{name}.py."
        )
    return importlib.import_module(f"gendyn.{room}.{name}")


def lookup(room: str, name: str) -> Any:
    """The object of the same name in that file: ``lookup("models", "mlp")`` is ``gendyn.models.mlp.mlp``."""
    found = module(room, name)
    if not hasattr(found, name):
        raise ConfigError(f"gendyn/{room}/{name}.py must define {name!r}, the object its file is named after.")
    return getattr(found, name)
