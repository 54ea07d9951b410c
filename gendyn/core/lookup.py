"""Names are found by file: adding ``gendyn/models/foo.py`` makes ``foo`` a model. There is no registry.

A room may sort its names into folders, by role or by family, one level deep: ``gendyn/optim/filters/foo.py`` is ``foo``
of the room ``optim``. A package in such a folder is one thing too: ``gendyn/experiments/grokking/foo/``. In a room with
folders only what lies in one is a name; files beside the folders are the room's own parts (``gendyn/optim/gate.py``,
``gendyn/experiments/contract.py``). Names are unique in a room. A file of one's own serves as well, as
``"my_models:foo"``: the object ``foo`` of the importable module ``my_models``.
"""

import contextlib
import contextvars
import functools
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

from gendyn.core.errors import ConfigError, nearest

_allowed: contextvars.ContextVar[frozenset[str] | None] = contextvars.ContextVar("allowed", default=None)


@contextlib.contextmanager
def only_names(values: Any) -> Iterator[None]:
    """Inside, ``module:object`` is imported only if it is among these values, or in a sequence or mapping of them.

    What comes from a file, such as the plan of a results folder, is looked up inside: a file is data, and no code is
    run because a file names it.

    >>> with only_names(["my_task:f"]):
    ...     lookup("tasks", "os:getcwd")
    Traceback (most recent call last):
        ...
    gendyn.core.errors.ConfigError: tasks: the results folder names 'os:getcwd', code of somebody's own, which this \
call does not name. Nothing of it was run. If you trust it, name it: in the config, or as names=(...).
    """
    token = _allowed.set(frozenset(_texts(values)))
    try:
        yield
    finally:
        _allowed.reset(token)


def unnamed(values: Any) -> list[str]:
    """The names ``module:object`` among these values that :func:`only_names` keeps from being imported here.

    >>> with only_names(["my_task:f"]):
    ...     unnamed({"task.name": "my_task:f", "model.name": "my_model:g", "probes": ("my_probe:h(steps=3)",)})
    ['my_model:g', 'my_probe:h']
    """
    allowed = _allowed.get()
    if allowed is None:
        return []
    return [text for text in _texts(values) if re.fullmatch(r"[\w.]+:[\w.]+", text) and text not in allowed]


def unnamed_fault(room: str, name: str) -> ConfigError:
    """Why a name of :func:`unnamed` is refused."""
    return ConfigError(
        f"{room}: the results folder names {name!r}, code of somebody's own, which this call does not name. "
        "Nothing of it was run. If you trust it, name it: in the config, or as names=(...)."
    )


def _texts(values: Any) -> Iterator[str]:
    if isinstance(values, str):
        # A name may stand in a chain, or before arguments.
        yield from re.split(r"[\s,()]+", values)
    elif isinstance(values, Mapping):
        yield from _texts(list(values.values()))
    elif isinstance(values, Iterable):
        for value in values:
            yield from _texts(value)


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


def module(room: str, name: str, *, among: Callable[[], Iterable[str]] | None = None) -> ModuleType:
    """Imports the file of a name in a room, or the module of ``"module:object"``.

    Args:
        room: a folder of gendyn.
        name: of a file there, or ``module:object``.
        among: lists the names that would do here, for the message; by default all of the room.

    Raises:
        ConfigError: an unknown name (lists the known ones and the file to create), or a module that is not importable.
    """
    if ":" in str(name):
        path, allowed = name.partition(":")[0], _allowed.get()
        if allowed is not None and name not in allowed:
            raise unnamed_fault(room, name)
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
        known = tuple(among()) if among else names(room)
        raise ConfigError(
            f"{room}: there is no {name!r}.{nearest(str(name), known)} Known: {', '.join(known)}. "
            f"To add it, create {_place(room, name)}, or name an object of your own, module:object."
        ) from None
    return importlib.import_module(dotted)


def _place(room: str, name: str) -> str:
    """The file that would make it a name, with the choice of folders where there are some."""
    folders = ", ".join(folder.rpartition(".")[2] for folder in _folders(room))
    return f"gendyn/{room}/<one of {folders}>/{name}.py" if folders else f"gendyn/{room}/{name}.py"


def lookup(room: str, name: str, *, among: Callable[[], Iterable[str]] | None = None) -> Any:
    """The object of the same name in that file: ``lookup("models", "mlp")`` is ``gendyn.models.mlp.mlp``.

    The arguments are those of :func:`module`.

    Raises:
        ConfigError: see :func:`module`; or the module has no such object.
    """
    found = module(room, name, among=among)
    path, _, wanted = str(name).rpartition(":")
    if not hasattr(found, wanted):
        place = f"module {path!r}" if path else f"{found.__name__.replace('.', '/')}.py"
        raise ConfigError(f"{place} must define {wanted!r}, the object asked for by {name!r}.")
    return getattr(found, wanted)
