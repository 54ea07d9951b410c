"""How many directions carry a matrix or a spectrum."""
