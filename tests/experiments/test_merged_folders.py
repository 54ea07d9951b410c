"""Seeds that were trained apart are judged as one sweep: a merge keeps what an experiment needs."""

import pytest

from gendyn import store
from gendyn.experiments import launch
from gendyn.experiments.simplicity import random_labels
from tests.experiments.smoke import smoke_config


def test_two_folders_are_judged_as_one(finished, tmp_path):
    _, ds = finished("random_labels")
    config = smoke_config("random_labels")
    axes = dict(config.axes)
    folders = [tmp_path / str(seed) for seed in axes["seed"]]
    for seed, folder in zip(axes["seed"], folders, strict=True):
        launch(config, folder, axes=axes | {"seed": (seed,), "task.split_seed": (seed,)}, quiet=True)
    merged = store.merge(folders)
    whole, found = random_labels.verdict(ds)[0], random_labels.verdict(merged)[0]
    assert (found.claim, found.verdict) == (whole.claim, whole.verdict)
    assert found.effect == pytest.approx(whole.effect, rel=0.2, nan_ok=True)

    def last_losses(ds):
        places = zip(*(ds[axis].values.tolist() for axis in axes), strict=True)
        return dict(zip(places, ds["train_loss"].values[:, -1].tolist(), strict=True))

    assert last_losses(merged) == pytest.approx(last_losses(ds), rel=1e-4)
    assert len(set(last_losses(ds).values())) == ds.sizes["run"]
    random_labels.figure(merged)
