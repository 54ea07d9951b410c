"""The command line of a sweep: overrides checked before absl sees them, and any fault as one line.

``ml_collections`` answers a mistyped leaf with a traceback and a failing config file with its text inside a message.
"""

import os
import re
import runpy
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import ml_collections
from absl import flags

from gendyn.core import ConfigError, StoreError, nearest
from gendyn.sweep.config.factories import FACTORIES
from gendyn.sweep.config.flat import Flat, flatten
from gendyn.sweep.config.leaf import unknown_leaf
from gendyn.sweep.config.schema import leaves_of
from gendyn.sweep.execute.lines import fill_closed_descriptors as fill_closed_descriptors
from gendyn.sweep.execute.lines import print_line

_OVERRIDE = re.compile(r"--?(?P<no>no)?config\.(?P<name>[^=]*)(?:=(?P<text>.*))?", re.DOTALL)
_PARSERS: dict[type, tuple[flags.ArgumentParser, str]] = {
    bool: (flags.BooleanParser(), "true or false"),
    int: (flags.IntegerParser(), "an integer"),
    float: (flags.FloatParser(), "a number"),
}


def check_overrides(argv: Sequence[str]) -> None:
    """Reads the config file of ``--config=path[:variant]`` and checks every ``--config.leaf=value`` against it.

    Args:
        argv: the command line, program name first. Without a ``--config`` and overrides nothing is checked.

    Raises:
        ConfigError: no such file or variant, a fault in the file, an unknown leaf, or a value of another type.
    """
    arguments = list(flags.FLAGS.read_flags_from_files(list(argv), force_gnu=False))[1:]
    if "--" in arguments:
        arguments = arguments[: arguments.index("--")]
    overrides = [(i, match) for i, word in enumerate(arguments) if (match := _OVERRIDE.fullmatch(word))]
    path = _config_path(arguments)
    if path is None:
        if overrides:
            raise ConfigError(missing_config())
        return
    known = flatten(load_config(path))
    for i, match in overrides:
        following = arguments[i + 1] if i + 1 < len(arguments) else None
        _check_override(match, following, known)


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


def drop_replaced(config: ml_collections.ConfigDict, overrides: Iterable[str]) -> None:
    """After ``--config.model.name=cnn``: removes the leaves that only the config file's own model had, in place.

    Leaves that both have keep the file's values. Leaves overridden by hand stay, to be refused if they are not the new
    factory's.
    """
    given = set(overrides)
    if not any(f"{section}.name" in given for section in FACTORIES):
        return
    flat = flatten(config)
    known = leaves_of(flat)
    with config.unlocked():
        for name in flat:
            section, _, argument = name.partition(".")
            if f"{section}.name" in given and name not in known and name not in given:
                del config[section][argument]


def missing_config() -> str:
    """What to say when there is no ``--config``."""
    found = sorted(str(file) for file in Path("configs").rglob("[!_]*.py"))
    return f"--config is missing: name a config file, such as --config={found[0] if found else 'my_config.py'}."


def load_config(path: str) -> Any:
    """The config of ``file.py`` or ``file.py:variant``.

    Raises:
        ConfigError: no such file or variant, or a fault in the file (its line is named).
    """
    file, *variant = path.split(":", 1)
    if not Path(file).is_file():
        beside = Path(file).parent.glob("[!_]*.py") if Path(file).parent.is_dir() else ()
        others = sorted({str(other) for other in (*beside, *Path("configs").rglob("[!_]*.py"))})
        moved = [other for other in others if Path(other).name == Path(file).name]
        hint = f" It is {moved[0]}." if moved else nearest(file, others)
        raise ConfigError(f"--config={path}: there is no file {file!r}.{hint}")
    try:
        contents = runpy.run_path(file)
        if "get_config" not in contents:
            raise ConfigError(f"{file} must define get_config(variant=''), which returns the config.")
        config = contents["get_config"](*variant)
        flatten(config)
    except ConfigError as error:
        raise ConfigError(f"--config={path}: {error}") from error
    except Exception as error:  # whatever a user's Python does
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        line = error.lineno if isinstance(error, SyntaxError) else frames[-1].lineno if frames else 1
        raise ConfigError(f"--config={path}: line {line} raises {type(error).__name__}: {error}.") from error
    return config


def _config_path(arguments: Sequence[str]) -> str | None:
    for i, word in enumerate(arguments):
        flag, equals, value = word.partition("=")
        if flag in ("--config", "-config"):
            return value if equals else "".join(arguments[i + 1 : i + 2])
    return None


def _check_override(match: re.Match[str], following: str | None, known: Flat) -> None:
    name, text = match["name"], match["text"]
    if name in ("axes", "zip_axes"):
        raise ConfigError(f"--config.{name} is not a leaf; give axes as --axis leaf=a,b,c, and zips as --zip_axes a,b.")
    if name not in known:
        raise ConfigError(f"--config.{name} {unknown_leaf(name, known)}")
    wanted = type(known[name])
    if (wanted is bool and text is None) or wanted not in _PARSERS:
        return
    text = following if text is None else text
    parser, rule = _PARSERS[wanted]
    try:
        parser.parse(text or "")
    except ValueError as error:
        raise ConfigError(f"--config.{name}={text} must be {rule}; the config has {known[name]!r}.") from error


def one_line(error: BaseException) -> str:
    """The message of an error without line breaks and control characters: a user's text may hold either.

    >>> one_line(ValueError("no \\n such\\x1b[31m leaf"))
    'no such\\\\x1b[31m leaf'
    """
    text = " ".join(str(error).split())
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def show(text: str) -> None:
    """Prints to standard output. A reader that has seen enough (``| head``) is no fault.

    Raises:
        StoreError: it cannot be written, such as on a full disk.
    """
    fault = print_line(text, sys.stdout)
    if fault is not None and not isinstance(fault, BrokenPipeError):
        raise StoreError(f"standard output cannot be written: {fault.strerror}.")


def complain(text: str) -> None:
    """Prints to standard error, for whoever reads it."""
    print_line(text, sys.stderr)


def usable_cores() -> int:
    """Cores that this process may run on: fewer than the machine has in a batch job or a container."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
