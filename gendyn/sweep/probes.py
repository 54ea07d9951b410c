"""Where experiments still look for probes by name; they live in ``config/probes.py``."""

from gendyn.sweep.config.probes import parse_probe as parse_probe
