"""Measuring saved networks equals measuring them at the last record of training."""

import numpy as np
import pytest

import gendyn.sweep
from gendyn import store
from gendyn.core import ConfigError


@pytest.fixture(scope="module")
def trained(small, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("analysed")
    config = small.config(probes=("parameter_norm",), stop__step=2)
    return workdir, gendyn.sweep.run(config, axes={"model.width": (2, 5), "seed": (0, 1)}, workdir=workdir, quiet=True)


@pytest.mark.parametrize("strategy", ["map", "vmap"])
def test_equals_the_last_record(trained, strategy):
    workdir, recorded = trained
    before = sorted(path.name for path in workdir.rglob("*"))
    found = gendyn.sweep.analyse(workdir, ("parameter_norm",), strategy=strategy)
    assert sorted(path.name for path in workdir.rglob("*")) == before
    assert set(recorded.data_vars) == set(found.data_vars)
    assert found["step"].values[:, 0].tolist() == [int(recorded["step"].values.ravel()[-1])] * 4
    np.testing.assert_array_equal(found["model.width"], recorded["model.width"])
    for name in ("test_loss", "parameter_norm/total", "parameter_norm/readout/kernel"):
        np.testing.assert_allclose(found[name].values[:, 0], recorded[name].values[:, -1], rtol=1e-5)


def test_a_table_of_it(trained, tmp_path):
    workdir, _ = trained
    lines = store.export(gendyn.sweep.analyse(workdir, ("parameter_norm",)), tmp_path / "a.csv").read_text().split("\n")
    assert "parameter_norm/total" in lines[0]
    assert len(lines) == 1 + 4 + 1


def test_bad_input_is_refused(trained, tmp_path):
    workdir, _ = trained
    with pytest.raises(ConfigError, match="must name at least one"):
        gendyn.sweep.analyse(workdir, ())
    with pytest.raises(ConfigError, match="there is no 'nothing'"):
        gendyn.sweep.analyse(workdir, ("nothing",))
    with pytest.raises(ConfigError):
        gendyn.sweep.analyse(tmp_path, ("parameter_norm",))


def test_a_chunk_without_a_checkpoint_is_missing_not_wrong(small, tmp_path):
    config = small.config()
    gendyn.sweep.run(config, axes={"seed": (0,)}, workdir=tmp_path, quiet=True)
    plan = store.read_plan(tmp_path)
    extended = gendyn.sweep.plan(config, axes={"seed": (0, 1)}, workdir=tmp_path).to_json()
    for chunk in extended["chunks"]:
        for run in chunk["runs"]:
            run["values"] = {"num_parameters": 1}
    store.write_plan(tmp_path, plan | {key: extended[key] for key in ("chunks", "axis_values")})
    found = gendyn.sweep.analyse(tmp_path, ("parameter_norm",))
    total = found["parameter_norm/total"].values[:, 0]
    assert found["committed"].values.tolist() == [1, 0]
    assert np.isfinite(total[0]) and np.isnan(total[1])
