"""What an experiment is, and the one way to run one: command line, tests and a user's script call :func:`launch`.

An experiment is a module: ``experiments/<family>/<name>.py``, or a package of that name. It trains networks by a sweep,
or it has a program of its own.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import ml_collections

from gendyn import store, sweep
from gendyn.core import ConfigError, module, nearest, paths
from gendyn.experiments.declared import declared_leaves, resolve
from gendyn.sweep.config.axes import normalise, normalise_zips
from gendyn.types import Config, Dataset, Figure, Finding


class Experiment(Protocol):
    """What every experiment has. Its docstring states Claim, Refuted if, and Reference.

    It may have more, each by its name:

    ``LEAVES: Mapping[str, sweep.Leaf]`` and ``program(config) -> sweep.Simulation``
        A program of its own in place of a sweep: the leaves of its config, and all its runs. ``config.axes`` holds the
        values of every leaf of kind ``axis`` or ``reference``, in the order of ``LEAVES``.
    ``check(config) -> None``
        Rules that no single leaf has; raises :class:`gendyn.core.ConfigError` before anything compiles.
        ``config.axes`` and ``config.zip_axes`` are those in force.
    ``after(ds, workdir) -> None``
        What is measured once the runs are finished, such as seconds a step; it may store attributes in ``workdir``.
    """

    def figure(self, ds: Dataset) -> Figure:
        """Draws the finished seeds; never trains."""

    def verdict(self, ds: Dataset) -> list[Finding]:
        """One finding a claim, computed from the results alone, judged together by :func:`gendyn.analysis.family`."""


class Planned(Protocol):
    """What :func:`plan` returns."""

    def summary(self) -> str:
        """Runs, programs and cost, as a table."""


def experiments() -> dict[str, str]:
    """Name -> dotted module of every experiment, by file.

    >>> experiments()["grokking"]
    'gendyn.experiments.grokking.grokking'
    """
    return paths("experiments")


def find(name: str) -> ModuleType:
    """The module of an experiment.

    Raises:
        ConfigError: an unknown name; the message lists the known ones.
    """
    known = experiments()
    if name not in known and ":" not in name:
        raise ConfigError(
            f"config.experiment = {name!r} is no experiment.{nearest(name, known)} Known: {', '.join(sorted(known))}. "
            f"To add it, create gendyn/experiments/<family>/{name}.py."
        )
    return module("experiments", name)


def answers(experiment: Any, name: str) -> bool:
    """Whether an experiment has one of the optional functions; a file of that name in its package is none."""
    return callable(getattr(experiment, name, None))


def plan(config: Config, *, axes: Any = None, zip_axes: Any = None, workdir: str | Path | None = None) -> Planned:
    """What :func:`launch` would compute, without compiling, training or writing anything.

    Raises:
        ConfigError: see :func:`launch`.
    """
    experiment, config = _in_force(config, axes, zip_axes)
    if answers(experiment, "program"):
        return resolve(experiment, config)[1]
    return sweep.plan(config, workdir=workdir)


def launch(
    config: Config,
    workdir: str | Path,
    *,
    axes: Any = None,
    zip_axes: Any = None,
    overrides: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Dataset:
    """Runs the experiment that a config describes, or what ``workdir`` lacks of it, and returns the labelled results.

    A config without an experiment is a plain sweep. The same call again goes on from the last commit; with more axis
    values it adds the new runs.

    Args:
        config: from a file of ``configs/``, :func:`gendyn.sweep.base_config` or :func:`declared_config`.
        workdir: the results folder; made if it does not exist.
        axes: ``{leaf: values}`` or pairs; replaces the config's axes. An experiment with a program of its own takes
            other values of the axes it declares; of axes that it makes by itself it computes the chosen values alone.
        zip_axes: groups of axes that advance together; replaces the config's.
        overrides: what the user changed, stored with the provenance.
        quiet: print neither the plan nor progress.

    Returns:
        Dims ``run x record``; the axes are coordinates of ``run``. See :func:`gendyn.store.open`. The attributes
        ``cpu_seconds`` and ``wall_seconds`` add up all launches that came to their end, on ``hardware``.

    Raises:
        ConfigError: bad input, before anything compiles or is written.
        StoreError: the folder cannot be written; what was committed stays readable.
    """
    started = time.process_time(), time.monotonic()
    experiment, config = _in_force(config, axes, zip_axes)
    if answers(experiment, "program"):
        full, simulation = resolve(experiment, config)
        ds = sweep.simulate(full.to_dict(), workdir, simulation, overrides=overrides, quiet=quiet)
    else:
        ds = sweep.run(config, workdir=workdir, overrides=overrides, quiet=quiet)
    if answers(experiment, "after"):
        experiment.after(ds, workdir)
    _add_cost(ds, workdir, time.process_time() - started[0], time.monotonic() - started[1])
    return store.open(workdir)


def _add_cost(ds: Dataset, workdir: str | Path, cpu: float, wall: float) -> None:
    """What all launches that came to their end took, in seconds, and on which machine the last one ran."""
    spent = {"cpu_seconds": cpu, "wall_seconds": wall}
    cost = {name: round(float(ds.attrs.get(name, 0.0)) + seconds, 1) for name, seconds in spent.items()}
    store.set_attributes(workdir, cost | {"hardware": store.hardware()})


def _in_force(config: Config, axes: Any, zip_axes: Any) -> tuple[Any, Config]:
    """The experiment, or ``None``; and its config, checked, with the axes in force."""
    chosen = ml_collections.ConfigDict(config)
    with chosen.unlocked():
        chosen.axes = normalise(chosen.get("axes", ()) if axes is None else axes)
        chosen.zip_axes = normalise_zips(chosen.get("zip_axes", ()) if zip_axes is None else zip_axes)
    experiment: Any = find(chosen.experiment) if chosen.get("experiment") else None
    if answers(experiment, "check") and not answers(experiment, "program"):
        experiment.check(chosen)
    return experiment, chosen


def require(config: Config, leaves: Mapping[str, Any], why: str) -> None:
    """Refuses a sweep in which a leaf has, or an axis or an arm gives it, another value than the only one allowed.

    Args:
        config: with the axes in force, as :meth:`check` gets it.
        leaves: dotted name -> the value it must have.
        why: ends the message: what would be another formula without it.

    Raises:
        ConfigError: a leaf with another value.
    """
    axes = dict(config.get("axes", ()))
    arms = [dict(settings) for name, settings in config.get("arms", ()) if name in axes.get("arm", ())]
    for name, value in leaves.items():
        given: Any = config
        for part in name.split("."):
            given = given.get(part) if given is not None else None
        found: Sequence[Any] = [*axes.get(name, (given,)), *(arm[name] for arm in arms if name in arm)]
        for other in found:
            if other != value:
                raise ConfigError(f"config.{name} = {other!r} must be {value!r}: {why}")


def declared_config(experiment: str) -> Config:
    """The config of an experiment with a program of its own, every leaf at its default: where a config file starts.

    Every leaf of kind ``axis`` has the axis of its one default value; set ``config.axes`` for more.

    Raises:
        ConfigError: an unknown experiment, or one that trains by a sweep: its config is
            :func:`gendyn.sweep.base_config`'s.
    """
    return declared_leaves(find(experiment), experiment)
