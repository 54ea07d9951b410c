"""Figures and one self-contained HTML page from a finished or still running sweep.

python scripts/report.py --workdir=runs/double_descent [--output=folder] [--result_page=docs/results]
"""

import inspect
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags

from gendyn.analysis import config_of, final_values, run_status, swept_axes
from gendyn.core import ConfigError, StoreError
from gendyn.experiments import experiments, find
from gendyn.plots import learning_curves, report_page, result_page
from gendyn.plots.style import plain_style
from gendyn.types import Dataset, Figure

METRICS = ("train_loss", "train_error", "test_loss", "test_error")


@plain_style()
def write_report(ds: Dataset, output: Path, *, name: str) -> Path:
    """Writes ``report.html`` and each figure as PNG and SVG into ``output``; returns the page's path."""
    output.mkdir(parents=True, exist_ok=True)
    experiment = _experiment(ds)
    status = run_status(ds)
    counts = {kind: int(np.sum(status == kind)) for kind in ("finished", "diverged", "unfinished")}
    summary = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
    sections = [("State", report_page.paragraphs(f"{ds.sizes['run']:,} runs: {summary}."))]
    if experiment is not None:
        sections.insert(0, ("Question", report_page.paragraphs(experiment.__doc__ or "")))
        sections.append(("Findings", _or_reason(lambda: report_page.findings_html(experiment.verdict(ds)))))
        drawing = _or_reason(lambda: _figure(experiment.figure(ds), output, config_of(ds)["experiment"]))
        sections.append(("Figure", drawing))
    if len(_metrics(ds)) == len(METRICS):
        drawing = _or_reason(lambda: _figure(learning_curves(ds), output, "learning_curves"))
        sections.append(("Learning curves", drawing))
    sections.append(
        ("Runs", report_page.folded(f"{ds.sizes['run']:,} runs", report_page.table_html(_runs(ds, status))))
    )
    provenance = json.loads(ds.attrs.get("provenance", "{}"))
    sections.append(("Config", report_page.folded("All leaves", report_page.json_html(config_of(ds)))))
    sections.append(("Provenance", report_page.folded("Versions, device, data", report_page.json_html(provenance))))
    path = output / "report.html"
    path.write_text(
        report_page.page(f"{config_of(ds).get('experiment') or 'Sweep'}: {name}", sections), encoding="utf-8"
    )
    return path


@plain_style()
def write_result_page(ds: Dataset, folder: Path) -> Path:
    """Writes ``<experiment>.md`` and its figure into ``folder``: what was found, and the command that finds it again.

    Raises:
        ConfigError: results of no experiment, or none to judge yet.
    """
    experiment, name = _experiment(ds), config_of(ds).get("experiment", "")
    if experiment is None:
        raise ConfigError("--result_page is for experiments; this folder holds a plain sweep.")
    findings, made = experiment.verdict(ds), experiment.figure(ds)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.png").write_bytes(report_page.to_png(made))
    status = run_status(ds)
    provenance = json.loads(ds.attrs.get("provenance", "{}"))
    counts = ", ".join(f"{np.sum(status == kind):,} {kind}" for kind in np.unique(status))
    facts = {"runs": f"{ds.sizes['run']:,} ({counts})"}
    facts |= {axis: _values_of(ds[axis].values) for axis in swept_axes(ds)}
    if "cpu_seconds" in ds.attrs:
        facts["cost"] = (
            f"{ds.attrs['cpu_seconds']:,.0f} s of CPU time, {ds.attrs['wall_seconds']:,.0f} s of wall time on "
            f"{ds.attrs['hardware']}"
        )
    facts["versions"] = ", ".join(f"{p} {provenance.get(f'version.{p}', '?')}" for p in ("gendyn", "jax", "jaxlib"))
    given = [word for word in json.loads(provenance.get("argv", "[]"))[1:] if word.startswith(("--config", "--axis"))]
    command = shlex.join(["python", "scripts/sweep.py", *given, f"--workdir=runs/{name}"]) if given else ""
    path = folder / f"{name}.md"
    docstring = inspect.getdoc(experiment) or ""
    text = result_page(name, docstring, findings, facts, picture=f"{name}.png", command=command)
    path.write_text(text, encoding="utf-8")
    return path


def _values_of(values: np.ndarray) -> str:
    known = list(dict.fromkeys(values.tolist()))
    shown = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in known)
    return shown if len(known) <= 12 else f"{len(known):,} values from {known[0]} to {known[-1]}"


def _experiment(ds: Dataset) -> Any:
    """The experiment named in the config; ``None`` for a sweep without one, or with one this version does not have."""
    name = config_of(ds).get("experiment", "")
    return find(name) if name in experiments() else None


def _or_reason(make: Callable[[], str]) -> str:
    """The HTML, or in its place why there is none: a sweep just begun, or with axes the experiment does not know."""
    try:
        return make()
    except ConfigError as error:
        return report_page.paragraphs(f"Not available: {error}")


def _figure(made: Figure, output: Path, stem: str) -> str:
    picture = report_page.to_png(made)
    (output / f"{stem}.png").write_bytes(picture)
    made.savefig(output / f"{stem}.svg")
    return report_page.figure_html(picture, stem.replace("_", " "))


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


def main(_: list[str]) -> None:
    from gendyn import store

    workdir = Path(flags.FLAGS.workdir)
    try:
        if not flags.FLAGS.workdir:
            raise ConfigError("--workdir is missing: name the folder of a sweep, such as --workdir=runs/demo.")
        ds = store.open(workdir)
        path = write_report(ds, Path(flags.FLAGS.output or workdir / "report"), name=workdir.resolve().name)
        if flags.FLAGS.result_page:
            path = write_result_page(ds, Path(flags.FLAGS.result_page))
    except (ConfigError, StoreError) as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: the report cannot be written: {error}. Choose another folder with --output.")
    print(path)


if __name__ == "__main__":
    flags.DEFINE_string("workdir", "", "Folder of a sweep.")
    flags.DEFINE_string("output", "", "Where the report goes; by default the folder report/ in the workdir.")
    flags.DEFINE_string("result_page", "", "A folder that gets <experiment>.md and its figure, such as docs/results.")
    app.run(main)
