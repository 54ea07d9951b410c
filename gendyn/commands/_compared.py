"""Two sweeps of one experiment side by side, as a part of the report page."""

from collections.abc import Sequence
from typing import Any

import pandas

from gendyn.analysis import config_of, final_values, swept_axes
from gendyn.core import ConfigError
from gendyn.plots import report_page
from gendyn.sweep.config.flat import flatten
from gendyn.types import Dataset


def compared(one: tuple[str, Dataset], other: tuple[str, Dataset], experiment: Any, metrics: Sequence[str]) -> str:
    """HTML: the leaves in which two sweeps differ, their findings, and their medians where both have runs.

    Args:
        one: name and results.
        other: the same of the other.
        experiment: the one that both belong to; ``None`` for plain sweeps.
        metrics: recorded names whose last values are compared.

    Raises:
        ConfigError: they belong to different experiments.
    """
    names, datasets = (one[0], other[0]), (one[1], other[1])
    configs = [flatten(config_of(ds)) for ds in datasets]
    if configs[0].get("experiment", "") != configs[1].get("experiment", ""):
        kinds = " and ".join(config.get("experiment", "") or "a plain sweep" for config in configs)
        raise ConfigError(f"--compare: the folders hold {kinds}; only sweeps of one experiment can be compared.")
    names = names if names[0] != names[1] else (f"{names[0]} (this)", f"{names[1]} (other)")
    leaves = [
        {"leaf": leaf, **{n: str(c.get(leaf, "–")) for n, c in zip(names, configs, strict=True)}}
        for leaf in sorted({*configs[0], *configs[1]})
        if configs[0].get(leaf) != configs[1].get(leaf)
    ]
    parts = [report_page.paragraphs("Leaves of the config that differ:"), report_page.table_html(leaves)]
    if experiment is not None:
        try:
            found = report_page.compared_html(names, *(experiment.verdict(ds) for ds in datasets))
        except ConfigError as error:  # one of them is not far enough
            found = report_page.paragraphs(f"Findings are not available: {error}")
        parts.append(found)
    parts.append(report_page.paragraphs("Medians of the last values, where both have runs:"))
    return "".join([*parts, _medians(names, datasets, metrics)])


def _medians(names: Sequence[str], datasets: Sequence[Dataset], metrics: Sequence[str]) -> str:
    """A row for each point on the axes that both vary, seeds aside: the median of every metric in each."""
    shared = [axis for axis in swept_axes(datasets[0]) if axis in swept_axes(datasets[1])]
    axes = [axis for axis in shared if axis.rpartition(".")[2] != "seed"]
    metrics = [metric for metric in metrics if all(metric in ds and ds[metric].ndim == 2 for ds in datasets)]
    if not metrics:
        return report_page.paragraphs("None: they recorded no metric that both have.")
    tables = []
    for ds in datasets:
        table = pandas.DataFrame({axis: ds[axis].values for axis in axes} | {m: final_values(ds, m) for m in metrics})
        tables.append(table.groupby(axes).median() if axes else table.median().to_frame().T)
    suffixes = tuple(f", {name}" for name in names)
    both = pandas.merge(*tables, left_index=True, right_index=True, suffixes=suffixes)
    both = both[[f"{metric}, {name}" for metric in metrics for name in names]]
    rows = (both.reset_index() if axes else both).to_dict("records")
    return report_page.table_html([{str(key).replace("_", " "): value for key, value in row.items()} for row in rows])
