"""Tables of redraws: seeds that are there at every place, in one order, and what is refused."""

import json

import numpy as np
import pytest
import xarray

from gendyn.analysis import (
    common_seeds,
    finished_runs,
    finished_tables,
    outer_values,
    paired_table,
    recorded_tables,
    redraws_at,
)
from gendyn.core import ConfigError

AXES = ("kind", "level", "seed")
POINTS = [(kind, level, seed) for kind in "ab" for level in (2.0, 1.0) for seed in (3, 1, 2, 0)]


def results(*unfinished):
    """A value that names its place; runs in the order of POINTS, those at the given points not committed."""
    kinds, levels, seeds = (np.array(column) for column in zip(*POINTS, strict=True))
    value = (kinds == "b") * 100.0 + levels * 10 + seeds
    pair = np.stack([value, -value], axis=1)[:, None]
    committed = [0 if point in unfinished else 1 for point in POINTS]
    run = "run"
    return xarray.Dataset(
        {"value": ((run, "record"), value[:, None]), "pair": ((run, "record", "part"), pair)},
        coords={
            "kind": (run, kinds),
            "level": (run, levels),
            "seed": (run, seeds),
            "committed": (run, committed),
            "step": ("record", [0]),
        },
        attrs={"axes": json.dumps(list(AXES)), "config": "{}"},
    )


def test_tables_hold_the_seeds_that_every_place_has():
    (table,) = finished_tables(results(), AXES, "value")
    assert table.shape == (4, 2, 2)
    np.testing.assert_array_equal(table[:, 1].T, [[110, 111, 112, 113], [120, 121, 122, 123]])
    assert outer_values(results(), "level").tolist() == [1.0, 2.0]
    ds = results(("b", 1.0, 1))
    values, rows = finished_tables(ds, AXES, "value", "pair")
    np.testing.assert_array_equal(values[:, 0, 0], [10, 12, 13])
    assert rows.shape == (3, 2, 2, 2) and rows[1, 1, 0].tolist() == [112, -112]
    tables = recorded_tables(ds, AXES)
    assert set(tables) == {"value", "pair"} and np.array_equal(tables["pair"], rows)
    missing = ds.isel(run=[i for i, point in enumerate(POINTS) if point != ("a", 2.0, 0)])
    np.testing.assert_array_equal(finished_tables(missing, AXES, "value")[0][:, 0, 0], [12, 13])


def test_no_seed_at_every_place_is_refused():
    with pytest.raises(ConfigError, match="no redraw is finished at every point of the axes"):
        finished_tables(results(*[("a", 1.0, s) for s in (0, 1)], *[("b", 1.0, s) for s in (2, 3)]), AXES, "value")
    with pytest.raises(ConfigError, match="no variable 'other'"):
        finished_tables(results(), AXES, "other")


def test_one_place_in_the_order_of_seeds():
    ds, place = results(("a", 1.0, 2)), {"kind": "a", "level": 1.0}
    runs = finished_runs(ds, place)
    assert ds["seed"].values[runs].tolist() == [0, 1, 3] and (ds["level"].values[runs] == 1.0).all()
    found = redraws_at(ds, place)
    assert set(found) == {"value", "pair"} and found["value"].tolist() == [10, 11, 13]
    chosen = redraws_at(ds, place, ["pair"], seeds=[3, 0])
    assert list(chosen) == ["pair"] and chosen["pair"].tolist() == [[10, -10], [13, -13]]
    with pytest.raises(ConfigError, match=r"seed 2 is not finished at .*'level': 1.0"):
        finished_runs(ds, place, seeds=[0, 2])
    with pytest.raises(ConfigError, match=r"no run at \{'kind': 'c'\} is finished"):
        finished_runs(ds, {"kind": "c"})


def test_pairs_are_by_seed_and_not_by_position():
    """A gap in the middle: cut to the shortest, seed 1 of one place would meet seed 2 of the other."""
    ds = results(("a", 1.0, 1), ("b", 2.0, 3))
    places = [{"kind": kind, "level": level} for kind in "ab" for level in (1.0, 2.0)]
    seeds = common_seeds(ds, places)
    assert seeds.tolist() == [0, 2]
    tables = [redraws_at(ds, place, ["value"], seeds=seeds)["value"] for place in places]
    assert np.ptp(np.array(tables) % 10, axis=0).tolist() == [0.0, 0.0]
    assert common_seeds(ds, places[1:2]).tolist() == [0, 1, 2, 3]
    with pytest.raises(ConfigError, match="no seed is finished at all of 2 places"):
        common_seeds(results(*[("a", 1.0, s) for s in (0, 1)], *[("b", 1.0, s) for s in (2, 3)]), places[::2])
    with pytest.raises(ConfigError, match="places is empty"):
        common_seeds(ds, [])


def test_values_that_are_not_finite_are_refused_on_request():
    ds = results()
    ds["value"][0, 0] = np.inf
    place = {"kind": "a", "level": 2.0}
    assert np.isinf(redraws_at(ds, place)["value"]).sum() == 1
    with pytest.raises(ConfigError, match=r"value is not finite in 1 of 4 runs at .*; lower the learning rate"):
        redraws_at(ds, place, finite=True)
    assert redraws_at(ds, place, ["value"], seeds=[0, 1], finite=True)["value"].tolist() == [20, 21]


def test_a_table_over_some_axes_holds_the_seeds_that_all_its_places_have():
    ds = results(("b", 1.0, 1))
    table = paired_table(ds, "pair", {"kind": "b"}, {"level": (2.0, 1.0)})
    np.testing.assert_array_equal(table[..., 0], [[120, 110], [122, 112], [123, 113]])
    np.testing.assert_array_equal(table[..., 1], -table[..., 0])
    assert paired_table(ds, "value", {"kind": "a"}, {"level": (1.0,)}).tolist() == [[10.0], [11.0], [12.0], [13.0]]
    assert paired_table(ds, "value", {"kind": "b", "level": 1.0}, {}).tolist() == [110.0, 112.0, 113.0]
    both = paired_table(ds, "value", {}, {"level": (1.0, 2.0), "kind": ("a", "b")})
    np.testing.assert_array_equal(both[0], [[10, 110], [20, 120]])
    ds["value"][0] = np.nan
    with pytest.raises(ConfigError, match="value is not finite in 1 of 4 runs"):
        paired_table(ds, "value", {"kind": "a"}, {"level": (2.0,)})
    with pytest.raises(ConfigError, match=r"no run at .* is finished"):
        paired_table(ds, "value", {"kind": "c"}, {"level": (2.0,)})
