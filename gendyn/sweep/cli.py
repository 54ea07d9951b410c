"""The command line of a sweep: overrides checked before absl sees them, and any fault as one line.

``ml_collections`` answers a mistyped leaf with a traceback and a failing config file with its text inside a message.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ml_collections
from absl import flags

from gendyn.core import ConfigError
from gendyn.sweep.config.factories import FACTORIES
from gendyn.sweep.config.flat import Flat, flatten
from gendyn.sweep.config.leaf import unknown_leaf
from gendyn.sweep.config.schema import leaves_of
from gendyn.sweep.config_files import OWN, load_config
from gendyn.types import Config

_OVERRIDE = re.compile(r"--?(?P<no>no)?config\.(?P<name>[^=]*)(?:=(?P<text>.*))?", re.DOTALL)
_NAMES = tuple(f"{section}.name" for section in FACTORIES)
_PARSERS: dict[type, tuple[flags.ArgumentParser, str]] = {
    bool: (flags.BooleanParser(), "true or false"),
    int: (flags.IntegerParser(), "an integer"),
    float: (flags.FloatParser(), "a number"),
}


def read_config(argv: Sequence[str]) -> tuple[Config | None, list[str]]:
    """Reads the config file of ``--config=path[:variant]`` and checks every ``--config.leaf=value`` against it.

    ``--config.optim.name=sgd`` brings the leaves of ``sgd`` at once, whatever the file names: see :func:`choose`.

    Args:
        argv: the command line, program name first. Without a ``--config`` and overrides nothing is checked.

    Returns:
        The config, and the words without ``--config``; ``None`` where there is no ``--config``.

    Raises:
        ConfigError: no such file or variant, a fault in the file, an unknown leaf, or a value of another type.
    """
    words = list(flags.FLAGS.read_flags_from_files(list(argv), force_gnu=False))
    end = words.index("--") if "--" in words else len(words)
    overrides = [(i, match) for i, word in enumerate(words[1:end], 1) if (match := _OVERRIDE.fullmatch(word))]
    path, rest = _config_path(words, end)
    if path is None:
        if overrides:
            raise ConfigError(missing_config())
        return None, rest
    config = load_config(path)
    before = flatten(config)
    texts = {match["name"]: _text(match, words[i + 1 : i + 2]) for i, match in overrides}
    if "model.name" in before:  # a sweep: other experiments name no factories
        choose(config, {name: texts[name] for name in texts if name in _NAMES})
        _complete_given(config, texts)
    known = flatten(config)
    for i, match in overrides:
        _check_override(match, words[i + 1 : i + 2], known, before)
    return config, rest


def choose(config: Config, chosen: Mapping[str, str]) -> None:
    """Another factory in place of the config's own, such as ``{"optim.name": "sgd"}``, with its leaves; in place.

    Leaves that both have keep the config's values; those of the old one alone go, those of the new one alone come at
    their defaults.

    Raises:
        ConfigError: no such factory.

    >>> from gendyn.sweep import base_config
    >>> config = base_config(optim="adam")
    >>> choose(config, {"optim.name": "sgd"})
    >>> config.optim.name, config.optim.momentum, "b1" in config.optim
    ('sgd', 0.9, False)
    """
    flat = flatten(config)
    switched = {name: value for name, value in chosen.items() if flat.get(name) != value}
    if not switched:
        return
    known = leaves_of(flat | switched)
    with config.unlocked():
        for name, value in switched.items():
            section = name.partition(".")[0]
            for leaf in (leaf for leaf in flat if leaf.startswith(f"{section}.") and leaf not in known):
                del config[section][leaf.partition(".")[2]]
            _put(config, name, value)
            config[section].name = value
            for leaf in known.inside(section):
                _put(config, leaf, known[leaf].default)


def _complete_given(config: Config, given: Iterable[str]) -> None:
    """A leaf that every sweep has can be given on the command line where the config file leaves it out."""
    known = leaves_of(flatten(config))
    with config.unlocked():
        for leaf in (leaf for leaf in given if leaf in known):
            _put(config, leaf, known[leaf].default)


def _put(config: Config, leaf: str, value: Any) -> None:
    """Sets a leaf that is not there yet."""
    *sections, last = leaf.split(".")
    for section in sections:
        if section not in config:
            config[section] = ml_collections.ConfigDict()
        config = config[section]
    if last not in config:
        config[last] = value


def check_not_varied(overrides: Iterable[str], axes: Iterable[tuple[str, Any]]) -> None:
    """An override of a leaf that an axis sets would do nothing.

    Raises:
        ConfigError: a leaf is in both.
    """
    varied = [name for name, _ in axes]
    for name in overrides:
        if name in varied:
            raise ConfigError(
                f"--config.{name} would have no effect, for {name} is an axis of this sweep (axes: "
                f"{', '.join(varied)}); give its values as --axis {name}=..., with all other axes you want."
            )


def missing_config() -> str:
    """What to say when there is no ``--config``."""
    found = sorted(str(file) for file in OWN.rglob("[!_]*.py"))
    return (
        f"--config is missing: name a config file, such as --config={found[0] if found else 'my_config.py'}, or an "
        "experiment of `gendyn list experiments`, such as --config=grokking:smoke."
    )


def _config_path(words: Sequence[str], end: int) -> tuple[str | None, list[str]]:
    """The value of the last ``--config`` before ``end``, and the words without any."""
    path, rest, i = None, [], 0
    while i < len(words):
        flag, equals, value = words[i].partition("=")
        if 0 < i < end and flag in ("--config", "-config"):
            path = value if equals else "".join(words[i + 1 : i + 2])
            i += 1 if equals else 2
            continue
        rest.append(words[i])
        i += 1
    return path, rest


def _text(match: re.Match[str], following: Sequence[str]) -> str:
    """The value of an override as it is written, behind the equals sign or as the next word."""
    return match["text"] if match["text"] is not None else "".join(following)


def _check_override(match: re.Match[str], following: Sequence[str], known: Flat, before: Flat) -> None:
    name = match["name"]
    if name in ("axes", "zip_axes"):
        raise ConfigError(f"--config.{name} is not a leaf; give axes as --axis leaf=a,b,c, and zips as --zip_axes a,b.")
    if name in before and name not in known:
        section = name.partition(".")[0]
        there = ", ".join(leaf for leaf in known if leaf.startswith(f"{section}."))
        raise ConfigError(
            f"--config.{name} is a leaf of {before[f'{section}.name']}, and {section}.name = "
            f"{known[f'{section}.name']!r} has none of that name: leave it out. Leaves there: {there}."
        )
    if name not in known:
        raise ConfigError(f"--config.{name} {unknown_leaf(name, known)}")
    wanted = type(known[name])
    if (wanted is bool and match["text"] is None) or wanted not in _PARSERS:
        return
    text = _text(match, following)
    parser, rule = _PARSERS[wanted]
    try:
        parser.parse(text)
    except ValueError as error:
        raise ConfigError(f"--config.{name}={text} must be {rule}; the config has {known[name]!r}.") from error


def usable_cores() -> int:
    """Cores that this process may run on: fewer than the machine has in a batch job or a container."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
