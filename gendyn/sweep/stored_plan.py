"""The document ``plan.json``: the plan, what readers need to label results, and where they came from."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from gendyn import store
from gendyn.core import canonical
from gendyn.sweep.origins import check_origins, origins
from gendyn.sweep.plan.against_task import load_task
from gendyn.sweep.plan.planned import Chunk, Plan
from gendyn.sweep.plan.program import shapes_at
from gendyn.sweep.plan.shapes import abstract_run
from gendyn.types import Task


def stored_plan(
    sweep_plan: Plan, tasks: dict[str, Task], devices: Sequence[jax.Device], overrides: Mapping[str, Any], folder: Any
) -> dict[str, Any]:
    """``plan.json``: the plan, what readers need to label results, and where they came from.

    Raises:
        ConfigError: the folder's results rest on other data or other code of the same name.
    """
    stored = sweep_plan.to_json()
    metrics: dict[str, Any] = {}
    data: dict[str, dict[str, str]] = {}
    outputs, available = set(), set()
    for chunk, entry in zip(sweep_plan.chunks, stored["chunks"], strict=True):
        task = load_task(chunk.settings, tasks)
        if data.setdefault(task.name, dict(task.provenance)) != dict(task.provenance):  # an axis over the task
            leaves = {name: value for name, value in chunk.settings.items() if name.startswith("task.")}
            data[canonical(leaves)] = dict(task.provenance)
        outputs.add(task.num_outputs)
        available.add(len(task.y_train))
        for name, value in abstract_run(chunk.program(task), chunk, task).record().items():
            metrics[name] = {"shape": list(value.shape), "dtype": str(value.dtype)}
        counts = parameter_counts(chunk, task)
        for run_entry, count in zip(entry["runs"], counts, strict=True):
            run_entry["values"] = {"num_parameters": count}
    provenance: dict[str, Any] = dict(store.collect(stored["config"], dict(overrides)))
    provenance |= {"devices": f"{len(devices)} x {devices[0].device_kind}", "data": data, "plan": sweep_plan.digest}
    now = origins(sweep_plan.chunks, tasks)
    provenance |= now
    earlier = store.read_plan(folder) if store.born(folder) else {}
    if earlier:  # resumed or extended: keep where the first results came from
        provenance["first"] = earlier["provenance"].get("first", earlier["provenance"])
        check_origins(earlier["provenance"], now, sweep_plan.config["store.accept_changes"])
    stored["provenance"] = provenance
    stored["metrics"] = metrics
    # One number where all runs agree, so that a figure need not load the data again.
    facts = {"num_outputs": outputs, "num_available": available}
    # What an experiment has added stays.
    stored["attributes"] = {name: value for name, value in earlier.get("attributes", {}).items() if name not in facts}
    stored["attributes"] |= {name: values.pop() for name, values in facts.items() if len(values) == 1}
    return stored


def parameter_counts(chunk: Chunk, task: Task) -> list[int]:
    """Parameters of each run's network at its own sizes."""
    program = chunk.program(task)
    counted: dict[tuple[Any, ...], int] = {}
    counts = []
    for planned in chunk.runs:
        key = tuple(planned.flat[name] for name, _ in program.sizes)
        if key not in counted:
            leaves = jax.tree.leaves(shapes_at(program, planned.flat, padded=False).params)
            counted[key] = sum(math.prod(leaf.shape) for leaf in leaves)
        counts.append(counted[key])
    return counts
