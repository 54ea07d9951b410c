"""``gendyn.sweep.analyse``: any probe on the checkpoints of a sweep, after the fact."""

import pathlib
from collections.abc import Sequence

import jax
import numpy as np

from gendyn import store
from gendyn.core import ConfigError, only_names
from gendyn.sweep.as_trained import check_data, moved
from gendyn.sweep.config.probes import PROBES, make_probes
from gendyn.sweep.execute.devices import compilation_cache, pick_devices
from gendyn.sweep.execute.layout import Layout, OutOfMemory, next_layout
from gendyn.sweep.execute.population import out_of_memory
from gendyn.sweep.execute.segment import make_segment
from gendyn.sweep.execute.states import unflatten_state
from gendyn.sweep.plan.against_task import load_task
from gendyn.sweep.plan.planned import Chunk, plan_from_json
from gendyn.sweep.plan.program import Program
from gendyn.sweep.plan.shapes import abstract_run
from gendyn.tasks import held
from gendyn.types import Dataset, Task


@compilation_cache()
def analyse(
    workdir: str | pathlib.Path,
    probes: Sequence[str],
    *,
    which: str | int = "latest",
    strategy: str = "map",
    names: Sequence[str] = (),
    folder: str = "",
) -> Dataset:
    """Measures the saved networks of a sweep, in the sweep's own padded programs; nothing in the folder changes.

    A measurement is a segment of no steps with other probes, so a probe sees exactly what it would see in training.

    Args:
        workdir: the folder of a sweep, finished or running.
        probes: as in ``config.probes``: ``("sharpness(num_steps=32)", "weight_rank")``.
        which: ``"latest"``, or a number of committed records that a kept checkpoint has.
        strategy: ``"map"``, one run after another, or ``"vmap"``, all side by side.
        names: code of your own that the folder names as ``"module:object"``, such as its task or model. A folder is
            data: none of it is run that is not named here.
        folder: where the files of the sweep's task lie now, if they were moved.

    Returns:
        Labelled as by :func:`gendyn.store.open`, with one record, whose ``step`` is the checkpoint's: variables
        ``<probe>/<name>`` and the standard metrics. ``committed`` is 0 and all is NaN where a chunk has no checkpoint.

    Raises:
        ConfigError: no sweep in ``workdir``, a bad probe, or other data than those that were trained on; nothing has
            been compiled.
        StoreError: no checkpoint of a chunk restores.
    """
    import xarray

    made = make_probes(probes)
    if not made:
        raise ConfigError(f"probes = () must name at least one file of gendyn/{PROBES}/.")
    with only_names([names, held()]):
        stored = store.read_plan(workdir)
        plan = moved(plan_from_json(stored), folder)
    tasks: dict[str, Task] = {}
    check_data(plan, plan.chunks, stored["provenance"], tasks)
    devices = pick_devices(plan.config["sweep.platform"])
    labels = store.open(workdir)
    places = {index: place for place, index in enumerate(labels["run"].values.tolist())}
    values: dict[str, np.ndarray] = {}
    steps = np.full(len(places), np.nan)
    for chunk in plan.chunks:
        files = store.chunk_folder(workdir, chunk.id)
        there = store.ChunkStore.exists(files)
        restored = store.ChunkStore(files, chunk.holds).restore_state(which) if there else None
        if restored is None:
            continue
        rows = [places[run.index] for run in chunk.runs]
        steps[rows] = chunk.steps[restored.records - 1]
        measured = _measure(chunk, load_task(chunk.settings, tasks), restored.state, tuple(probes), strategy, devices)
        for name, array in measured.items():
            if name not in values:
                blank = np.nan if array.dtype.kind == "f" else 0
                values[name] = np.full((len(places), *array.shape[1:]), blank, array.dtype)
            if values[name].shape[1:] != array.shape[1:]:
                raise ConfigError(
                    f"{name} has shape {array.shape[1:]} in chunk {chunk.id} and {values[name].shape[1:]} before it: "
                    "give the probe arguments that make its values equal in shape for all widths."
                )
            values[name][rows] = array
    found = {
        name: (("run", "record", *(f"{name}_dim_{i}" for i in range(array.ndim - 1))), array[:, None])
        for name, array in values.items()
    }
    there = np.isfinite(steps)
    step = steps.astype(np.int64) if there.all() else steps
    coords = {name: coordinate for name, coordinate in labels.coords.items() if coordinate.dims == ("run",)}
    coords |= {"record": [0], "step": (("run", "record"), step[:, None]), "committed": ("run", there.astype(np.int64))}
    return xarray.Dataset(found, coords=coords, attrs=labels.attrs)


def _measure(
    chunk: Chunk,
    task: Task,
    state: dict[str, np.ndarray],
    probes: tuple[str, ...],
    strategy: str,
    devices: Sequence[jax.Device],
) -> dict[str, np.ndarray]:
    """The record of all runs of a chunk, ``[R, …]``."""
    segment = make_segment(chunk, task, devices)
    program = _with_probes(segment.program, probes)
    rows = len(chunk.runs)
    measuring = segment._replace(program=program, abstract=abstract_run(program, chunk, task))
    metrics = measuring.abstract.state.metrics
    blank = jax.tree.map(lambda leaf: np.zeros((rows, *leaf.shape), leaf.dtype), metrics)
    start = unflatten_state(segment.abstract.state, state)._replace(metrics=blank)
    layout = Layout(0, strategy, 1, tuple(range(rows)), 1, len(devices), devices[0].platform, "")
    while True:
        try:
            return measuring.populate(layout, start, None).advance(0)
        except (jax.errors.JaxRuntimeError, MemoryError) as error:
            smaller = next_layout(layout, 0, OutOfMemory())
            if not out_of_memory(error) or smaller is None or smaller is layout:
                raise
            layout = smaller


def _with_probes(program: Program, probes: tuple[str, ...]) -> Program:
    """The same networks with other probes, and without stop rules: a finished run would be left as it was."""
    static = dict(program.static) | {"probes": probes}
    return program._replace(static=tuple(sorted(static.items())), stop=False)
