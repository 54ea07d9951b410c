"""gendyn from its wheel, in an environment of its own whose other packages are those of this one: no network needed."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

SOURCES = ("gendyn", "configs", "pyproject.toml", "setup.py", "README.md", "LICENSE")


def install(root: Path, folder: Path) -> Path:
    """Builds a wheel of the checkout and installs it below ``folder``; returns the folder of its commands."""
    sources = folder / "sources"  # a build leaves files behind
    sources.mkdir(parents=True)
    for name in SOURCES:
        if (root / name).is_dir():
            shutil.copytree(root / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / name, sources / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    _run([*pip, "wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={folder}", str(sources)], folder)
    place = folder / "environment"
    venv.create(place, with_pip=False, symlinks=True)
    packages = next(place.glob("lib/python*/site-packages"))
    # Behind its own: gendyn is the wheel's, whatever is installed here.
    present = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    (packages / "present.pth").write_text("\n".join(present) + "\n")
    (wheel,) = folder.glob("*.whl")
    _run([*pip, f"--python={place / 'bin' / 'python'}", "install", "--no-deps", "--no-index", str(wheel)], folder)
    return place / "bin"


def call(commands: Path, words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs an installed command in a folder, with nothing of the checkout on its path."""
    return _run([str(commands / words[0]), *words[1:]], folder)


def _run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done
