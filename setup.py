"""What pyproject.toml cannot say: configs/ travels in the wheel, as gendyn/configs, with whatever families it has."""

from pathlib import Path

from setuptools import find_packages, setup

families = [folder.name for folder in sorted(Path("configs").iterdir()) if any(folder.glob("*.py"))]
setup(
    packages=[*find_packages(include=["gendyn*"]), *(f"gendyn.configs.{family}" for family in families)],
    package_dir={"gendyn.configs": "configs"},
)
