"""A run that turns NaN or infinite is recorded, and its neighbours do not notice: not by a bit."""

import numpy as np
import pytest

RATES = {"sane": (0.01, 0.02, 0.03, 0.04), "one explodes": (0.01, 1e30, 0.03, 0.04)}


@pytest.mark.parametrize("layout", [{"strategy": "vmap"}, {"strategy": "map"}, {"strategy": "map", "batch": 2}])
def test_neighbours_are_bit_identical(small, tmp_path, layout):
    leaves = {f"sweep__{name}": value for name, value in layout.items()}
    config = small.config(loss="squared_error", **leaves)
    sane, mixed = (small.run(config, {"optim.learning_rate": rates}, tmp_path / name) for name, rates in RATES.items())
    assert small.layouts(tmp_path / "sane") == small.layouts(tmp_path / "one explodes")
    for name in sane.dataset.data_vars:
        one, two = sane.dataset[name].values, mixed.dataset[name].values
        np.testing.assert_array_equal(one[[0, 2, 3]], two[[0, 2, 3]], err_msg=name)
    for row in (0, 2, 3):
        for name, array in sane.states[row].items():
            np.testing.assert_array_equal(array, mixed.states[row][name], err_msg=name)

    diverged = mixed.dataset["diverged_step"].values
    assert (sane.dataset["diverged_step"] == -1).all()
    assert (diverged[[0, 2, 3]] == -1).all()
    assert not np.isfinite(mixed.dataset["train_loss"].values[1, -1])
    assert np.isfinite(mixed.dataset["train_loss"].values[[0, 2, 3]]).all()
    # Known from the first record after it on, and never forgotten.
    steps = mixed.dataset["step"].values
    first = diverged[1, -1]
    assert 0 < first < 20
    np.testing.assert_array_equal(diverged[1], np.where(steps > first, first, -1))


def test_an_infinite_loss_before_the_first_step_is_divergence_at_step_0(small, tmp_path):
    config = small.config(loss="squared_error", sweep__strategy="vmap")
    found = small.run(config, {"model.init_scale": (1.0, 1e30)}, tmp_path).dataset
    assert found["diverged_step"].values[:, -1].tolist() == [-1, 0]
    assert np.isfinite(found["train_loss"].values[0]).all()


def test_an_infinite_gradient_does_not_stop_the_sweep(small, tmp_path):
    """In the first row of a matrix it hangs LAPACK's singular value decomposition: no later run would be committed."""
    config = small.config(loss="squared_error", filter__name="egalitarian_gradient")
    found = small.run(config, {"optim.learning_rate": (0.01, 1e15, 0.02)}, tmp_path).dataset
    assert (found["diverged_step"].values[:, -1] > 0).tolist() == [False, True, False]
    assert np.isfinite(found["train_loss"].values[[0, 2]]).all()
