"""What a folder's results rest on besides its config: the arrays of its tasks, and code that is not gendyn's."""

import hashlib
import importlib
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gendyn.core import ConfigError, canonical
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.plan.against_task import load_task
from gendyn.sweep.plan.planned import Chunk, names_code
from gendyn.tasks import sha256
from gendyn.types import Task


def origins(chunks: Sequence[Chunk], tasks: dict[str, Task]) -> dict[str, dict[str, str]]:
    """``{"arrays": {leaves of a task: sha256}, "sources": {module:object: sha256}}``."""
    arrays, sources = {}, {}
    for flat in (chunk.settings for chunk in chunks):
        leaves = _task_leaves(flat)
        if leaves not in arrays:
            task = load_task(flat, tasks)
            arrays[leaves] = sha256(task.x_train, task.y_train, task.x_test, task.y_test)
        for name in _own(flat):
            sources[name] = _source(name)
    return {"arrays": arrays, "sources": sources}


def origins_of(now: Mapping[str, Mapping[str, str]], chunks: Sequence[Chunk]) -> dict[str, dict[str, str]]:
    """Of what :func:`origins` has found, what these chunks rest on."""
    names = {_task_leaves(chunk.settings) for chunk in chunks}
    names |= {name for chunk in chunks for name in _own(chunk.settings)}
    return {kind: {name: digest for name, digest in found.items() if name in names} for kind, found in now.items()}


def _task_leaves(flat: Flat) -> str:
    return canonical({name: value for name, value in flat.items() if name.startswith("task.")})


def check_origins(earlier: Mapping[str, Any], now: Mapping[str, Mapping[str, str]], accept_changes: bool) -> None:
    """Raises :class:`ConfigError` if data or code of one name is not what it was when the folder's results were made.

    Args:
        earlier: the provenance in the folder; that of version 0.4.0 does not say.
        now: as :func:`origins` finds it.
        accept_changes: go on nevertheless.
    """
    said = {"arrays": "the data of task", "sources": "the file of"}
    for kind, what in said.items():
        for name, digest in now[kind].items():
            before = earlier.get(kind, {}).get(name, digest)
            if before != digest and not accept_changes:
                raise ConfigError(
                    f"workdir holds results of other code or data: {what} {name} has changed since (sha256 "
                    f"{before[:12]} there, {digest[:12]} now). Undo the change, use another --workdir, or, where the "
                    "change cannot matter, set --config.store.accept_changes=true."
                )


def _own(flat: Flat) -> list[str]:
    """The names ``module:object`` of a run, without the arguments of probes."""
    texts = [text for name, text in flat.items() if names_code(name) and name != "probes"]
    return [text for text in (*texts, *(spec.partition("(")[0] for spec in flat["probes"])) if ":" in str(text)]


def _source(name: str) -> str:
    """Of the file that defines the module; of a module without one, such as a notebook's, of what it defines there."""
    module = importlib.import_module(name.partition(":")[0])
    path = getattr(module, "__file__", None)
    text = Path(path).read_bytes() if path else inspect.getsource(module).encode()
    return hashlib.sha256(text).hexdigest()
