"""The verdict follows the data: random labels that take longer support the claim, equal times do not."""

import numpy as np
import pytest

from configs.simplicity import random_labels as config_file
from gendyn.core import ConfigError
from gendyn.experiments import plan
from gendyn.experiments.simplicity import random_labels as experiment
from tests.experiments.false_support import FEW, MANY, false_support, too_often
from tests.experiments.made import made_sweep
from tests.experiments.smoke import points_of, smoke_config

LATER, LEARNS, FITS, BLIND = range(4)


def results(*, later=3.0, right=0.9, guessed=0.1, scatter=0.01, random=None, seeds=8):
    """Labels are fitted from step 50 on, random ones later; test accuracies at the end, of ten classes."""
    random = np.random.default_rng(0) if random is None else random

    def fitted_from(noise, seed):
        return 50.0 * (later if noise else 1.0) * np.exp(scatter * random.normal())

    ds = made_sweep(experiment.AXES, ((0.0, 1.0), range(seeds)), train=fitted_from)
    ds.attrs["num_outputs"] = 10
    accuracy = np.where(ds["data.label_noise"] == 0, right, guessed) + 0.02 * random.normal(size=ds.sizes["run"])
    ds["test_error"].values[:, 1:] = 1.0 - accuracy[:, None]
    return ds


def verdicts(ds):
    return [found.verdict for found in experiment.verdict(ds)]


@pytest.mark.parametrize(("later", "expected"), [(3.0, "supported"), (1.0, "refuted"), (0.5, "refuted")])
def test_the_verdict_follows_the_ratio(later, expected):
    assert verdicts(results(later=later)) == [expected, "supported", "supported", "supported"]


def test_networks_that_cannot_fit_random_labels_say_nothing():
    assert verdicts(results(later=np.inf)) == ["refuted"] * 4


def test_generalisation_is_refuted_below_half_way_and_where_random_labels_teach():
    assert verdicts(results(right=0.5))[LEARNS] == "refuted"
    found = verdicts(results(guessed=0.3))
    assert found[BLIND] == found[LEARNS] == "refuted" and found[LATER] == "supported"


def test_roles_and_few_seeds():
    assert [found.role for found in experiment.verdict(results())] == ["primary"] * 2 + ["exploratory"] * 2
    assert set(verdicts(results(seeds=2))) == {"undecided"}


def no_effect(random):
    """Both kinds of labels take equally long, and on true ones networks come just half of the way from chance to 1."""
    return results(later=1.0, right=0.55, scatter=0.3, random=random)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_noise_supports_no_primary_claim(count):
    assert too_often(false_support(experiment.verdict, no_effect, count), count) == {}


def test_the_figure_draws_both_errors_and_chance():
    train, test = experiment.figure(results()).axes
    assert (train.get_title(), test.get_title()) == ("training labels", "new inputs, true labels")
    assert all([0.9, 0.9] in [list(line.get_ydata()) for line in ax.lines] for ax in (train, test))


def test_each_seed_has_images_of_its_own():
    last = points_of(config_file.get_config())[-1].flat
    assert last["seed"] == last["task.split_seed"] == 7


def test_labels_that_still_say_something_are_refused():
    with pytest.raises(ConfigError, match=r"data\.label_noise_kind = 'flip_exact' must be 'uniform_any'"):
        plan(smoke_config("random_labels", data__label_noise_kind="flip_exact"))
