"""``gendyn.sweep.forget``: chosen runs out of a folder, so that they can be done again, or are not there any more."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gendyn import store
from gendyn.core import ConfigError, nearest, only_names
from gendyn.sweep.config.leaf import plain
from gendyn.sweep.plan.parts import split
from gendyn.sweep.plan.planned import PlannedRun, plan_from_json
from gendyn.sweep.regroup import write_regrouped


def forget(workdir: str | Path, where: Mapping[str, Any], *, plan_only: bool = False) -> int:
    """Deletes the results of chosen runs from a sweep's folder; all others keep theirs, to the bit.

    To do runs again, forget them and run the same command. Runs that trained in one program with them move to a chunk
    of their own, with their records and newest state.

    Args:
        workdir: the folder of a sweep that nobody runs.
        where: ``{axis: value}`` or ``{axis: (value, ...)}``: the runs that have one of the values on each of these
            axes.
        plan_only: they are counted, and stay.

    Returns:
        How many runs were forgotten, or would be.

    Raises:
        ConfigError: no sweep in ``workdir``, no such axis or run, or all runs of the folder.
        StoreError: the folder is damaged, or in use, or the disk refuses.

    >>> import gendyn.sweep, tempfile
    >>> config = gendyn.sweep.base_config(task="teacher_student", model="mlp", optim="sgd")
    >>> config.train.num_steps = 2
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ds = gendyn.sweep.run(config, axes={"seed": range(3)}, workdir=folder, quiet=True)
    ...     forget(folder, {"seed": (0, 2)}), store.open(folder)["seed"].values.tolist()
    (2, [1])
    """
    store.read_plan(workdir)
    folder = Path(workdir).expanduser().absolute()
    with store.lock(folder):
        stored = store.read_plan(folder)
        with only_names(()):
            plan = plan_from_json(stored, keep_unnamed=True)
        chosen = _chosen(where, [name for name, _ in plan.axes])

        def kept(run: PlannedRun) -> bool:
            return not all(run.flat.get(name) in values for name, values in chosen.items())

        left = sum(map(kept, plan.runs))
        count = len(plan.runs) - left
        shown = ", ".join(f"{name} = {' or '.join(map(repr, values))}" for name, values in chosen.items())
        if not count:
            raise ConfigError(f"where: no run of {workdir} has {shown}.")
        if not left:
            raise ConfigError(f"where: all {count:,} runs of {workdir} have {shown or 'no axis at all'}; delete it.")
        if plan_only:
            return count
        parts = split(plan, kept)
        gone = [chunk.id for chunk in parts.chunks if not any(map(kept, chunk.runs))]
        chunks = tuple(chunk for chunk in parts.chunks if chunk.id not in gone)
        carried = tuple(carry for carry in parts.carried if carry.target not in gone)
        axes = tuple(
            (name, tuple(v for v in values if any(v == run.flat.get(name) for c in chunks for run in c.runs)))
            for name, values in plan.axes
        )
        after = parts._replace(chunks=chunks, carried=carried, axes=axes)
        values = {run["index"]: run.get("values", {}) for chunk in stored["chunks"] for run in chunk["runs"]}
        document = stored | {name: after.to_json()[name] for name in ("chunks", "axis_values")}
        for run in (run for chunk in document["chunks"] for run in chunk["runs"]):
            run["values"] = values[run["index"]]
        # First, so that a kill never leaves results of forgotten runs to be taken for those of new ones.
        for chunk_id in set(gone) & {chunk.id for chunk in plan.chunks}:
            store.remove_chunk(folder, chunk_id)
        write_regrouped(folder, document, after)
    return count


def _chosen(where: Mapping[str, Any], axes: list[str]) -> dict[str, tuple[Any, ...]]:
    for name in where:
        if name not in axes:
            raise ConfigError(
                f"where: {name!r} is no axis of this folder.{nearest(name, axes)} Its axes are {', '.join(axes)}."
            )
    listed = {name: plain(value) for name, value in where.items()}
    return {name: value if isinstance(value, tuple) else (value,) for name, value in listed.items()}
