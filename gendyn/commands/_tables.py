"""What a config may name and set, as tables read from the files themselves: for ``gendyn list`` and ``--help``."""

import functools
import inspect
import re
import runpy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gendyn.commands._columns import LONGEST, Row
from gendyn.core import ConfigError, lookup, module, names, nearest
from gendyn.experiments import experiments, find
from gendyn.sweep import base_config
from gendyn.sweep.config import FACTORIES, Leaf, flatten, leaves_of, offered
from gendyn.sweep.config.factories import losses
from gendyn.sweep.config.fixed import FIXED
from gendyn.sweep.config_files import carried_files, load_config
from gendyn.types import Config

SECTIONS = {
    "models": "model",
    "tasks": "task",
    "optimizers": "optim",
    "filters": "filter",
    "projections": "projection",
}
"""Kinds of things -> the section that names them."""


class Kind(NamedTuple):
    """One kind of thing that a config may name."""

    room: str
    """Where its files lie."""
    leaf: str
    """Which leaf names it."""
    names: Callable[[], Sequence[str]]


KINDS = {
    kind: Kind(FACTORIES[section], f"{section}.name", functools.partial(offered, section))
    for kind, section in SECTIONS.items()
}
KINDS |= {
    "losses": Kind("optim", "loss", losses),
    "probes": Kind("probes", "probes", lambda: names("probes")),
    "experiments": Kind("experiments", "experiment", lambda: sorted(experiments())),
}
"""``gendyn list <kind>``; beside them ``leaves``."""


def things(kind: str) -> list[Row]:
    """Name and one sentence of everything of a kind.

    >>> dict(things("optimizers"))["sgd"]
    'Stochastic gradient descent with momentum and L2 regularisation.'
    """
    about = KINDS[kind]
    return [(name, first_sentence(module(about.room, name).__doc__)) for name in about.names()]


def first_sentence(text: str | None) -> str:
    """Of a docstring; the first paragraph at most.

    >>> first_sentence('Digits: 8 x 8. Nothing\\nto download.')
    'Digits: 8 x 8.'
    """
    paragraph = " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())
    return _plain(re.split(r"(?<=[.?!])\s+(?=[A-Z`])", paragraph, maxsplit=1)[0])


def _plain(text: str) -> str:
    """Without the marks of a docstring: ``:func:`sgd``` is sgd."""
    return re.sub(r":\w+:`[~!]?([^`]*)`|``([^`]*)``", lambda found: found[1] or found[2], text)


def meanings(text: str | None) -> dict[str, str]:
    """The arguments that a docstring explains, each in one line.

    >>> meanings("f.\\n\\nArgs:\\n  a, b: numbers,\\n    positive.\\n  c: else.\\n\\nReturns:\\n  x")
    {'a': 'numbers, positive.', 'b': 'numbers, positive.', 'c': 'else.'}
    """
    lines = inspect.cleandoc(text or "").splitlines()
    if "Args:" not in lines:
        return {}
    found: dict[str, str] = {}
    indent: int | None = None
    described: tuple[str, ...] = ()
    for line in lines[lines.index("Args:") + 1 :]:
        depth = len(line) - len(line.lstrip())
        if not line.strip():
            continue
        if not depth:
            break
        indent = depth if indent is None else indent
        if depth == indent:
            given, _, text = line.strip().partition(":")
            described = tuple(name.strip("* ") for name in given.split(","))
            found |= dict.fromkeys(described, text.strip())
        else:
            found |= {name: f"{found[name]} {line.strip()}" for name in described}
    return {name: _plain(text) for name, text in found.items()}


def leaves(config: Config | None = None) -> list[Row]:
    """Leaf, value, kind and meaning of everything that a config holds; by default of a sweep's config as it begins.

    The kinds are those of :class:`gendyn.sweep.Leaf`.

    >>> dict((row[0], row[1:]) for row in leaves())["train.num_steps"]
    ('1000', 'static', 'Gradient steps.')
    """
    flat = flatten(base_config() if config is None else config)
    known = _known(flat)
    explained = {name: leaf.meaning for name, leaf in known.items()}
    for section, room in FACTORIES.items():
        if f"{section}.name" in known:
            explained |= _of_factory(section, room, flat.get(f"{section}.name", known[f"{section}.name"].default))
    return [
        (name, _shown(flat.get(name, leaf.default)), leaf.kind, explained[name]) for name, leaf in sorted(known.items())
    ]


def configs() -> list[str]:
    """What ``--config`` takes of gendyn's own: every name, and behind a colon its variants.

    >>> [name for name in configs() if name.startswith("random_labels")][:2]
    ['random_labels', 'random_labels:smoke']
    """
    found = []
    for name, file in carried_files().items():
        variants = list(runpy.run_path(str(file))["get_config"].describe())[1:]  # the first one is the name alone
        found += [name, *(f"{name}:{variant}" for variant in variants)]
    return found


def all_leaves() -> list[Row]:
    """As :func:`leaves`, of every model, task, optimizer, filter, projection and experiment."""
    kinds = (*SECTIONS, "experiments")
    rows = {row[0]: row for kind in kinds for name in KINDS[kind].names() for row in arguments(kind, name)}
    return sorted((rows | {row[0]: row for row in leaves()}).values())


def _known(flat: dict[str, Any]) -> dict[str, Leaf]:
    """The leaves that a config may have: of a sweep, or of an experiment with a program of its own."""
    if "model.name" in flat:
        return dict(leaves_of(flat))
    declared = getattr(find(flat["experiment"]), "LEAVES", {}) if flat.get("experiment") else {}
    return {"experiment": FIXED["experiment"], **declared}


def _of_factory(section: str, room: str, name: str) -> dict[str, str]:
    kind = next(kind for kind, named in SECTIONS.items() if named == section)
    said = {f"{section}.{argument}": text for argument, text in meanings(lookup(room, name).__doc__).items()}
    return said | {f"{section}.name": f"Which of `gendyn list {kind}`, or module:object of your own."}


def _shown(value: Any) -> str:
    """As the command line takes it; the middle of a long one is left out."""
    if value is inspect.Parameter.empty:
        return "required"
    if isinstance(value, (tuple, list)):
        text = ",".join(map(_shown, value)) if value else "()"
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 10]}… ({len(value)} values)"
    return repr(value) if value == "" or value is None else str(value)


def arguments(kind: str, name: str) -> list[Row]:
    """What one thing takes: its leaves, or of a probe, which is written as a call, its arguments.

    Raises:
        ConfigError: there is no such thing.
    """
    about = KINDS[kind]
    if ":" not in name and name not in about.names():
        raise ConfigError(f"{kind}: there is no {name!r}.{nearest(name, about.names())} See `gendyn list {kind}`.")
    section = about.leaf.partition(".")[0]
    if kind == "experiments":
        return leaves(load_config(str(carried_files()[name])))
    if kind in SECTIONS:
        rows = leaves(base_config(**{section: name}))
        return [row for row in rows if row[0].startswith(f"{section}.") and row[0] != about.leaf]
    found = lookup(about.room, name)
    said = meanings(found.__doc__)
    return [
        (argument, _shown(parameter.default), "", said.get(argument, ""))
        for argument, parameter in inspect.signature(found).parameters.items()
        if kind == "probes"
    ]
