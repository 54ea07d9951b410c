"""For whoever reads saved networks: the data that they were trained on, wherever their files lie now."""

from collections.abc import Mapping, Sequence
from typing import Any

from gendyn.core import ConfigError
from gendyn.sweep.origins import placeless
from gendyn.sweep.plan.against_task import load_task
from gendyn.sweep.plan.planned import Chunk, Plan
from gendyn.sweep.plan.same_data import places, reader, task_leaves, varied_leaves
from gendyn.types import Task


def moved(plan: Plan, folder: str) -> Plan:
    """The plan of a sweep whose task reads its files from ``folder``."""
    if not folder:
        return plan
    if not any(places(run.flat) for run in plan.runs):
        raise ConfigError(f"folder = {folder!r} would have no effect: the task of this sweep reads no files.")
    chunks = []
    for chunk in plan.chunks:
        runs = (run.placed(dict.fromkeys(places(run.flat), folder)) for run in chunk.runs)
        chunks.append(chunk._replace(runs=tuple(runs)))
    return plan._replace(chunks=tuple(chunks))


def check_data(plan: Plan, chunks: Sequence[Chunk], provenance: Mapping[str, Any], tasks: dict[str, Task]) -> None:
    """Raises :class:`ConfigError` if the arrays of these chunks' tasks are not those that they were trained on.

    A sweep that goes on with changed data (``store.accept_changes``) is not asked. Loaded tasks are kept in ``tasks``.
    """
    if plan.config["store.accept_changes"]:
        return
    data_of, before = reader(tasks), placeless(provenance, plan).get("arrays", {})
    varied = varied_leaves(plan.axes, plan.config["arms"])
    for chunk in chunks:
        flat = chunk.settings
        then = chunk.runs[0].data or before.get(task_leaves(flat, places(flat, varied)), "")
        try:
            found = data_of(flat)
        except ConfigError as fault:
            moved = " If they were moved, name their folder by folder=." if places(flat) else ""
            raise ConfigError(f"the data of the sweep cannot be loaded: {fault}{moved}") from fault
        if not then and places(flat):  # version 0.4.0 says the checksum of the raw data alone
            task = load_task(flat, tasks)
            then = provenance.get("data", {}).get(task.name, {}).get("sha256", "")
            found = task.provenance.get("sha256", "")
        if then and found != then:
            where = "".join(f" in {name} = {flat[name]!r}" for name in places(flat))
            raise ConfigError(
                f"the networks were trained on other data: task {flat['task.name']!r}{where} has arrays of sha256 "
                f"{found[:12]} now, and {then[:12]} then. "
                f"{'Name the folder of the same files by folder=, or undo' if where else 'Undo'} the change."
            )
