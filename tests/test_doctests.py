"""Every example in a docstring of gendyn runs and prints what it says."""

import doctest
import importlib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "gendyn").rglob("*.py") if path.name != "__main__.py")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def load(dotted: str) -> ModuleType:
    # Not the attribute of the package: gendyn.optim.sgd is the function, gendyn/optim/sgd.py the module.
    return importlib.import_module(dotted)


def failures(module: ModuleType) -> tuple[int, str]:
    """How many examples of a module fail, and what doctest says of them."""
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module):
        runner.run(test, out=report.append)
    return runner.failures, "".join(report)


@pytest.mark.parametrize("file", FILES)
def test_examples_run(file, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    dotted = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    failed, report = failures(load(dotted))
    assert not failed, report


def test_a_wrong_example_is_found():
    module = ModuleType("planted", "A wrong sum.\n\n>>> 1 + 1\n3\n>>> 1 + 1\n2\n")
    failed, report = failures(module)
    assert failed == 1
    assert "Expected:\n    3" in report


def test_every_room_is_walked():
    rooms = {Path(file).parts[1] for file in FILES if len(Path(file).parts) == 3}
    assert {"core", "models", "optim", "sweep", "train"} <= rooms
