"""``gendyn report``: the page of a sweep, and the page of results of an experiment."""

import html.parser
import json
import sys
from types import ModuleType

import jax
import numpy as np
import pandas
import pytest
import xarray

from gendyn import plots, store, sweep
from gendyn.analysis import config_of, final_values, runs_at
from gendyn.commands import report
from gendyn.core import ConfigError
from gendyn.experiments import find


class Page(html.parser.HTMLParser):
    """What a reader of the page meets."""

    def __init__(self, page):
        super().__init__()
        self.links, self.alternatives, self.summaries, self.text, self.tag = [], [], [], "", ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tag = tag
        self.links += [value for name, value in attrs if name == "href"]
        self.alternatives += [value for name, value in attrs if name == "alt"]

    def handle_data(self, data):
        self.text += " " + data
        self.summaries += [data] if self.tag == "summary" else []


def test_the_page_of_results_holds_every_finding_what_it_cost_and_where(finished, tmp_path):
    _, ds = finished("random_labels")
    page = report.write_result_page(ds, tmp_path).read_text()
    for found in find("random_labels").verdict(ds):
        assert f"| {found.claim} |" in page and f"**{found.verdict}**" in page and found.detail in page
    assert "- seed: 0, 1" in page and f"on {store.hardware()}" in page
    primary = [found for found in find("random_labels").verdict(ds) if found.role == "primary"]
    index = (tmp_path / "README.md").read_text()
    assert primary and all(f"| [random_labels](random_labels.md) | {found.claim} |" in index for found in primary)
    assert (tmp_path / "random_labels.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "README.md").write_text("my project")
    report.write_result_page(ds, tmp_path)
    assert (tmp_path / "README.md").read_text() == "my project"


def test_a_sweep_without_an_experiment_has_no_page_of_results(finished, tmp_path):
    _, ds = finished("random_labels")
    plain = ds.assign_attrs(config="{}")
    with pytest.raises(ConfigError, match="holds a plain sweep"):
        report.write_result_page(plain, tmp_path)


def test_the_page_leads_to_its_files_and_says_what_was_run(finished, tmp_path):
    _, ds = finished("random_labels")
    page = report.write_report(ds, tmp_path, name="first").read_text()
    text = " ".join(Page(page).text.split())
    assert "runs 4 (4 finished)" in text and "seed 0, 1" in text and "model.width" not in text.partition("Findings")[0]
    links = Page(page).links
    assert {"runs.csv", "config.json", "command.txt", "random_labels.svg", "learning_curves.svg"} <= set(links)
    assert all((tmp_path / link).stat().st_size for link in links)
    table = pandas.read_csv(tmp_path / "runs.csv")
    np.testing.assert_allclose(table["test loss"], final_values(ds, "test_loss"), rtol=1e-6)
    assert json.loads((tmp_path / "config.json").read_text()) == config_of(ds)
    assert "version.jax" not in text and f"jax {jax.__version__}" in text
    assert all(len(alt) > 60 for alt in Page(page).alternatives)


def test_an_axis_that_the_experiment_does_not_know_is_a_choice(finished, tmp_path):
    _, ds = finished("random_labels")
    axis = "optim.learning_rate"
    rates = [xarray.DataArray(np.full(ds.sizes["run"], rate), dims="run") for rate in (0.5, 0.25)]
    both = xarray.concat([ds.assign_coords({axis: rate}) for rate in rates], "run", combine_attrs="override")
    both.attrs["axes"] = json.dumps([*json.loads(ds.attrs["axes"]), axis])
    both["test_error"].values[ds.sizes["run"] :] = 0.0
    page = report.write_report(both, tmp_path, name="runs").read_text()
    seen = Page(page)
    assert seen.summaries[:2] == [f"{axis} = 0.5", f"{axis} = 0.25"] and "Not available" not in page
    for number, rate in enumerate((0.5, 0.25), 1):
        part = page[page.index(f"{axis} = {rate}</summary>") :].partition("</details>")[0]
        found = find("random_labels").verdict(runs_at(both, {axis: rate}))
        assert plots.findings_html(found) in part and (tmp_path / f"random_labels-{number}.svg").exists()


def test_two_sweeps_are_compared(finished, tmp_path):
    _, ds = finished("random_labels")
    other = ds.copy(deep=True)
    other["test_loss"].values[:] = 7.5
    config = config_of(ds)
    config["optim"]["learning_rate"] = 0.125
    other.attrs["config"] = json.dumps(config)
    page = report.write_report(ds, tmp_path, name="a", other=("b", other)).read_text()
    part = page.partition("Compared with b")[2].partition("<h2>")[0]
    text = " ".join(Page(part).text.split())
    assert f"optim.learning_rate {config_of(ds)['optim']['learning_rate']} 0.125" in text and text.count("0.125") == 1
    assert all(found.claim in text for found in find("random_labels").verdict(ds)) and "7.5" in text
    with pytest.raises(ConfigError, match="the folders hold random_labels and a plain sweep; only sweeps of one"):
        report.write_report(ds, tmp_path, name="a", other=("b", ds.assign_attrs(config="{}")))


def test_the_report_says_why_there_is_no_figure_yet(finished, tmp_path):
    _, ds = finished("random_labels")
    blank = ds.copy(deep=True)
    for name in ("train_error", "test_error", "train_loss", "test_loss"):
        blank[name].values[:] = np.nan
    page = report.write_report(blank, tmp_path, name="runs").read_text()
    assert "4 unfinished" in page and "Not available" in page


def test_several_folders_are_reported_as_one(tmp_path):
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


OWN = "my_experiment:my_experiment"


def test_an_experiment_of_ones_own_is_imported_where_it_is_named_alone(finished, tmp_path, monkeypatch):
    _, ds = finished("random_labels")
    module = ModuleType("my_experiment")
    module.__doc__, module.verdict, module.figure = "Mine?", find("random_labels").verdict, find("random_labels").figure
    ds = ds.assign_attrs(config=json.dumps(config_of(ds) | {"experiment": OWN}))
    page = report.write_report(ds, tmp_path / "unnamed", name="runs").read_text()
    assert f"To import it, give --name={OWN}." in page  # and there is no such module to import
    monkeypatch.setitem(sys.modules, "my_experiment", module)
    page = report.write_report(ds, tmp_path / "named", name="runs", own=[OWN]).read_text()
    assert "Mine?" in page and find("random_labels").verdict(ds)[0].claim in html.unescape(page)
    assert (tmp_path / "named" / "my_experiment.png").exists()


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (["/env/bin/gendyn", "sweep", "--config=a"], ["gendyn", "sweep", "--config=a"]),
        (["/env/gendyn/__main__.py", "sweep"], ["gendyn", "sweep"]),
        (["scripts/sweep.py", "--config=a"], ["python", "scripts/sweep.py", "--config=a"]),
        ([], ["python"]),
    ],
)
def test_the_command_is_as_one_types_it(argv, command):
    assert report.command_of({"argv": json.dumps(argv)}) == command
