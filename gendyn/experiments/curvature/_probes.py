"""What a config says of the probe that an experiment reads."""

from collections.abc import Mapping
from typing import Any

from gendyn.core import ConfigError
from gendyn.sweep.config import parse_probe


def probe_arguments(config: Mapping[str, Any], probe: str) -> dict[str, Any]:
    """The arguments that ``config.probes`` gives a probe; those left out have its own defaults.

    Raises:
        ConfigError: the config does not name the probe.
    """
    calls = dict(parse_probe(spec) for spec in config["probes"])
    if probe not in calls:
        raise ConfigError(f"config.probes = {tuple(config['probes'])!r} must hold {probe!r}: add it.")
    return calls[probe]
