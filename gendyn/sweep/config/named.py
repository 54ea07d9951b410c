"""The names by which a config, and with it a folder, knows what a caller gives as an object."""

import sys
from typing import Any

from gendyn.core import ConfigError, lookup, names
from gendyn.sweep.config.factories import FACTORIES
from gendyn.tasks import hold
from gendyn.types import Task


def named(section: str, given: Any) -> str:
    """The name that stands in ``config.<section>.name``.

    A folder must find the code again, in another process: so a function or class is taken that a module defines under
    its own name, as ``"module:object"``. A task that was made already needs no code: its name is its data's checksum.

    Args:
        section: ``"task"``, ``"model"``, ``"optim"``, ``"filter"`` or ``"projection"``.
        given: a name, a factory, or a :class:`gendyn.types.Task`.

    Raises:
        ConfigError: something that no other process can find by a name.

    >>> from gendyn.models import mlp
    >>> named("model", "mlp"), named("model", mlp)
    ('mlp', 'mlp')
    """
    if isinstance(given, str):
        return str(given)
    if section == "task" and isinstance(given, Task):
        return hold(given)
    name, place = getattr(given, "__qualname__", None), getattr(given, "__module__", None)
    if not callable(given) or not isinstance(name, str):
        kind = "a Task or " if section == "task" else ""
        raise ConfigError(
            f"{section} = {type(given).__name__} object: give {kind}a name, that of a file in "
            f"gendyn/{FACTORIES[section]}/ or 'module:object' of the function of your own that makes it."
        )
    room = FACTORIES[section]
    if name in names(room) and lookup(room, name) is given:
        return name
    if place == "__main__" or getattr(sys.modules.get(str(place)), name, None) is not given:
        last = name.rpartition(".")[2]
        own = f"my_{section}:{last if last.isidentifier() else 'f'}"
        raise ConfigError(
            f"{section} = {name} of {place} cannot be found again by another process, which must make it from its name "
            f"when the folder goes on: write it into a file, say my_{section}.py (in a notebook: %%writefile "
            f"my_{section}.py), and give '{own}', module:object."
        )
    return f"{place}:{name}"
