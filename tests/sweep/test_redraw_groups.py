"""A group for each point of the outer axes, whose runs are the seeds."""

import numpy as np

from gendyn.sweep import Measured, Simulation, redraw_groups, simulate


def test_every_point_draws_its_seeds_in_float64(tmp_path):
    def redraw(seeds, scale):
        return {"value": scale * seeds.astype(float)}

    groups = redraw_groups({"scale": (0.5, 2.0), "seed": (0, 3)}, redraw)
    assert [[dict(point) for point in group.points] for group in groups] == [
        [{"scale": scale, "seed": seed} for seed in (0, 3)] for scale in (0.5, 2.0)
    ]
    ds = simulate({}, tmp_path, Simulation(tuple(groups), {"value": Measured("drawn", dtype="float64")}))
    np.testing.assert_array_equal(ds["value"].values[:, 0], [0.0, 1.5, 0.0, 6.0])
    assert groups[0].compute(groups[0].points)["value"].dtype == np.float64


def test_a_program_may_ask_for_float32():
    groups = redraw_groups({"seed": (0, 3)}, lambda seeds: {"value": seeds.astype(float)}, float64=False)
    assert groups[0].compute(groups[0].points)["value"].dtype == np.float32
