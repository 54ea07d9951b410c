"""Tangent kernels of any network, and what follows from one."""
