"""The document ``plan.json``: the plan, what readers need to label results, and where they came from."""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from gendyn import store
from gendyn.core import ConfigError, canonical
from gendyn.sweep.origins import check_moved, check_origins, origins, origins_of, placeless
from gendyn.sweep.plan.against_task import load_task
from gendyn.sweep.plan.planned import Chunk, Plan
from gendyn.sweep.plan.program import Program, model_alone, shapes_at
from gendyn.sweep.plan.same_data import places
from gendyn.sweep.plan.shapes import abstract_run
from gendyn.types import Task


def stored_plan(
    sweep_plan: Plan, tasks: dict[str, Task], devices: Sequence[jax.Device], overrides: Mapping[str, Any], folder: Any
) -> dict[str, Any]:
    """``plan.json``: the plan, what readers need to label results, and where they came from.

    Of chunks that this call is not about nothing is looked up or traced: they are said again as they were.

    Raises:
        ConfigError: the folder's results rest on other data or other code of the same name.
    """
    stored = sweep_plan.to_json()
    earlier = store.read_plan(folder) if store.born(folder) else {}
    values = {run["index"]: run.get("values", {}) for chunk in earlier.get("chunks", ()) for run in chunk["runs"]}
    asked = {chunk.id for chunk in sweep_plan.asked}
    before: Any = earlier if len(asked) < len(sweep_plan.chunks) else {"metrics": {}, "provenance": {}}
    metrics: dict[str, Any] = dict(before["metrics"])
    data: dict[str, dict[str, str]] = dict(before["provenance"].get("data", {}))
    outputs, available = set(), set()
    read: dict[str, Mapping[str, str]] = {}
    for chunk, entry in zip(sweep_plan.chunks, stored["chunks"], strict=True):
        if chunk.id not in asked:
            for run_entry in entry["runs"]:
                run_entry["values"] = values[run_entry["index"]]
            outputs.add(earlier.get("attributes", {}).get("num_outputs"))
            available.add(earlier.get("attributes", {}).get("num_available"))
            continue
        task = load_task(chunk.settings, tasks)
        if data.setdefault(task.name, dict(task.provenance)) != dict(task.provenance):  # an axis over the task
            leaves = {name: value for name, value in chunk.settings.items() if name.startswith("task.")}
            data[canonical(leaves)] = dict(task.provenance)
        if places(chunk.settings):
            read[task.name] = task.provenance
        outputs.add(task.num_outputs)
        available.add(len(task.y_train))
        for name, value in abstract_run(chunk.program(task), chunk, task).record().items():
            metrics[name] = {"shape": list(value.shape), "dtype": str(value.dtype)}
        check_outputs(chunk, task)
        counts = parameter_counts(chunk, task)
        for run_entry, count in zip(entry["runs"], counts, strict=True):
            run_entry["values"] = {"num_parameters": count}
    provenance: dict[str, Any] = dict(store.collect(stored["config"], dict(overrides)))
    provenance |= {"devices": f"{len(devices)} x {devices[0].device_kind}", "data": data, "plan": sweep_plan.digest}
    now = origins(sweep_plan, sweep_plan.asked, tasks)
    known = placeless(before["provenance"], sweep_plan)
    provenance |= {kind: known.get(kind, {}) | found for kind, found in now.items()}
    if earlier:  # resumed or extended: keep where the first results came from
        provenance["first"] = earlier["provenance"].get("first", earlier["provenance"])
        # What has no results yet, such as runs that raised, may be mended.
        sources = {carry.target: carry.source for carry in sweep_plan.carried}
        folders = [(c, store.chunk_folder(folder, sources.get(c.id, c.id))) for c in sweep_plan.asked]
        bound = [c for c, path in folders if store.ChunkStore.exists(path) and store.ChunkStore(path).committed()]
        accept_changes = sweep_plan.config["store.accept_changes"]
        check_origins(placeless(earlier["provenance"], sweep_plan), origins_of(now, sweep_plan, bound), accept_changes)
        check_moved(earlier["provenance"], read, accept_changes)
    stored["provenance"] = provenance
    stored["metrics"] = metrics
    # One number where all runs agree, so that a figure need not load the data again.
    facts = {"num_outputs": outputs, "num_available": available}
    # What an experiment has added stays.
    stored["attributes"] = {name: value for name, value in earlier.get("attributes", {}).items() if name not in facts}
    stored["attributes"] |= {
        name: found.pop() for name, found in facts.items() if len(found) == 1 and None not in found
    }
    return stored


def check_outputs(chunk: Chunk, task: Task) -> None:
    """Raises :class:`ConfigError` unless a chunk's network answers with the task's number of outputs."""
    leaves = ((name, value) for name, value in chunk.settings.items() if name.startswith("model."))
    found = _outputs(chunk.program(task), tuple(sorted(leaves)))
    if found != (2, task.num_outputs):
        raise ConfigError(
            f"model {chunk.settings['model.name']!r} answers {found} to a batch of 2, must answer (2, "
            f"{task.num_outputs}): task {task.name!r} has {task.num_outputs} outputs. Its factory is told num_outputs."
        )


@functools.lru_cache(maxsize=64)
def _outputs(program: Program, leaves: tuple[tuple[str, Any], ...]) -> tuple[int, ...]:
    """The shape of a network's answer to two examples, at a run's own sizes; nothing is computed."""
    model, variables = model_alone(program, dict(leaves)), shapes_at(program, dict(leaves), padded=False)
    answer = jax.eval_shape(lambda v, x: model.apply(v, x, train=False)[0], variables, program.inputs(2))
    return tuple(answer.shape)


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
