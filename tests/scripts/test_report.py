"""``scripts/report.py``: the page of a sweep, and the page of results of an experiment."""

import numpy as np
import pytest

from gendyn import store, sweep
from gendyn.core import ConfigError
from gendyn.experiments import find


@pytest.fixture
def report(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "scripts"))
    import report

    return report


def test_the_page_of_results_holds_every_finding_what_it_cost_and_where(report, finished, tmp_path):
    _, ds = finished("random_labels")
    page = report.write_result_page(ds, tmp_path).read_text()
    for found in find("random_labels").verdict(ds):
        assert f"| {found.claim} |" in page and f"**{found.verdict}**" in page and found.detail in page
    assert "- seed: 0, 1" in page and f"on {store.hardware()}" in page
    assert (tmp_path / "random_labels.png").read_bytes().startswith(b"\x89PNG")


def test_a_sweep_without_an_experiment_has_no_page_of_results(report, finished, tmp_path):
    _, ds = finished("random_labels")
    plain = ds.assign_attrs(config="{}")
    with pytest.raises(ConfigError, match="holds a plain sweep"):
        report.write_result_page(plain, tmp_path)


def test_the_report_says_why_there_is_no_figure_yet(report, finished, tmp_path):
    _, ds = finished("random_labels")
    blank = ds.copy(deep=True)
    for name in ("train_error", "test_error", "train_loss", "test_loss"):
        blank[name].values[:] = np.nan
    page = report.write_report(blank, tmp_path, name="runs").read_text()
    assert "4 unfinished" in page and "Not available" in page


def test_several_folders_are_reported_as_one(report, tmp_path):
    """Every seed of every folder is in the one report, and it goes where it is told to."""
    for seed in (0, 1):
        group = sweep.Group(({"x": 1, "seed": seed},), lambda points: {"y": [0.5] * len(points)})
        sweep.simulate({}, tmp_path / f"part{seed}", sweep.Simulation((group,), {"y": sweep.Measured("y")}))
    folders = [str(tmp_path / f"part{seed}") for seed in (0, 1)]
    ds, output, name = report.opened(folders, str(tmp_path / "both"))
    assert ds["seed"].values.tolist() == [0, 1] and name == "part0 + part1"
    page = report.write_report(ds, output, name=name)
    assert page == tmp_path / "both" / "report.html" and "part0 + part1" in page.read_text(encoding="utf-8")
    one, output, name = report.opened(folders[1:], "")
    assert one["seed"].values.tolist() == [1] and output == tmp_path / "part1" / "report" and name == "part1"
    with pytest.raises(ConfigError, match=r"--output is missing: the report of 2 folders"):
        report.opened(folders, "")
    with pytest.raises(ConfigError, match=r"--workdir is missing"):
        report.opened([], "")
