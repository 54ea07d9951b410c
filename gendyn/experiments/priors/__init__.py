"""Soft preferences for simple functions in flexible models: polynomials and Gaussian processes."""
