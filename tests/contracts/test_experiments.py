"""What every experiment is asked, found by file: nobody keeps a list.

Each smoke variant runs once, through :func:`gendyn.experiments.launch`, whichever tests and workers ask for it.
"""

import inspect
import re
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure

from gendyn import store
from gendyn.core import ConfigError
from gendyn.experiments import find, launch, plan
from gendyn.experiments.contract import answers
from gendyn.sweep import Variants
from gendyn.types import Finding
from tests.experiments.smoke import EXPERIMENTS, config_file_of, family_of, smoke_config

ROOT = Path(__file__).parents[2]
OWN_PROGRAMS = tuple(name for name in EXPERIMENTS if answers(find(name), "program"))


@pytest.fixture(autouse=True)
def no_open_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_its_docstring_its_config_and_its_own_test_are_there(name):
    text = inspect.getdoc(find(name)) or ""
    assert all(re.search(rf"^{section}: ", text, re.MULTILINE) for section in ("Claim", "Refuted if", "Reference"))
    get_config = config_file_of(name).get_config
    assert isinstance(get_config, Variants) and "smoke" in get_config.functions
    for variant in ("", *get_config.functions):
        config = get_config(variant)
        assert config.is_locked and config.experiment == name
    own = ROOT / "tests" / "experiments" / family_of(name) / f"test_{name}.py"
    assert own.is_file(), f"write {own.relative_to(ROOT)}"


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_its_smoke_has_findings_of_different_claims_and_a_figure(name, finished):
    _, ds = finished(name)
    found = find(name).verdict(ds)
    claims = [each.claim for each in found]
    assert found and all(isinstance(each, Finding) for each in found)
    assert len(set(claims)) == len(claims) and all(claim.strip().endswith(".") for claim in claims)
    made = find(name).figure(ds)
    assert isinstance(made, Figure) and made.axes


def two_seeds(ds: xarray.Dataset) -> xarray.Dataset:
    return ds.isel(run=np.isin(ds["seed"].values, np.unique(ds["seed"].values)[:2]))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_two_seeds_alone_decide_nothing_that_needs_more(name, finished):
    _, ds = finished(name)
    for each in find(name).verdict(two_seeds(ds)):
        # A point needs no seeds (an identity, a place on a grid), and what is presupposed may be such a point.
        exact = each.low == each.high or "Presupposes" in each.detail
        assert each.verdict == "undecided" or exact, each


def unfinished(ds: xarray.Dataset, runs: np.ndarray) -> xarray.Dataset:
    """As the store gives it while these runs are under way: nothing committed, NaN or 0."""
    blank = ds.copy(deep=True)
    for variable in blank.data_vars.values():
        variable.values[runs] = np.nan if variable.dtype.kind == "f" else 0
    if "committed" in blank.coords:
        committed = blank["committed"].values.copy()
        committed[runs] = 0
        blank = blank.assign_coords(committed=("run", committed))
    return blank


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_runs_under_way_are_no_results(name, finished):
    _, ds = finished(name)
    experiment = find(name)
    one = np.arange(ds.sizes["run"]) == ds.sizes["run"] - 1
    for under_way in (one, np.ones(ds.sizes["run"], bool)):
        part = unfinished(ds, under_way)
        for answer in (experiment.verdict, experiment.figure):
            try:
                made = answer(part)
            except ConfigError:  # says that there is nothing to judge yet
                continue
            if isinstance(made, list) and under_way.all():
                assert {each.verdict for each in made} == {"undecided"}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_is_lost_is_computed_again_and_nothing_else(name, finished, monkeypatch, tmp_path):
    folder, ds = finished(name)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    chunks = sorted(path.parent for path in copy.rglob("commits"))
    lost = chunks[-1]
    shutil.rmtree(lost)
    computed = set()
    commit = store.ChunkStore.commit

    def counted(self, *args):
        computed.add(self.folder.name)
        return commit(self, *args)

    monkeypatch.setattr(store.ChunkStore, "commit", counted)
    again = launch(smoke_config(name), copy, quiet=True)
    xarray.testing.assert_identical(again.drop_attrs(), ds.drop_attrs())
    assert computed == {lost.name}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_it_is_planned_without_computing_and_other_axes_are_taken_or_named(name, monkeypatch):
    monkeypatch.setattr(store, "open_workdir", lambda *_: pytest.fail("wrote"))
    config = smoke_config(name)
    assert "runs" in plan(config).summary()
    fewer = (
        plan(config, axes=dict(config.axes) | {"seed": (0,)}, zip_axes=())
        if "task.seed" not in dict(config.axes)
        else plan(config)
    )
    assert "runs" in fewer.summary()
    with pytest.raises(ConfigError, match="no_such_axis"):
        plan(config, axes={"no_such_axis": (1, 2)}, zip_axes=())


@pytest.mark.parametrize("name", OWN_PROGRAMS)
def test_leaves_of_its_own_program_are_checked_by_name(name):
    config = smoke_config(name)
    for leaf, about in find(name).LEAVES.items():
        assert about.meaning, f"{name}: say what {leaf} means"
    with pytest.raises(ConfigError, match=r"config\.no_such_leaf does not exist"):
        changed = config.copy_and_resolve_references()
        with changed.unlocked():
            changed.no_such_leaf = 1
        plan(changed)
