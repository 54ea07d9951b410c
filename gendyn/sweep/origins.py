"""What a folder's results rest on besides its config: the arrays of its tasks, and code that is not gendyn's."""

import hashlib
import importlib
import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gendyn.core import ConfigError
from gendyn.sweep.config.flat import Flat
from gendyn.sweep.plan.planned import Chunk, Plan, names_code
from gendyn.sweep.plan.same_data import places, reader, task_leaves, varied_leaves
from gendyn.types import Task


def origins(plan: Plan, chunks: Sequence[Chunk], tasks: dict[str, Task]) -> dict[str, dict[str, str]]:
    """``{"arrays": {leaves of a task: sha256}, "sources": {module:object: sha256}}``.

    Where the files of a task lie is not among its leaves, unless runs differ in it.
    """
    data_of = reader(tasks)
    varied = varied_leaves(plan.axes, plan.config["arms"])
    settings = [chunk.settings for chunk in chunks]
    arrays = {task_leaves(flat, places(flat, varied)): data_of(flat) for flat in settings}
    return {"arrays": arrays, "sources": sources(chunks)}


def sources(chunks: Sequence[Chunk]) -> dict[str, str]:
    """``{module:object: sha256}`` of the code that is not gendyn's; each file is read once."""
    return {name: _source(name) for name in sorted({name for chunk in chunks for name in _own(chunk.settings)})}


def placeless(provenance: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """A folder's provenance, its arrays named as :func:`origins` names them.

    Before version 0.5.0 the place of the files was among their task's leaves.
    """
    varied = varied_leaves(plan.axes, plan.config["arms"])
    without = {name for chunk in plan.asked for name in places(chunk.settings, varied)}
    named = {task_leaves(json.loads(leaves), without): sha for leaves, sha in provenance.get("arrays", {}).items()}
    return dict(provenance) | ({"arrays": named} if named else {})


def origins_of(now: Mapping[str, Mapping[str, str]], plan: Plan, chunks: Sequence[Chunk]) -> dict[str, dict[str, str]]:
    """Of what :func:`origins` has found, what these chunks rest on."""
    varied = varied_leaves(plan.axes, plan.config["arms"])
    names = {task_leaves(chunk.settings, places(chunk.settings, varied)) for chunk in chunks}
    names |= {name for chunk in chunks for name in _own(chunk.settings)}
    return {kind: {name: digest for name, digest in found.items() if name in names} for kind, found in now.items()}


def check_origins(earlier: Mapping[str, Any], now: Mapping[str, Mapping[str, str]], accept_changes: bool) -> None:
    """Raises :class:`ConfigError` if data or code of one name is not what it was when the folder's results were made.

    Args:
        earlier: the provenance in the folder; that of version 0.4.0 does not say.
        now: as :func:`origins` finds it.
        accept_changes: go on nevertheless.
    """
    said = {"arrays": "the data of task", "sources": "the file of"}
    for kind, what in said.items():
        for name, digest in now.get(kind, {}).items():
            before = earlier.get(kind, {}).get(name, digest)
            if before != digest and not accept_changes:
                raise ConfigError(
                    f"workdir holds results of other code or data: {what} {name} has changed since (sha256 "
                    f"{before[:12]} there, {digest[:12]} now). Undo the change, use another --workdir, or, where the "
                    "change cannot matter, set --config.store.accept_changes=true."
                )


def check_moved(earlier: Mapping[str, Any], now: Mapping[str, Mapping[str, str]], accept_changes: bool) -> None:
    """Like :func:`check_origins`, of a folder of version 0.4.0 and tasks that read files: by the checksum of raw data.

    Args:
        earlier: the provenance in the folder.
        now: ``{task: provenance}`` of those tasks.
        accept_changes: go on nevertheless.
    """
    if "arrays" in earlier:
        return
    then = earlier.get("data", {})
    raw = {
        kind: {name: about["sha256"] for name, about in each.items() if name in now and "sha256" in about}
        for kind, each in (("then", then), ("now", now))
    }
    check_origins({"arrays": raw["then"]}, {"arrays": raw["now"]}, accept_changes)


def _own(flat: Flat) -> list[str]:
    """The names ``module:object`` of a run, but for gendyn's modules, without the arguments of probes."""
    texts = [text for name, text in flat.items() if names_code(name) and name != "probes"]
    named = [str(text) for text in (*texts, *(spec.partition("(")[0] for spec in flat["probes"])) if ":" in str(text)]
    return [text for text in named if not text.startswith("gendyn.")]


def _source(name: str) -> str:
    """Of the file that defines the module; of a module without one, such as a notebook's, of what it defines there."""
    module = importlib.import_module(name.partition(":")[0])
    path = getattr(module, "__file__", None)
    text = Path(path).read_bytes() if path else inspect.getsource(module).encode()
    return hashlib.sha256(text).hexdigest()
