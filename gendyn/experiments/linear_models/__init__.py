"""Models linear in their parameters or their inputs, held to closed forms."""
