"""Fourier analysis on cyclic groups: of logits on all pairs, and of embeddings."""
