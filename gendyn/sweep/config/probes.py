"""Probes by name and arguments, as a config or a command line writes them: ``"sharpness(num_steps=32)"``."""

import ast
import inspect
import re
from collections.abc import Sequence
from typing import Any

from gendyn.core import ConfigError, lookup, nearest
from gendyn.types import Probe

PROBES = "probes"
"""The room whose files a config may name."""
_OWN = re.compile(r"\s*([A-Za-z_][\w.]*:[A-Za-z_]\w*)")


def parse_probe(spec: Any) -> tuple[str, dict[str, Any]]:
    """The factory's name and its arguments.

    Raises:
        ConfigError: not a name or a call with literal keyword arguments, or an argument that the factory does not have.

    >>> parse_probe("parameter_norm")
    ('parameter_norm', {})
    """
    form = (
        "write a name, or a name and keyword arguments: 'parameter_norm', 'sharpness(num_steps=32)', or of your own "
        "'my_probe:f(scale=2)'"
    )
    if not isinstance(spec, str):
        raise ConfigError(
            f"config.probes: {spec!r} must be a name: that of a file in gendyn/{PROBES}/, or 'my_probe:f' of your own."
        )
    own = _OWN.match(spec)
    try:
        node = ast.parse(f"own{spec[own.end() :]}" if own else spec.strip(), mode="eval").body
        call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
        if not isinstance(call.func, ast.Name) or call.args or any(k.arg is None for k in call.keywords):
            raise ValueError
        arguments = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise ConfigError(f"config.probes: {spec!r} cannot be read: {form}.") from error
    called = own[1] if own else call.func.id
    known = inspect.signature(lookup(PROBES, called)).parameters
    for name in arguments:
        if name not in known:
            raise ConfigError(
                f"config.probes: {called} has no argument {name!r}.{nearest(name, known)} "
                f"Known: {', '.join(known) or 'none'}."
            )
    return called, arguments


def make_probes(specs: Sequence[str]) -> tuple[Probe, ...]:
    """The probes of a run.

    Raises:
        ConfigError: a bad spec, or one probe twice: its values would be recorded under the same names.
    """
    probes: dict[str, Probe] = {}
    for spec in specs:
        name, arguments = parse_probe(spec)
        probe = lookup(PROBES, name)(**arguments)
        if probe.name in probes:
            raise ConfigError(f"config.probes: {probe.name!r} is given twice; its values have one place.")
        probes[probe.name] = probe
    return tuple(probes.values())
