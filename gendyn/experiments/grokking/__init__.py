"""Networks that memorise first and generalise later, and what makes them sooner."""
