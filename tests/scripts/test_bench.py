"""The pieces of ``scripts/bench.py``, without a single assertion about time."""

import doctest
import importlib
import math
import os
import subprocess
import sys

import jax
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def scripts_on_the_path(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "scripts"))


def timing(wall):
    from benchmarks.timing import Timing

    return Timing(wall, 2 * wall)


def test_alternatives_take_turns():
    from benchmarks.timing import alternate

    calls = []
    measured = alternate({name: lambda name=name: calls.append(name) or timing(len(calls)) for name in "ab"}, repeats=3)
    assert calls == ["a", "b", "b", "a", "a", "b"]
    assert [t.wall for t in measured["b"]] == [2, 3, 6]


def test_a_ratio_is_taken_pair_by_pair():
    from benchmarks.timing import ratio

    found = ratio([timing(2.0), timing(30.0), timing(8.0)], [timing(1.0), timing(10.0), timing(2.0)])
    assert found == (3.0, 2.0, 4.0, 3.0)


@pytest.mark.parametrize(
    ("value", "bounds", "met"),
    [
        (8.0, {"at_least": 7.0}, True),
        (6.9, {"at_least": 7.0}, False),
        (1.2, {"at_most": 1.1}, False),
        (1.2, {"at_least": 0.7, "at_most": 1.3}, True),
        (0.6, {"at_least": 0.7, "at_most": 1.3}, False),
        (8.0, {}, None),
        (math.nan, {"at_least": 7.0}, None),
    ],
)
def test_a_row_is_held_against_its_target(value, bounds, met):
    from benchmarks.rows import Row, format_row

    row = Row("name", value, **bounds)
    assert row.met is met
    assert row.to_json()["met"] is met
    assert ("MISSED" in format_row(row)) == (met is False)


def test_the_planners_constants_are_recovered():
    from benchmarks.strategies import crossing, fit

    work = np.array([1e4, 1e5, 1e6, 1e7])
    np.testing.assert_allclose(fit(work, 2e-5 + work / 5e10), (2e-5, 5e10), rtol=1e-6)
    np.testing.assert_allclose(crossing(work, np.array([8.0, 2.0, 0.5, 0.25])), 10**5.5, rtol=1e-6)


def test_by_hand_and_packed_by_hand_train_alike():
    from benchmarks import plain

    x, y = np.random.default_rng(0).standard_normal((32, 6)).astype(np.float32), np.arange(32, dtype=np.int32) % 3
    states = [plain.initial(seed, (6, 4, 3), (6, 8, 3)) for seed in range(2)]
    tables = [plain.batch_rows(seed, 32, 8, 10) for seed in range(2)]
    assert all(sorted(table[:4].ravel()) == list(range(32)) for table in tables)
    mesh = jax.sharding.Mesh(np.asarray(jax.local_devices()), ("run",))
    for strategy in ("map", "vmap"):
        placed = plain.place(mesh, (plain.stacked(states), np.stack(tables)))
        _, losses = plain.over_devices(mesh, strategy)(*placed, *plain.place(mesh, (x, y), shared=True))
        for seed in range(2):
            (params, _), loss = jax.jit(plain.train)(plain.initial(seed, (6, 4, 3)), tables[seed], x, y)
            np.testing.assert_allclose(losses[seed], loss, rtol=1e-5)
            assert params[0][0].shape == (6, 4)
            assert loss < plain.loss(plain.initial(seed, (6, 4, 3))[0], x, y)


def test_a_prepared_chunk_trains_and_its_operations_are_counted():
    from benchmarks import engine

    config = engine.mlp_config(width=4, depth=1, batch_size=8)
    axes = {"seed": range(2)}
    prepared = engine.prepare(config, axes, strategy="vmap")
    first = prepared.steps(0)["train_loss"]
    assert np.all(prepared.steps(20)["train_loss"] < first)
    # Two products in the first layer (none for the data's gradient), three in the second.
    assert engine.step_flops(config, axes) == 2 * 8 * (2 * 64 * 4 + 3 * 4 * 10)


def test_packed_reference_transformers_are_timed_on_accelerators_alone(monkeypatch):
    from benchmarks import engine, packing

    row = packing.seeds_of_the_reference_transformer(1, on_cpu=True)
    assert math.isnan(row.value) and row.met is None and "on accelerators only" in row.note
    # What an accelerator would do, with few runs of a network small enough to train here, and times that are given.
    monkeypatch.setattr(packing.transformer, "published", lambda: engine.mlp_config(width=4, depth=1, batch_size=8))
    monkeypatch.setattr(packing, "SEEDS", 4)

    def stepper(prepared, seconds, *, per_run=1):
        assert len(prepared.steps(2)["train_loss"]) == per_run
        return lambda: timing(6.0 if per_run == 1 else 0.5)

    monkeypatch.setattr(engine, "stepper", stepper)
    row = packing.seeds_of_the_reference_transformer(1, on_cpu=False)
    assert row.name == "reference transformer: 4 packed / one by one"
    assert row.value == 12.0 and row.at_least == 10.0 and row.note == "2 run-steps/s"


def test_a_fresh_process_answers_and_its_failure_is_told():
    from benchmarks import fresh

    assert fresh.call("json:loads", s="[1, 2]") == [1, 2]
    with pytest.raises(RuntimeError, match="JSONDecodeError"):
        fresh.call("json:loads", s="no json")


def test_an_unknown_section_is_refused(root):
    command = [sys.executable, str(root / "scripts" / "bench.py"), "--only=smal"]
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert "smal must be of curvature, curvature_scale" in done.stderr and "small" in done.stderr


@pytest.mark.parametrize("module", ["benchmarks.page", "benchmarks.rows", "benchmarks.strategies"])
def test_the_examples_run(module):
    results = doctest.testmod(importlib.import_module(module))
    assert results.attempted > 0
    assert results.failed == 0
