"""Faults of a results folder by kind x file x age: what a reader and a resumed sweep make of each.

    python -m tests.sweep.folder_faults [trials] [seed]

prints a tally. Every file of a folder is found by walking it, so a new kind of file is included by itself. A trial is
``refused`` (one clear error), ``recovered`` (the results of a sweep that nothing happened to), or a fault of gendyn:
``wrong`` (another value under a label), ``traceback`` (an exception that is none of ours) or ``foreign`` (a file that
is not gendyn's was changed).
"""

import collections
import random
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import gendyn.sweep
from gendyn import store
from gendyn.core import ConfigError, StoreError
from gendyn.sweep.execute.progress import Progress

AXES = {"model.width": (3, 4), "seed": (0, 1)}
GOOD = ("refused", "recovered")


class Stop(Exception):
    """Ends a sweep in the middle."""


class World(NamedTuple):
    """Folders of one sweep at three ages, and what each value must be."""

    root: Path
    config: Any
    ages: dict[str, Path]
    truth: dict[tuple[Any, ...], dict[str, np.ndarray]]
    """Place on the axes -> name -> records of the run."""


def make_world(root: Path, config: Any) -> World:
    """Trains the sweep to its end, with a copy after three and after eight records."""
    workdir, ages = root / "sweep", {}
    for age, records in (("early", 3), ("half", 8), ("done", 0)):
        _train(config, workdir, records)
        ages[age] = shutil.copytree(workdir, root / age)
    return World(root, config, ages, labelled(store.open(ages["done"])))


def _train(config: Any, workdir: Path, records: int = 0) -> None:
    original, left = Progress.advance, [records]

    def advance(progress: Any, run_steps: float, note: str = "") -> Any:
        left[0] -= bool(note)
        if left[0] == 0 and note:
            raise Stop
        return original(progress, run_steps, note)

    Progress.advance = advance  # type: ignore[method-assign]
    try:
        run(config, workdir)
    except Stop:
        pass
    finally:
        Progress.advance = original  # type: ignore[method-assign]


def labelled(ds: Any) -> dict[tuple[Any, ...], dict[str, np.ndarray]]:
    """Place on the axes -> name -> committed records of the run."""
    axes = list(AXES)
    found = {}
    for run in range(ds.sizes["run"]):
        count = int(ds["committed"].values[run])
        values = {str(name): ds[name].values[run, :count] for name in ds.data_vars}
        found[tuple(ds[axis].values[run].item() for axis in axes)] = values
    return found


def agrees(found: dict[Any, Any], truth: dict[Any, Any], whole: bool) -> bool:
    """Whether committed records are those of the undisturbed sweep; ``whole``: and all of them are there."""
    if set(found) != set(truth):
        return False
    for place, values in truth.items():
        for name, right in values.items():
            there = found[place].get(name)
            if there is None or (whole and len(there) < len(right)):
                return False
            if not np.array_equal(there, right[: len(there)], equal_nan=True):
                return False
    return True


Damage = Callable[[Path, Path, World, random.Random], None]


def _flip(path: Path, _: Path, __: World, rng: random.Random) -> None:
    data = bytearray(path.read_bytes() or b"\0")
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def _older(path: Path, workdir: Path, world: World, rng: random.Random) -> None:
    """The same file at an earlier age; where it is new, one of its folder."""
    name = path.relative_to(workdir)
    old = world.ages["early"] / name
    same_kind = [p for p in old.parent.glob(f"*{name.suffix}") if p.is_file()] if old.parent.is_dir() else []
    if old.is_file() or same_kind:
        shutil.copyfile(old if old.is_file() else rng.choice(same_kind), path)
    else:
        path.unlink()


def _sibling(path: Path, workdir: Path, _: World, rng: random.Random) -> None:
    """Swapped with a file of the same name or kind somewhere else in the folder."""
    others = [p for p in workdir.rglob(f"*{path.suffix}") if p.is_file() and p.name[:4] == path.name[:4] and p != path]
    if not others:
        path.unlink()
        return
    other = rng.choice(sorted(others))
    one, two = path.read_bytes(), other.read_bytes()
    path.write_bytes(two)
    other.write_bytes(one)


def _folder(path: Path, *_: Any) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path, _: Path, world: World, __: random.Random) -> None:
    path.unlink()
    path.symlink_to(world.root / "foreign" / "model.pt")


def _parent_link(path: Path, workdir: Path, world: World, _: random.Random) -> None:
    if path.parent == workdir:
        _link(path, workdir, world, _)
        return
    shutil.rmtree(path.parent)
    path.parent.symlink_to(world.root / "foreign", target_is_directory=True)


DAMAGES: dict[str, Damage] = {
    "flipped": _flip,
    "truncated": lambda path, *_: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "emptied": lambda path, *_: path.write_bytes(b""),
    "deleted": lambda path, *_: path.unlink(),
    "garbage": lambda path, _, __, rng: path.write_bytes(rng.randbytes(200)),
    "brackets": lambda path, *_: path.write_bytes(b"[" * 200_000),
    "older": _older,
    "swapped": _sibling,
    "a folder": _folder,
    "a link": _link,
    "its folder a link": _parent_link,
    "its folder deleted": lambda path, workdir, *_: (
        shutil.rmtree(path.parent) if path.parent != workdir else path.unlink()
    ),
}


def trial(world: World, age: str, name: Path, damage: str, rng: random.Random, *, resume: bool = True) -> str:
    """What reading, and then the same command again, make of a damaged copy."""
    with tempfile.TemporaryDirectory(dir=world.root) as place:
        workdir = Path(place) / "sweep"
        shutil.copytree(world.ages[age], workdir)
        foreign = world.root / "foreign"
        shutil.rmtree(foreign, ignore_errors=True)
        foreign.mkdir()
        (foreign / "model.pt").write_bytes(b"years of work")
        DAMAGES[damage](workdir / name, workdir, world, rng)
        said = []
        for step in (lambda: store.open(workdir), *((lambda: run(world.config, workdir),) if resume else ())):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = labelled(step())
            except (StoreError, ConfigError) as fault:
                said.append("refused" if str(fault) else "traceback")
            except Exception as fault:
                said.append(f"traceback {type(fault).__name__}: {fault}")
            else:
                whole = bool(said)
                said.append("recovered" if agrees(found, world.truth, whole) else "wrong")
        if [p.name for p in foreign.iterdir()] != ["model.pt"] or (
            foreign / "model.pt"
        ).read_bytes() != b"years of work":
            return "foreign"
        return next((what for what in said if what not in GOOD), said[-1])


def run(config: Any, workdir: Path) -> Any:
    """The sweep, or what the folder lacks of it."""
    return gendyn.sweep.run(config, axes=AXES, workdir=workdir, quiet=True)


def cases(world: World) -> list[tuple[str, Path, str]]:
    """Age x file x damage."""
    return [
        (age, path.relative_to(folder), damage)
        for age, folder in world.ages.items()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for damage in DAMAGES
    ]


def main(trials: int = 400, seed: int = 0) -> None:
    """Prints a tally of a seeded sample."""
    from tests.sweep import small_sweep

    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder), small_sweep.config(sweep__buckets="exact"))
        chosen = rng.sample(cases(world), trials)
        tally: collections.Counter[str] = collections.Counter()
        for age, name, damage in chosen:
            what = trial(world, age, name, damage, rng)
            tally[what.split()[0]] += 1
            if what not in GOOD:
                print(f"{what}: {damage}, {age}, {name}", flush=True)
    print(f"{trials} trials, seed {seed}: " + ", ".join(f"{count} {what}" for what, count in tally.most_common()))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
