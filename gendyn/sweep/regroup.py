"""A folder's chunks taken apart: what is saved of their runs moves to the chunks of the new plan."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gendyn import store
from gendyn.sweep.execute.job import records_per_block
from gendyn.sweep.plan.planned import Plan


def write_regrouped(folder: Path, document: Mapping[str, Any], planned: Plan) -> None:
    """Writes ``plan.json``; before it the chunks that take over records of others, after it those others go.

    The rename of the plan is the one event: a kill before it leaves the old chunks in force, one after it the new.

    Args:
        folder: held by this process.
        document: the plan as it is stored.
        planned: the same, with what is carried over.
    """
    entries = {entry["id"]: entry for entry in document["chunks"]}
    for carry in planned.carried:
        entry = entries[carry.target]
        per_block = records_per_block(len(entry["steps"]))
        store.carve(folder, carry.source, entry, carry.rows, records_per_block=per_block)
    store.write_plan(folder, document)
    for source in {carry.source for carry in planned.carried} - set(entries):
        store.remove_chunk(folder, source)
