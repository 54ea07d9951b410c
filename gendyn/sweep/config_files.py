"""Config files: those of the folder one works in, and those that gendyn brings; an installed one has the latter inside.

A file of one's own wins over one of gendyn's with the same name.
"""

import runpy
import traceback
from pathlib import Path
from typing import Any

import gendyn
from gendyn.core import ConfigError, nearest
from gendyn.sweep.config.flat import flatten

OWN = Path("configs")
"""Where the config files of a project lie, seen from the folder one works in."""


def carried_configs() -> Path:
    """The folder ``configs`` that gendyn brings: inside the installed package, or beside it in a checkout.

    >>> (carried_configs() / "grokking" / "grokking.py").is_file()
    True
    """
    package = Path(gendyn.__path__[0]).resolve()
    beside = package.parent / "configs"
    return beside if (package.parent / "pyproject.toml").is_file() else package / "configs"


def carried_files() -> dict[str, Path]:
    """The config files that gendyn brings, by name: one an experiment.

    >>> carried_files()["grokking"].name
    'grokking.py'
    """
    return {file.stem: file for file in _files(carried_configs())}


def find_config(file: str) -> Path:
    """The config file that is meant.

    Args:
        file: a path; one that begins with ``configs/`` may be that of gendyn. Or a name alone, such as ``grokking``: of
            a file in this folder, in its ``configs``, or of an experiment of gendyn.

    Raises:
        ConfigError: there is no such file, or there are two of that name.

    >>> find_config("configs/grokking/grokking.py").name == find_config("grokking").name
    True
    """
    if Path(file).is_file():
        return Path(file)
    given = Path(file)
    if given.suffix == ".py" and given.parts[0] == OWN.name and (carried_configs().parent / given).is_file():
        return carried_configs().parent / given
    if given.suffix != ".py" and len(given.parts) == 1:
        own = [path for path in (Path(f"{file}.py"), *_files(OWN)) if path.stem == file and path.is_file()]
        if len(own) > 1:
            raise ConfigError(f"{file!r} is {' and '.join(map(str, own))}: give the path of one.")
        found = own[0] if own else carried_files().get(file)
        if found:
            return found
    raise ConfigError(f"there is no file {file!r}.{_hint(given)}")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("[!_]*.py"))


def _hint(given: Path) -> str:
    """What may have been meant: a file of that name elsewhere, or of a name like it."""
    carried = [OWN / path.relative_to(carried_configs()) for path in _files(carried_configs())]
    beside = given.parent.glob("[!_]*.py") if given.parent.is_dir() else ()
    others = sorted({str(path) for path in (*beside, *_files(OWN), *carried)})
    if given.suffix != ".py" and len(given.parts) == 1:
        return nearest(str(given), [Path(other).stem for other in others])
    moved = [other for other in others if Path(other).name == given.name]
    return f" It is {moved[0]}." if moved else nearest(str(given), others)


def load_config(path: str) -> Any:
    """The config of ``file.py`` or ``file.py:variant``; see :func:`find_config` for what may stand for the file.

    Raises:
        ConfigError: no such file or variant, or a fault in the file (its line is named).
    """
    file, *variant = path.split(":", 1)
    try:
        found = str(find_config(file))
    except (ConfigError, OSError) as error:
        raise ConfigError(f"--config={path}: {error}") from error
    try:
        contents = runpy.run_path(found)
        if "get_config" not in contents:
            raise ConfigError(f"{found} must define get_config(variant=''), which returns the config.")
        config = contents["get_config"](*variant)
        flatten(config)
    except ConfigError as error:
        raise ConfigError(f"--config={path}: {error}") from error
    except Exception as error:  # whatever a user's Python does
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == found]
        line = error.lineno if isinstance(error, SyntaxError) else frames[-1].lineno if frames else 1
        raise ConfigError(f"--config={path}: line {line} raises {type(error).__name__}: {error}.") from error
    return config
