"""(outputs, targets) -> a loss per example: what ``loss`` of a config names."""
