"""What a run's neighbours, the end of a training and a lack of memory must not change."""

import numpy as np
import pytest

from gendyn.sweep.execute import population


def test_a_step_rule_of_a_neighbour_adds_no_record_to_a_loss_rule(small, tmp_path):
    """Rules on losses are asked at every record, so records of another run's would stop this one earlier."""
    config = small.config(stop__train_loss=0.6, optim__learning_rate=0.1, record__num_records=3)
    alone = small.run(config, {"stop.step": (18,)}, tmp_path / "alone").dataset
    among = small.run(config, {"stop.step": (18, 3, 5, 7)}, tmp_path / "among").dataset
    assert among.finished_step.values[0, -1] == alone.finished_step.values[0, -1]
    np.testing.assert_allclose(among.test_loss.values[0, -1], alone.test_loss.values[0, -1], rtol=1e-5)


def test_divergence_in_the_last_step_is_recorded(small, tmp_path):
    """The loss of a step is that before it: only the record sees what the last step did."""
    config = small.config(loss="squared_error", optim__learning_rate=1e30, train__num_steps=1)
    dataset = small.run(config, {"seed": (0,)}, tmp_path).dataset
    assert not np.isfinite(dataset.train_loss.values[0, -1])
    assert dataset.diverged_step.values[0, -1] == 1
    assert dataset.diverged_step.values[0, 0] == -1


def test_parts_are_never_more_than_the_runs_that_are_left(small, tmp_path, monkeypatch):
    """Out of memory first, then all runs but one finish at once."""
    small.use_devices(monkeypatch, 1)
    advance = population.Population.advance
    failed = []

    def once_too_large(self, num_steps):
        if not failed:
            failed.append(num_steps)
            raise MemoryError("no room")
        return advance(self, num_steps)

    config = small.config(sweep__strategy="vmap")
    config = small.change(config, zip_axes=(("seed", "stop.train_loss"),))
    axes = {"seed": range(6), "stop.train_loss": (10.0, 11.0, 12.0, 13.0, 14.0, 0.0)}
    monkeypatch.setattr(population.Population, "advance", once_too_large)
    with pytest.warns(UserWarning, match="in 2 parts"):
        dataset = small.run(config, axes, tmp_path).dataset
    np.testing.assert_array_equal(dataset.finished_step.values[:, -1], [0, 0, 0, 0, 0, -1])
    (history,) = small.layouts(tmp_path)
    assert history[-1]["parts"] == 1
