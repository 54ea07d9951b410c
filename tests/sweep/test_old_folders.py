"""A folder that version 0.4.0 wrote still opens, goes on and grows; what is committed to it from now on is digested."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import gendyn.sweep
from gendyn import store
from gendyn.core import StoreError

AXES = {"model.width": (3, 4), "seed": (0, 1)}
# What 0.4.0 found, by run and record; the folder has all of the first two runs and one record of the others.
TEST_LOSS = np.array(
    [
        [0.5659587, 0.5589903, 0.5450816, 0.5284396, 0.5112894, 0.4933521],
        [0.5588244, 0.539373, 0.5049964, 0.4743516, 0.4469482, 0.4238085],
        [0.6114884, 0.5672982, 0.5001272, 0.446847, 0.402586, 0.3652176],
        [0.9692379, 0.8337477, 0.6655871, 0.6079742, 0.5911728, 0.5708063],
    ]
)


@pytest.fixture
def old(tmp_path):
    shutil.unpack_archive(Path(__file__).with_name("folder_0_4_0.zip"), tmp_path)
    return tmp_path / "folder"


def test_it_opens(old):
    ds = store.open(old)
    assert ds["committed"].values.tolist() == [6, 6, 1, 1]
    np.testing.assert_allclose(ds["test_loss"].values[:2], TEST_LOSS[:2], atol=1e-6)
    assert np.isnan(ds["test_loss"].values[2:, 1:]).all()


@pytest.mark.filterwarnings("ignore:.*other conditions")
def test_it_goes_on_and_grows(small, old):
    config = small.config(sweep__buckets="exact")
    found = gendyn.sweep.run(config, axes=AXES | {"seed": (0, 1, 2)}, workdir=old, quiet=True)
    assert found.sizes["run"] == 6
    np.testing.assert_allclose(found["test_loss"].values[:4], TEST_LOSS, atol=1e-4)
    assert len(list(store.final_state(old))) == 6
    # What was committed since is held to its digests, in a chunk that 0.4.0 made too.
    block, other = (old / f"chunks/{name}/records.zarr/test_loss/c.0.0" for name in ("1f2643d3c2", "ede08f18e4"))
    kept = other.read_bytes()
    shutil.copy(block, other)
    with pytest.raises(StoreError, match="they are not those of commit"):
        store.open(old)
    other.write_bytes(kept)
    # The plan is sealed now, and so is what was committed since.
    (old / "plan.json").write_text((old / "plan.json").read_text().replace('"seed": 2', '"seed": 3'))
    with pytest.raises(StoreError, match=r"plan.json is damaged or was edited"):
        store.open(old)
