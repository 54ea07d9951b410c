"""A rule of all experiments on priors: an axis whose values are compared holds every one of them."""

from collections.abc import Iterable

from gendyn.core import ConfigError
from gendyn.types import Config


def check_compared(config: Config, axis: str, values: Iterable[str]) -> None:
    """Raises :class:`gendyn.core.ConfigError` unless the axis has all ``values``.

    >>> import ml_collections
    >>> check_compared(ml_collections.ConfigDict({"axes": (("prior", ("flat",)),)}), "prior", ("flat", "falling"))
    Traceback (most recent call last):
        ...
    gendyn.core.errors.ConfigError: config.axes: prior = ('flat',) must be flat, falling: the claims compare them.
    """
    given = dict(config.axes)[axis]
    if set(given) != set(values):
        raise ConfigError(f"config.axes: {axis} = {given} must be {', '.join(values)}: the claims compare them.")
