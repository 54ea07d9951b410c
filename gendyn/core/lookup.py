"""Names are found by file: adding ``gendyn/models/foo.py`` makes ``foo`` a model. There is no registry.

The files of a room may lie in folders by role or by family, one level deep: ``gendyn/optim/filters/foo.py`` is ``foo`` of
the room ``optim``. A package inside such a folder is one thing too: ``gendyn/experiments/grokking/foo/``. Names are unique
in a room. A file of one's own serves as well, as ``"my_models:foo"``: the object ``foo`` of the importable module
``my_models``.
"""

import functools
import importlib
import pkgutil
from types import ModuleType
from typing import Any

from gendyn.core.errors import ConfigError, nearest


def paths(room: str) -> dict[str, str]:
    """The dotted module of every name a room offers: its files and those of its folders, without private ones.

    Raises:
        ConfigError: two files of one name.

    >>> paths("tasks")["digits"]
    'gendyn.tasks.digits'
    """
    package = importlib.import_module(f"gendyn.{room}")
    found: dict[str, str] = {}
    for info in _public(package.__path__):
        dotted = f"gendyn.{room}.{info.name}"
        inside = _public(importlib.import_module(dotted).__path__) if info.ispkg else [info]
        for file in inside:
            if file.name in found:
                raise ConfigError(f"{room}: {file.name!r} is both {found[file.name]} and in {dotted}; rename one.")
            found[file.name] = f"{dotted}.{file.name}" if info.ispkg else dotted
    return found


@functools.cache  # a sweep asks once a run; what is not found is looked for again
def _path_of(room: str, name: str) -> str:
    return paths(room)[name]


def _public(path: Any) -> list[pkgutil.ModuleInfo]:
    return [info for info in pkgutil.iter_modules(path) if not info.name.startswith("_")]


def names(room: str) -> tuple[str, ...]:
    """The names a room offers, sorted."""
    return tuple(sorted(paths(room)))


def module(room: str, name: str) -> ModuleType:
    """Imports the file of a name in a room, or the module of ``"module:object"``.

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
    try:
        dotted = _path_of(room, name)
    except KeyError:
        known = names(room)
        raise ConfigError(
            f"{room}: there is no {name!r}.{nearest(str(name), known)} Known: {', '.join(known)}. "
            f"To add it, create gendyn/{room}/{name}.py, or name an object of your own, module:object."
        ) from None
    return importlib.import_module(dotted)


def lookup(room: str, name: str) -> Any:
    """The object of the same name in that file: ``lookup("models", "mlp")`` is ``gendyn.models.mlp.mlp``.

    Raises:
        ConfigError: see :func:`module`; or the module has no such object.
    """
    found = module(room, name)
    path, _, wanted = str(name).rpartition(":")
    if not hasattr(found, wanted):
        place = f"module {path!r}" if path else f"{found.__name__.replace('.', '/')}.py"
        raise ConfigError(f"{place} must define {wanted!r}, the object asked for by {name!r}.")
    return getattr(found, wanted)
