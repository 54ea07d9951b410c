"""Families of experiments, held by a walk over the tree: a rule is ``(root) -> faults``, and each fault is planted."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_LINES = 250
"""Of a file of an experiment; beyond, it becomes a package, or a part of one finds its second idea."""
SHARED = {"__init__", "contract", "declared"}
"""Files that belong to no family."""


def families(root: Path) -> Iterator[Path]:
    yield from (path for path in sorted((root / "gendyn/experiments").iterdir()) if (path / "__init__.py").is_file())


def experiments(root: Path) -> Iterator[tuple[str, str]]:
    """Family and name of every public file or package of a family."""
    for family in families(root):
        for path in sorted(family.iterdir()):
            if not path.name.startswith("_") and (path.suffix == ".py" or (path / "__init__.py").is_file()):
                yield family.name, path.stem


def loose_faults(root: Path) -> list[str]:
    found = sorted((root / "gendyn/experiments").glob("*.py"))
    return [f"{p.relative_to(root)}: put it into a family" for p in found if p.stem not in SHARED]


def family_faults(root: Path) -> list[str]:
    """A family that imports another; what two need belongs to a lower room."""
    faults, names = [], {family.name for family in families(root)}
    for family in families(root):
        for path in sorted(family.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    modules = [f"{node.module}.{alias.name}" for alias in node.names]
                for module in modules:
                    parts = module.split(".")
                    other = parts[2] if parts[:2] == ["gendyn", "experiments"] and len(parts) > 2 else ""
                    if other in names and other != family.name:
                        faults.append(f"{path.relative_to(root)}: the family {family.name} may not import {other}")
    return faults


def length_faults(root: Path) -> list[str]:
    lengths = (
        (path, len(path.read_text(encoding="utf-8").splitlines()))
        for path in sorted((root / "gendyn/experiments").rglob("*.py"))
    )
    return [f"{p.relative_to(root)}: {n} lines, at most {MOST_LINES}" for p, n in lengths if n > MOST_LINES]


def companion_faults(root: Path) -> list[str]:
    """An experiment without its config or without a test of its own, and either of them without an experiment."""
    known = set(experiments(root))
    faults = [
        f"{family}/{name}: write {place}"
        for family, name in sorted(known)
        for place in (f"configs/{family}/{name}.py", f"tests/experiments/{family}/test_{name}.py")
        if not (root / place).is_file()
    ]
    for path in sorted((root / "configs").rglob("*.py")):
        if (path.parent.name, path.stem) not in known:
            faults.append(f"{path.relative_to(root)}: there is no such experiment")
    return faults


RULES = (loose_faults, family_faults, length_faults, companion_faults)
SOUND = {
    "gendyn/experiments/__init__.py": "",
    "gendyn/experiments/contract.py": "",
    "gendyn/experiments/a/__init__.py": "",
    "gendyn/experiments/a/one.py": "from gendyn.experiments.a._shared import x\n",
    "gendyn/experiments/a/_shared.py": "x = 1\n",
    "gendyn/experiments/b/__init__.py": "",
    "gendyn/experiments/b/two/__init__.py": "from gendyn.experiments.contract import launch\n",
    "gendyn/experiments/b/two/claims.py": "from gendyn.experiments.b import two\n",
    "configs/a/one.py": "",
    "configs/b/two.py": "",
    "tests/experiments/a/test_one.py": "",
    "tests/experiments/b/test_two.py": "",
}
PLANTED = {
    "loose": ("gendyn/experiments/three.py", "", loose_faults, "three.py: put it into a family"),
    "arrow": ("gendyn/experiments/b/two/claims.py", "import gendyn.experiments.a.one\n", family_faults, "import a"),
    "arrow from": ("gendyn/experiments/a/one.py", "from gendyn.experiments import b\n", family_faults, "import b"),
    "long": ("gendyn/experiments/a/one.py", "x = 1\n" * (MOST_LINES + 1), length_faults, "251 lines"),
    "no config": ("configs/b/two.py", None, companion_faults, "b/two: write configs/b/two.py"),
    "no test": ("tests/experiments/a/test_one.py", None, companion_faults, "write tests/experiments/a/test_one.py"),
    "stray config": ("configs/a/four.py", "", companion_faults, "configs/a/four.py: there is no such experiment"),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_families_obey(rule):
    faults = rule(ROOT)
    assert not faults, "\n".join(faults)


def build(root: Path, files: dict[str, str | None]) -> Path:
    for name, text in files.items():
        if text is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
    return root


def test_sound_families_have_no_faults(tmp_path):
    assert [fault for rule in RULES for fault in rule(build(tmp_path, dict(SOUND)))] == []


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_fault_is_found(plant, tmp_path):
    name, text, rule, message = PLANTED[plant]
    faults = rule(build(tmp_path, SOUND | {name: text}))
    assert len(faults) == 1 and message in faults[0]
