"""The architecture, held by a walk over the syntax trees: who may import whom, and what each file must be.

Each rule is a function ``(root) -> list of faults``. The last tests plant each fault in a small tree and find it.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STOREYS = (
    ("types",),
    ("core",),
    ("linalg", "regression", "theory", "tasks", "models", "optim", "train", "bounds", "analysis", "store"),
    ("measure", "sweep", "plots"),
    ("experiments",),
    ("configs",),
    ("scripts",),
)
READING_ORDER = {"sweep": ("config", "plan", "execute")}
"""Folders of a room, each of which may import those before it; files beside the folders may import all."""
HEIGHT = {room: height for height, storey in enumerate(STOREYS) for room in storey}
ROOMS_WITH_EXAMPLES = ("models", "optim", "tasks", "measure")
CONTRACT_NAMES = {"example", "PAD_SAFE", "FAMILY", "ROLE", "NEEDS_CLASSES"}
FORBIDDEN_STEMS = ("utils", "util", "helpers", "misc", "common")
MAX_LINES = 400
# Written in two halves, so that this file does not contain them.
MACHINE_PATHS = (*("/" + name + "/" for name in ("work", "root", "home", "opt")), "file:" + "///")
IGNORED_FOLDERS = {"__pycache__", "runs", "build", "dist", "node_modules"}


def sources(root: Path, *folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(path for path in (root / folder).rglob("*.py") if "__pycache__" not in path.parts)


def room_of(path: Path, root: Path) -> str | None:
    """The room of a file; ``None`` for gendyn/__init__.py."""
    parts = path.relative_to(root).parts
    if parts[0] != "gendyn":
        return parts[0]
    return None if parts[1:] == ("__init__.py",) else parts[1].removesuffix(".py")


def imported_modules(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """``(line, dotted name)`` of everything a file imports, also inside functions; relative names are resolved."""
    package = path.relative_to(root).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join(base + ([node.module] if node.module else []))
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def import_faults(root: Path) -> list[str]:
    """Imports that climb the house, or cross a storey; and rooms the house does not know."""
    faults = set()
    for path in sources(root, "gendyn", "configs", "scripts"):
        here, where = room_of(path, root), path.relative_to(root)
        if here is not None and here not in HEIGHT:
            faults.add(f"{where}: {here!r} is no room of the house")
            continue
        for line, module in imported_modules(path, root):
            parts = module.split(".")
            target = parts[1] if parts[0] == "gendyn" and len(parts) > 1 else parts[0]
            if target not in HEIGHT or (parts[0] != "gendyn" and target not in ("configs", "scripts")):
                continue
            if here is None or (target != here and HEIGHT[target] >= HEIGHT[here]):
                faults.add(f"{where}:{line}: {here or 'gendyn'} may not import {target}")
    return sorted(faults)


def order_faults(root: Path) -> list[str]:
    """Folders of a room that import a later one, or a file beside the folders: the room is read in their order."""
    faults = set()
    for room, folders in READING_ORDER.items():
        for place, folder in enumerate(folders):
            for path in sources(root, f"gendyn/{room}/{folder}"):
                for line, module in imported_modules(path, root):
                    parts = module.split(".")
                    if parts[:2] != ["gendyn", room]:
                        continue
                    target = parts[2] if len(parts) > 2 else "the room itself"
                    if target not in folders[: place + 1]:
                        faults.add(f"{path.relative_to(root)}:{line}: {folder} may not import {target}")
    return sorted(faults)


def circle_faults(root: Path) -> list[str]:
    """Files that import each other, directly or through others; imports for type checkers count."""
    files = {".".join(path.relative_to(root).with_suffix("").parts): path for path in sources(root, "gendyn")}
    imports = {
        name: sorted({module for _, module in imported_modules(path, root) if module in files} - {name})
        for name, path in files.items()
    }
    faults, finished = [], set()

    def walk(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            faults.append(" imports ".join((*above[above.index(name) :], name)))
        elif name not in finished:
            for other in imports[name]:
                walk(other, (*above, name))
            finished.add(name)

    for name in files:
        walk(name, ())
    return faults


def init_faults(root: Path) -> list[str]:
    """A room's ``__init__.py`` holds a docstring, imports and ``__all__``; and names in ``__all__`` what it imports."""
    faults = []
    for path in (path for path in sources(root, "gendyn") if path.name == "__init__.py"):
        tree, where = ast.parse(path.read_text(encoding="utf-8")), path.relative_to(root)
        if ast.get_docstring(tree) is None:
            faults.append(f"{where}: no docstring")
        imported, public = set(), set()
        for node in tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                imported |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == ["__all__"]:
                public = set(ast.literal_eval(node.value))
            elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                faults.append(f"{where}:{node.lineno}: only imports and __all__ may stand here")
        if imported != public:
            faults.append(f"{where}: __all__ and the imports differ in {sorted(imported ^ public)}")
    return faults


def name_faults(root: Path) -> list[str]:
    """File names that say nothing."""
    return [
        f"{path.relative_to(root)}: name the file after what it does"
        for path in sources(root, "gendyn", "configs", "scripts", "tests")
        if path.stem.strip("_") in FORBIDDEN_STEMS
    ]


def length_faults(root: Path) -> list[str]:
    """Files that hold a second idea."""
    lengths = (
        (path, len(path.read_text(encoding="utf-8").splitlines()))
        for path in sources(root, "gendyn", "configs", "scripts")
    )
    return [f"{path.relative_to(root)}: {n} lines, at most {MAX_LINES}" for path, n in lengths if n > MAX_LINES]


def path_faults(root: Path) -> list[str]:
    """Paths of somebody's machine in a text file."""
    faults = []
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith(".") and part != ".ci" for part in parts[:-1])
        if hidden or any(part in IGNORED_FOLDERS or part.endswith(".egg-info") for part in parts) or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a figure or an array
        for number, line in enumerate(text.splitlines(), 1):
            # Not the middle of a longer path or of an address: only where a path begins.
            found = [p for p in MACHINE_PATHS if re.search(rf"(?<![\w.}}*-]){re.escape(p)}", line)]
            faults += [f"{path.relative_to(root)}:{number}: {p}" for p in found]
    return faults


def definitions(path: Path) -> set[str]:
    """Names that a file defines at its top level."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def example_faults(root: Path) -> list[str]:
    """Public files of the rooms whose contract tests find them by glob, without what those tests call."""
    faults = []
    for path in sources(root, *(f"gendyn/{room}" for room in ROOMS_WITH_EXAMPLES)):
        if not path.name.startswith("_"):
            missing = {"example", path.stem} - definitions(path)
            faults += [f"{path.relative_to(root)}: defines no {name!r}" for name in sorted(missing)]
    return faults


def mentions(path: Path) -> set[str]:
    """Identifiers, imported names and whole strings of a file; comments and docstrings' words do not count."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {part for alias in node.names for part in alias.name.split(".")}
            found |= set((getattr(node, "module", None) or "").split("."))
    return found


def untested_faults(root: Path) -> list[str]:
    """Files that no test of their room, and no contract test, names: neither the file nor anything it defines.

    A private file may be tested through the file of its room that imports it.
    """
    faults = []
    for folder in sorted(path for path in (root / "gendyn").iterdir() if (path / "__init__.py").is_file()):
        tests = sources(root, f"tests/{folder.name}", "tests/contracts")
        mentioned = set().union(*(mentions(test) for test in tests))
        files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        # Names that every file of a room defines prove nothing.
        named = {p for p in files if ({p.stem, p.stem.lstrip("_")} | definitions(p)) & (mentioned - CONTRACT_NAMES)}
        reached = {module for path in named for _, module in imported_modules(path, root)}
        for path in sorted(set(files) - named):
            if not (path.name.startswith("_") and f"gendyn.{folder.name}.{path.stem}" in reached):
                faults.append(f"{path.relative_to(root)}: no test in tests/{folder.name} mentions it")
    return faults


RULES: tuple[Callable[[Path], list[str]], ...] = (
    import_faults,
    order_faults,
    circle_faults,
    init_faults,
    name_faults,
    length_faults,
    path_faults,
    example_faults,
    untested_faults,
)


@pytest.mark.parametrize("rule", RULES)
def test_the_tree_obeys(rule):
    faults = rule(ROOT)
    assert not faults, "\n".join(faults)


def test_every_room_of_the_house_that_exists_is_known():
    folders = {path.name for path in (ROOT / "gendyn").iterdir() if (path / "__init__.py").is_file()}
    assert folders <= set(HEIGHT)
    assert {"core", "models", "optim", "sweep"} <= folders


SOUND_TREE = {
    "gendyn/__init__.py": '"""A house."""\n',
    "gendyn/core/__init__.py": '"""Core."""\nfrom gendyn.core.base import base\n__all__ = ["base"]\n',
    "gendyn/core/base.py": "def base(): ...\n",
    "gendyn/optim/__init__.py": '"""Optim."""\nfrom gendyn.optim.sgd import sgd\n__all__ = ["sgd"]\n',
    "gendyn/optim/sgd.py": "from gendyn.optim._scale import scale\ndef sgd(): ...\ndef example(): ...\n",
    "gendyn/optim/_scale.py": "from gendyn.core import base\ndef scale(): ...\n",
    "gendyn/sweep/__init__.py": '"""Sweep."""\n',
    "gendyn/sweep/run.py": "from ..optim import sgd\ndef launch(): ...\n",
    "configs/first.py": "import gendyn.experiments\n",
    "tests/core/test_base.py": "from gendyn.core import base\n",
    "tests/optim/test_sgd.py": "from gendyn.optim.sgd import sgd\n",
    "tests/sweep/test_run.py": "from gendyn.sweep import run\n",
    "gendyn/sweep/config/leaf.py": "import gendyn.core\nLEAF = 1\n",
    "gendyn/sweep/plan/chunk.py": "from gendyn.sweep.config.leaf import LEAF\n",
    "README.md": "See https://example.org/" + "work/page and ./net" + "work/x\n",
}
PLANTED = {
    "climbs": ("gendyn/core/base.py", "import gendyn.optim\n", import_faults, "core may not import optim"),
    "crosses": ("gendyn/optim/sgd.py", "from gendyn import models\n", import_faults, "optim may not import models"),
    "hides in a function": ("gendyn/optim/sgd.py", "def f():\n    import gendyn.train.run\n", import_faults, "train"),
    "relative": ("gendyn/optim/sgd.py", "from ..sweep.run import launch\n", import_faults, "may not import sweep"),
    "experiment": ("gendyn/sweep/run.py", "from gendyn.experiments import a\n", import_faults, "import experiments"),
    "upstairs": ("gendyn/sweep/run.py", "import scripts.sweep\n", import_faults, "may not import scripts"),
    "reads backwards": (
        "gendyn/sweep/config/leaf.py",
        "from gendyn.sweep.plan import chunk\n",
        order_faults,
        "config may not import plan",
    ),
    "reads the end": ("gendyn/sweep/plan/chunk.py", "import gendyn.sweep.run\n", order_faults, "may not import run"),
    "reads the room": ("gendyn/sweep/plan/chunk.py", "import gendyn.sweep\n", order_faults, "the room itself"),
    "circle": (
        "gendyn/optim/_scale.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from gendyn.optim.sgd import sgd\n",
        circle_faults,
        "imports gendyn.optim._scale",
    ),
    "new room": ("gendyn/attic/box.py", "", import_faults, "'attic' is no room"),
    "code in init": ("gendyn/core/__init__.py", '"""Core."""\nx = 1\n', init_faults, "only imports"),
    "no docstring": ("gendyn/core/__init__.py", "", init_faults, "no docstring"),
    "not exported": ("gendyn/core/__init__.py", '"""Core."""\nimport a\n', init_faults, "differ in ['a']"),
    "utils": ("gendyn/core/_utils.py", "", name_faults, "name the file"),
    "long": ("gendyn/core/base.py", "x = 1\n" * (MAX_LINES + 1), length_faults, "401 lines"),
    "path": ("README.md", "cd /" + "root/gendyn\n", path_faults, "README.md:1"),
    "no example": ("gendyn/optim/adam.py", "def adam(): ...\n", example_faults, "no 'example'"),
    "misnamed": ("gendyn/optim/adam.py", "def Adam(): ...\ndef example(): ...\n", example_faults, "no 'adam'"),
    "private and unused": ("gendyn/optim/_moment.py", "def moment(): ...\n", untested_faults, "optim/_moment.py"),
    "untested": ("gendyn/optim/adam.py", "def adam(): ...\n", untested_faults, "no test in tests/optim"),
}


def build(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_a_sound_tree_has_no_faults(tmp_path):
    build(tmp_path, SOUND_TREE)
    assert [fault for rule in RULES for fault in rule(tmp_path)] == []


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_fault_is_found(plant, tmp_path):
    name, text, rule, message = PLANTED[plant]
    faults = rule(build(tmp_path, SOUND_TREE | {name: text}))
    assert len(faults) == 1
    assert message in faults[0]
