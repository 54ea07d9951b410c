"""Redraws of a key: one for each seed and outer point, or one for all values of the axis within."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gendyn.experiments import declared_config
from gendyn.sweep import Measured, mapped_redraws, simulate


def config_with(**axes):
    config = declared_config("weak_features")
    config.axes, config.runs_at_once = tuple(axes.items()), 4
    return config


def test_outer_values_are_static_and_keys_are_the_seeds(tmp_path):
    def redraw(key, kind):
        scale = {"one": 1.0, "ten": 10.0}[kind]
        return {"value": scale * jax.random.normal(key, (2,), float)}

    measured = {"value": Measured("drawn", (2,), "float64")}
    ds = simulate({}, tmp_path, mapped_redraws(config_with(kind=("one", "ten"), seed=(3, 5)), measured, redraw))
    with jax.enable_x64(True):
        draws = [np.asarray(jax.random.normal(jax.random.key(seed), (2,), float)) for seed in (3, 5)]
    np.testing.assert_allclose(ds["value"].values[:, 0], [*draws, *(10 * draw for draw in draws)], rtol=1e-12)


@pytest.mark.parametrize("levels", [(0.0, 4.0), (4.0, 0.0)])
def test_values_within_share_a_redraw_and_find_their_runs(tmp_path, levels):
    def redraw(key, level):
        return {"value": jax.random.normal(key, (), float) + level, "same": jnp.full(len(level), 7.0)}

    measured = {name: Measured(name, (), "float64") for name in ("value", "same")}
    simulation = mapped_redraws(config_with(level=levels, seed=(2, 1)), measured, redraw, within="level")
    points = [dict(point) for point in simulation.groups[0].points]
    assert points == [{"level": level, "seed": seed} for seed in (2, 1) for level in levels]
    ds = simulate({}, tmp_path, simulation)
    with jax.enable_x64(True):
        expected = [float(jax.random.normal(jax.random.key(p["seed"]), (), float)) + p["level"] for p in points]
    np.testing.assert_allclose(ds["value"].values[:, 0], expected, rtol=1e-12)
