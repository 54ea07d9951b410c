"""What a shell may complete, as one table: read from the commands' options and from the tables of ``gendyn list``."""

import importlib

from absl import flags

from gendyn.commands import _main
from gendyn.commands._shells import LEAF, SHELLS, Table
from gendyn.commands._tables import KINDS, all_leaves, configs, things


def table() -> Table:
    """``{(command, before): words}``: what may follow.

    ``before`` is an option whose value is asked for, or the word before, or ``""`` where neither has an entry. An
    option that takes any value has an entry without words, but for those of leaves, which are many. ``("", "")`` are
    the commands.

    >>> table()["sweep", "--config.optim.name"][:2]
    ('adagrad', 'adam')
    """
    commands = _main.names()
    found: Table = {("", ""): (*commands, "--help", "--version")}
    values = _values()
    for command in commands:
        options = _options(command)
        found[command, ""] = (*(f"--{option.name}{'' if option.boolean else '='}" for option in options), "--help")
        for option in (option for option in options if not option.boolean):
            choices = getattr(option.parser, "enum_values", None) or ()
            found[command, f"--{option.name}"] = values.get(option.name, tuple(choices))
    found["completion", ""] = tuple(SHELLS)
    kinds = {kind: tuple(name for name, _ in things(kind)) for kind in KINDS}
    found["list", ""] = (*kinds, "leaves", *found["list", ""])
    found |= {("list", kind): names for kind, names in kinds.items()}
    found["sweep", ""] = (*found["sweep", ""], LEAF)
    found["sweep", LEAF] = tuple(f"{LEAF}{name}=" for name, *_ in all_leaves())
    switches = [name for name, default, *_ in all_leaves() if default in ("True", "False")]
    found |= {("sweep", f"{LEAF}{name}"): ("true", "false") for name in switches}
    found |= {("sweep", f"{LEAF}{KINDS[kind].leaf}"): names for kind, names in kinds.items()}
    return found


def _options(command: str) -> list[flags.Flag]:
    """Declared as for a call, and taken away again: other commands have options of the same names."""
    module = importlib.import_module(f"gendyn.commands.{command}")
    module.define([command])
    options: list[flags.Flag] = list(flags.FLAGS.get_flags_for_module(module.__name__))
    for option in options:
        delattr(flags.FLAGS, option.name)
    return sorted(options, key=lambda option: str(option.name))


def _values() -> dict[str, tuple[str, ...]]:
    """By the name of an option: what it may be given, as far as it is known before the folder is."""
    leaves = tuple(name for name, *_ in all_leaves())
    axes = tuple(f"{name}=" for name in leaves)
    probes = tuple(KINDS["probes"].names())
    return {"config": tuple(configs()), "axis": axes, "select": axes, "zip_axes": leaves, "probe": probes}
