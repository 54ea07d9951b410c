"""Data files that installed packages carry, read without importing them (scikit-learn alone takes a second)."""

import importlib.util
from pathlib import Path

import numpy as np

from gendyn.core import ConfigError


def read_digits_csv(package: str, relative: str, shape: tuple[int, int]) -> np.ndarray:
    """A packaged CSV of integers whose rows are pixels, then the label.

    Args:
      package: top-level package, as imported.
      relative: path of the file inside the package; may end in ``.gz``.
      shape: rows and columns the file must have.

    Returns:
      uint8 array of that shape.

    Raises:
      ConfigError: the package is not installed, or its file is absent or of another shape.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"task: the data are part of the package {package!r}, which is not installed: install it.")
    path = Path(spec.submodule_search_locations[0]) / relative
    if not path.is_file():
        raise ConfigError(f"task: {package} no longer carries {relative}; install a version listed in the constraints.")
    table = np.loadtxt(path, delimiter=",", dtype=np.float32)
    if table.shape != shape:
        raise ConfigError(f"task: {relative} of {package} has shape {table.shape}, must have {shape}.")
    return table.astype(np.uint8)
