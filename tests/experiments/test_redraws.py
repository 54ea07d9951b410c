"""What experiments with redraws share: resuming, how many redraws, which are complete; and the polynomials' laws."""

from typing import NamedTuple

import jax
import numpy as np
import pytest
import xarray

from gendyn import store
from gendyn.core import ConfigError, module
from gendyn.experiments.priors import _polynomial_laws as laws
from gendyn.experiments import _redraws as shared
from gendyn.store import ChunkStore
from gendyn.sweep import Measured, simulate
from tests.experiments.smoke import EXPERIMENTS, config_file_of, smoke_config

AXES = ("level", "seed")


class Expected(NamedTuple):
    """Of an experiment with a program of its own: what its smoke variant shows, and what its others must draw."""

    runs: int
    findings: int
    axes: int
    redraws: int = 100
    ragged: bool = False
    """Some runs lack sizes or records that others have: NaN."""


OWN_PROGRAMS = {
    "benign_gp": Expected(runs=4, findings=13, axes=6),
    "benign_polynomial": Expected(runs=24, findings=16, axes=6),
    "bias_variance": Expected(runs=6, findings=10, axes=6),
    "deep_linear": Expected(runs=26, findings=10, axes=6, ragged=True),
    "equation_counting": Expected(runs=40, findings=9, axes=6, ragged=True),
    "evidence_vs_order": Expected(runs=24, findings=10, axes=6),
    "grokking_linear": Expected(runs=4, findings=5, axes=5, redraws=8, ragged=True),
    "implicit_bias": Expected(runs=4, findings=13, axes=6),
    "linear_double_descent": Expected(runs=48, findings=11, axes=6),
    "random_features": Expected(runs=6, findings=12, axes=6),
    "soft_bias_polynomial": Expected(runs=6, findings=5, axes=6),
    "spectral_bias_ntk": Expected(runs=4, findings=5, axes=4, redraws=5),
    "weak_features": Expected(runs=24, findings=13, axes=4),
}


def remove_chunk(folder, name):
    for file in store.chunk_folder(folder, name).rglob("*"):
        if file.is_file():
            file.unlink()


def test_every_experiment_with_a_program_of_its_own_is_expected():
    assert {name for name in EXPERIMENTS if hasattr(module("experiments", name), "simulate")} == set(OWN_PROGRAMS)


@pytest.mark.parametrize("name", OWN_PROGRAMS)
def test_the_smoke_variant_has_a_verdict_and_a_figure(name, finished):
    experiment, (_, ds) = module("experiments", name), finished(name)
    assert (ds.sizes["run"], len(experiment.verdict(ds)), len(experiment.figure(ds).axes)) == OWN_PROGRAMS[name][:3]


@pytest.mark.parametrize("name", OWN_PROGRAMS)
def test_another_folder_gets_the_same_and_the_same_call_computes_what_is_missing(name, finished, monkeypatch, tmp_path):
    experiment, config = module("experiments", name), smoke_config(name)
    _, first = finished(name)
    second = experiment.run(config, str(tmp_path))
    xarray.testing.assert_identical(first.drop_attrs(), second.drop_attrs())
    assert OWN_PROGRAMS[name].ragged or all(np.isfinite(second[each].values).all() for each in second.data_vars)

    computed, commit = [], ChunkStore.commit

    def counted(self, *args):
        computed.append(self.folder.name)
        commit(self, *args)

    monkeypatch.setattr(ChunkStore, "commit", counted)
    xarray.testing.assert_identical(experiment.run(config, str(tmp_path)), second)
    assert computed == []
    last = max(path.name for path in store.chunk_folder(tmp_path, "any").parent.glob("runs_*"))
    remove_chunk(tmp_path, last)
    xarray.testing.assert_identical(experiment.run(config, str(tmp_path)), second)
    assert computed == [last]


@pytest.mark.parametrize("name", OWN_PROGRAMS)
def test_there_are_enough_redraws(name):
    for variant in set(config_file_of(name).VARIANTS) - {"smoke"}:
        config = config_file_of(name).get_config(variant)
        redraws = config.num_redraws if "num_redraws" in config else len(dict(config.axes)["seed"])
        assert redraws >= OWN_PROGRAMS[name].redraws


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
    remove_chunk(tmp_path / "made", "runs_0002")
    np.testing.assert_array_equal(shared.redraws_of(store.open(tmp_path / "made"), AXES, "pair")[1], table[:, :2])
    for start in (0, 4):
        remove_chunk(tmp_path / "made", f"runs_{start:04d}")
    with pytest.raises(ConfigError, match="no redraw is finished at every point"):
        shared.redraws_of(store.open(tmp_path / "made"), AXES, "pair")
