"""The rules of the architecture, by a walk over the syntax trees: who may import whom, and what each file must be.

Each rule is a function ``(root) -> list of faults``; tests/test_layout.py applies them.
"""

import ast
import functools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

STOREYS = (
    ("types",),
    ("core",),
    ("linalg", "regression", "theory", "tasks", "models", "optim", "train", "bounds", "analysis", "store"),
    ("measure", "sweep", "plots"),
    ("probes",),
    ("experiments",),
    ("configs", "commands"),
    ("__main__", "scripts"),
)
READING_ORDER = {"sweep": ("config", "plan", "execute")}
"""Folders of a room, each of which may import those before it; files beside the folders may import all."""
HEIGHT = {room: height for height, storey in enumerate(STOREYS) for room in storey}
ROOMS_WITH_EXAMPLES = ("models", "optim", "tasks", "probes")
CONTRACT_NAMES = {"example", "PAD_SAFE", "FAMILY", "ROLE", "NEEDS_CLASSES"}
DECOMPOSITION = re.compile(
    r"(jnp|jax\.numpy|jax\.scipy|jax\.lax|lax)\.linalg\.(eigh?|eigvalsh?|svd|qr|cholesky|solve_triangular)"
)
FORBIDDEN_STEMS = ("utils", "util", "helpers", "misc", "common")
MAX_LINES = 400
# Written in two halves, so that this file does not contain them.
MACHINE_PATHS = (*("/" + name + "/" for name in ("work", "root", "home", "opt")), "file:" + "///")
IGNORED_FOLDERS = {".git", "__pycache__", "runs", "build", "dist", "node_modules"}


def sources(root: Path, *folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(path for path in (root / folder).rglob("*.py") if "__pycache__" not in path.parts)


@functools.cache  # every rule reads every file
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def room_of(path: Path, root: Path) -> str | None:
    """The room of a file; ``None`` for gendyn/__init__.py."""
    parts = path.relative_to(root).parts
    if parts[0] != "gendyn":
        return parts[0]
    return None if parts[1:] == ("__init__.py",) else parts[1].removesuffix(".py")


@functools.cache
def imported_modules(path: Path, root: Path) -> tuple[tuple[int, str], ...]:
    """``(line, dotted name)`` of everything a file imports, also inside functions; relative names are resolved."""
    return tuple(_imported(path, path.relative_to(root).parts[:-1]))


def _imported(path: Path, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree_of(path)):
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
    """An ``__init__.py`` holds a docstring and re-exports ``from x import y as y``, each once, and nothing else.

    That of the house has its version and imports a room when it is asked for, so that ``import gendyn`` imports none.
    """
    faults = []
    house = root / "gendyn" / "__init__.py"
    for path in (path for path in sources(root, "gendyn") if path.name == "__init__.py" and path != house):
        tree, where = tree_of(path), path.relative_to(root)
        if ast.get_docstring(tree) is None:
            faults.append(f"{where}: no docstring")
        exported: set[str] = set()
        for node in tree.body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue
            if not isinstance(node, ast.ImportFrom):
                faults.append(f"{where}:{node.lineno}: only a docstring and 'from x import y as y' may stand here")
                continue
            for alias in node.names:
                if alias.asname != alias.name:
                    faults.append(f"{where}:{node.lineno}: write 'import {alias.name} as {alias.name}'")
                elif alias.name in exported:
                    faults.append(f"{where}:{node.lineno}: {alias.name} is exported twice")
                exported.add(alias.name)
    return faults


def private_faults(root: Path) -> list[str]:
    """A file, folder or name with a leading underscore that is imported from outside the folder or file it lies in."""
    faults = set()
    for path in sources(root, "gendyn", "configs", "scripts"):
        where = path.relative_to(root)
        for line, module in imported_modules(path, root):
            parts = module.split(".")
            private = [i for i, part in enumerate(parts) if part.startswith("_") and not part.startswith("__")]
            if (
                parts[0] == "gendyn"
                and private
                and where.with_suffix("").parts[: private[0]] != tuple(parts[: private[0]])
            ):
                place = "/".join(parts[: private[0]])
                faults.add(f"{where}:{line}: {'.'.join(parts[: private[0] + 1])} is private to {place}")
    return sorted(faults)


def decomposition_faults(root: Path) -> list[str]:
    """Dense decompositions but those of :mod:`gendyn.core.decompositions`: others can wait for ever under vmap."""
    faults = []
    for path in sources(root, "gendyn"):
        for node in ast.walk(tree_of(path)):
            name = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            if DECOMPOSITION.fullmatch(name) and path.name != "decompositions.py":
                faults.append(f"{path.relative_to(root)}:{node.lineno}: {name}: use that of gendyn.core")
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


def _shown_files(root: Path) -> Iterator[Path]:
    """All files but those in folders that are hidden, ignored or built; such folders are not walked."""
    for place, folders, files in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if not (name.startswith(".") and name != ".ci") and name not in IGNORED_FOLDERS and name[-9:] != ".egg-info"
        ]
        yield from (Path(place) / name for name in files if name not in IGNORED_FOLDERS)


def path_faults(root: Path) -> list[str]:
    """Paths of somebody's machine in a text file."""
    faults = []
    for path in sorted(_shown_files(root)):
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
    for node in tree_of(path).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def named_files(room: Path) -> list[Path]:
    """The files that :func:`gendyn.core.names` offers: in a room with folders only what lies in one."""
    folders = [path.parent for path in sorted(room.glob("[!_]*/__init__.py"))]
    return [path for place in folders or [room] for path in sorted(place.glob("[!_]*.py"))]


def example_faults(root: Path) -> list[str]:
    """Public files of the rooms whose contract tests find them by glob, without what those tests call."""
    faults = []
    for path in (file for room in ROOMS_WITH_EXAMPLES for file in named_files(root / "gendyn" / room)):
        role = {"ROLE"} if room_of(path, root) == "optim" else set()
        missing = ({"example", path.stem} | role) - definitions(path)
        faults += [f"{path.relative_to(root)}: defines no {name!r}: see docs/adding.md" for name in sorted(missing)]
    return faults


def export_faults(root: Path) -> list[str]:
    """Files that a config finds by name, and that ``from gendyn.<room> import <name>`` does not."""
    faults = []
    for room in (room for room in ROOMS_WITH_EXAMPLES if (root / "gendyn" / room / "__init__.py").is_file()):
        init = root / "gendyn" / room / "__init__.py"
        for path in named_files(init.parent):
            dotted = ".".join(path.relative_to(root).with_suffix("").parts)
            line = f"from {dotted} import {path.stem} as {path.stem}"
            if line not in init.read_text(encoding="utf-8").splitlines():
                faults.append(f"{path.relative_to(root)}: not exported; add to gendyn/{room}/__init__.py: {line}")
    return faults


def folder_faults(root: Path) -> list[str]:
    """Folders of Python files that are no packages: an installed gendyn would not have them."""
    folders = sorted({path.parent for path in sources(root, "gendyn")})
    return [f"{f.relative_to(root)}/__init__.py: missing" for f in folders if not (f / "__init__.py").is_file()]


@functools.cache  # the contract tests speak for every room
def mentions(path: Path) -> set[str]:
    """Identifiers, imported names and whole strings of a file; comments and docstrings' words do not count."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
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
    """Files, in folders too, that no test of their room, and no contract test, names, nor anything they define.

    A private file may be tested through the file of its room that imports it.
    """
    faults = []
    for room in sorted(path for path in (root / "gendyn").iterdir() if (path / "__init__.py").is_file()):
        tests = sources(root, f"tests/{room.name}", "tests/contracts")
        mentioned = set().union(*(mentions(test) for test in tests))
        files = [path for path in sources(room, ".") if path.name != "__init__.py"]
        # Names that every file of a room defines prove nothing.
        named = {p for p in files if ({p.stem, p.stem.lstrip("_")} | definitions(p)) & (mentioned - CONTRACT_NAMES)}
        reached = {module for path in named for _, module in imported_modules(path, root)}
        for path in sorted(set(files) - named):
            dotted = ".".join(path.relative_to(root).with_suffix("").parts)
            if not (path.name.startswith("_") and dotted in reached):
                faults.append(
                    f"{path.relative_to(root)}: no test in tests/{room.name} mentions it; beside its contract it needs "
                    f"a test of its own: tests/{room.name}/test_{path.stem.lstrip('_')}.py"
                )
    return faults


RULES: tuple[Callable[[Path], list[str]], ...] = (
    import_faults,
    order_faults,
    circle_faults,
    init_faults,
    private_faults,
    decomposition_faults,
    name_faults,
    length_faults,
    path_faults,
    example_faults,
    export_faults,
    folder_faults,
    untested_faults,
)
