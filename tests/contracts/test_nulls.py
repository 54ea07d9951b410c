"""What every experiment says of results in which nothing happens: it supports none of its claims.

A claim of absence (no peak, no run generalises) is true of such results and says nothing there: it presupposes its
contrast, by ``given=``.

What else is absent is the matter of an experiment's own test file, which makes results without its effect.
"""

import matplotlib.pyplot as plt
import pytest

from gendyn.core import ConfigError
from gendyn.experiments import find
from tests.experiments.nulls import claimed, nulls
from tests.experiments.smoke import EXPERIMENTS, family_of


@pytest.fixture(autouse=True)
def no_open_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_nothing_that_happens_supports_nothing(name, finished):
    _, ds = finished(name)
    said = {}
    for null, results in nulls(ds):
        try:
            said[null] = claimed(find(name).verdict(results))
        except ConfigError:  # says that there is nothing to judge
            said[null] = []
    assert said == {null: [] for null in said}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_its_own_tests_feed_it_results_without_its_effect(name, root):
    """20 of them in the fast run and 200 behind ``slow``: no primary claim that is false of them may be supported."""
    own = root / "tests" / "experiments" / family_of(name) / f"test_{name}.py"
    text = own.read_text(encoding="utf-8")
    assert "false_support(experiment.verdict" in text and "slow" in text, (
        f"use tests/experiments/false_support.py in {own}"
    )
