"""Gradient -> gradient, before the optimizer: what ``filter.name`` of a config names."""
