"""The sections that name a factory: which files may stand there, and calling one with the section's leaves."""

from collections.abc import Mapping
from typing import Any

from gendyn.core import ConfigError, lookup, module, names, said_of

FACTORIES = {"task": "tasks", "model": "models", "optim": "optim", "filter": "optim", "projection": "optim"}
"""Section -> room. ``config.model.name = "mlp"`` brings the arguments of ``gendyn.models.mlp.mlp`` as leaves."""
ROLES = {"optim": ("optimizer",), "filter": ("filter",), "projection": ("projection", "filter")}
"""What a file of ``gendyn/optim`` must say it is (its ``ROLE``) to stand in a section. A step is the chain filter,
optimizer, projection; a filter may also stand last, where it sees the updates."""
ABSENT = {"filter": "identity", "projection": "identity"}
"""Sections that a config may leave out, and what stands there then."""


def role(name: str) -> str:
    """What a file of ``gendyn/optim`` holds: an ``optimizer``, a ``filter``, a ``projection`` or a ``loss``."""
    found = module("optim", name)
    if not hasattr(found, "ROLE"):
        raise ConfigError(
            f'{name!r}: its module must say what it holds, ROLE = "optimizer", "filter", "projection" or "loss", '
            "and, where zero-padded parameters give the same updates, PAD_SAFE = True."
        )
    return str(found.ROLE)


def offered(section: str) -> list[str]:
    """The names that may stand in a section."""
    roles = ROLES.get(section)
    return [name for name in names(FACTORIES[section]) if roles is None or role(name) in roles]


def losses() -> list[str]:
    """The losses that have a file."""
    return [name for name in names("optim") if role(name) == "loss"]


def factory_of(section: str, name: str) -> Any:
    """The factory that ``config.<section>.name = name`` asks for.

    Raises:
        ConfigError: there is no such file, or it holds something else, such as a loss in place of an optimizer.
    """
    found = lookup(FACTORIES[section], name, among=lambda: offered(section))
    if section in ROLES and role(name) not in ROLES[section]:
        raise ConfigError(_misplaced(section, name))
    return found


def _misplaced(section: str, name: str) -> str:
    found = role(name)
    places = {kind: place for place, roles in ROLES.items() for kind in roles[:1]} | {"loss": "loss"}
    leaf = "config.loss" if found == "loss" else f"config.{places[found]}.name"
    article = "an" if found == "optimizer" else "a"
    return (
        f"config.{section}.name = {name!r} is {article} {found}; set {leaf} = {name!r}, and "
        f"config.{section}.name to one of {', '.join(offered(section))}."
    )


def build(section: str, flat: Mapping[str, Any], **extra: Any) -> Any:
    """Calls the factory of a section with its leaves: ``build("optim", flat)`` is ``adam(learning_rate=…, …)``.

    Raises:
        ConfigError: what the factory says of an argument, said of the leaf: ``b1 = 2.0 must …`` becomes
            ``config.optim.b1 = 2.0 must …``.
    """
    factory = lookup(FACTORIES[section], flat[f"{section}.name"])
    prefix = f"{section}."
    arguments = {n.removeprefix(prefix): v for n, v in flat.items() if n.startswith(prefix) and n != f"{section}.name"}
    with said_of(f"config.{section}", arguments):
        return factory(**(arguments | extra))
