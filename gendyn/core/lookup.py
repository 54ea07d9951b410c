"""Names are found by file: adding ``gendyn/models/foo.py`` makes ``foo`` a model. There is no registry.

A file of one's own serves as well, as ``"my_models:foo"``: the object ``foo`` of the importable module ``my_models``.
"""

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
    """Imports ``gendyn/<room>/<name>.py``, or the module of ``"module:object"``.

    Raises:
        ConfigError: an unknown name (lists the known ones and the file to create), or a module that is not importable.
    """
    if ":" in str(name):
        path = name.partition(":")[0]
        try:
            return importlib.import_module(path)
        except (ImportError, ValueError) as error:
            raise ConfigError(
                f"{room}: {name!r} names the module {path!r}, which cannot be imported ({error}). "
                "Put its folder on PYTHONPATH."
            ) from error
    known = names(room)
    if name not in known:
        raise ConfigError(
            f"{room}: there is no {name!r}.{nearest(str(name), known)} Known: {', '.join(known)}. "
            f"To add it, create gendyn/{room}/{name}.py, or name an object of your own, module:object."
        )
    return importlib.import_module(f"gendyn.{room}.{name}")


def lookup(room: str, name: str) -> Any:
    """The object of the same name in that file: ``lookup("models", "mlp")`` is ``gendyn.models.mlp.mlp``.

    Raises:
        ConfigError: see :func:`module`; or the module has no such object.
    """
    found = module(room, name)
    path, _, wanted = str(name).rpartition(":")
    if not hasattr(found, wanted):
        place = f"module {path!r}" if path else f"gendyn/{room}/{name}.py"
        raise ConfigError(f"{place} must define {wanted!r}, the object asked for by {name!r}.")
    return getattr(found, wanted)
