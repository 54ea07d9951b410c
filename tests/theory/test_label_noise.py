"""Accuracy on corrupted labels is that of draws; the kinds differ; bad input is refused."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.theory import corrupted_accuracy


@pytest.mark.parametrize("kind", ["uniform_any", "uniform_incorrect"])
def test_the_share_met_is_that_of_draws(kind):
    random, count = np.random.default_rng(0), 200_000
    labels, right = random.integers(0, 5, count), random.random(count) < 0.7
    predicted = np.where(right, labels, (labels + random.integers(1, 5, count)) % 5)
    shift = random.integers(0, 5, count) if kind == "uniform_any" else random.integers(1, 5, count)
    told = np.where(random.random(count) < 0.4, (labels + shift) % 5, labels)
    exact = corrupted_accuracy(np.array(0.7), np.array(0.4), 5, kind)
    assert np.mean(predicted == told) == pytest.approx(float(exact), abs=4 * 0.5 / np.sqrt(count))


def test_bad_input_is_refused():
    for arguments, message in (
        ((0.5, 0.5, 5, "flip_exact"), "kind = 'flip_exact' must be one of"),
        ((0.5, 1.5, 5, "uniform_any"), "rate = 1.5 must be in"),
        ((0.5, 0.5, 1, "uniform_any"), "num_classes = 1 must be"),
    ):
        with pytest.raises(ConfigError, match=message):
            corrupted_accuracy(*arguments)
