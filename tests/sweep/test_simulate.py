"""Programs of their own: labelled, resumed chunk by chunk, and refused where the folder holds something else."""

import numpy as np
import pytest

from gendyn import store
from gendyn.core import ConfigError
from gendyn.sweep import Group, Measured, Simulation, simulate

MEASURED = {"total": Measured("a sum"), "pair": Measured("two numbers", (2,), "float64")}


def group(calls, xs, *, steps=()):
    def compute(points):
        calls.append([point["x"] for point in points])
        x = np.array([point["x"] for point in points], float)
        records = np.array(steps or (0,), float)
        return {
            "total": x[:, None] + records,
            "pair": np.stack([np.broadcast_to(x[:, None], (len(x), len(records)))] * 2, axis=-1),
        }

    return Group(tuple({"x": x} for x in xs), compute, steps, {"num_parameters": len(xs)})


def test_results_are_labelled_and_a_lost_chunk_alone_is_computed_again(tmp_path):
    calls: list = []
    groups = [group(calls, (1, 2, 3)), group(calls, (10,))]
    ds = simulate({"a": 1}, tmp_path / "runs", Simulation(groups, MEASURED, runs_at_once=2))
    assert calls == [[1, 2], [3], [10]]
    assert ds["x"].values.tolist() == [1, 2, 3, 10] and ds["num_parameters"].values.tolist() == [3, 3, 3, 1]
    np.testing.assert_array_equal(ds["total"].values[:, 0], [1, 2, 3, 10])
    assert ds["pair"].shape == (4, 1, 2) and ds["pair"].dtype == np.float64
    for path in store.chunk_folder(tmp_path / "runs", "runs_0002").rglob("*"):
        if path.is_file():
            path.unlink()
    again = simulate({"a": 1}, tmp_path / "runs", Simulation(groups, MEASURED, runs_at_once=2))
    assert calls[3:] == [[3]] and again.equals(ds)


def test_records_have_their_steps(tmp_path):
    ds = simulate({}, tmp_path / "runs", Simulation((group([], (1, 2), steps=(0, 5, 9)),), MEASURED))
    np.testing.assert_array_equal(ds["total"].values, [[1, 6, 10], [2, 7, 11]])
    assert np.broadcast_to(ds["step"].values, (2, 3)).tolist() == [[0, 5, 9]] * 2


def test_another_config_is_refused(tmp_path):
    calls: list = []
    simulate({"a": 1}, tmp_path / "runs", Simulation((group(calls, (1,)),), MEASURED))
    fewer = {"total": MEASURED["total"]}
    for config, xs, measured in (({"a": 2}, (1,), MEASURED), ({"a": 1}, (1,), fewer)):
        with pytest.raises(ConfigError, match="holds other runs than this config asks for"):
            simulate(config, tmp_path / "runs", Simulation((group(calls, xs),), measured))


def test_more_points_are_computed_beside_those_there_and_fewer_leave_them(tmp_path):
    calls: list = []
    first = simulate({}, tmp_path / "runs", Simulation((group(calls, (1, 2)), group(calls, (10,))), MEASURED))
    more = Simulation((group(calls, (1, 2, 3)), group(calls, (10, 11))), MEASURED, runs_at_once=2)
    ds = simulate({}, tmp_path / "runs", more)
    assert calls == [[1, 2], [10], [3], [11]]
    assert ds["x"].values.tolist() == [1, 2, 10, 3, 11]
    assert ds["total"].isel(run=slice(3)).equals(first["total"])
    again = simulate({}, tmp_path / "runs", more.select(lambda point: point["x"] == 2))
    assert again.equals(ds) and len(calls) == 4


def test_the_summary_counts_without_computing():
    calls: list = []
    both = Simulation((group(calls, range(5), steps=(0, 4)), group(calls, (10,))), MEASURED, runs_at_once=2)
    lines = both.summary().splitlines()
    assert lines[1].split() == ["0", "5", "2", "3", "x", "0", "…", "4", "(5)"]
    assert lines[-1] == "6 runs in 4 chunks; 3 numbers a run and record." and calls == []


@pytest.mark.parametrize(
    ("groups", "measured", "match"),
    [
        ([], MEASURED, "give points"),
        ([group([], (1, 1))], MEASURED, "two points of x are equal"),
        ([group([], (1,)), Group(({"y": 2},), dict)], MEASURED, "all of the same axes"),
        ([group([], (1,))], {"total": MEASURED["total"]}, "compute returned pair, total; measured names total"),
        ([group([], (1,))], MEASURED | {"pair": Measured("two", (3,))}, r"pair has shape \(1, 1, 2\)"),
    ],
)
def test_bad_simulations_are_refused(tmp_path, groups, measured, match):
    with pytest.raises(ConfigError, match=match):
        simulate({}, tmp_path / "runs", Simulation(tuple(groups), measured))
