"""How gradients and logits move: their spectra in time, their noise, their collapse."""
