"""``scripts/compare.py`` finds what differs between two folders, and nothing where they are equal."""

import numpy as np
import pytest

from gendyn.core import ConfigError


@pytest.fixture
def differences(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "scripts"))
    from compare import differences

    return differences


def test_equal_results_in_another_order_are_equal(differences, finished):
    _, ds = finished("random_labels")
    assert differences(ds, ds.isel(run=[3, 1, 0, 2])) == []


def test_a_changed_value_is_named_with_its_size_and_what_it_changes(differences, finished):
    _, ds = finished("random_labels")
    other = ds.copy(deep=True)
    other["test_loss"].values[1, 2] += 0.25
    (line,) = differences(ds, other)
    assert line.startswith("test_loss: 1 of ") and line.endswith("differ, by up to 0.25")
    other["train_error"].values[:] = np.where(np.arange(ds.sizes["record"]) < 3, 0.9, 0.0)  # all are fitted at once
    lines = differences(ds, other)
    assert any(line.startswith("A network reaches 99%") for line in lines)


def test_other_runs_are_refused(differences, finished):
    _, ds = finished("random_labels")
    with pytest.raises(ConfigError, match="hold other runs"):
        differences(ds, ds.isel(run=[0, 1]))
