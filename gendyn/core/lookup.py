"""Names are found by file: adding ``gendyn/models/foo.py`` makes ``foo`` a model. There is no registry.

A room may sort its names into folders, by role or by family, one level deep: ``gendyn/optim/filters/foo.py`` is ``foo``
of the room ``optim``. A package in such a folder is one thing too: ``gendyn/experiments/grokking/foo/``. In a room with
folders only what lies in one is a name; files beside the folders are the room's own parts (``gendyn/optim/gate.py``,
``gendyn/experiments/contract.py``). Names are unique in a room. A file of one's own serves as well, as
``"my_models:foo"``: the object ``foo`` of the importable module ``my_models``.
"""

import functools
import importlib
import pkgutil
from types import ModuleType
from typing import Any

from gendyn.core.errors import ConfigError, nearest


def paths(room: str) -> dict[str, str]:
    """The dotted module of every name a room offers, without private files: see the top of this module.

    Raises:
        ConfigError: two files of one name.

    >>> paths("tasks")["digits"], paths("optim")["adam"]
    ('gendyn.tasks.digits', 'gendyn.optim.optimizers.adam')
    """
    found: dict[str, str] = {}
    for place in _folders(room) or (f"gendyn.{room}",):
        for info in _public(place):
            if info.name in found:
                raise ConfigError(f"{room}: {info.name!r} is both {found[info.name]} and in {place}; rename one.")
            found[info.name] = f"{place}.{info.name}"
    return found


def _folders(room: str) -> tuple[str, ...]:
    """The dotted packages of a room's folders."""
    return tuple(f"gendyn.{room}.{info.name}" for info in _public(f"gendyn.{room}") if info.ispkg)


@functools.cache  # a sweep asks once a run; what is not found is looked for again
def _path_of(room: str, name: str) -> str:
    return paths(room)[name]


def _public(package: str) -> list[pkgutil.ModuleInfo]:
    path = importlib.import_module(package).__path__
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
            f"To add it, create {_place(room, name)}, or name an object of your own, module:object."
        ) from None
    return importlib.import_module(dotted)


def _place(room: str, name: str) -> str:
    """The file that would make it a name, with the choice of folders where there are some."""
    folders = ", ".join(folder.rpartition(".")[2] for folder in _folders(room))
    return f"gendyn/{room}/<one of {folders}>/{name}.py" if folders else f"gendyn/{room}/{name}.py"


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
