"""Random streams, name -> file look-up, argument checks, counts of operations and bytes."""

from gendyn.core.decompositions import (
    cholesky,
    eigh,
    eigvalsh,
    qr,
    qr_triangle,
    singular_values,
    solve_triangular,
    svd,
)
from gendyn.core.errors import (
    ConfigError,
    StoreError,
    check_choice,
    check_positive_int,
    check_range,
    is_concrete,
    nearest,
)
from gendyn.core.flops import count_flops, peak_bytes
from gendyn.core.lookup import lookup, module, names, paths
from gendyn.core.memory import check_basis, check_memory, free_bytes
from gendyn.core.random import normal, stream

__all__ = [
    "ConfigError",
    "StoreError",
    "check_basis",
    "check_choice",
    "check_memory",
    "check_positive_int",
    "check_range",
    "cholesky",
    "count_flops",
    "eigh",
    "eigvalsh",
    "free_bytes",
    "is_concrete",
    "lookup",
    "module",
    "names",
    "nearest",
    "normal",
    "paths",
    "peak_bytes",
    "qr",
    "qr_triangle",
    "singular_values",
    "solve_triangular",
    "stream",
    "svd",
]
