"""Update -> update, after the optimizer: what ``projection.name`` of a config names."""
