import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def small() -> ModuleType:
    """The module of ``small_sweep.py``."""
    return load("small_sweep")


@pytest.fixture(scope="session")
def laws() -> ModuleType:
    """The module of ``padding_laws.py``."""
    return load("padding_laws")


@pytest.fixture(scope="session")
def killing() -> ModuleType:
    """The module of ``killing.py``."""
    return load("killing")
