"""Parameters by the path a user writes, such as ``"embedding/table"``."""

import jax

from gendyn.core import ConfigError, nearest
from gendyn.types import Array, PyTree


def leaves_under(argument: str, path: str, params: PyTree) -> list[Array]:
    """The leaf at ``path``, or all leaves below it.

    Raises:
        ConfigError: nothing is there; the message lists the paths there are.
    """
    named = {
        jax.tree_util.keystr(where, simple=True, separator="/"): leaf
        for where, leaf in jax.tree_util.tree_flatten_with_path(params)[0]
    }
    found = [leaf for name, leaf in named.items() if name == path or name.startswith(path + "/")]
    if not found:
        raise ConfigError(
            f"{argument} = {path!r} must be a path in the parameters, or the beginning of one up to a '/'."
            f"{nearest(path, named)} They are: {', '.join(named)}."
        )
    return found


def check_path(argument: str, path: str) -> None:
    """Raises :class:`ConfigError` unless ``path`` is a string with something in it."""
    if not isinstance(path, str) or not path or path.startswith("/") or path.endswith("/"):
        raise ConfigError(f"{argument} = {path!r} must be a path in the parameters, such as 'embedding/table'.")
