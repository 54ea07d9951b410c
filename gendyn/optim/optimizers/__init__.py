"""Gradient -> update: what ``optim.name`` of a config names."""
