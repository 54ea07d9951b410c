"""What the module of a transform says of it, in ``gendyn/optim`` or of one's own; and what holds where it is silent."""

import inspect
import typing
from collections.abc import Callable
from typing import Any

from gendyn.core import ConfigError, check_choice, lookup, module

FAMILIES = ("sgd", "adam")


def pad_safe(name: str) -> bool:
    """``PAD_SAFE``: widths may share a program by zero-padding. Where it is missing, each width has its own.

    Raises:
        ConfigError: it is neither True nor False.
    """
    return _flag(name, "PAD_SAFE", False)


def family(name: str) -> str:
    """``FAMILY`` of an optimizer: how its update grows with the gradient, for models with a rate per parameter (muP).

    Raises:
        ConfigError: it is missing, or none of ``FAMILIES``.
    """
    found = getattr(module("optim", name), "FAMILY", None)
    if found is None:
        raise ConfigError(
            f"{name!r}: the model has a learning rate for each parameter, so the optimizer's module must say how its "
            'updates grow with the gradient: FAMILY = "sgd" (in proportion) or "adam" (not at all).'
        )
    check_choice(f"{name!r}: FAMILY", found, FAMILIES)
    return str(found)


def decoupled_decay(name: str) -> bool:
    """``DECOUPLED_DECAY`` of an optimizer: its weight decay is no part of the gradient, as in AdamW.

    It may be missing where there is no argument ``weight_decay``.

    Raises:
        ConfigError: it is missing, or neither True nor False.
    """
    decays = "weight_decay" in inspect.signature(lookup("optim", name)).parameters
    if decays and not hasattr(module("optim", name), "DECOUPLED_DECAY"):
        raise ConfigError(
            f"{name!r}: the model has a learning rate for each parameter, so the optimizer's module must say of its "
            "weight_decay: DECOUPLED_DECAY = True (subtracted from the parameters, AdamW) or False (added to the "
            "gradient, L2)."
        )
    return _flag(name, "DECOUPLED_DECAY", False)


def says_how_it_scales(name: str) -> bool:
    """Whether the module says all that a model with a learning rate for each parameter asks of an optimizer."""
    about = module("optim", name)
    decays = "weight_decay" in inspect.signature(lookup("optim", name)).parameters
    return hasattr(about, "FAMILY") and (hasattr(about, "DECOUPLED_DECAY") or not decays)


def takes_schedule(name: str) -> bool:
    """Whether the optimizer's ``learning_rate`` may be a function of the step: its annotation says so."""
    parameters = signature(lookup("optim", name)).parameters
    if "learning_rate" not in parameters:
        return False
    kinds = typing.get_args(parameters["learning_rate"].annotation)
    return any(typing.get_origin(kind) is typing.get_origin(Callable[..., Any]) for kind in kinds)


def signature(factory: Callable[..., Any]) -> inspect.Signature:
    """The signature, with annotations as objects also where ``from __future__ import annotations`` made them texts."""
    try:
        return inspect.signature(factory, eval_str=True)
    except NameError:  # a name that exists for type checkers only
        return inspect.signature(factory)


def _flag(name: str, attribute: str, default: bool) -> bool:
    found = getattr(module("optim", name), attribute, default)
    if not isinstance(found, bool):
        raise ConfigError(f"{name!r}: {attribute} = {found!r} must be True or False.")
    return found
