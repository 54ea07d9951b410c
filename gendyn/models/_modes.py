"""How a network is told whether it trains: every name that authors give to that argument."""

import inspect
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from gendyn.core import ConfigError

TRAINING = ("train", "training", "is_training", "is_train")
EVALUATION = ("deterministic", "use_running_average", "eval", "is_eval", "evaluation", "inference", "is_inference")
"""True where the network does not train."""


def mode_of(name: str, train: bool) -> bool | None:
    """The value of an argument or attribute of that name; ``None``: the name says nothing of the mode.

    >>> mode_of("deterministic", train=True), mode_of("training", train=True), mode_of("rate", train=True)
    (False, True, None)
    """
    if name in TRAINING:
        return train
    return not train if name in EVALUATION else None


class Call(NamedTuple):
    """The arguments of a network's forward pass beside its inputs."""

    modes: tuple[str, ...]
    """Those that say whether it trains."""
    given: tuple[str, ...]
    """Those of ``given`` that it has."""

    def arguments(self, train: bool) -> dict[str, bool]:
        """The values of the modes."""
        return {name: bool(mode_of(name, train)) for name in self.modes}


def call_of(
    function: Callable[..., Any],
    called: str,
    *,
    inputs: int,
    given: Collection[str] = (),
    attributes: Collection[str] = (),
) -> Call:
    """What a forward pass takes beside its first ``inputs`` arguments.

    Args:
      function: the forward pass.
      called: what messages call it, such as ``"MLP.__call__"``.
      inputs: how many of its arguments come first, ``self`` among them.
      given: names of further arguments that the caller has values for.
      attributes: modes that the network holds as attributes too; an optional argument of the name is then left alone.

    Raises:
      ConfigError: an argument without a default that is neither a mode nor in ``given``.
    """
    modes, wanted = [], []
    for place, (name, parameter) in enumerate(inspect.signature(function).parameters.items()):
        if place < inputs or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        required = parameter.default is parameter.empty
        if parameter.kind is not parameter.POSITIONAL_ONLY:
            if name in given:
                wanted.append(name)
                continue
            if mode_of(name, train=True) is not None and (required or parameter.default in (True, False, None)):
                if required or name not in attributes:
                    modes.append(name)
                continue
        if required:
            raise ConfigError(
                f"{called} needs the argument {name!r}, and is called with the inputs"
                f"{''.join(f', {other}' for other in given)} and one that says whether it trains: "
                f"{', '.join(TRAINING + EVALUATION)}. Give {name!r} a default, or wrap the network in one that sets it."
            )
    return Call(tuple(modes), tuple(wanted))


def check_outputs(returned: Any, called: str, select: str) -> Any:
    """Raises :class:`ConfigError` unless a forward pass returned one array; ``select`` says how to choose a part."""
    if hasattr(returned, "shape") and hasattr(returned, "dtype"):
        return returned
    what = f"a {type(returned).__name__}"
    if isinstance(returned, tuple | list | dict):
        what += f" of {len(returned)}"
    raise ConfigError(
        f"{called} returned {what}; outputs must be one array [B, C]. Return only that, or choose it: {select}."
    )
