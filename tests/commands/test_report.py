"""``gendyn report``: the page of a sweep, and the page of results of an experiment."""

import numpy as np
import pytest

from gendyn import store
from gendyn.commands import report
from gendyn.core import ConfigError
from gendyn.experiments import find


def test_the_page_of_results_holds_every_finding_what_it_cost_and_where(finished, tmp_path):
    _, ds = finished("random_labels")
    page = report.write_result_page(ds, tmp_path).read_text()
    for found in find("random_labels").verdict(ds):
        assert f"| {found.claim} |" in page and f"**{found.verdict}**" in page and found.detail in page
    assert "- seed: 0, 1" in page and f"on {store.hardware()}" in page
    assert (tmp_path / "random_labels.png").read_bytes().startswith(b"\x89PNG")


def test_a_sweep_without_an_experiment_has_no_page_of_results(finished, tmp_path):
    _, ds = finished("random_labels")
    plain = ds.assign_attrs(config="{}")
    with pytest.raises(ConfigError, match="holds a plain sweep"):
        report.write_result_page(plain, tmp_path)


def test_the_report_says_why_there_is_no_figure_yet(finished, tmp_path):
    _, ds = finished("random_labels")
    blank = ds.copy(deep=True)
    for name in ("train_error", "test_error", "train_loss", "test_loss"):
        blank[name].values[:] = np.nan
    page = report.write_report(blank, tmp_path, name="runs").read_text()
    assert "4 unfinished" in page and "Not available" in page
