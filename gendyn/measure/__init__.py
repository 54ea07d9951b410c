"""Probes: a network while it trains -> named arrays, one file each."""

from gendyn.measure.parameter_norm import parameter_norm

__all__ = ["parameter_norm"]
