"""The variants of an experiment's config: as reported, a smoke test, the published size."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gendyn.core import ConfigError, check_choice
from gendyn.types import Config


class Variants:
    """A config file's ``get_config``: ``get_config("smoke")`` is the locked config that the function ``smoke`` makes.

    Args:
        experiment: its name; set in every config.
        *functions: each returns a config, and is named and described (its docstring) as its variant. The first is the
            default.

    Raises:
        ConfigError: a function without a docstring; when called, an unknown variant.

    >>> import ml_collections
    >>> def digits():
    ...     \"\"\"64 units.\"\"\"
    ...     return ml_collections.ConfigDict({"width": 64})
    >>> get_config = Variants("example", digits)
    >>> get_config().experiment, get_config("digits").width, get_config.describe()
    ('example', 64, {'digits': '64 units.'})
    """

    def __init__(self, experiment: str, *functions: Callable[[], Config]) -> None:
        self.experiment = experiment
        self.functions = {function.__name__: function for function in functions}
        for name, function in self.functions.items():
            if not function.__doc__:
                raise ConfigError(f"variant {name!r} of {experiment!r} needs a docstring that says what it computes.")

    def __call__(self, variant: str = "") -> Config:
        name = variant or next(iter(self.functions))
        check_choice("variant", name, self.functions)
        config = self.functions[name]()
        with config.unlocked():
            config.experiment = self.experiment
        return config.lock()

    def describe(self) -> dict[str, str]:
        """What each variant computes, by name."""
        return {name: inspect.getdoc(function) or "" for name, function in self.functions.items()}


def vary(config: Config, axes: Mapping[str, Iterable[Any]], seeds: Iterable[int], *, own: str = "") -> None:
    """Sets the axes of a config: those given, then ``seed``; in place.

    Args:
        config: of a sweep.
        axes: ``{leaf: values}``, in this order.
        seeds: the values of ``seed``.
        own: a leaf that takes the seed's value in every run, such as ``task.seed``, so that a seed draws its own split
            too.

    >>> import ml_collections
    >>> config = ml_collections.ConfigDict({"axes": (), "zip_axes": ()})
    >>> vary(config, {"model.width": (2, 4)}, range(2), own="task.seed")
    >>> config.axes
    (('model.width', (2, 4)), ('seed', (0, 1)), ('task.seed', (0, 1)))
    >>> config.zip_axes
    (('seed', 'task.seed'),)
    """
    listed = tuple(seeds)
    config.axes = (*((name, tuple(values)) for name, values in axes.items()), ("seed", listed))
    config.zip_axes = ()
    if own:
        config.axes = (*config.axes, (own, listed))
        config.zip_axes = (("seed", own),)
