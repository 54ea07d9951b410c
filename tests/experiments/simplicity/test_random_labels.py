"""The verdict follows the data: random labels that take longer support the claim, equal times do not."""

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.experiments import plan
from gendyn.experiments.simplicity import random_labels as experiment
from tests.experiments.made import made_sweep
from tests.experiments.smoke import smoke_config


@pytest.mark.parametrize(("later", "expected"), [(3.0, "supported"), (1.0, "refuted"), (np.inf, "supported")])
def test_the_verdict_follows_the_ratio(later, expected):
    def fitted_from(noise, seed):
        return 50.0 * (later if noise else 1.0) * (1 + 0.01 * seed)

    (found,) = experiment.verdict(made_sweep(experiment.AXES, ((0.0, 1.0), range(8)), train=fitted_from))
    assert found.verdict == expected


def test_labels_that_still_say_something_are_refused():
    with pytest.raises(ConfigError, match=r"data\.label_noise_kind = 'flip_exact' must be 'uniform_any'"):
        plan(smoke_config("random_labels", data__label_noise_kind="flip_exact"))
