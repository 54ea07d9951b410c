"""What every experiment says of results in which nothing happens: it supports none of its claims.

A claim of absence (no peak, no run generalises) is true of such results and says nothing there: it presupposes its
contrast, by ``given=``.
"""

import matplotlib.pyplot as plt
import pytest

from gendyn.core import ConfigError
from gendyn.experiments import find
from tests.experiments.nulls import claimed, nulls
from tests.experiments.smoke import EXPERIMENTS


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
