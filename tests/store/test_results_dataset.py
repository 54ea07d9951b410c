import csv
import errno
import json
import os
import warnings

import numpy as np
import pandas
import pytest
import xarray

import gendyn.store
from gendyn.core import ConfigError, StoreError
from gendyn.store import ChunkStore, Variable, chunk_folder, export, final_state, merge, write_plan

METRICS = {
    "test_loss": {"shape": [], "dtype": "float32", "long_name": "test loss", "units": "nat"},
    "spectrum": {"shape": [2], "dtype": "float64"},
    "epochs": {"shape": [], "dtype": "int32"},
}
VARIABLES = [Variable(name, tuple(m["shape"]), m["dtype"]) for name, m in METRICS.items()]
CONFIG = {"model": {"width": 8, "kind": "mlp"}, "optim": {"learning_rate": 0.1}, "seed": 0}


def value(index: int, record: int) -> float:
    return 100.0 * index + record


def make(folder, widths=(8, 16), seeds=(0, 1), steps=((0, 1, 10), (0, 1, 10)), config=CONFIG, axes=None):
    """A sweep of widths x seeds, one chunk a width; runs are numbered seed-major, so chunks interleave."""
    folder.mkdir()
    runs = [
        {"index": j * len(widths) + i, "coords": {"model.width": w, "seed": s}}
        for i, w in enumerate(widths)
        for j, s in enumerate(seeds)
    ]
    per = len(seeds)
    chunks = [
        {"id": f"w{w}", "steps": list(steps[i]), "runs": runs[i * per : i * per + per]} for i, w in enumerate(widths)
    ]
    plan = {"format": 1, "axes": axes or ["model.width", "seed"], "metrics": METRICS, "chunks": chunks}
    write_plan(folder, plan | {"config": config, "provenance": {"version.jax": "1"}})
    return folder


def commit(folder, chunk: int, count: int) -> None:
    about = gendyn.store.read_plan(folder)["chunks"][chunk]
    # One row more than runs, as a chunk has that is padded to a multiple of the devices.
    rows, num_records = len(about["runs"]) + 1, len(about["steps"])
    store = ChunkStore.create(
        chunk_folder(folder, about["id"]), rows=rows, num_records=num_records, variables=VARIABLES, records_per_block=2
    )
    start = store.committed()
    indices = [run["index"] for run in about["runs"]] + [-1]
    loss = np.array([[value(i, r) for r in range(start, start + count)] for i in indices])
    records = {"test_loss": loss, "spectrum": np.stack([loss, -loss], -1), "epochs": loss}
    state = {"w": np.repeat(np.array(indices, np.float32)[:, None], 3, 1), "shared": np.arange(5), "t": np.array(start)}
    store.commit(records, start, state, {})


def test_before_the_first_commit_all_is_nan(tmp_path):
    ds = gendyn.store.open(make(tmp_path / "s"))
    assert dict(ds.sizes) == {"run": 4, "record": 3, "spectrum_dim_0": 2}
    assert np.isnan(ds["test_loss"]).all()
    assert np.isnan(ds["spectrum"]).all()
    assert not ds["committed"].any()


def test_committed_values_stand_under_their_labels(tmp_path):
    folder = make(tmp_path / "s")
    commit(folder, 0, 3)
    commit(folder, 1, 2)
    ds = gendyn.store.open(folder)
    np.testing.assert_array_equal(ds["run"], range(4))
    np.testing.assert_array_equal(ds["model.width"], [8, 16, 8, 16])
    np.testing.assert_array_equal(ds["seed"], [0, 0, 1, 1])
    np.testing.assert_array_equal(ds["committed"], [3, 2, 3, 2])
    assert ds["step"].dims == ("record",)
    np.testing.assert_array_equal(ds["step"], [0, 1, 10])
    for run, count in enumerate([3, 2, 3, 2]):
        np.testing.assert_array_equal(ds["test_loss"][run, :count], [value(run, r) for r in range(count)])
        np.testing.assert_array_equal(ds["spectrum"][run, :count, 1], [-value(run, r) for r in range(count)])
        assert np.isnan(ds["test_loss"][run, count:]).all()
    assert ds["test_loss"].attrs == {"long_name": "test loss", "units": "nat"}
    assert ds["test_loss"].dtype == np.float32
    assert ds["epochs"].dtype == np.int32
    assert json.loads(ds.attrs["config"]) == CONFIG
    assert json.loads(ds.attrs["provenance"]) == {"version.jax": "1"}
    wide = ds.set_index(run=["model.width", "seed"]).unstack("run")
    assert wide["test_loss"].sel({"model.width": 16, "seed": 1}).values[1] == value(3, 1)


def test_steps_that_differ_between_chunks(tmp_path):
    ds = gendyn.store.open(make(tmp_path / "same length", steps=((0, 1, 10), (0, 2, 20))))
    assert ds["step"].dims == ("run", "record")
    assert ds["step"].dtype == np.int64
    np.testing.assert_array_equal(ds["step"][:2], [[0, 1, 10], [0, 2, 20]])
    folder = make(tmp_path / "other length", steps=((0, 1, 10), (0, 2)))
    commit(folder, 1, 2)
    ds = gendyn.store.open(folder)
    np.testing.assert_array_equal(ds["step"][:2], [[0, 1, 10], [0, 2, np.nan]])
    np.testing.assert_array_equal(ds["test_loss"][1], [100, 101, np.nan])


def test_text_and_mixed_axis_values(tmp_path):
    ds = gendyn.store.open(make(tmp_path / "text", seeds=("relu", "a longer one")))
    assert ds["seed"].values.tolist() == ["relu", "relu", "a longer one", "a longer one"]
    ds = gendyn.store.open(make(tmp_path / "mixed", seeds=(1, "auto")))
    assert ds["seed"].values.tolist() == ["1", "1", "auto", "auto"]
    ds = gendyn.store.open(make(tmp_path / "float", seeds=(1, 0.5)))
    assert ds["seed"].values.tolist() == [1.0, 1.0, 0.5, 0.5]
    ds = gendyn.store.open(make(tmp_path / "list", seeds=([8, 16], [4])))
    assert ds["seed"].values.tolist() == ["[8, 16]", "[8, 16]", "[4]", "[4]"]


def test_clear_errors(tmp_path):
    with pytest.raises(ConfigError, match="is no folder"):
        gendyn.store.open(tmp_path / "none")
    folder = make(tmp_path / "s")
    plan = gendyn.store.read_plan(folder)
    plan["chunks"][1]["runs"][0]["index"] = 0
    with pytest.raises(StoreError, match="chunk 1: run index 0 is given twice"):
        write_plan(folder, plan)
    folder = make(tmp_path / "t")
    commit(folder, 0, 1)
    plan = gendyn.store.read_plan(folder)
    plan["chunks"][0]["steps"] = [0, 1, 2, 3]
    write_plan(folder, plan)
    with pytest.raises(StoreError, match=r"has 3 rows of 3 records; plan.json says 2 runs of 4"):
        gendyn.store.open(folder)
    folder = make(tmp_path / "u")
    plan = gendyn.store.read_plan(folder)
    plan["metrics"]["seed"] = {"shape": [], "dtype": "float32"}
    write_plan(folder, plan)
    with pytest.raises(StoreError, match=r"names \['seed'\] twice"):
        gendyn.store.open(folder)


def test_final_state_gives_each_run_its_own(tmp_path):
    folder = make(tmp_path / "s")
    commit(folder, 0, 3)
    commit(folder, 1, 1)
    with pytest.raises(StoreError, match=r"w16 has 1 of 3 records with a state that restores: run the same command"):
        list(final_state(folder))
    found = {index: (coords, state) for index, coords, state in final_state(folder, unfinished=True)}
    assert sorted(found) == [0, 1, 2, 3]
    for index, (coords, state) in found.items():
        np.testing.assert_array_equal(state["w"], np.full(3, index))
        np.testing.assert_array_equal(state["shared"], np.arange(5))
        assert coords["model.width"] == (8, 16)[index % 2]
    commit(folder, 1, 2)
    assert len(list(final_state(folder))) == 4
    assert len(list(final_state(make(tmp_path / "empty"), unfinished=True))) == 0


def test_merge_joins_seeds(tmp_path):
    a, b = make(tmp_path / "a"), make(tmp_path / "b", seeds=(2,), steps=((0, 1), (0, 1)))
    commit(a, 0, 2)
    commit(b, 1, 2)
    ds = merge([a, b])
    assert dict(ds.sizes) == {"run": 6, "record": 3, "spectrum_dim_0": 2}
    np.testing.assert_array_equal(ds["seed"], [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(ds["source"], [str(a)] * 4 + [str(b)] * 2)
    np.testing.assert_array_equal(ds["source_run"], [0, 1, 2, 3, 0, 1])
    np.testing.assert_array_equal(ds["committed"], [2, 0, 2, 0, 0, 2])
    np.testing.assert_array_equal(ds["test_loss"][5], [100, 101, np.nan])
    np.testing.assert_array_equal(ds["step"][[0, 5]], [[0, 1, 10], [0, 1, np.nan]])
    assert ds["epochs"].dtype == np.int32
    assert json.loads(ds.attrs["sources"])[str(b)]["config"] == CONFIG


def test_merge_shows_the_leaves_in_which_configs_differ(tmp_path):
    other = CONFIG | {"optim": {"learning_rate": 0.2}}
    ds = merge([make(tmp_path / "a"), make(tmp_path / "b", config=other)])
    np.testing.assert_array_equal(ds["optim.learning_rate"], [0.1] * 4 + [0.2] * 4)
    assert "model.kind" not in ds.coords


def test_merge_takes_an_axis_that_one_folder_did_not_sweep_from_its_config(tmp_path):
    a = make(tmp_path / "a")
    b = make(tmp_path / "b", widths=(8,), seeds=(5, 6), steps=((0, 1, 10),), axes=["seed"])
    ds = merge([a, b])
    np.testing.assert_array_equal(ds["model.width"], [8, 16, 8, 16, 8, 8])
    c = make(tmp_path / "c", widths=(8,), seeds=(7,), steps=((0, 1, 10),), axes=["seed"], config={"seed": 0})
    with pytest.raises(ConfigError, match=r"c has neither an axis nor a config leaf 'model.width'"):
        merge([a, c])


def test_merge_refuses_duplicates_unless_told(tmp_path):
    a, b = make(tmp_path / "a"), make(tmp_path / "b", seeds=(1, 2))
    with pytest.raises(ConfigError, match=r"a and .*b both have the run model.width=8, seed=1.*on_duplicate='first'"):
        merge([a, b])
    ds = merge([a, b], on_duplicate="first")
    np.testing.assert_array_equal(ds["seed"], [0, 0, 1, 1, 2, 2])
    assert ds["source"].values.tolist() == [str(a)] * 4 + [str(b)] * 2
    with pytest.raises(ConfigError, match="on_duplicate = 'last' must be one of error, first"):
        merge([a, b], on_duplicate="last")


def test_merge_fills_what_only_one_folder_records(tmp_path):
    a, b = make(tmp_path / "a"), make(tmp_path / "b", seeds=(4,))
    commit(a, 0, 3)
    commit(b, 0, 3)
    plan = gendyn.store.read_plan(b)
    del plan["metrics"]["spectrum"]
    write_plan(b, plan)
    for ds in (merge([a, b]), merge([b, a])):
        mine = ds["source"].values == str(b)
        assert np.isnan(ds["spectrum"].values[mine]).all()
        np.testing.assert_array_equal(
            ds["spectrum"].values[~mine], gendyn.store.open(a)["spectrum"].values[ds["source_run"].values[~mine]]
        )
        assert np.isfinite(ds["test_loss"].values[mine][0]).all()


def test_merge_keeps_facts_attributes_and_the_config(tmp_path):
    folders = [make(tmp_path / "a"), make(tmp_path / "b", seeds=(4, 5))]
    for place, folder in enumerate(folders):
        plan = gendyn.store.read_plan(folder)
        for chunk in plan["chunks"]:
            for run in chunk["runs"]:
                run["values"] = {"num_parameters": 10 * run["coords"]["model.width"]}
        write_plan(folder, plan | {"attributes": {"num_outputs": 3, "cpu_seconds": float(place)}})
    ds = merge(folders)
    np.testing.assert_array_equal(ds["num_parameters"], 10 * ds["model.width"].values)
    assert ds.attrs["num_outputs"] == 3 and "cpu_seconds" not in ds.attrs
    assert json.loads(ds.attrs["config"]) == CONFIG
    alone = merge(str(folders[0]))
    assert alone.sizes["run"] == 4 and set(alone["source"].values) == {str(folders[0])}


def test_merge_refuses_other_shapes_and_nothing(tmp_path):
    a, b = make(tmp_path / "a"), make(tmp_path / "b", seeds=(4,))
    plan = gendyn.store.read_plan(b)
    plan["metrics"]["spectrum"]["shape"] = [3]
    write_plan(b, plan)
    with pytest.raises(ConfigError, match=r"record spectrum in other shapes or dtypes"):
        merge([a, b])
    with pytest.raises(ConfigError, match="at least one"):
        merge([])


def test_export_is_a_long_table_of_committed_records(tmp_path):
    folder = make(tmp_path / "s", seeds=(0, 1))
    commit(folder, 0, 3)
    commit(folder, 1, 1)
    ds = gendyn.store.open(folder)
    table = pandas.read_parquet(export(ds, tmp_path / "t.parquet"))
    names = ["run", "record", "step", "model.width", "seed", "test_loss", "spectrum[0]", "spectrum[1]", "epochs"]
    assert list(table.columns) == names
    assert len(table) == 3 + 1 + 3 + 1
    for row in table.to_dict("records"):
        assert row["test_loss"] == row["spectrum[0]"] == -row["spectrum[1]"] == value(row["run"], row["record"])
        assert row["step"] == [0, 1, 10][row["record"]]
        assert row["model.width"] == (8, 16)[row["run"] % 2]
    with export(ds, str(tmp_path / "t.csv")).open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["test_loss"]) for row in rows] == table["test_loss"].tolist()
    assert sorted(os.listdir(tmp_path)) == ["s", "t.csv", "t.parquet"]


def test_export_of_a_merge_and_of_nothing(tmp_path):
    a, b = make(tmp_path / "a"), make(tmp_path / "b", seeds=(2,), steps=((0, 1), (0, 1)))
    commit(b, 0, 2)
    table = pandas.read_csv(export(merge([a, b]), tmp_path / "t.csv"))
    assert table["source"].unique().tolist() == [str(b)]
    assert table["step"].tolist() == [0, 1]
    assert len(pandas.read_csv(export(gendyn.store.open(a), tmp_path / "t.csv"))) == 0


def test_a_line_of_json_holds_every_digit_and_null_for_what_json_has_not(tmp_path):
    values = np.array([[0.1, np.nan], [np.inf, 1e-300]])
    coords = {"run": [0, 1], "record": [0, 1], "step": ("record", [0, 5]), "name": ("run", ["a\nb", "ü"])}
    ds = xarray.Dataset({"loss": (("run", "record"), values)}, coords)
    lines = export(ds, tmp_path / "t.jsonl").read_text().splitlines()
    assert [json.loads(line)["loss"] for line in lines] == [0.1, None, None, 1e-300]
    assert json.loads(lines[1]) == {"run": 0, "record": 1, "step": 5, "name": "a\nb", "loss": None}


@pytest.mark.parametrize(
    ("path", "rule"),
    [("t.xlsx", r"must end in .parquet or .csv or .jsonl"), ("none/t.csv", "is no folder"), ("d.csv", "is a folder")],
)
def test_export_errors(tmp_path, path, rule):
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(ConfigError, match=rule):
        export(gendyn.store.open(make(tmp_path / "s")), tmp_path / path)


def test_export_to_a_full_disk_leaves_the_older_table(tmp_path, monkeypatch):
    ds = gendyn.store.open(make(tmp_path / "s"))
    with pytest.raises(ConfigError, match=r"path = '/proc/t\.csv' cannot be written: .*Give a file in a folder"):
        export(ds, "/proc/t.csv")
    older = export(ds, tmp_path / "t.csv").read_text()

    def full(table, path, **_):
        path.write_text("run,rec")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pandas.DataFrame.to_csv", full)
    with pytest.raises(StoreError, match=r"is full: free space.*an older t\.csv is intact"):
        export(ds, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == older and not list(tmp_path.glob(".t.*"))


def test_a_dataset_can_be_saved_as_it_is(tmp_path):
    folder = make(tmp_path / "s", seeds=("relu", "tanh"))
    commit(folder, 0, 2)
    ds = gendyn.store.open(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zarr's on texts, which are none of ours
        ds.to_zarr(tmp_path / "out.zarr", consolidated=False)
    xarray.testing.assert_equal(xarray.open_zarr(tmp_path / "out.zarr", consolidated=False).load(), ds)


@pytest.mark.parametrize(
    ("chosen", "rows"),
    [
        ({"record": slice(1, None)}, [(0, 1), (0, 2), (1, 1), (2, 1), (2, 2), (3, 1)]),
        ({"record": -1}, [(0, 2), (2, 2)]),
        ({"run": 1}, [(1, 0), (1, 1)]),
        ({"run": [3, 0], "record": [2, 0]}, [(3, 0), (0, 2), (0, 0)]),
    ],
)
def test_a_slice_of_an_unfinished_sweep_has_its_committed_rows_alone(tmp_path, chosen, rows):
    folder = make(tmp_path / "s")
    commit(folder, 0, 3)
    commit(folder, 1, 2)
    table = pandas.read_csv(export(gendyn.store.open(folder).isel(chosen), tmp_path / "slice.csv"))
    assert list(zip(table["run"], table["record"], strict=True)) == rows
    assert table["test_loss"].tolist() == [value(run, record) for run, record in rows]
    assert table["step"].tolist() == [(0, 1, 10)[record] for _, record in rows]
    assert table["model.width"].tolist() == [(8, 16)[run % 2] for run, _ in rows]
