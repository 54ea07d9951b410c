"""What experiments with redraws share: resuming, variants, which redraws are complete; and the polynomials' laws."""

import importlib

import jax
import numpy as np
import pytest
import xarray

from gendyn import store
from gendyn.core import ConfigError, module
from gendyn.experiments import _polynomial_laws as laws
from gendyn.experiments import _redraws as shared
from gendyn.sweep import Measured, simulate

NAMES = ("benign_polynomial", "soft_bias_polynomial", "evidence_vs_order")
AXES = ("level", "seed")


def config_of(name, variant):
    return importlib.import_module(f"configs.{name}").get_config(variant)


@pytest.mark.parametrize("name", NAMES)
def test_another_folder_gets_the_same_and_the_same_call_computes_nothing(name, monkeypatch, tmp_path):
    experiment, config = module("experiments", name), config_of(name, "smoke")
    first = experiment.run(config, str(tmp_path / "first"))
    second = experiment.run(config, str(tmp_path / "second"))
    xarray.testing.assert_identical(first.drop_attrs(), second.drop_attrs())
    assert all(np.isfinite(second[name].values).all() for name in second.data_vars)
    monkeypatch.setattr(experiment, "_redraw", lambda *_: pytest.fail("computed again"))
    xarray.testing.assert_identical(experiment.run(config, str(tmp_path / "second")), second)


@pytest.mark.parametrize("name", NAMES)
def test_variants_are_locked_and_an_unknown_one_names_the_known(name):
    default = config_of(name, "")
    assert default.is_locked and default.experiment == name and len(dict(default.axes)["seed"]) >= 100
    with pytest.raises(ConfigError, match=r"variant = 'smok' must be one of default, smoke. Did you mean 'smoke'"):
        config_of(name, "smok")


def test_laws_draw_what_their_averages_say():
    with jax.enable_x64(True):
        for law, second in (("uniform", 1 / 3), ("normal", 1.0)):
            drawn = np.asarray(laws.draw_inputs(jax.random.key(0), law, (20_000,)))
            points, weights = laws.law_average(law, 32)
            assert drawn.dtype == np.float64 and weights @ points**2 == pytest.approx(second)
            assert (drawn**2).mean() == pytest.approx(second, rel=0.03)
    with pytest.raises(ConfigError, match="law = 'gauss' must be one of uniform, normal"):
        laws.law_average("gauss", 4)


def test_only_seeds_that_are_there_at_every_point_count(tmp_path):
    def redraw(seeds, *, level):
        return {"pair": np.stack([level + 0.0 * seeds, seeds], axis=1).astype(np.float64)}

    axes = {"level": (2.0, 1.0), "seed": tuple(range(4))}
    groups = shared.redraw_groups(axes, redraw)
    arguments = ({}, tmp_path / "made", groups, {"pair": Measured("pair", (2,))})
    ds = simulate(*arguments, runs_at_once=2)
    found, table = shared.redraws_of(ds, AXES, "pair")
    assert found["level"].tolist() == [1.0, 2.0] and table.shape == (2, 4, 2)
    np.testing.assert_array_equal(table[..., 0], np.broadcast_to([[1.0], [2.0]], (2, 4)))
    np.testing.assert_array_equal(table[..., 1], np.broadcast_to(np.arange(4.0), (2, 4)))
    for marker in store.chunk_folder(tmp_path / "made", "runs_0002").rglob("*"):
        if marker.is_file():
            marker.unlink()
    np.testing.assert_array_equal(shared.redraws_of(store.open(tmp_path / "made"), AXES, "pair")[1], table[:, :2])
    for start in (0, 4):
        for marker in store.chunk_folder(tmp_path / "made", f"runs_{start:04d}").rglob("*"):
            if marker.is_file():
                marker.unlink()
    with pytest.raises(ConfigError, match="no redraw is finished at every point"):
        shared.redraws_of(store.open(tmp_path / "made"), AXES, "pair")
