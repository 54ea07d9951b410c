"""The plan: which runs share which programs, in which chunks. Plain data: serialisable, hashable, printable."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gendyn import store
from gendyn.core import ConfigError, StoreError, digest, lookup, unnamed
from gendyn.sweep.config.axes import Axes
from gendyn.sweep.config.flat import Flat, flatten, nest
from gendyn.sweep.config.points import identity_of
from gendyn.sweep.config.probes import make_probes
from gendyn.sweep.config.schema import leaves_of
from gendyn.sweep.plan.labels import labels
from gendyn.sweep.plan.program import Program, program_of
from gendyn.sweep.plan.rows import any_unseen
from gendyn.types import Task


@dataclasses.dataclass(frozen=True)
class PlannedRun:
    """A run with its place in the sweep."""

    index: int
    identity: str
    flat: Flat
    data: str = ""
    """See :class:`gendyn.sweep.config.Point`."""
    first_places: tuple[tuple[str, str], ...] = ()
    """Where its data lay when it was planned, before version 0.5.0: that is in its identity. Empty: they lie there."""
    unnamed: str = ""
    """Code of somebody's own that it needs and this call does not name: then ``flat`` is as it was stored, without
    defaults, and unchecked. Such a run is kept, and never trained."""

    def named(self) -> str:
        """The identity that its leaves and data give."""
        return identity_of(self.flat | dict(self.first_places), leaves_of(self.flat), self.data)

    def placed(self, where: Mapping[str, Any]) -> "PlannedRun":
        """The same run, with its data elsewhere: leaf -> place."""
        moved = {name: value for name, value in where.items() if self.flat.get(name, value) != value}
        first = self.first_places
        if moved and not self.data and not first:
            first = tuple((name, self.flat[name]) for name in sorted(moved))
        return dataclasses.replace(self, flat=self.flat | moved, first_places=first)


class Estimate(NamedTuple):
    """What the planner expects of a chunk; it decides nothing once the chunk exists."""

    program: str
    """Names the compiled segment; chunks of equal name share one through the compilation cache."""
    strategy: str
    useful_flops: float
    """Of all runs over all steps at their own sizes."""
    padded_flops: float
    """At the program's sizes."""
    bytes: float
    """On all devices together."""
    seconds: float
    """Of training, without compiling."""


class Chunk(NamedTuple):
    """Runs that train together in one program: the unit that anyone may execute."""

    id: str
    sizes: dict[str, int]
    """Padded sizes of the model."""
    num_rows: int
    """Rows of the training pool that the program sees."""
    steps: tuple[int, ...]
    """The step of each record."""
    runs: tuple[PlannedRun, ...]
    estimate: Estimate

    @property
    def settings(self) -> Flat:
        """The leaves of the first run: for those on which all runs agree, which are static or say how to execute."""
        return self.runs[0].flat

    @property
    def holds(self) -> str:
        """What its folder says of its runs: see :func:`gendyn.store.holds`."""
        runs = [{"index": run.index, "identity": run.identity} for run in self.runs]
        return store.holds({"id": self.id, "steps": self.steps, "runs": runs})

    def program(self, task: Task) -> Program:
        """What is compiled for it."""
        unseen = any_unseen((run.flat for run in self.runs), self.num_rows, len(task.y_train))
        return program_of(self.settings, self.sizes, task)._replace(unseen_rows=unseen)


class Carry(NamedTuple):
    """Rows of a chunk of the folder whose records and states another chunk of the plan takes over."""

    source: str
    target: str
    """Ids."""
    rows: tuple[int, ...]
    """Of the source, in the order of the target's runs."""


class Plan(NamedTuple):
    """All chunks of a sweep. :meth:`to_json` and :func:`plan_from_json` are inverse; :attr:`digest` names it."""

    config: Flat
    axes: Axes
    chunks: tuple[Chunk, ...]
    wanted: frozenset[str] = frozenset()
    """Identities of the runs of a folder that this call asks for; empty: all."""
    finished: frozenset[str] = frozenset()
    """Ids of the chunks that have nothing left to train."""
    carried: tuple[Carry, ...] = ()
    """What becomes of chunks that the folder has under other ids."""

    @property
    def runs(self) -> list[PlannedRun]:
        """In the order of their index."""
        return sorted((run for chunk in self.chunks for run in chunk.runs), key=lambda run: run.index)

    def wants(self, run: PlannedRun) -> bool:
        """Whether this call asks for a run."""
        return not self.wanted or run.identity in self.wanted

    @property
    def asked(self) -> tuple[Chunk, ...]:
        """The chunks with a run that this call asks for; the others stay as they are."""
        return tuple(chunk for chunk in self.chunks if any(map(self.wants, chunk.runs)))

    def programs(self) -> int:
        """Different segments to compile."""
        return len({chunk.estimate.program for chunk in self.asked if chunk.id not in self.finished})

    def labels(self) -> dict[str, str]:
        """What to call each chunk while it trains: the values on the axes that are its own."""
        names = [name for name, _ in self.axes]
        return labels({c.id: [{name: run.flat.get(name) for name in names} for run in c.runs] for c in self.chunks})

    def summary(self) -> str:
        """What there is already, a table with a line a chunk, and the totals: what will be compiled, computed, held."""
        asked = self.asked
        total = sum(map(self.wants, self.runs))
        done = sum(self.wants(run) for chunk in asked if chunk.id in self.finished for run in chunk.runs)
        others = len(self.runs) - total
        left = [chunk for chunk in asked if chunk.id not in self.finished]
        before = [f"{done:,} of {total:,} runs done."] if done else []
        moved = {carry.target for carry in self.carried}
        if going := sum(self.wants(run) for chunk in left if chunk.id in moved for run in chunk.runs):
            before.append(f"{going:,} runs go on from what is saved of them, in chunks of their own.")
        if others:
            before.append(f"{others:,} other runs of the folder are not asked for and stay as they are.")
        if not left:
            return "\n".join([*before, "Nothing is left to compile or train."])
        header = (
            f"{'chunk':<12}{'runs':>6}  {'sizes':<24}{'strategy':<10}{'padded/useful':>14}{'memory':>11}{'seconds':>9}"
        )
        lines = [*before, header]
        for chunk in left:
            expected = chunk.estimate
            sizes = ", ".join(f"{name.split('.')[-1]} {size}" for name, size in chunk.sizes.items()) or "-"
            waste = expected.padded_flops / max(expected.useful_flops, 1.0)
            lines.append(
                f"{chunk.id:<12}{len(chunk.runs):>6}  {sizes:<24}{expected.strategy:<10}{waste:>14.2f}"
                f"{expected.bytes / 1e6:>8.1f} MB{expected.seconds:>9.0f}"
            )
        expectations = [chunk.estimate for chunk in left]
        padded = sum(expected.padded_flops for expected in expectations)
        useful = sum(expected.useful_flops for expected in expectations)
        lines += [
            f"{total - done} runs of {max((c.steps[-1] for c in left), default=0)} steps in "
            f"{len(left)} chunks; {self.programs()} segments and as many initialisers to compile;",
            f"{useful:.3g} useful of {padded:.3g} padded FLOP ({useful / max(padded, 1.0):.0%}); largest chunk "
            f"{max((e.bytes for e in expectations), default=0) / 1e6:.1f} MB; about "
            f"{sum(e.seconds for e in expectations):.0f} s of training.",
        ]
        return "\n".join(lines)

    @property
    def digest(self) -> str:
        """Of everything in the plan."""
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain data, as ``plan.json`` holds it."""
        chunks = []
        for chunk in self.chunks:
            runs = []
            for run in chunk.runs:
                overrides = {k: v for k, v in run.flat.items() if self.config.get(k, _MISSING) != v}
                coords = {name: run.flat.get(name) for name, _ in self.axes}
                entry = {"index": run.index, "coords": coords, "identity": run.identity, "overrides": overrides}
                known = {"data": run.data, "first_places": [list(pair) for pair in run.first_places]}
                runs.append(entry | {name: value for name, value in known.items() if value})
            fixed = {"id": chunk.id, "sizes": chunk.sizes, "num_rows": chunk.num_rows, "steps": list(chunk.steps)}
            chunks.append(fixed | {"estimate": chunk.estimate._asdict(), "runs": runs})
        axes = [[name, list(values)] for name, values in self.axes]
        names = [name for name, _ in self.axes]
        return {"config": nest(self.config), "axes": names, "axis_values": axes, "chunks": chunks}


_MISSING = object()


def plan_from_json(stored: Mapping[str, Any], *, keep_unnamed: bool = False) -> Plan:
    """The plan that :meth:`Plan.to_json` wrote.

    Args:
        stored: as it was read.
        keep_unnamed: let runs that need code which the caller does not name (:func:`gendyn.core.only_names`) stand as
            they are, see :attr:`PlannedRun.unnamed`, instead of raising.

    Raises:
        StoreError: something is missing, or labels, leaves, identities and chunks contradict each other.
        ConfigError: a model, task or the like that this version, or this machine, does not have; or runs of a program
            of its own, which have no networks.
    """
    if _is_simulation(stored):
        raise ConfigError(
            "the folder holds the runs of a program of its own, which trains no networks: gendyn.store.open has all "
            "its results."
        )
    try:
        return _parsed(stored, keep_unnamed)
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        if isinstance(fault, ConfigError):
            raise
        raise StoreError(f"plan.json is no plan of a sweep ({type(fault).__name__}: {fault}): restore it.") from fault


def _is_simulation(stored: Mapping[str, Any]) -> bool:
    """Whether it is the plan of :func:`gendyn.sweep.simulate`: its runs are places on the axes and nothing else."""
    runs = [run for chunk in stored["chunks"] for run in chunk["runs"]]
    return "axis_values" not in stored and not any("identity" in run for run in runs)


def _parsed(stored: Mapping[str, Any], keep_unnamed: bool) -> Plan:
    config = {name: _as_tuples(value) for name, value in flatten(stored["config"]).items()}
    # A leaf younger than the plan has its default, which leaves identities as they were.
    config = leaves_of(config).defaults | config
    chunks = []
    named = set()
    for entry in stored["chunks"]:
        runs = []
        for run in entry["runs"]:
            overrides = {name: _as_tuples(value) for name, value in run["overrides"].items()}
            merged = config | overrides
            data = run.get("data", "")
            first = tuple((str(name), place) for name, place in run.get("first_places", ()))
            if foreign := keep_unnamed and unnamed([merged[name] for name in merged if names_code(name)]):
                runs.append(PlannedRun(run["index"], run["identity"], merged, data, first, foreign[0]))
                continue
            flat = {name: merged.get(name, default) for name, default in leaves_of(merged).defaults.items()}
            if (names := (flat["loss"], flat["probes"])) not in named:
                # Looked up here, where only names of the caller are: factories are, by the schema above.
                named.add(names)
                lookup("optim", flat["loss"])
                make_probes(flat["probes"])
            labels = {name: _as_tuples(value) for name, value in run["coords"].items()}
            planned = PlannedRun(run["index"], run["identity"], flat, data, first)
            if planned.identity != planned.named() or any(flat.get(k) != v for k, v in labels.items()):
                raise StoreError(
                    f"plan.json was edited: run {run['index']} would train something else than its label {labels} and "
                    "its identity say. Restore it from a copy; to run something else, choose another workdir."
                )
            runs.append(planned)
        identities = [run.identity for run in runs]
        if entry["id"] != chunk_id(identities, entry["sizes"], entry["num_rows"]):
            raise StoreError(
                f"plan.json was edited: chunk {entry['id']} holds other runs or sizes than its id says. Restore it."
            )
        estimate = Estimate(**entry["estimate"])
        chunks.append(
            Chunk(entry["id"], entry["sizes"], entry["num_rows"], tuple(entry["steps"]), tuple(runs), estimate)
        )
    axes = tuple((name, tuple(_as_tuples(v) for v in values)) for name, values in stored["axis_values"])
    return Plan(config, axes, tuple(chunks))


def names_code(leaf: str) -> bool:
    """Whether a leaf says by which code a run is made: what may be ``module:object``."""
    return leaf.endswith(".name") or leaf in ("loss", "probes")


def chunk_id(identities: Sequence[str], sizes: Mapping[str, int], num_rows: int) -> str:
    """Names a chunk by what it trains: its runs in their order, and the padded sizes of their program."""
    return digest([list(identities), dict(sizes), num_rows])[:10]


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(v) for v in value) if isinstance(value, list) else value
