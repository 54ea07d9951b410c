"""Figures and one self-contained HTML page from a finished or still running sweep.

    gendyn report --workdir=runs/double_descent [--output=folder] [--result_page=docs/results]

Exit status: 0 done, 1 bad input or a folder that cannot be read or written, 2 an unknown option.
"""

import inspect
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from absl import flags

from gendyn import store
from gendyn.analysis import ExtraAxes, config_of, final_values, run_status, runs_at, swept_axes
from gendyn.commands._compared import compared
from gendyn.core import ConfigError, StoreError
from gendyn.experiments import experiments, find
from gendyn.plots import (
    counted,
    described,
    drawn_rows,
    learning_curves,
    probe_names,
    probe_series,
    report_page,
    result_index,
    result_page,
)
from gendyn.plots.result_page import WRITTEN
from gendyn.plots.style import plain_style
from gendyn.sweep.config import parse
from gendyn.types import Dataset, Figure

METRICS = ("train_loss", "train_error", "test_loss", "test_error")
MAX_CHOICES = 8
"""Values of axes that an experiment does not know for which its findings are shown; --select chooses others."""


@plain_style()
def write_report(
    ds: Dataset, output: Path, *, name: str, other: tuple[str, Dataset] | None = None, own: Sequence[str] = ()
) -> Path:
    """Writes ``report.html`` with the figures as PNG and SVG, ``runs.csv``, ``config.json`` and ``command.txt``.

    Args:
        ds: the results.
        output: a folder; made if it does not exist.
        name: of the sweep, such as its folder's.
        other: name and results of a sweep to compare with, of the same experiment.
        own: experiments of one's own, ``module:object``, that may be imported because ``ds`` names them.

    Returns:
        The page's path.

    Raises:
        ConfigError: ``other`` is of another experiment.
    """
    asked, experiment = config_of(ds).get("experiment", ""), _experiment(ds, own)
    comparison = None if other is None else compared((name, ds), other, experiment, METRICS)
    output.mkdir(parents=True, exist_ok=True)
    stem = asked.rpartition(":")[2]
    status, provenance = run_status(ds), json.loads(ds.attrs.get("provenance", "{}"))
    title = (inspect.getdoc(experiment) or stem).splitlines()[0] if experiment is not None else f"Sweep: {name}"
    command = shlex.join(command_of(provenance))
    files = {"runs.csv": "runs (CSV)", "config.json": "config (JSON)", "command.txt": "command"}
    runs = _runs(ds, status)
    (output / "runs.csv").write_text(pandas.DataFrame(runs).to_csv(index=False), encoding="utf-8")
    (output / "config.json").write_text(json.dumps(config_of(ds), indent=2) + "\n", encoding="utf-8")
    (output / "command.txt").write_text(command + "\n", encoding="utf-8")
    links = " · ".join(report_page.link(file, text) for file, text in files.items())
    sections = [("Runs", report_page.facts_html(_facts(ds, status)))]
    if experiment is not None:
        sections.append(("Findings", _findings(ds, experiment, output, stem)))
    elif ":" in asked:
        reason = (
            f"Not available: the folder names {asked}, an experiment of your own. To import it, give --name={asked}."
        )
        sections.append(("Findings", report_page.paragraphs(reason)))
    if comparison is not None and other is not None:
        sections.append((f"Compared with {other[0]}", comparison))
    sections.append(("Run it again", f"{report_page.preformatted(command)}<p>Files: {links}</p>"))
    if drawn_rows(ds):
        sections.append(("Learning curves", _figure(lambda: learning_curves(ds), output, "learning_curves")))
    if probe_names(ds):
        sections.append(("Measurements", _figure(lambda: probe_series(ds), output, "measurements")))
    if experiment is not None:
        question = (inspect.getdoc(experiment) or "").partition("\n")[2]
        sections.append(("What is asked", report_page.paragraphs(question)))
    sections.append(("Last values", report_page.folded(f"{len(runs):,} runs", report_page.table_html(runs))))
    sections.append(("Config", report_page.folded("All leaves", report_page.json_html(config_of(ds)))))
    origin = report_page.facts_html(_origin(provenance))
    sections.append(("Provenance", report_page.folded("Versions, device, data", origin)))
    path = output / "report.html"
    path.write_text(report_page.page(title, sections, subtitle=f"{stem} · {name}".strip(" ·")), encoding="utf-8")
    return path


def _findings(ds: Dataset, experiment: Any, output: Path, stem: str) -> str:
    """Findings and figure. Of a sweep with axes that the experiment does not know: at each of their values."""
    try:
        return _judged(ds, experiment, output, stem)
    except ExtraAxes as error:
        points = dict.fromkeys(zip(*(ds[axis].values.tolist() for axis in error.axes), strict=True))
        choices = [dict(zip(error.axes, point, strict=True)) for point in points]
    except ConfigError as error:  # a sweep just begun, or one that varies too little
        return report_page.paragraphs(f"Not available: {error}")
    axes = " and ".join(choices[0])
    parts = [report_page.paragraphs(f"The sweep also varies {axes}. Its findings at each value:")]
    for number, choice in enumerate(choices[:MAX_CHOICES], 1):
        label = ", ".join(f"{axis} = {report_page.number(value)}" for axis, value in choice.items())
        judged = _findings(runs_at(ds, choice), experiment, output, f"{stem}-{number}")
        parts.append(report_page.folded(label, judged, opened=number == 1))
    if len(choices) > MAX_CHOICES:
        rest = f"{len(choices) - MAX_CHOICES} more values: choose one, such as --select={axes.split()[0]}=…"
        parts.append(report_page.paragraphs(rest))
    return "".join(parts)


def _judged(ds: Dataset, experiment: Any, output: Path, stem: str) -> str:
    found = experiment.verdict(ds)
    drawing = _figure(lambda: experiment.figure(ds), output, stem)
    return report_page.paragraphs(counted(found)) + report_page.findings_html(found) + drawing


@plain_style()
def write_result_page(ds: Dataset, folder: Path, *, own: Sequence[str] = ()) -> Path:
    """Writes ``<experiment>.md`` and its figure into ``folder``: what was found, and the command that finds it again.

    ``README.md`` there lists the primary findings of all pages; one that gendyn has not written stays as it is.

    Raises:
        ConfigError: results of no experiment, or none to judge yet.
    """
    experiment, name = _experiment(ds, own), config_of(ds).get("experiment", "").rpartition(":")[2]
    if experiment is None:
        raise ConfigError("--result_page is for experiments; this folder holds a plain sweep.")
    findings, made = experiment.verdict(ds), experiment.figure(ds)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.png").write_bytes(report_page.to_png(made))
    status = run_status(ds)
    provenance = json.loads(ds.attrs.get("provenance", "{}"))
    facts = _facts(ds, status)
    facts["versions"] = ", ".join(f"{p} {provenance.get(f'version.{p}', '?')}" for p in ("gendyn", "jax", "jaxlib"))
    words = command_of(provenance)
    given = [word for word in words if word.startswith(("--config", "--axis"))]
    program = ["gendyn", "sweep"] if words[:1] == ["gendyn"] else ["python", "scripts/sweep.py"]
    command = shlex.join([*program, *given, f"--workdir=runs/{name}"]) if given else ""
    path = folder / f"{name}.md"
    docstring = inspect.getdoc(experiment) or ""
    text = result_page(name, docstring, findings, facts, picture=f"{name}.png", command=command)
    path.write_text(text, encoding="utf-8")
    index = folder / "README.md"
    if not index.exists() or index.read_text(encoding="utf-8").strip().endswith(WRITTEN):
        pages = {page.stem: page.read_text(encoding="utf-8") for page in folder.glob("*.md") if page != index}
        index.write_text(result_index(pages), encoding="utf-8")
    return path


def command_of(provenance: dict[str, Any]) -> list[str]:
    """The words that ran the sweep, as one types them."""
    words = json.loads(provenance.get("argv", "[]"))
    installed = bool(words) and Path(words[0]).stem in ("gendyn", "__main__")
    return ["gendyn", *words[1:]] if installed else ["python", *words]


def _values_of(values: np.ndarray) -> str:
    known = list(dict.fromkeys(values.tolist()))
    shown = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in known)
    return shown if len(known) <= 12 else f"{len(known):,} values from {known[0]} to {known[-1]}"


def _experiment(ds: Dataset, own: Sequence[str]) -> Any:
    """The experiment named in the config; ``None`` for a sweep without one, or with one that is not known here."""
    name = config_of(ds).get("experiment", "")
    return find(name) if name in experiments() or name in own else None


def _figure(make: Callable[[], Figure], output: Path, stem: str) -> str:
    """The figure inside the page, or in its place why there is none yet."""
    try:
        made = make()
    except ConfigError as error:
        return report_page.paragraphs(f"Not available: {error}")
    picture = report_page.to_png(made)
    (output / f"{stem}.png").write_bytes(picture)
    made.savefig(output / f"{stem}.svg")
    return report_page.figure_html(picture, stem.replace("_", " "), described(made), svg=f"{stem}.svg")


def _facts(ds: Dataset, status: np.ndarray) -> dict[str, str]:
    """What was run, a line each: the runs, the axes with their values, the cost."""
    counts = ", ".join(f"{np.sum(status == kind):,} {kind}" for kind in np.unique(status))
    facts = {"runs": f"{ds.sizes['run']:,} ({counts})"}
    facts |= {axis: _values_of(ds[axis].values) for axis in swept_axes(ds)}
    if "cpu_seconds" in ds.attrs:
        facts["cost"] = (
            f"{ds.attrs['cpu_seconds']:,.0f} s of CPU time, {ds.attrs['wall_seconds']:,.0f} s of wall time on "
            f"{ds.attrs['hardware']}"
        )
    return facts


def _origin(provenance: dict[str, Any]) -> dict[str, str]:
    """The provenance as names and values; the config and the command have places of their own."""
    versions = {k.partition(".")[2]: v for k, v in provenance.items() if k.startswith("version.") and v}
    said = {"versions": ", ".join(f"{package} {version}" for package, version in versions.items())}
    for key, value in provenance.items():
        if key not in ("config", "argv") and not key.startswith("version."):
            said |= _flat(key.replace("_", " "), value)
    return said


def _flat(name: str, value: Any) -> dict[str, str]:
    """A nested value a line each, such as ``data: digits: sha256``; what is empty is left out."""
    if isinstance(value, dict):
        return {k: v for key, inner in value.items() for k, v in _flat(f"{name}: {key}", inner).items()}
    return {name: str(value)} if value not in ("", "{}", [], None) else {}


def _metrics(ds: Dataset) -> list[str]:
    """The usual metrics that were recorded as one number a run and record."""
    return [name for name in METRICS if name in ds and ds[name].ndim == 2]


def _runs(ds: Dataset, status: np.ndarray) -> list[dict[str, Any]]:
    """One row a run: its place on the axes, its size, its state and its last values."""
    columns: dict[str, list[Any]] = {axis: ds[axis].values.tolist() for axis in swept_axes(ds)}
    if "num_parameters" in ds.coords:
        columns["parameters"] = ds["num_parameters"].values.tolist()
    columns["state"] = status.tolist()
    for metric in _metrics(ds):
        columns[metric.replace("_", " ")] = final_values(ds, metric).tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def define(argv: Sequence[str]) -> list[str]:
    """Declares the options."""
    flags.DEFINE_multi_string("name", [], "An experiment of your own that the folder names, module:object; repeatable.")
    flags.DEFINE_multi_string("workdir", [], "Folder of a sweep; repeated, several are reported as one.")
    flags.DEFINE_string("output", "", "Where the report goes; by default the folder report/ in the workdir.")
    flags.DEFINE_string("compare", "", "Folder of another sweep of the same experiment, shown beside it.")
    flags.DEFINE_multi_string("select", [], "axis=value: of these runs alone; repeatable.")
    flags.DEFINE_string(
        "result_page", "", "A folder that gets <experiment>.md, its figure and README.md, such as docs/results."
    )
    return list(argv)


def opened(workdirs: Sequence[str], output: str) -> tuple[Dataset, Path, str]:
    """The results of one folder or of several merged, where their report goes, and what it is called.

    Raises:
        ConfigError: no folder, several without ``output``, or see :func:`gendyn.store.merge`.
    """
    if not workdirs:
        raise ConfigError("--workdir is missing: name the folder of a sweep, such as --workdir=runs/demo.")
    name = " + ".join(Path(workdir).resolve().name for workdir in workdirs)
    if len(workdirs) == 1:
        return store.open(workdirs[0]), Path(output or Path(workdirs[0]) / "report"), name
    if not output:
        raise ConfigError(f"--output is missing: the report of {len(workdirs)} folders belongs into none of them.")
    return store.merge(workdirs), Path(output), name


def main(_: Sequence[str]) -> None:
    """Writes the report and prints its path."""
    try:
        ds, output, name = opened(flags.FLAGS.workdir, flags.FLAGS.output)
        chosen = dict(parse(text) for text in flags.FLAGS.select)
        ds = runs_at(ds, {axis: value for axis, (value, *_) in chosen.items()})
        other = Path(flags.FLAGS.compare) if flags.FLAGS.compare else None
        pair = None if other is None else (other.resolve().name, store.open(other))
        path = write_report(ds, output, name=name, other=pair, own=flags.FLAGS.name)
        if flags.FLAGS.result_page:
            path = write_result_page(ds, Path(flags.FLAGS.result_page), own=flags.FLAGS.name)
    except (ConfigError, StoreError) as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: the report cannot be written: {error}. Choose another folder with --output.")
    print(path)
