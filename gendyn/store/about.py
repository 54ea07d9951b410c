"""What the folder of a chunk was made for, written last when it is made: the attributes of its zarr group."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from gendyn.core import StoreError, digest
from gendyn.store import files
from gendyn.store.plan_rules import check_name


class Variable(NamedTuple):
    """One recorded quantity of every run."""

    name: str
    shape: tuple[int, ...] = ()
    """Shape of one record of one run; ``()`` for a number."""
    dtype: str = "float32"
    """A numpy name. Records that are not there yet are NaN, or 0 for a dtype without NaN: the marker tells."""


class About(NamedTuple):
    """Sizes, variables and runs of a chunk."""

    rows: int
    num_records: int
    records_per_block: int
    variables: tuple[Variable, ...]
    holds: str = ""
    """Its runs: :func:`gendyn.store.holds`; empty in folders of version 0.4.0."""
    metadata: Mapping[str, str] = MappingProxyType({})
    """Digest of the file that says how each variable's blocks are read; empty in folders of version 0.4.0."""

    @property
    def seals(self) -> bool:
        """Whether the chunk was made by a version that seals what it writes: what has no seal there is damaged."""
        return bool(self.metadata)

    def differences(self, wanted: "About") -> str:
        """What of ``wanted`` is otherwise here, in words; empty where they agree."""
        pairs = {name: (getattr(self, name), getattr(wanted, name)) for name in _SIZES}
        return ", ".join(
            f"{name}: {there} there, {asked} asked" for name, (there, asked) in pairs.items() if there != asked
        )


_SIZES = ("rows", "num_records", "records_per_block", "variables")


def write_about(root: Path, about: About) -> None:
    """Ends the making of a chunk: from here on it is complete."""
    variables = [[variable.name, list(variable.shape), variable.dtype] for variable in about.variables]
    stored = about._asdict() | {"variables": variables, "metadata": dict(about.metadata)}
    group = {"zarr_format": 3, "node_type": "group", "attributes": {"gendyn": stored | {"seal": digest(stored)}}}
    files.write_json(root / "zarr.json", group)


def read_about(root: Path) -> About | None:
    """``None`` unless the making of the chunk ended.

    Raises:
        StoreError: what is there is damaged, or cannot be read.
    """
    place = root / "zarr.json"
    try:
        stored = files.read_json(place)["attributes"].get("gendyn")
        return None if stored is None else _parsed(dict(stored))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as fault:
        raise StoreError(f"{place} cannot be read: {fault.strerror}.") from fault
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise StoreError(f"{place} is damaged ({fault}): restore it from a copy.") from fault


def _parsed(stored: dict[str, Any]) -> About:
    seal = stored.pop("seal", None)
    # Version 0.4.0 wrote neither a seal nor what it would cover.
    if seal != digest(stored) if seal is not None else len(stored) > len(_SIZES):
        raise ValueError("its seal does not agree with what it says")
    variables = tuple(Variable(name, tuple(shape), dtype) for name, shape, dtype in stored["variables"])
    about = About(**{**stored, "variables": variables})
    sizes = (about.rows, about.num_records, about.records_per_block, *(n for v in variables for n in v.shape))
    if not all(isinstance(size, int) and 0 < size < 2**53 for size in sizes):
        raise ValueError("its sizes are no positive integers")
    if any(check_name(variable.name) for variable in variables):
        raise ValueError("its variables have names that are no names")
    return about
